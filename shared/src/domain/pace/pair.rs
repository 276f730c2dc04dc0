//! One sender and one person: a message each six seconds, or up to 45 at once that are paid for by waiting.
//!
//! Meta's rule: up to 45 messages may go within six seconds. Then the next one goes when six seconds have passed for
//! each of them. Source: Meta, "Pair rate limits".

use jiff::{SignedDuration, Timestamp};

/// What each message costs.
const EACH: SignedDuration = SignedDuration::from_secs(6);

/// Messages that are together if they go within this time.
const TOGETHER: SignedDuration = SignedDuration::from_secs(6);

/// Messages that went together, or will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Burst {
    /// When the first of them could go.
    pub from: Timestamp,
    /// How many there are.
    pub count: i32,
}

impl Burst {
    /// So many at most. Meta says 45; one less, for the first of a burst may be counted in the one before.
    pub const MOST: i32 = 44;
}

/// The place of the next message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It is the first of a burst that begins then.
    Begins(Timestamp),
    /// It is one more of the burst that is there, and goes with it.
    Joins(Timestamp),
}

impl Place {
    /// The place of a message for now, after the `last` burst.
    #[must_use]
    pub fn after(last: Option<Burst>, now: Timestamp) -> Self {
        let Some(Burst { from, count }) = last else {
            return Self::Begins(now);
        };
        let free = from.saturating_add(EACH * count).unwrap_or(Timestamp::MAX);
        let joins = now.duration_since(from) < TOGETHER && count < Burst::MOST;
        if now >= free {
            Self::Begins(now)
        } else if joins {
            Self::Joins(from.max(now))
        } else {
            Self::Begins(free)
        }
    }

    /// When it may go.
    #[must_use]
    pub const fn time(self) -> Timestamp {
        match self {
            Self::Begins(time) | Self::Joins(time) => time,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use proptest::prelude::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + millis).unwrap()
    }

    /// When messages that are asked for at these times may go.
    fn times(asked: &[i64]) -> Vec<Timestamp> {
        let mut last: Option<Burst> = None;
        let mut times = Vec::new();
        for asked in asked {
            let place = Place::after(last, at(*asked));
            times.push(place.time());
            last = Some(match place {
                Place::Begins(from) => Burst { from, count: 1 },
                Place::Joins(_) => Burst {
                    count: last.unwrap().count + 1,
                    ..last.unwrap()
                },
            });
        }
        times
    }

    #[test]
    fn a_message_each_six_seconds_goes_at_once() {
        let asked: Vec<i64> = (0..50).map(|number| number * 6_000).collect();
        let went = times(&asked);
        assert!(
            went.iter()
                .zip(asked)
                .all(|(went, asked)| *went == at(asked))
        );
    }

    #[test]
    fn twenty_at_once_go_and_the_next_one_waits_two_minutes() {
        let went = times(&[0; 20]);
        assert!(went.iter().all(|time| *time == at(0)));
        let mut asked = vec![0; 20];
        asked.push(7_000);
        assert_eq!(times(&asked).last(), Some(&at(120_000)));
    }

    #[test]
    fn what_is_too_much_for_one_burst_goes_with_the_next() {
        let went = times(&[0; 60]);
        let later = went.iter().filter(|time| **time == at(44 * 6_000));
        assert_eq!(later.count(), 16);
    }

    proptest! {
        #[test]
        fn no_six_seconds_hold_more_than_a_burst_and_no_hour_more_than_six_hundred(
            gaps in proptest::collection::vec(0_i64..9_000, 1..900)
        ) {
            let mut clock = 0;
            let asked: Vec<i64> = gaps.iter().map(|gap| { clock += gap; clock }).collect();
            let mut went = times(&asked);
            went.sort_unstable();
            let most = |span: SignedDuration| {
                let within = |from: &Timestamp| {
                    let inside = |time: &&Timestamp| {
                        let after = time.duration_since(*from);
                        !after.is_negative() && after < span
                    };
                    went.iter().filter(inside).count()
                };
                went.iter().map(within).max().unwrap_or(0)
            };
            prop_assert!(most(SignedDuration::from_secs(6)) <= 45);
            prop_assert!(most(SignedDuration::from_hours(1)) <= 600 + 45);
        }
    }
}
