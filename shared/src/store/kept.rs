//! How many webhook events were kept without being applied, by day and kind: what is unknown must be seen.
//!
//! Counted in the transaction that first keeps their record, so each once however often the record comes. A record in
//! which something failed or waits is not decided yet, and not counted.

use super::counters::{Counter, CounterDelta};
use super::events::StoredRecord;
use super::{Store, StoreError, keys};
use crate::domain::identity::TenantId;
use futures_util::future::try_join_all;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// Partitions of a day's counters, so that workers that meet at one do not wait long.
const SHARDS: u8 = 4;

/// What a record adds to the counters.
pub(super) fn of(record: &StoredRecord) -> CounterDelta {
    let mut delta = CounterDelta::new();
    if record.try_again_at.is_some() {
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
            of: day_name(day, shard),
            part: event.kind.clone(),
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
        let names: Vec<String> = (0..SHARDS).map(|shard| day_name(day, shard)).collect();
        let shards = try_join_all(names.iter().map(|name| self.parts(tenant, name))).await?;
        let mut kinds = BTreeMap::<String, BTreeMap<String, i64>>::new();
        for (kind, numbers) in shards.into_iter().flatten() {
            let sums = kinds.entry(kind).or_default();
            for (name, number) in numbers {
                *sums.entry(name).or_default() += number;
            }
        }
        Ok(kinds)
    }
}

fn day_name(day: Date, shard: u8) -> String {
    format!("kept:{day}#{shard}")
}
