//! How many requests of a minute a tenant has made, where its tier limits them.

use super::item::{Key, number};
use super::transaction::Change;
use super::{Store, StoreError, keys};
use crate::domain::identity::TenantId;
use crate::domain::tier::{Minute, MinuteShards};
use jiff::Timestamp;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// A minute that is known to be full is remembered while it lasts.
pub(super) const FULL_KNOWN_FOR: Duration = Duration::from_mins(1);

/// How long after its minute an item is kept, in seconds.
const KEPT_FOR: i64 = 60 * 60;

impl Store {
    /// Counts a request at `now`. `false` if it is one too many: then it is not counted.
    pub async fn count_request(
        &self,
        tenant: &TenantId,
        per_minute: u64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let minute = Minute::of(now);
        let full = (minute, per_minute);
        if self.full_minutes.get(tenant.as_str(), Instant::now()) == Some(full) {
            return Ok(false);
        }
        let seed = usize::from(
            Uuid::new_v4()
                .as_bytes()
                .iter()
                .fold(0, |seed, byte| seed ^ byte),
        );
        for (shard, part) in MinuteShards::of(per_minute).starting_at(seed) {
            let key = Key::new(keys::requests(tenant, minute.0, shard), keys::HEAD);
            if self.change_if(key, &counting(part, minute)).await? {
                return Ok(true);
            }
        }
        let names = &self.full_minutes;
        names.put(tenant.as_str(), full, Instant::now());
        Ok(false)
    }

    /// How many requests of the minute of `now` were let through.
    pub async fn requests(
        &self,
        tenant: &TenantId,
        per_minute: u64,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let minute = Minute::of(now);
        let shards = MinuteShards::of(per_minute).starting_at(0);
        let keys =
            shards.map(|(shard, _)| Key::new(keys::requests(tenant, minute.0, shard), keys::HEAD));
        let items = self.read_all(&self.messages, keys.collect()).await?;
        let counts = items
            .iter()
            .filter_map(|item| item.get("requests")?.as_n().ok()?.parse::<u64>().ok());
        Ok(counts.sum())
    }
}

/// A request more, if fewer than `part` were counted.
fn counting(part: u64, minute: Minute) -> Change {
    let change = Change {
        update: "SET expires = :expires ADD requests :one".into(),
        condition: Some("attribute_not_exists(requests) OR requests < :part".into()),
        names: Vec::new(),
        values: vec![
            (
                ":expires".into(),
                number(minute.end().as_second() + KEPT_FOR),
            ),
            (":one".into(), number(1)),
            (":part".into(), number(part)),
        ],
    };
    change.making("requests")
}
