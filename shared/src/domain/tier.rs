//! What a tenant may use: the limits of its subscription tier. A limit that is absent is none.

mod calls;
mod day;
mod minute;

pub use calls::CallRoom;
pub use day::{DAY_SHARDS, DayPlace, DayRoom, day_of, end_of};
pub use minute::{Minute, MinuteShards};

use super::fault::FaultCode;
use super::fields::Fields;
use super::pace::Room;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The highest number that may be set: what is meant to be more than that is no limit.
const HIGHEST: u64 = 1_000_000_000;

/// The limits of a tenant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Limits {
    /// Requests a minute (UTC), of all its callers together.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 600)]
    pub requests_per_minute: Option<u64>,
    /// Messages that go out a day (UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 10_000)]
    pub messages_per_day: Option<u64>,
    /// Senders.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 3)]
    pub senders: Option<u64>,
}

/// The room that messages need besides a slot, where it is limited.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rooms {
    /// What is left of the portfolio's limit.
    pub portfolio: Option<Room>,
    /// What is left of the tenant's day.
    pub day: Option<DayRoom>,
    /// What the provider has room for. Whoever plans asks for it, and for that of the keys; whoever calls takes a place.
    pub provider: Option<CallRoom>,
    /// What each of the sender's keys has room for; none if one of them is not limited.
    pub keys: Vec<CallRoom>,
}

/// What is changed of something that may be absent: `None` stays, `Some(None)` is taken away.
pub type Changed<T> = Option<Option<T>>;

/// What is changed of limits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LimitChanges {
    /// Requests a minute.
    pub requests_per_minute: Changed<u64>,
    /// Messages a day.
    pub messages_per_day: Changed<u64>,
    /// Senders.
    pub senders: Changed<u64>,
}

impl LimitChanges {
    /// Reads an object of limits; `null` takes one away.
    #[must_use]
    pub fn read(mut fields: Fields<'_>) -> Self {
        let changes = Self {
            // With none at all nobody could ask why: that is what disabling is for.
            requests_per_minute: limit(&mut fields, "requests_per_minute", 1),
            messages_per_day: limit(&mut fields, "messages_per_day", 0),
            senders: limit(&mut fields, "senders", 0),
        };
        fields.finish();
        changes
    }

    /// The limits as they are afterwards.
    #[must_use]
    pub fn of(self, limits: Limits) -> Limits {
        Limits {
            requests_per_minute: self
                .requests_per_minute
                .unwrap_or(limits.requests_per_minute),
            messages_per_day: self.messages_per_day.unwrap_or(limits.messages_per_day),
            senders: self.senders.unwrap_or(limits.senders),
        }
    }

    /// Only what is otherwise than it was.
    #[must_use]
    pub fn beside(self, limits: Limits) -> Self {
        let other = |new: Changed<u64>, old| new.filter(|new| *new != old);
        Self {
            requests_per_minute: other(self.requests_per_minute, limits.requests_per_minute),
            messages_per_day: other(self.messages_per_day, limits.messages_per_day),
            senders: other(self.senders, limits.senders),
        }
    }
}

/// What one of several shards has of a limit: the parts add up to it.
fn part(limit: u64, shards: usize, shard: usize) -> u64 {
    let (shards, shard) = (shards.max(1) as u64, shard as u64);
    limit / shards + u64::from(shard < limit % shards)
}

fn limit(fields: &mut Fields<'_>, name: &'static str, least: u64) -> Changed<u64> {
    if fields.is_cleared(name) {
        return Some(None);
    }
    let number = fields.value(name)?.as_u64();
    let number = number.filter(|number| (least..=HIGHEST).contains(number));
    if number.is_none() {
        let detail =
            format!("must be a whole number from {least} to {HIGHEST}, or null for no limit");
        fields.fault(name, FaultCode::OutOfRange, detail);
    }
    number.map(Some)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::domain::fault::Faults;
    use serde_json::{Value, json};

    fn read(body: &Value) -> Result<LimitChanges, Vec<String>> {
        let faults = Faults::new();
        let changes = Fields::of(body, "/limits", &faults).map(LimitChanges::read);
        faults.into_result(changes).map_err(|faults| {
            let pointers = faults.into_iter().map(|fault| fault.pointer);
            pointers.collect()
        })
    }

    #[test]
    fn what_is_absent_stays_and_null_takes_a_limit_away() {
        let limits = Limits {
            requests_per_minute: Some(60),
            messages_per_day: Some(1_000),
            senders: None,
        };
        let changes = read(&json!({"messages_per_day": null, "senders": 3})).unwrap();
        let after = Limits {
            messages_per_day: None,
            senders: Some(3),
            ..limits
        };
        assert_eq!(changes.of(limits), after);
        assert_eq!(changes.beside(after), LimitChanges::default());
        assert_eq!(changes.beside(limits), changes);
    }

    #[test]
    fn what_is_no_limit_is_told_with_its_place() {
        for wrong in [
            json!(0),
            json!(-1),
            json!(1.5),
            json!("60"),
            json!(2_000_000_000_u64),
        ] {
            let faults = read(&json!({"requests_per_minute": wrong})).unwrap_err();
            assert_eq!(faults, ["/limits/requests_per_minute"], "{wrong}");
        }
        assert!(read(&json!({"messages_per_day": 0, "senders": 0})).is_ok());
        let faults = read(&json!({"messages_per_hour": 1})).unwrap_err();
        assert_eq!(faults, ["/limits/messages_per_hour"]);
    }
}
