//! Slots: at what times the calls of a sender may begin, so that its rate is kept in every second.
//!
//! The rule. A row of slots may begin `limit` calls in a second. Each slot has a slack: how late its call may begin.
//! A slot comes after the one before it by at least (1 s + its slack) / limit, and by as much more as its slack is
//! shorter than that one's. Then the slot `limit` places on begins a second or more after this one has ended, so that
//! no second holds more than `limit` calls, whenever within their slack they begin. Proof: the way there is 1 s, and
//! the mean of the slacks between, and all that the slack fell on the way; that mean is at least this slot's slack
//! less all that it fell.

mod inbound;
mod pair;
mod portfolio;
mod rows;
mod speed;
mod standing;

pub use inbound::InboundRate;
pub use pair::{Burst, Place};
pub use portfolio::{Portfolio, Reached, Room, hour_of};
pub use rows::{Behind, Leasable, Line, Rows, Shares, Taken};
pub use speed::{Speed, probes};
pub use standing::{Consequence, Pause, PauseCause, Slowed, consequence};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

const SECOND_US: i64 = 1_000_000;

/// The slack of slots that are used to the full: the less, the more of the rate is used, and the more slots are missed.
const TIGHT_US: i64 = 15_000;

/// The slack of a slot that is used as soon as it is taken: the claim lies between.
const LOOSE_US: i64 = 500_000;

/// The longest slack there is.
const LONGEST_US: i64 = SECOND_US;

/// What of the slack is kept for the clock and for the way to the provider.
const WAY_US: i64 = 5_000;

/// A worker should have a slot's hint this long before the slot begins: in time for the claim, and not so early that
/// workers are kept from other work.
const HINT_AHEAD: SignedDuration = SignedDuration::from_millis(500);

/// After a sender was given another rate its rows rest for so long: what a worker knows of it is a second old at most, a
/// call begins two seconds after its claim at the latest, a second lies between calls that count together, and bulk,
/// which begins a second before the others, needs another for the clocks.
pub const REST_BETWEEN_RATES: SignedDuration = SignedDuration::from_secs(6);

/// The same of a sender that has not sent lately.
pub const SHORT_REST: SignedDuration = SignedDuration::from_secs(1);

/// How long before its slot a message is claimed.
const CLAIM_AHEAD: SignedDuration = SignedDuration::from_millis(150);

/// Leave for one message to go: its call may begin from `at` on and before `until`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Not sooner.
    pub at: Timestamp,
    /// Not then, and not later.
    pub until: Timestamp,
}

impl Slot {
    /// Whether it can be used no more.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        now >= self.until
    }

    /// When its hint is put on the queue.
    #[must_use]
    pub fn hint_at(&self) -> Timestamp {
        self.at.saturating_sub(HINT_AHEAD).unwrap_or(self.at)
    }

    /// How long it is until its message should be claimed.
    #[must_use]
    pub fn wait_to_claim(&self, now: Timestamp) -> SignedDuration {
        (self.wait(now) - CLAIM_AHEAD).max(SignedDuration::ZERO)
    }

    /// How long it is until it begins.
    #[must_use]
    pub fn wait(&self, now: Timestamp) -> SignedDuration {
        self.at.duration_since(now).max(SignedDuration::ZERO)
    }
}

/// A slot that was given to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Which.
    pub slot: Slot,
    /// When it was given: the sender may have been slowed down since.
    pub since: Timestamp,
    /// Of which of the sender's rates, counted: somebody may have given it another one since.
    pub era: u64,
}

/// How far apart the slots of a row are, and how late each may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spacing {
    step_us: i64,
    slack_us: i64,
}

impl Spacing {
    /// As close as a limit allows, for slots whose message is claimed before they begin.
    #[must_use]
    pub fn tight(limit: u32) -> Self {
        Self::with(limit, TIGHT_US)
    }

    /// With time for a claim after the slot has begun, for two thirds of a limit.
    #[must_use]
    pub fn loose(limit: u32) -> Self {
        Self::with(limit, LOOSE_US)
    }

    /// For so many a second of a limit: what is not used of it makes the slack longer.
    #[must_use]
    pub fn at_speed(limit: u32, per_second: u32) -> Self {
        let per_second = i64::from(per_second.max(1));
        let spare = SECOND_US * i64::from(limit) / per_second - SECOND_US;
        let spacing = Self::with(limit, spare.clamp(TIGHT_US, LONGEST_US));
        Self {
            step_us: spacing.step_us.max(ceiling(SECOND_US, per_second)),
            ..spacing
        }
    }

    fn with(limit: u32, slack_us: i64) -> Self {
        Self {
            step_us: ceiling(SECOND_US + slack_us, i64::from(limit.max(1))),
            slack_us,
        }
    }
}

/// A row of slots: the last one that was given away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Row {
    last_us: Option<i64>,
    slack_us: i64,
}

impl Row {
    /// When the next slot of this spacing can begin, `not_before` at the soonest.
    #[must_use]
    pub fn next(&self, spacing: Spacing, not_before: Timestamp) -> Timestamp {
        let fallen = (self.slack_us - spacing.slack_us).max(0);
        let after = self.last_us.map(|last| last + spacing.step_us + fallen);
        let at = not_before.as_microsecond();
        at_us(after.map_or(at, |after| after.max(at)))
    }

    /// Takes that slot.
    pub fn take(&mut self, spacing: Spacing, not_before: Timestamp) -> Slot {
        let at = self.next(spacing, not_before).as_microsecond();
        *self = Self {
            last_us: Some(at),
            slack_us: spacing.slack_us,
        };
        slot(at, spacing.slack_us)
    }

    /// When the last slot given away is over, whatever its use.
    #[must_use]
    pub fn end(&self) -> Option<Timestamp> {
        self.last_us.map(|last| at_us(last + self.slack_us))
    }

    /// A row that gives nothing away before `time`.
    #[must_use]
    pub fn resting_until(time: Timestamp) -> Self {
        Self {
            last_us: Some(time.as_microsecond()),
            slack_us: 0,
        }
    }

    /// Gives nothing away before `time`, as if there were a slot that nobody uses.
    pub fn rest_until(&mut self, time: Timestamp, limit: u32) {
        self.take(Spacing::with(limit, 0), time);
    }
}

fn slot(at: i64, slack_us: i64) -> Slot {
    Slot {
        at: at_us(at),
        until: at_us(at + slack_us - WAY_US),
    }
}

fn ceiling(amount: i64, parts: i64) -> i64 {
    (amount + parts - 1) / parts
}

fn at_us(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
pub(crate) mod tests;
