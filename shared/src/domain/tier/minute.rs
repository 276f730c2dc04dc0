//! How many requests of a tenant are let through in a minute, where its tier limits them.
//!
//! A minute of the clock, in UTC. A high limit is divided over several shards, so that no item takes more than some 200
//! writes a second, unless all come at once.

use super::part;
use jiff::Timestamp;

/// Requests a minute that one shard lets through at most, up to so many shards.
const OF_A_SHARD: u64 = 12_000;
const MOST_SHARDS: u64 = 16;

const SECONDS: i64 = 60;

/// A minute, since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minute(pub i64);

impl Minute {
    /// The minute of a time.
    #[must_use]
    pub fn of(time: Timestamp) -> Self {
        Self(time.as_second().div_euclid(SECONDS))
    }

    /// When it ends.
    #[must_use]
    pub fn end(self) -> Timestamp {
        Timestamp::from_second((self.0 + 1) * SECONDS).unwrap_or(Timestamp::MAX)
    }
}

/// A limit of requests a minute, and over how many shards it is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinuteShards {
    per_minute: u64,
    count: usize,
}

impl MinuteShards {
    /// Of this limit.
    #[must_use]
    pub fn of(per_minute: u64) -> Self {
        let count = per_minute.div_ceil(OF_A_SHARD).clamp(1, MOST_SHARDS);
        Self {
            per_minute,
            count: usize::try_from(count).unwrap_or(1),
        }
    }

    /// Every shard with its part of the limit, from one that the seed chooses.
    pub fn starting_at(self, seed: usize) -> impl Iterator<Item = (usize, u64)> {
        let shards = (0..self.count).map(move |step| seed.wrapping_add(step) % self.count);
        shards.map(move |shard| (shard, part(self.per_minute, self.count, shard)))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_minute_is_that_of_the_clock() {
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let minute = Minute::of(at("2026-11-22T12:34:59.9Z"));
        assert_eq!(minute, Minute::of(at("2026-11-22T12:34:00Z")));
        assert_eq!(minute.end(), at("2026-11-22T12:35:00Z"));
    }

    #[test]
    fn the_parts_of_a_limit_add_up_to_it_whichever_comes_first() {
        for (per_minute, shards) in [(1, 1), (12_000, 1), (12_001, 2), (1_000_003, 16)] {
            for seed in [0, 7, usize::MAX] {
                let parts: Vec<_> = MinuteShards::of(per_minute).starting_at(seed).collect();
                assert_eq!(parts.len(), shards);
                assert_eq!(parts.iter().map(|(_, part)| part).sum::<u64>(), per_minute);
            }
        }
    }
}
