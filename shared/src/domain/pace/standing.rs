//! Whether a sender may send: slowed down and recovering by itself, or paused until somebody looks after it.

use crate::domain::failure::{Class, ProviderFailure};
use crate::domain::retry::PAIR_LIMIT;
use jiff::fmt::serde::timestamp::millisecond;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The whole rate, in thousandths.
const FULL: u16 = 1_000;

/// What is left of it at least.
const LEAST: u16 = 50;

/// A sender that was stopped entirely would have its whole rate again after this long.
const RECOVERY: SignedDuration = SignedDuration::from_mins(1);

/// Refusals closer together than this are one.
const TOGETHER: SignedDuration = SignedDuration::from_secs(1);

/// That the provider asked a sender to slow down. It is faster again with the time, and nothing is written for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slowed {
    /// When it last did.
    #[serde(with = "millisecond::required")]
    pub at: Timestamp,
    /// What was left of the rate then, in thousandths.
    pub permille: u16,
}

impl Slowed {
    /// What is left of the rate of a sender that was slowed as `last` says, in thousandths.
    #[must_use]
    pub fn left(last: Option<&Self>, now: Timestamp) -> u16 {
        last.map_or(FULL, |slowed| {
            let passed = now.duration_since(slowed.at).as_millis().max(0);
            let regained = passed * i128::from(FULL) / RECOVERY.as_millis();
            let left = i128::from(slowed.permille) + regained;
            u16::try_from(left).unwrap_or(FULL).min(FULL)
        })
    }

    /// How long it takes from `now` on until all of it is back, if the provider does not ask again.
    #[must_use]
    pub fn recovers_in(last: Option<&Self>, now: Timestamp) -> SignedDuration {
        let missing = FULL - Self::left(last, now);
        RECOVERY * i32::from(missing) / i32::from(FULL)
    }

    /// The provider asks again: half of what is left. `None` if that was just done, whoever met it.
    #[must_use]
    pub fn again(last: Option<&Self>, now: Timestamp) -> Option<Self> {
        if last.is_some_and(|slowed| now.duration_since(slowed.at) < TOGETHER) {
            return None;
        }
        let permille = (Self::left(last, now) / 2).max(LEAST);
        Some(Self { at: now, permille })
    }

    /// Whether a slot that has been held since `since` is used: of those given away before the provider asked, only as
    /// large a part as is left of the rate. Which of them is left to `chance`.
    #[must_use]
    pub fn lets(last: Option<&Self>, since: Timestamp, now: Timestamp, chance: u128) -> bool {
        let is_older = last.is_some_and(|slowed| since < slowed.at);
        !is_older || chance % u128::from(FULL) < u128::from(Self::left(last, now))
    }

    /// A rate of which that is left.
    #[must_use]
    pub fn rate(last: Option<&Self>, messages_per_second: u32, now: Timestamp) -> u32 {
        let left = u64::from(messages_per_second) * u64::from(Self::left(last, now));
        u32::try_from(left / u64::from(FULL)).map_or(messages_per_second, |rate| rate.max(1))
    }
}

/// Why nothing leaves a sender, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// When it was paused.
    #[serde(with = "millisecond::required")]
    pub since: Timestamp,
    /// The provider's code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    /// What is wrong, in plain words.
    pub reason: String,
    /// What to do about it before it is resumed.
    pub remedy: String,
    /// Whose standing it is.
    #[serde(default)]
    pub cause: PauseCause,
}

/// Whose standing pauses a sender.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseCause {
    /// The provider's: it refused what the sender sent.
    #[default]
    Provider,
    /// Its account's: that is not active. The sender goes on with the account, and not before.
    Account,
}

/// What a refused message means for the sender it left from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Consequence {
    /// Nothing.
    Nothing,
    /// It is too fast.
    SlowDown,
    /// Whatever else it sends would be refused, too, or make things worse.
    Pause(Pause),
}

/// What `failure`, met at `now`, means for the sender.
#[must_use]
pub fn consequence(failure: &ProviderFailure, now: Timestamp) -> Consequence {
    if failure.stops_the_sender() {
        return Consequence::Pause(Pause {
            since: now,
            code: failure.code,
            reason: failure.message.clone(),
            remedy: failure.remedy.clone(),
            cause: PauseCause::Provider,
        });
    }
    if failure.class == Class::Throttled && failure.code != Some(PAIR_LIMIT) {
        return Consequence::SlowDown;
    }
    Consequence::Nothing
}
