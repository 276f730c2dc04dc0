//! The ledger's rules: what may happen to an outbound message, and what it is afterwards.
//!
//! [`claimable`] says when a message may be claimed; [`apply`] is the one place where its state changes. Both are
//! plain functions: `store` writes what they decide, under the condition that nothing else was written meanwhile.

use super::failure::ProviderFailure;
use super::identity::Wamid;
use super::message::{Attempt, OfAttempt, OnUnknown, Outbound, Outcome, Price, State, advance};
use super::retry::{self, Retry};
use super::webhook::StatusUpdate;
use jiff::{SignedDuration, Timestamp};

/// How long a claim holds: longer than any call lasts.
pub const LEASE: SignedDuration = SignedDuration::from_secs(30);

/// How long after its claim a call may still begin; after that the message is given back.
pub const START_WITHIN: SignedDuration = SignedDuration::from_secs(2);

/// No message is attempted more often than this by itself.
const MOST_ATTEMPTS: usize = retry::MAX_ATTEMPTS as usize;

/// Something that happened to a message.
#[derive(Debug, Clone)]
pub enum Event<'a> {
    /// The call made under the claim `token` ended.
    CallEnded {
        /// Names the claim.
        token: &'a str,
        /// How it ended.
        result: CallResult,
        /// How long it took.
        duration_ms: u32,
        /// The alias of the credential it was made with.
        credential: Option<String>,
    },
    /// The claim `token` was given back before a call began.
    GivenBack {
        /// Names the claim.
        token: &'a str,
    },
    /// Someone looked and the lease had run out.
    LeaseRanOut,
    /// Someone looked and the time to send it had passed.
    TimePassed,
    /// The provider reported something.
    StatusCame(&'a StatusUpdate),
}

/// How a call to a provider ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallResult {
    /// The provider took the message and named it.
    Accepted(Wamid),
    /// It provably did not.
    Refused(ProviderFailure),
    /// Nobody knows.
    Ambiguous(ProviderFailure),
}

/// Whether a worker may claim the message now. The store's claim carries the same conditions.
#[must_use]
pub fn claimable(message: &Outbound, now: Timestamp) -> bool {
    message.state == State::Queued
        && message.not_before.is_none_or(|time| time <= now)
        && message.expires_at.is_none_or(|time| now < time)
}

/// The message after `event`, or `None` if it changes nothing.
#[must_use]
pub fn apply(message: &Outbound, event: &Event<'_>, now: Timestamp) -> Option<Outbound> {
    let mut next = message.clone();
    match event {
        Event::CallEnded {
            token,
            result,
            duration_ms,
            credential,
        } => {
            let attempt = claimed_attempt(&mut next, token)?;
            if attempt.outcome.is_some() {
                return None;
            }
            attempt.duration_ms = Some(*duration_ms);
            attempt.credential.clone_from(credential);
            end_call(&mut next, result, now);
        }
        Event::GivenBack { token } => {
            let attempt = claimed_attempt(&mut next, token)?;
            if message.state != State::Sending {
                return None;
            }
            attempt.outcome = Some(Outcome::NotStarted);
            next.state = State::Queued;
        }
        Event::LeaseRanOut => {
            let lease_until = message.claim.as_ref()?.lease_until;
            if message.state != State::Sending || now < lease_until {
                return None;
            }
            lose_sight(&mut next);
        }
        Event::TimePassed => {
            let passed = message.expires_at.is_some_and(|time| time <= now);
            if message.state != State::Queued || !passed {
                return None;
            }
            next.state = State::Expired;
            next.times.ended = Some(now);
        }
        Event::StatusCame(update) => take_status(&mut next, update)?,
    }
    if next == *message {
        return None;
    }
    next.rev += 1;
    Some(next)
}

/// The newest attempt, if it is the one made under this claim.
fn claimed_attempt<'a>(message: &'a mut Outbound, token: &str) -> Option<&'a mut Attempt> {
    message
        .claim
        .as_ref()
        .filter(|claim| claim.token == token)?;
    message.attempts.last_mut()
}

/// Writes a call's outcome. A status may have overtaken it: then only the attempt learns of it.
fn end_call(message: &mut Outbound, result: &CallResult, now: Timestamp) {
    let number = message.attempts.len();
    let undecided = matches!(message.state, State::Sending | State::Unknown);
    let Some(attempt) = message.attempts.last_mut() else {
        return;
    };
    match result {
        CallResult::Accepted(provider_id) => {
            attempt.outcome = Some(Outcome::Accepted);
            attempt
                .provider_id
                .get_or_insert_with(|| provider_id.clone());
            message.times.accepted.get_or_insert(now);
            if undecided {
                message.state = State::Accepted;
            }
        }
        CallResult::Refused(failure) => {
            attempt.outcome = Some(Outcome::Refused);
            attempt.failure = Some(failure.clone());
            if undecided {
                after_refusal(message, number, now);
            }
        }
        CallResult::Ambiguous(failure) => {
            attempt.outcome = Some(Outcome::Ambiguous);
            attempt.failure = Some(failure.clone());
            if message.state == State::Sending {
                lose_sight(message);
            }
        }
    }
}

/// A proven refusal: another attempt later, if its class allows one, or the end.
fn after_refusal(message: &mut Outbound, number: usize, now: Timestamp) {
    let number = u32::try_from(number).unwrap_or(u32::MAX);
    let again = message
        .failure()
        .map(|failure| retry::next(number, failure, seed(message)));
    match again {
        Some(Retry::After(wait)) => {
            message.state = State::Queued;
            message.not_before = Some(now.saturating_add(wait).unwrap_or(Timestamp::MAX));
        }
        Some(Retry::GiveUp) | None => {
            message.state = State::Failed;
            message.times.ended = Some(now);
        }
    }
}

/// Spreads messages that failed together: their ids differ.
fn seed(message: &Outbound) -> u64 {
    message.id.as_str().bytes().fold(0, |seed, byte| {
        seed.wrapping_mul(31).wrapping_add(byte.into())
    })
}

/// Nobody knows whether it was sent: held for a status or an operator, unless its sender prefers twice to never.
fn lose_sight(message: &mut Outbound) {
    message.state = match message.on_unknown {
        OnUnknown::Retry if message.attempts.len() < MOST_ATTEMPTS => State::Queued,
        OnUnknown::Retry | OnUnknown::Hold | OnUnknown::Wait => State::Unknown,
    };
}

/// Takes in a provider's report. `None` if it is about no attempt of this message.
fn take_status(message: &mut Outbound, update: &StatusUpdate) -> Option<()> {
    let place = attempt_of(message, &update.wamid)?;
    let of = if place + 1 == message.attempts.len() {
        OfAttempt::Latest
    } else {
        OfAttempt::Earlier
    };
    let attempt = message.attempts.get_mut(place)?;
    attempt
        .provider_id
        .get_or_insert_with(|| update.wamid.clone());
    if let Some(failure) = &update.failure {
        attempt.failure.get_or_insert_with(|| failure.clone());
    }
    if let Some(pricing) = &update.pricing
        && message
            .price
            .as_ref()
            .is_none_or(|price| price.told_by < update.status)
    {
        message.price = Some(Price {
            told_by: update.status,
            pricing: pricing.clone(),
        });
    }
    if of == OfAttempt::Latest || update.status.state() != State::Failed {
        message.times.note(update.status, update.at);
    }
    if let Some(state) = advance(message.state, update.status, of) {
        message.state = state;
    }
    Some(())
}

/// A status belongs to the attempt with its provider id; one with an unseen id to the newest attempt that has none
/// and may have been accepted.
fn attempt_of(message: &Outbound, wamid: &Wamid) -> Option<usize> {
    let named = |attempt: &Attempt| attempt.provider_id.as_ref() == Some(wamid);
    let may_be = |attempt: &Attempt| {
        attempt.provider_id.is_none()
            && !matches!(
                attempt.outcome,
                Some(Outcome::Refused | Outcome::NotStarted)
            )
    };
    let attempts = &message.attempts;
    attempts
        .iter()
        .position(named)
        .or_else(|| attempts.iter().rposition(may_be))
}

#[cfg(test)]
mod tests;
