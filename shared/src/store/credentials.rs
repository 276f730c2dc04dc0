//! What every environment knows of an account's credentials: one item for each, beside the account.
//!
//! Who has read what is known of a key that another one has replaced meanwhile changes nothing: each write names the time
//! of the key that it is about, and only a newer one takes an item over (`noted`).

use super::item::{body, number};
use super::noted::Noted;
use super::page::{Index, Listing, Order, Slice};
use super::transaction::Change;
use super::{Store, StoreError, keys};
use crate::domain::breaker::{Breaker, Calls, WINDOW};
use crate::domain::credential::{Known, Refusal};
use crate::domain::id::AccountId;
use crate::domain::identity::TenantId;
use crate::domain::provider_key::ProviderKey;
use jiff::Timestamp;
use serde_dynamo::to_attribute_value;

/// More than an account has credentials.
const MOST: usize = 100;

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
    /// Of a key that an account lists.
    #[must_use]
    pub fn of_key((tenant, account): (&TenantId, &AccountId), key: &ProviderKey) -> Self {
        Self {
            tenant: tenant.clone(),
            account: account.clone(),
            name: key.alias.to_string(),
            since: key.since.as_millisecond(),
        }
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

    /// Notes that the provider has refused a credential. `false` if that was known, or is about another key by now: of
    /// the many calls that meet a refusal one is the first.
    pub async fn refuse_credential(
        &self,
        of: &CredentialName,
        refusal: &Refusal,
    ) -> Result<bool, StoreError> {
        let same_since = refusal.same_since().as_millisecond();
        let change = Change {
            update: "SET refused = :refused".into(),
            condition: Some("(attribute_not_exists(refused) OR refused.#at < :same_since)".into()),
            names: vec![("#at", "at")],
            values: vec![
                (":refused".into(), to_attribute_value(refusal)?),
                (":same_since".into(), number(same_since)),
            ],
        };
        let changed = self.change_noted(of.into(), change, refusal.at).await?;
        Ok(changed.is_some())
    }

    /// Takes back that a credential was refused, and closes its breaker: the provider has said that it is good. How much of
    /// its limits is used stays. Nothing happens where nothing is known of it.
    pub async fn clear_credential(&self, of: &CredentialName) -> Result<(), StoreError> {
        let change = Change {
            // Whoever has read the breaker as it was before turns it no more.
            update: "SET #breaker.made = :none, #breaker.failed = :none \
                     REMOVE refused, #breaker.#rest, #breaker.#from ADD #breaker.#turn :one"
                .into(),
            condition: None,
            names: vec![
                ("#breaker", "breaker"),
                ("#from", "counted_from"),
                ("#rest", "rest"),
                ("#turn", "turn"),
            ],
            values: vec![(":none".into(), number(0)), (":one".into(), number(1))],
        };
        self.change_if_noted(of.into(), change).await?;
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
                "#breaker.#from >= :oldest AND attribute_not_exists(#breaker.#rest)".into(),
            ),
            names: names.clone(),
            values: values.clone(),
        };
        let mut begun = Change {
            update: "SET #breaker.#from = :now, #breaker.made = :made, #breaker.failed = :failed"
                .into(),
            condition: Some(
                "attribute_not_exists(#breaker.#rest) AND (attribute_not_exists(#breaker.#from) OR #breaker.#from < :oldest)".into(),
            ),
            names,
            values,
        };
        let now_value = number(now.as_millisecond());
        begun.values.push((":now".into(), now_value));
        let noted = Noted::from(of);
        let mut changed = self.change_if_noted(noted, added.clone()).await?;
        if changed.is_none() {
            changed = self.change_noted(noted, begun, now).await?;
        }
        if changed.is_none() {
            // Somebody else has begun to count meanwhile, unless it rests.
            changed = self.change_if_noted(noted, added).await?;
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
            condition: Some("#breaker.#turn = :before".into()),
            names: vec![("#breaker", "breaker"), ("#turn", "turn")],
            values: vec![
                (":next".into(), to_attribute_value(next)?),
                (":before".into(), number(next.turn.saturating_sub(1))),
            ],
        };
        let changed = self.change_noted(of.into(), change, now).await?;
        Ok(changed.is_some())
    }

    /// Forgets what is known of a credential.
    pub async fn forget_credential(&self, of: &CredentialName) -> Result<(), StoreError> {
        self.delete(Noted::from(of).key()).await
    }
}
