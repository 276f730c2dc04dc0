//! What every environment knows of an account's credentials: one item for each, beside the account.
//!
//! Who has read what is known of a key that another one has replaced meanwhile changes nothing: each write names the time
//! of the key that it is about, and only a newer one takes an item over.

use super::item::{Indexes, Item, Key, body, item, number};
use super::page::{Index, Listing, Order, Slice};
use super::transaction::Change;
use super::{Store, StoreError, keys};
use crate::domain::breaker::{Breaker, Calls, WINDOW};
use crate::domain::credential::{Known, Refusal};
use crate::domain::id::AccountId;
use crate::domain::identity::TenantId;
use crate::domain::limits::{Limits, Unit, Used};
use jiff::{SignedDuration, Timestamp};
use serde_dynamo::to_attribute_value;
use std::collections::HashMap;

/// How long what is known of an access token is kept: others follow it. A key's item is taken over by the next one.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(90 * 24);

/// More than an account has credentials.
const MOST: usize = 100;

/// How often a place is asked for anew, because a second began meanwhile for which somebody else was faster.
const TRIES: usize = 6;

/// One credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialName {
    /// Whose.
    pub tenant: TenantId,
    /// Of which account.
    pub account: AccountId,
    /// A key's alias, or what tells an access token from others.
    pub name: String,
    /// When it was put in, in milliseconds of Unix time.
    pub since: i64,
}

impl CredentialName {
    fn key(&self) -> Key {
        let sort = format!("{}{}", keys::CREDENTIAL_PREFIX, self.name);
        Key::new(keys::account(&self.tenant, &self.account), sort)
    }
}

impl Store {
    /// What is known of an account's credentials.
    pub async fn known_credentials(
        &self,
        tenant: &TenantId,
        account: &AccountId,
    ) -> Result<Vec<Known>, StoreError> {
        let listing = Listing {
            index: Index::TABLE,
            partitions: vec![keys::account(tenant, account)],
            prefix: keys::CREDENTIAL_PREFIX.to_owned(),
            order: Order::Ascending,
        };
        let slice = Slice {
            limit: MOST,
            after: None,
        };
        let listed = self.list_of(&self.messages, &listing, &slice).await?;
        Ok(listed.entries)
    }

    /// Notes that the provider has refused a credential.
    pub async fn refuse_credential(
        &self,
        of: &CredentialName,
        refusal: &Refusal,
    ) -> Result<(), StoreError> {
        let change = Change {
            update: "SET refused = :refused".into(),
            condition: Some("since = :since".into()),
            names: vec![],
            values: vec![(":refused".into(), to_attribute_value(refusal)?)],
        };
        self.change_known(of, change, refusal.at).await?;
        Ok(())
    }

    /// Counts calls that ended by `now`. How the breaker is then; `None` if it is not closed, or another key's.
    pub async fn note_calls(
        &self,
        of: &CredentialName,
        calls: Calls,
        now: Timestamp,
    ) -> Result<Option<Breaker>, StoreError> {
        let oldest = now.saturating_sub(WINDOW).unwrap_or(now).as_millisecond();
        let names = vec![
            ("#breaker", "breaker"),
            ("#from", "counted_from"),
            ("#rest", "rest"),
        ];
        let values = vec![
            (":made".into(), number(calls.made)),
            (":failed".into(), number(calls.failed)),
            (":oldest".into(), number(oldest)),
        ];
        let added = Change {
            update: "ADD #breaker.made :made, #breaker.failed :failed".into(),
            condition: Some(
                "since = :since AND #breaker.#from >= :oldest AND attribute_not_exists(#breaker.#rest)".into(),
            ),
            names: names.clone(),
            values: values.clone(),
        };
        let mut begun = Change {
            update: "SET #breaker.#from = :now, #breaker.made = :made, #breaker.failed = :failed"
                .into(),
            condition: Some(
                "since = :since AND attribute_not_exists(#breaker.#rest) AND (attribute_not_exists(#breaker.#from) OR #breaker.#from < :oldest)".into(),
            ),
            names,
            values,
        };
        let now_value = number(now.as_millisecond());
        begun.values.push((":now".into(), now_value));
        let mut changed = self.change_of(of, added.clone()).await?;
        if changed.is_none() {
            changed = self.change_known(of, begun, now).await?;
        }
        if changed.is_none() {
            // Somebody else has begun to count meanwhile, unless it rests.
            changed = self.change_of(of, added).await?;
        }
        let known: Option<Known> = changed.map(body).transpose()?;
        Ok(known.map(|known| known.breaker))
    }

    /// Turns a breaker that was read as it was a turn before. `false` if somebody else has turned it since.
    pub async fn turn_breaker(
        &self,
        of: &CredentialName,
        next: &Breaker,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let change = Change {
            update: "SET #breaker = :next".into(),
            condition: Some("since = :since AND #breaker.#turn = :before".into()),
            names: vec![("#breaker", "breaker"), ("#turn", "turn")],
            values: vec![
                (":next".into(), to_attribute_value(next)?),
                (":before".into(), number(next.turn.saturating_sub(1))),
            ],
        };
        Ok(self.change_known(of, change, now).await?.is_some())
    }

    /// Takes a place for a call within a key's limits, or says when there is room again. `used` is what was read of them.
    pub async fn take_call(
        &self,
        of: &CredentialName,
        limits: &Limits,
        used: Used,
        now: Timestamp,
    ) -> Result<Result<(), Timestamp>, StoreError> {
        let mut used = used;
        for _ in 0..TRIES {
            let taken = match used.taking(limits, now) {
                Ok(taken) => taken,
                Err(until) => return Ok(Err(until)),
            };
            let change = taking(limits, used, taken)?;
            if self.change_known(of, change, now).await?.is_some() {
                return Ok(Ok(()));
            }
            let item = self.read(&self.messages, of.key()).await?;
            let known: Option<Known> = item.map(body).transpose()?;
            match known.filter(|known| known.since == of.since) {
                Some(known) => used = known.used,
                // Its place was taken by another key: this one has none.
                None => break,
            }
        }
        let soon = now.saturating_add(SignedDuration::from_secs(1));
        Ok(Err(soon.unwrap_or(Timestamp::MAX)))
    }

    /// Forgets what is known of a credential.
    pub async fn forget_credential(&self, of: &CredentialName) -> Result<(), StoreError> {
        self.delete(of.key()).await
    }

    /// A change of what is known of a credential, whose condition says `since = :since`. The item is made first where there
    /// is none, or only that of an older key. `None` if the condition did not hold.
    async fn change_known(
        &self,
        of: &CredentialName,
        change: Change,
        now: Timestamp,
    ) -> Result<Option<Item>, StoreError> {
        if let Some(item) = self.change_of(of, change.clone()).await? {
            return Ok(Some(item));
        }
        self.begin_known(of, now).await?;
        self.change_of(of, change).await
    }

    async fn change_of(
        &self,
        of: &CredentialName,
        mut change: Change,
    ) -> Result<Option<Item>, StoreError> {
        change.values.push((":since".into(), number(of.since)));
        self.change_and_read(of.key(), &change).await
    }

    async fn begin_known(&self, of: &CredentialName, now: Timestamp) -> Result<(), StoreError> {
        let known = Known {
            name: of.name.clone(),
            since: of.since,
            ..Known::default()
        };
        let expires = now.saturating_add(KEPT_FOR).unwrap_or(Timestamp::MAX);
        let indexes = Indexes {
            expires: (of.since == 0).then_some(expires.as_second()),
            ..Indexes::default()
        };
        let put = self
            .client
            .put_item()
            .table_name(&self.messages)
            .set_item(Some(item("credential", of.key(), indexes, &known)?))
            .condition_expression("attribute_not_exists(pk) OR since < :since")
            .set_expression_attribute_values(Some(HashMap::from([(
                ":since".to_owned(),
                number(of.since),
            )])));
        match put.send().await.map_err(StoreError::from) {
            // Where it is there already, somebody else may have made it a moment ago.
            Ok(_) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// A call more in each span that is limited: counted on where it is the one that was read, whatever others counted since;
/// begun where it is a later one, and then only if nobody else has begun it.
pub(super) fn taking(limits: &Limits, used: Used, taken: Used) -> Result<Change, StoreError> {
    let (mut sets, mut conditions) = (Vec::new(), vec!["since = :since".to_owned()]);
    let mut change = Change {
        names: vec![("#used", "used"), ("#number", "number")],
        ..Change::default()
    };
    for unit in Unit::ALL {
        let (Some(most), Some(span)) = (limits.of(unit), taken.of(unit)) else {
            continue;
        };
        let name = unit.as_str();
        change.names.push(match unit {
            Unit::Second => ("#second", "second"),
            Unit::Minute => ("#minute", "minute"),
            Unit::Day => ("#day", "day"),
        });
        change
            .values
            .push((format!(":{name}"), number(span.number)));
        let place = format!("#used.#{name}");
        let is_known = used
            .of(unit)
            .is_some_and(|known| known.number == span.number);
        let value = if is_known {
            sets.push(format!("{place}.calls = {place}.calls + :{name}_value"));
            conditions.push(format!(
                "{place}.#number = :{name} AND {place}.calls < :{name}_most"
            ));
            change.values.push((format!(":{name}_most"), number(most)));
            number(1)
        } else {
            sets.push(format!("{place} = :{name}_value"));
            conditions.push(format!(
                "(attribute_not_exists({place}) OR {place}.#number < :{name})"
            ));
            to_attribute_value(span)?
        };
        change.values.push((format!(":{name}_value"), value));
    }
    change.update = format!("SET {}", sets.join(", "));
    change.condition = Some(conditions.join(" AND "));
    Ok(change)
}
