//! `on_unknown: wait`: how a message whose outcome is not known decides that it has waited long enough for a status.

use jiff::fmt::serde::timestamp::millisecond;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How many minutes a message waits for a status before another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct WaitMinutes(u16);

impl WaitMinutes {
    /// The shortest wait: statuses are noted once a minute, so a third of it must be longer than that.
    pub const LEAST: u16 = 5;

    /// The longest wait: a day.
    pub const MOST: u16 = 1_440;

    /// One third of the wait.
    fn third(self) -> SignedDuration {
        SignedDuration::from_secs(i64::from(self.0) * 20)
    }
}

impl Default for WaitMinutes {
    fn default() -> Self {
        Self(15)
    }
}

impl TryFrom<u16> for WaitMinutes {
    type Error = &'static str;

    fn try_from(minutes: u16) -> Result<Self, Self::Error> {
        if (Self::LEAST..=Self::MOST).contains(&minutes) {
            Ok(Self(minutes))
        } else {
            Err("must be a whole number from 5 to 1440")
        }
    }
}

impl From<WaitMinutes> for u16 {
    fn from(minutes: WaitMinutes) -> Self {
        minutes.0
    }
}

/// After so long nobody looks for statuses any more: Meta itself has given up bringing them.
const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A sender of whom nothing is heard is looked at at least this often.
const SLOWEST_LOOK: SignedDuration = SignedDuration::from_hours(1);

/// Thirds of the wait in which a status must have come.
const THIRDS: u8 = 3;

/// How far a message has waited: in thirds of its wait. A third counts if a status that happened within it has
/// reached us, so that a wait in which no webhook comes through is no wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// When its outcome was found to be unknown.
    #[serde(with = "millisecond::required")]
    pub from: Timestamp,
    /// When the third that runs now began.
    #[serde(with = "millisecond::required")]
    pub since: Timestamp,
    /// When to look whether it counts.
    #[serde(with = "millisecond::required")]
    pub look_at: Timestamp,
    /// How many thirds have counted.
    pub heard: u8,
}

/// What a look at a waiting message finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looked {
    /// It is too soon to look.
    TooSoon,
    /// It goes on waiting.
    Waits(Waiting),
    /// It has waited long enough: statuses kept coming, and none of them was its own.
    LongEnough,
    /// Too little was heard for too long: it is held.
    GivenUp,
}

impl Waiting {
    /// A wait that begins at `now`.
    #[must_use]
    pub fn begin(minutes: WaitMinutes, now: Timestamp) -> Self {
        Self {
            from: now,
            since: now,
            look_at: after(now, minutes.third()),
            heard: 0,
        }
    }

    /// A look at `now`, when the newest status of the sender's messages is from `newest`.
    #[must_use]
    pub fn look(self, minutes: WaitMinutes, newest: Option<Timestamp>, now: Timestamp) -> Looked {
        if now < self.look_at {
            return Looked::TooSoon;
        }
        let counts = newest.is_some_and(|newest| self.since < newest);
        let heard = self.heard + u8::from(counts);
        if heard >= THIRDS {
            return Looked::LongEnough;
        }
        if now.duration_since(self.from) >= LONGEST {
            return Looked::GivenUp;
        }
        let third = minutes.third();
        let next = if counts {
            third
        } else {
            // Nothing was heard: less and less often.
            let last = self.look_at.duration_since(self.since);
            last.saturating_mul(2).min(SLOWEST_LOOK).max(third)
        };
        Looked::Waits(Self {
            since: now,
            look_at: after(now, next),
            heard,
            ..self
        })
    }
}

fn after(time: Timestamp, wait: SignedDuration) -> Timestamp {
    time.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn minute(minute: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + 60 * minute).unwrap()
    }

    /// Looks each minute until `last`, a status having come at each of `heard`; when the wait ended, and how.
    fn waited(minutes: u16, last: i64, heard: &[i64]) -> (i64, Looked) {
        let minutes = minutes.try_into().unwrap();
        let mut waiting = Waiting::begin(minutes, minute(0));
        for now in 0..=last {
            let newest = heard.iter().filter(|came| **came <= now).max();
            match waiting.look(minutes, newest.map(|came| minute(*came)), minute(now)) {
                Looked::TooSoon => {}
                Looked::Waits(next) => waiting = next,
                end @ (Looked::LongEnough | Looked::GivenUp) => return (now, end),
            }
        }
        (last, Looked::Waits(waiting))
    }

    #[test]
    fn a_wait_ends_when_statuses_came_in_each_third_of_it() {
        let (ended, how) = waited(15, 60, &[1, 2, 7, 11, 12]);
        assert_eq!((ended, how), (15, Looked::LongEnough));
        let each: Vec<i64> = (0..200).collect();
        assert_eq!(waited(60, 200, &each), (60, Looked::LongEnough));
    }

    #[test]
    fn time_in_which_nothing_was_heard_does_not_count() {
        let (ended, how) = waited(15, 300, &[2, 100, 150]);
        assert_eq!(how, Looked::LongEnough);
        assert!(ended > 150, "{ended}");
        let (_, how) = waited(15, 300, &[2, 100]);
        assert!(matches!(how, Looked::Waits(_)), "{how:?}");
    }

    #[test]
    fn a_sender_of_whom_nothing_is_heard_is_given_up_after_a_week() {
        let week = 7 * 24 * 60;
        let (ended, how) = waited(15, 2 * week, &[]);
        assert_eq!(how, Looked::GivenUp);
        assert!((week..week + 61).contains(&ended), "{ended}");
    }

    #[test]
    fn what_was_heard_before_the_wait_proves_nothing() {
        let (_, how) = waited(15, 600, &[-3, -1, 0]);
        assert!(matches!(how, Looked::Waits(waiting) if waiting.heard == 0));
    }

    #[test]
    fn a_wait_of_no_sensible_length_is_refused() {
        for minutes in [0, 4, 1_441, u16::MAX] {
            assert!(WaitMinutes::try_from(minutes).is_err(), "{minutes}");
        }
    }
}
