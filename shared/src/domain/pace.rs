//! Slots: at what times the messages of a sender may go, so that its rate is kept.

use jiff::{SignedDuration, Timestamp};

/// A row of slots, the same time apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slots {
    first: Timestamp,
    interval: SignedDuration,
    /// How many there are.
    pub count: usize,
}

impl Slots {
    /// The slots from `next` (or from now, if that has passed) up to `ahead` from now.
    #[must_use]
    pub fn up_to(
        next: Option<Timestamp>,
        now: Timestamp,
        interval: SignedDuration,
        ahead: SignedDuration,
    ) -> Self {
        let first = next.map_or(now, |next| next.max(now));
        let room = now
            .saturating_add(ahead)
            .unwrap_or(now)
            .duration_since(first);
        let step = interval.as_micros().max(1);
        let count = (room.as_micros().max(0) + step - 1) / step;
        Self {
            first,
            interval,
            count: usize::try_from(count).unwrap_or(0),
        }
    }

    /// The same row cut to its first `count` slots.
    #[must_use]
    pub fn at_most(self, count: usize) -> Self {
        Self {
            count: self.count.min(count),
            ..self
        }
    }

    /// The time of slot `place`, counted from 0.
    #[must_use]
    pub fn time(&self, place: usize) -> Timestamp {
        let steps = i32::try_from(place).unwrap_or(i32::MAX);
        self.first
            .saturating_add(self.interval.saturating_mul(steps))
            .unwrap_or(Timestamp::MAX)
    }

    /// The first slot after the row.
    #[must_use]
    pub fn until(&self) -> Timestamp {
        self.time(self.count)
    }
}

/// Where a job's row of slots goes on: after the slots that were given away, no sooner than `earliest`. The first job
/// of a sender begins after the single messages that had all of the rate until then, up to `singles`.
#[must_use]
pub fn row_of_jobs(
    given_away: Option<Timestamp>,
    singles: Option<Timestamp>,
    earliest: Timestamp,
) -> Timestamp {
    given_away
        .or(singles)
        .map_or(earliest, |next| next.max(earliest))
}

/// How many messages to hand out at most in a tick that finds `waiting` of the last one still on the queue.
///
/// Workers that fall behind would let slots pass unused: the window is halved until they keep up, then grows again
/// up to `full`. `None` hands out nothing this time.
#[must_use]
pub fn window(last: Option<u32>, full: u32, waiting: u64) -> (u32, Option<u32>) {
    let last = last.unwrap_or(FIRST).min(full);
    if waiting > u64::from(last / 4) + SOME {
        let smaller = (last / 2).max(LEAST);
        return (smaller, None);
    }
    let larger = last.saturating_add(last / 4 + LEAST).min(full);
    (larger, Some(larger))
}

/// So many on the queue are on their way to a worker, not left lying.
const SOME: u64 = 20;

/// The first window of a sender.
const FIRST: u32 = 200;

/// The smallest window, and the smallest step by which one grows.
const LEAST: u32 = 10;

/// The time between two messages at `share` percent of a rate.
#[must_use]
pub fn interval(messages_per_second: u32, share: u8) -> SignedDuration {
    let percents = u64::from(messages_per_second.max(1)) * u64::from(share.clamp(1, 100));
    let micros = 100_000_000_u64.div_ceil(percents);
    SignedDuration::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    const AHEAD: SignedDuration = SignedDuration::from_secs(2);

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    #[test]
    fn the_shares_of_a_rate_add_up_to_no_more_than_the_rate() {
        for rate in [1, 20, 80, 1_000] {
            let (bulk, singles) = (interval(rate, 90), interval(rate, 10));
            let in_a_minute = |every: SignedDuration| 60_000_000 / every.as_micros();
            assert!(
                in_a_minute(bulk) + in_a_minute(singles) <= i128::from(rate) * 60,
                "{rate}"
            );
        }
    }

    #[test]
    fn the_first_job_begins_after_the_single_messages_that_had_all_of_the_rate() {
        let now = at(1_000);
        assert_eq!(row_of_jobs(None, None, now), now);
        assert_eq!(row_of_jobs(None, Some(at(13_000)), now), at(13_000));
        assert_eq!(
            row_of_jobs(Some(at(2_000)), Some(at(13_000)), now),
            at(2_000)
        );
        assert_eq!(row_of_jobs(Some(at(0)), None, now), now);
    }

    #[test]
    fn rows_that_follow_each_other_never_use_a_slot_twice_and_leave_none_out() {
        let interval = interval(80, 90);
        let mut next = None;
        let mut times = Vec::new();
        for tick in 0..10 {
            let slots = Slots::up_to(next, at(tick * 1_000), interval, AHEAD);
            times.extend((0..slots.count).map(|place| slots.time(place)));
            next = Some(slots.until());
        }
        let gaps = times
            .iter()
            .skip(1)
            .zip(&times)
            .map(|(later, one)| later.duration_since(*one));
        assert!(gaps.clone().all(|gap| gap == interval));
        assert!(times.len() >= 72 * 11);
    }

    #[test]
    fn slots_that_have_passed_are_lost_not_caught_up_with() {
        let slots = Slots::up_to(Some(at(0)), at(60_000), interval(10, 100), AHEAD);
        assert_eq!(slots.time(0), at(60_000));
        assert_eq!(slots.count, 20);
    }

    #[test]
    fn workers_that_fall_behind_get_less_until_they_keep_up_again() {
        let (mut size, mut handed) = (Some(1_800), Some(0));
        for _ in 0..10 {
            let (next, hand_out) = window(size, 1_800, 5_000);
            (size, handed) = (Some(next), hand_out);
        }
        assert_eq!((size, handed), (Some(10), None));
        for _ in 0..40 {
            let (next, hand_out) = window(size, 1_800, 0);
            (size, handed) = (Some(next), hand_out);
        }
        assert_eq!((size, handed), (Some(1_800), Some(1_800)));
    }

    #[test]
    fn a_row_given_away_to_the_end_leaves_nothing() {
        assert_eq!(
            Slots::up_to(Some(at(2_000)), at(0), interval(80, 90), AHEAD).count,
            0
        );
    }
}
