//! How many webhook events were kept without being applied, by day and kind: what is unknown must be seen.
//!
//! Counted in the transaction that first keeps their record, so each once however often the record comes. A record in
//! which something failed is not decided yet, and not counted. What waits for its message is listed, not counted.

use super::counters::{Counter, CounterDelta};
use super::events::{EventState, StoredRecord};
use super::{Store, StoreError, keys};
use crate::domain::identity::TenantId;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// Counter items of each kind, so that workers that meet at one do not wait long.
const SHARDS: u8 = 4;

/// What a record adds to the counters.
pub(super) fn of(record: &StoredRecord) -> CounterDelta {
    let mut delta = CounterDelta::new();
    let has_failed = record
        .events
        .iter()
        .any(|event| event.state == EventState::Failed);
    if has_failed && record.try_again_at.is_some() {
        return delta;
    }
    let day = record.received_at.to_zoned(TimeZone::UTC).date();
    let shard = keys::shard_of(record.id.as_str(), SHARDS);
    for event in record
        .events
        .iter()
        .filter(|event| event.state.is_counted())
    {
        let counter = Counter {
            tenant: record.tenant.clone(),
            of: day_name(day),
            part: format!("{}#{shard}", event.kind),
            name: event.state.as_str().to_owned(),
        };
        *delta.entry(counter).or_default() += 1;
    }
    delta
}

impl Store {
    /// The kinds of a day's events that were only kept, each with how many ended in which state.
    pub async fn kept_events(
        &self,
        tenant: &TenantId,
        day: Date,
    ) -> Result<BTreeMap<String, BTreeMap<String, i64>>, StoreError> {
        let mut kinds = BTreeMap::<String, BTreeMap<String, i64>>::new();
        for (part, numbers) in self.parts(tenant, &day_name(day)).await? {
            let kind = part
                .rsplit_once('#')
                .map_or(part.as_str(), |(kind, _)| kind);
            let sums = kinds.entry(kind.to_owned()).or_default();
            for (name, number) in numbers {
                *sums.entry(name).or_default() += number;
            }
        }
        Ok(kinds)
    }
}

fn day_name(day: Date) -> String {
    format!("kept:{day}")
}
