//! How many messages a second come in to a sender: Meta counts them in its rate as well.
//!
//! Nobody writes anything for that: `tally` counts inbound messages by the day, and each tick looks how far it has got.
//! Source: Meta, "Throughput".

use jiff::fmt::serde::timestamp::millisecond;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// A count that is older tells nothing of now.
const LASTS: SignedDuration = SignedDuration::from_secs(10);

/// A sender's inbound messages, when a tick last looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboundRate {
    /// When that was.
    #[serde(with = "millisecond::required")]
    pub at: Timestamp,
    /// How many had been counted on its day.
    pub counted: u64,
    /// How many came a second.
    pub per_second: u32,
}

impl InboundRate {
    /// What is known now that `counted` have been counted today. More than before counts at once; the counters move by
    /// fits and starts, so fewer count by and by.
    #[must_use]
    pub fn after(last: Option<&Self>, counted: u64, now: Timestamp) -> Self {
        let last = last.filter(|last| now.duration_since(last.at) <= LASTS);
        let per_second = last.map_or(0, |last| {
            let millis = now.duration_since(last.at).as_millis().max(1_000);
            // On a new day they are counted from nothing.
            let came = counted.checked_sub(last.counted).unwrap_or(counted);
            let now = (u128::from(came) * 1_000).div_ceil(millis.unsigned_abs());
            u32::try_from(now)
                .unwrap_or(u32::MAX)
                .max(last.per_second / 2)
        });
        Self {
            at: now,
            counted,
            per_second,
        }
    }

    /// What they leave of bulk's share of a rate: one message a second at least, so that every job ends.
    #[must_use]
    pub fn leave(&self, share: u32) -> u32 {
        share.saturating_sub(self.per_second).max(1)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    /// What each tick knew that saw these counts, a second apart.
    fn rates(counted: &[u64]) -> Vec<u32> {
        let mut last = None;
        let each = (0_i64..).zip(counted).map(|(second, counted)| {
            let inbound = InboundRate::after(last.as_ref(), *counted, at(second));
            last = Some(inbound);
            inbound.per_second
        });
        each.collect()
    }

    #[test]
    fn what_comes_in_counts_at_once_and_is_forgotten_by_and_by() {
        assert_eq!(
            rates(&[500, 500, 540, 540, 540, 545]),
            [0, 0, 40, 20, 10, 5]
        );
    }

    #[test]
    fn at_midnight_they_are_counted_from_nothing() {
        assert_eq!(rates(&[86_400, 86_410, 4]), [0, 10, 5]);
    }

    #[test]
    fn a_count_from_long_ago_tells_nothing() {
        let last = InboundRate::after(None, 10, at(0));
        assert_eq!(InboundRate::after(Some(&last), 400, at(11)).per_second, 0);
        assert_eq!(InboundRate::after(Some(&last), 400, at(10)).per_second, 39);
    }

    #[test]
    fn what_comes_in_is_taken_from_bulk_and_never_all_of_it() {
        let mut inbound = InboundRate::after(None, 0, at(0));
        assert_eq!(inbound.leave(72), 72);
        inbound.per_second = 30;
        assert_eq!(inbound.leave(72), 42);
        inbound.per_second = 1_000;
        assert_eq!(inbound.leave(72), 1);
    }
}
