//! Places for calls within the limits of a key or a provider: the write that takes one says that it is there.

use super::item::{body, number};
use super::noted::{Counted, Noted};
use super::transaction::Change;
use super::{Store, StoreError};
use crate::domain::identity::TenantId;
use crate::domain::limits::{Limits, Unit, Used};
use crate::domain::provider::Provider;
use jiff::{SignedDuration, Timestamp};
use serde_dynamo::to_attribute_value;

/// How often a place is asked for anew, because a second began meanwhile for which somebody else was faster.
const TRIES: usize = 6;

impl Store {
    /// How many calls a tenant made of a provider, where it limits them.
    pub async fn provider_calls(
        &self,
        tenant: &TenantId,
        provider: Provider,
    ) -> Result<Used, StoreError> {
        let counted = self
            .calls_counted(Noted::Provider(tenant, provider))
            .await?;
        Ok(counted.unwrap_or_default().used)
    }

    /// Takes a place for a call, or says when there is room again. `used` is what was read of the calls before.
    pub async fn take_call(
        &self,
        of: Noted<'_>,
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
            if self.change_noted(of, change, now).await?.is_some() {
                return Ok(Ok(()));
            }
            let counted = self.calls_counted(of).await?;
            match counted.filter(|counted| counted.since == of.since()) {
                Some(counted) => used = counted.used,
                // Its place was taken by another key: this one has none.
                None => break,
            }
        }
        let soon = now.saturating_add(SignedDuration::from_secs(1));
        Ok(Err(soon.unwrap_or(Timestamp::MAX)))
    }

    /// Gives a place back that was taken at this time, because no call was made. What has begun to count since stays.
    pub async fn give_call_back(
        &self,
        of: Noted<'_>,
        limits: &Limits,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        for unit in Unit::ALL
            .into_iter()
            .filter(|unit| limits.of(*unit).is_some())
        {
            let change = Change {
                update: "SET #used.#unit.calls = #used.#unit.calls - :one".into(),
                condition: Some(
                    "#used.#unit.#number = :number AND #used.#unit.calls > :none".into(),
                ),
                names: vec![
                    ("#used", "used"),
                    ("#unit", unit.as_str()),
                    ("#number", "number"),
                ],
                values: vec![
                    (":one".into(), number(1)),
                    (":none".into(), number(0)),
                    (":number".into(), number(unit.number(at))),
                ],
            };
            self.change_if_noted(of, change).await?;
        }
        Ok(())
    }

    async fn calls_counted(&self, of: Noted<'_>) -> Result<Option<Counted>, StoreError> {
        let item = self.read(&self.messages, of.key()).await?;
        item.map(body).transpose()
    }
}

/// A call more in each span that is limited: counted on where it is the one that was read, whatever others counted since;
/// begun where it is a later one, and then only if nobody else has begun it.
fn taking(limits: &Limits, used: Used, taken: Used) -> Result<Change, StoreError> {
    let (mut sets, mut conditions) = (Vec::new(), Vec::new());
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
