//! How many calls the limits of a provider and of its keys leave room for, and how long a job takes by them.

use crate::domain::limits::{Limits, Used};
use crate::domain::reckoning::whole;
use jiff::{SignedDuration, Timestamp};

/// What takes longer than this is not foretold, in seconds: ten years.
const LONGEST_S: i64 = 10 * 366 * 24 * 60 * 60;

/// The room that a provider, or one key, has for calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallRoom {
    /// How many calls may be made.
    pub limits: Limits,
    /// How many were.
    pub used: Used,
}

impl CallRoom {
    /// When the last of `count` messages goes that these have room for together, so many a second while there is room,
    /// and how many go until `until`.
    #[must_use]
    pub fn used_by(
        rooms: &[Self],
        count: u64,
        per_second: f64,
        from: Timestamp,
        until: Option<Timestamp>,
    ) -> (u64, Option<Timestamp>) {
        let left = |until: Timestamp| {
            let each = rooms.iter().map(|room| room.left(per_second, from, until));
            each.fold(0_u64, u64::saturating_add)
        };
        let sent = until.map_or(count, |until| left(until).min(count));
        let after = |seconds| from.saturating_add(SignedDuration::from_secs(seconds));
        let is_enough = |seconds| after(seconds).is_ok_and(|time| left(time) >= sent);
        if !is_enough(LONGEST_S) {
            return (sent, until);
        }
        // More time never leaves less room.
        let (mut too_short, mut enough) = (-1, LONGEST_S);
        while enough - too_short > 1 {
            let middle = too_short + (enough - too_short) / 2;
            if is_enough(middle) {
                enough = middle;
            } else {
                too_short = middle;
            }
        }
        (sent, after(enough).ok())
    }

    /// How many calls there is room for from one time until another, so many a second: what is left of the span at hand,
    /// whole spans, and what the rate makes of the last one.
    fn left(&self, per_second: f64, from: Timestamp, until: Timestamp) -> u64 {
        let rate = |since: Timestamp| {
            let seconds = until.duration_since(since).as_secs_f64().max(0.0);
            whole(seconds * per_second).saturating_add(1)
        };
        let by_unit = self.used.spans(&self.limits, from, until);
        let left = by_unit.map(|spans| {
            let last = rate(spans.last_begins.max(from)).min(spans.last);
            spans.before.saturating_add(last)
        });
        left.min().unwrap_or(u64::MAX).min(rate(from))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    const DAY: i64 = 86_400;

    /// So many seconds after a midnight.
    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(20_000 * DAY + second).unwrap()
    }

    fn room(limits: Limits, calls: usize) -> CallRoom {
        let taking = |used: Used, _| used.taking(&limits, at(0)).unwrap();
        let used = (0..calls).fold(Used::default(), taking);
        CallRoom { limits, used }
    }

    fn per_day(most: u32) -> Limits {
        Limits {
            per_day: Some(most),
            ..Limits::default()
        }
    }

    fn per_minute(most: u32) -> Limits {
        Limits {
            per_minute: Some(most),
            ..Limits::default()
        }
    }

    fn ends(rooms: &[CallRoom], count: u64) -> Timestamp {
        CallRoom::used_by(rooms, count, 10.0, at(0), None)
            .1
            .unwrap()
    }

    #[test]
    fn what_a_day_has_no_room_for_goes_after_midnight() {
        let rooms = [room(per_day(30), 10)];
        assert!(ends(&rooms, 20) < at(3), "as fast as the rate");
        assert_eq!(ends(&rooms, 21), at(DAY));
        assert!(ends(&rooms, 81) >= at(3 * DAY) && ends(&rooms, 81) < at(3 * DAY + 1));
        let until = Some(at(DAY - 1));
        assert_eq!(CallRoom::used_by(&rooms, 50, 10.0, at(0), until).0, 20);
    }

    #[test]
    fn keys_add_up_and_the_tightest_limit_of_each_counts() {
        let one = room(per_minute(60), 0);
        assert_eq!(ends(&[one], 600).duration_since(at(0)).as_mins(), 9);
        assert_eq!(ends(&[one, one], 600).duration_since(at(0)).as_mins(), 4);
        let both = Limits {
            per_day: Some(100),
            ..one.limits
        };
        assert!(ends(&[room(both, 0)], 101) >= at(DAY));
    }
}
