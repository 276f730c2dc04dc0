//! How many people a business portfolio may still write to.
//!
//! Meta counts the different people of the last 24 hours who had not written themselves within 24 hours. We count by
//! the hour, and each template once, whoever it goes to: so the limit is never exceeded, and reached a little early.
//! What is scheduled counts in the hour in which it is to go.
//! Source: Meta, "Messaging limits".

use crate::domain::identity::PortfolioId;
use crate::domain::reckoning::{float, whole};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// An hour counts until its last moment is a day old.
const COUNTS_FOR: i64 = 24;

/// A business portfolio: what has the messaging limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Portfolio {
    /// Meta's id of it.
    pub id: PortfolioId,
    /// How many people it may write to in 24 hours. `None`: as many as it likes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people_per_day: Option<u64>,
}

/// How many people were written to, by the hour since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reached(pub BTreeMap<i64, u64>);

/// What is left of a portfolio's limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Whose.
    pub portfolio: PortfolioId,
    /// How many people it may write to in 24 hours.
    pub people_per_day: u64,
    /// How many it wrote to.
    pub reached: Reached,
}

/// When an hour begins.
fn begins(hour: i64) -> Timestamp {
    Timestamp::from_second(hour * HOUR.as_secs()).unwrap_or(Timestamp::MAX)
}

/// The hour of a time.
#[must_use]
pub fn hour_of(time: Timestamp) -> i64 {
    time.as_second().div_euclid(HOUR.as_secs())
}

impl Reached {
    fn in_hour(&self, hour: i64) -> u64 {
        self.0.get(&hour).copied().unwrap_or(0)
    }

    /// The hours that count no more.
    pub fn gone(&self, now: Timestamp) -> impl Iterator<Item = i64> {
        let oldest = hour_of(now) - COUNTS_FOR;
        self.0.keys().copied().filter(move |hour| *hour < oldest)
    }

    /// How many were written to, or will be, within a day of `time` before it or after it.
    fn around(&self, time: Timestamp) -> u64 {
        let hour = hour_of(time);
        self.0
            .range(hour - COUNTS_FOR..=hour + COUNTS_FOR)
            .map(|(_, count)| count)
            .sum()
    }
}

impl Room {
    /// How long a place that was taken counts, at least.
    pub const KEPT_FOR: SignedDuration = SignedDuration::from_hours(COUNTS_FOR);

    /// How many people more may be written to at `time`. Any 24 hours in which it lies end within a day of it.
    #[must_use]
    pub fn left(&self, time: Timestamp) -> u64 {
        self.people_per_day
            .saturating_sub(self.reached.around(time))
    }

    /// How many the hour of `time` may hold for `count` more to have room in it, as the other hours stand. `None` if
    /// there is no room for so many.
    #[must_use]
    pub fn most_before(&self, count: u64, time: Timestamp) -> Option<u64> {
        let others = self.reached.around(time) - self.reached.in_hour(hour_of(time));
        self.people_per_day.checked_sub(others + count)
    }

    /// How many of `count` people are written to until `until`, so many a second while there is room, and when the last
    /// one is: `None` if that will never be.
    #[must_use]
    pub fn used(
        &self,
        count: u64,
        per_second: f64,
        from: Timestamp,
        until: Option<Timestamp>,
    ) -> (u64, Option<Timestamp>) {
        let (mut room, mut now, mut sent) = (self.clone(), from, 0);
        let end = until.unwrap_or(Timestamp::MAX);
        while sent < count {
            now = room.free_at(now);
            if now >= end || per_second <= 0.0 {
                return (sent, until);
            }
            let hour = hour_of(now);
            let seconds = begins(hour + 1).min(end).duration_since(now).as_secs_f64();
            let some = whole(seconds * per_second).max(1);
            let some = some.min(room.left(now)).min(count - sent);
            *room.reached.0.entry(hour).or_default() += some;
            sent += some;
            let took = SignedDuration::try_from_secs_f64(float(some) / per_second);
            now = now
                .saturating_add(took.unwrap_or(SignedDuration::MAX))
                .unwrap_or(Timestamp::MAX);
        }
        (sent, Some(now))
    }

    /// When there will be room for more, if there is none: when an hour counts no more.
    #[must_use]
    pub fn free_at(&self, now: Timestamp) -> Timestamp {
        let free = |time: &Timestamp| self.left(*time) > 0;
        if free(&now) {
            return now;
        }
        let hours = self.reached.0.keys();
        let mut ends = hours.map(|hour| begins(hour + COUNTS_FOR + 1));
        ends.find(|end| now < *end && free(end))
            .unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use proptest::prelude::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
    }

    fn room(people_per_day: u64) -> Room {
        Room {
            portfolio: "123".parse().unwrap(),
            people_per_day,
            reached: Reached::default(),
        }
    }

    #[test]
    fn a_portfolio_without_room_has_some_again_a_day_later() {
        let mut room = room(10);
        room.reached.0.insert(hour_of(at(30)), 10);
        assert_eq!(room.left(at(30)), 0);
        let free_at = room.free_at(at(30));
        assert!(free_at >= at(30 + 24 * 60) && free_at <= at(30 + 25 * 60));
        assert_eq!(room.left(free_at), 10);
        assert_eq!(
            room.reached.gone(free_at).collect::<Vec<_>>(),
            [hour_of(at(30))]
        );
        assert_eq!(room.free_at(free_at), free_at);
    }

    #[test]
    fn room_that_is_taken_ahead_is_waited_for() {
        let mut room = room(10);
        room.reached.0.insert(hour_of(at(20 * 60)), 10);
        let free_at = room.free_at(at(0));
        assert!(free_at >= at(44 * 60) && free_at <= at(45 * 60));
        assert_eq!((room.left(free_at), room.left(at(0))), (10, 0));
        assert_eq!(room.used(5, 1.0, at(0), Some(at(60))), (0, Some(at(60))));
    }

    proptest! {
        #[test]
        fn no_24_hours_hold_more_than_the_limit_however_far_ahead_it_was_taken(
            asked in proptest::collection::vec((0_i64..200, 0_i64..72 * 60, 1_u64..40), 1..100)
        ) {
            let mut room = room(100);
            let (mut minute, mut went) = (0, Vec::new());
            for (gap, ahead, wanted) in asked {
                minute += gap;
                let gone: Vec<i64> = room.reached.gone(at(minute)).collect();
                room.reached.0.retain(|hour, _| !gone.contains(hour));
                let goes = minute + ahead;
                let count = wanted.min(room.left(at(goes)));
                *room.reached.0.entry(hour_of(at(goes))).or_default() += count;
                went.push((goes, count));
            }
            for (from, _) in &went {
                let within = went.iter().filter(|(minute, _)| (*from..from + 24 * 60).contains(minute));
                prop_assert!(within.map(|(_, count)| count).sum::<u64>() <= 100);
            }
        }

        #[test]
        fn no_24_hours_hold_more_than_the_limit(
            gaps in proptest::collection::vec((0_i64..200, 1_u64..40), 1..200)
        ) {
            let mut room = room(100);
            let (mut minute, mut went) = (0, Vec::new());
            for (gap, wanted) in gaps {
                minute += gap;
                let count = wanted.min(room.left(at(minute)));
                *room.reached.0.entry(hour_of(at(minute))).or_default() += count;
                went.push((minute, count));
            }
            for (from, _) in &went {
                let within = went.iter().filter(|(minute, _)| (*from..from + 24 * 60).contains(minute));
                prop_assert!(within.map(|(_, count)| count).sum::<u64>() <= 100);
            }
        }
    }
}
