//! Whether a credential is called that has failed lately: closed, it is called; open, it rests; when it has rested, one
//! call alone may show whether it is good again.
//!
//! Each function takes a breaker and gives the one that follows; the store writes it under the condition that nobody else
//! has turned it meanwhile. Calls are counted by the store itself, as [`Breaker::counted`] says.

use jiff::fmt::serde::timestamp::millisecond;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Calls are looked at together that were made within this time.
pub const WINDOW: SignedDuration = SignedDuration::from_secs(10);

/// Fewer failures open nothing.
const LEAST_FAILURES: u32 = 5;

/// The first rest; each one in a row lasts twice as long.
const FIRST_REST: SignedDuration = SignedDuration::from_secs(15);

/// The longest rest.
const LONGEST_REST: SignedDuration = SignedDuration::from_mins(5);

/// How long whoever may make the one call has for it: longer than a lease, within which every call has ended.
const PROBE: SignedDuration = SignedDuration::from_secs(35);

/// While somebody makes that call, the others ask again after this: most are over by then.
const PROBE_SOON_OVER: SignedDuration = SignedDuration::from_secs(2);

/// How a call ended, as the breaker sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Learnt {
    /// The provider took the message.
    Accepted,
    /// The provider's trouble: nothing was taken, or nobody knows.
    Failed {
        /// Whether it was the first call of its message at this sender: one message that nobody can deliver opens nothing.
        is_first: bool,
    },
    /// It says nothing about the credential: the pace, the recipient, the content, a rule; or the credential was refused.
    Nothing,
}

/// Calls and how many of them failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Calls {
    /// All that were counted.
    pub made: u32,
    /// Those of them that failed.
    pub failed: u32,
}

/// What is known of a credential's latest calls.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Breaker {
    /// How often it was turned. Whoever turns it names the number that was read.
    #[serde(default)]
    pub turn: u32,
    /// When the calls began that are counted.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub counted_from: Option<Timestamp>,
    /// How many were made since.
    #[serde(default)]
    pub made: u32,
    /// How many of them failed.
    #[serde(default)]
    pub failed: u32,
    /// Why it is not called, if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<Rest>,
}

/// A time in which a credential is not called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rest {
    /// When one call may show whether it is good again.
    #[serde(with = "millisecond::required")]
    pub until: Timestamp,
    /// Which rest in a row it is, counted from 1.
    pub times: u32,
    /// What the provider said, if it asked for the rest itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The one call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Probe>,
}

/// The right to make the one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Names whoever has it.
    pub token: String,
    /// When it lapses.
    #[serde(with = "millisecond::required")]
    pub until: Timestamp,
}

/// Whether a credential may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stance {
    /// It may.
    Closed,
    /// Not before this time.
    Open(Timestamp),
    /// By one caller, who asks for the right first.
    HalfOpen,
}

impl Breaker {
    /// Whether the credential may be called now.
    #[must_use]
    pub fn stance(&self, now: Timestamp) -> Stance {
        match &self.rest {
            None => Stance::Closed,
            Some(rest) if now < rest.until => Stance::Open(rest.until),
            Some(Rest {
                probe: Some(probe), ..
            }) if now < probe.until => Stance::Open(probe.until.min(later(now, PROBE_SOON_OVER))),
            Some(_) => Stance::HalfOpen,
        }
    }

    /// The same after these calls, each of which ended at `now`. While it rests nothing is counted.
    #[must_use]
    pub fn counted(&self, calls: Calls, now: Timestamp) -> Self {
        if self.rest.is_some() {
            return self.clone();
        }
        let is_new = self.counted_from.is_none_or(|from| is_over(from, now));
        let before = if is_new {
            (0, 0)
        } else {
            (self.made, self.failed)
        };
        Self {
            counted_from: if is_new { Some(now) } else { self.counted_from },
            made: before.0.saturating_add(calls.made),
            failed: before.1.saturating_add(calls.failed),
            ..self.clone()
        }
    }

    /// The same open, if too many of the calls that are counted failed.
    #[must_use]
    pub fn opened(&self, now: Timestamp) -> Option<Self> {
        let is_enough = self.failed >= LEAST_FAILURES && self.failed >= self.made.div_ceil(2);
        (self.rest.is_none() && is_enough).then(|| self.rested(1, None, later(now, FIRST_REST)))
    }

    /// The same resting because the provider asks for it, for this long.
    #[must_use]
    pub fn asked_to_rest(&self, reason: &str, wait: SignedDuration, now: Timestamp) -> Self {
        self.rested(1, Some(reason.to_owned()), later(now, wait))
    }

    /// The same with the right to the one call given to `token`, if that is to be had.
    #[must_use]
    pub fn probing(&self, token: &str, now: Timestamp) -> Option<Self> {
        let rest = match (self.stance(now), &self.rest) {
            (Stance::HalfOpen, Some(rest)) => rest.clone(),
            (Stance::HalfOpen | Stance::Closed | Stance::Open(_), _) => return None,
        };
        let probe = Some(Probe {
            token: token.to_owned(),
            until: later(now, PROBE),
        });
        Some(self.turned(Some(Rest { probe, ..rest })))
    }

    /// The same after the one call, if `token` still has the right to it. What says nothing about the credential leaves
    /// the right to the next caller.
    #[must_use]
    pub fn probed(&self, token: &str, learnt: Learnt, now: Timestamp) -> Option<Self> {
        let rest = self.rest.as_ref()?;
        rest.probe.as_ref().filter(|probe| probe.token == token)?;
        Some(match learnt {
            Learnt::Accepted => self.turned(None),
            Learnt::Failed { .. } => {
                let times = rest.times.saturating_add(1);
                self.rested(times, None, later(now, rest_of(times)))
            }
            Learnt::Nothing => self.turned(Some(Rest {
                probe: None,
                ..rest.clone()
            })),
        })
    }

    fn rested(&self, times: u32, reason: Option<String>, until: Timestamp) -> Self {
        self.turned(Some(Rest {
            until,
            times,
            reason,
            probe: None,
        }))
    }

    /// What was counted is over with each turn.
    fn turned(&self, rest: Option<Rest>) -> Self {
        Self {
            turn: self.turn.saturating_add(1),
            rest,
            ..Self::default()
        }
    }
}

/// Whether calls that are counted from then on are counted no more.
#[must_use]
pub fn is_over(counted_from: Timestamp, now: Timestamp) -> bool {
    now.duration_since(counted_from) > WINDOW
}

fn rest_of(times: u32) -> SignedDuration {
    let doublings = times.saturating_sub(1).min(10);
    let rest = FIRST_REST.saturating_mul(1 << doublings);
    rest.min(LONGEST_REST)
}

fn later(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
