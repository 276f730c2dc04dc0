//! The ledger's rules: what may happen to an outbound message, and what it is afterwards.
//!
//! [`claimable`] says when a message may be claimed; [`apply`] is the one place where its state changes. Both are
//! plain functions: `store` writes what they decide, under the condition that nothing else was written meanwhile.

use super::failure::ProviderFailure;
use super::identity::{Identity, Wamid};
use super::message::{Attempt, Lane, OnUnknown, Outbound, Outcome, Price};
use super::retry::{self, Retry};
use super::state::{OfAttempt, State, Status, advance};
use super::webhook::{Person, StatusUpdate};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

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
    /// The provider took the message.
    Accepted {
        /// Its name for the message.
        provider_id: Wamid,
        /// Its names for the person.
        recipient: Person,
    },
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
            // A lost attempt that was to be repeated may have been sent.
            if message.attempts.iter().any(is_unanswered) {
                next.state = State::Unknown;
            } else {
                next.state = State::Expired;
                next.times.ended = Some(now);
            }
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
    // Queued: its lease had run out and its sender prefers twice to never, but the outcome came first.
    let undecided = matches!(
        message.state,
        State::Queued | State::Sending | State::Unknown
    );
    if let CallResult::Accepted {
        provider_id,
        recipient,
    } = result
    {
        name_newest(message, provider_id);
        name_person(message, recipient);
    }
    let Some(attempt) = message.attempts.last_mut() else {
        return;
    };
    match result {
        CallResult::Accepted { .. } => {
            attempt.outcome = Some(Outcome::Accepted);
            message.times.accepted.get_or_insert(now);
            if undecided {
                message.state = State::Accepted;
            }
        }
        CallResult::Refused(failure) => {
            attempt.outcome = Some(Outcome::Refused);
            attempt.failure = Some(failure.clone());
            // A job does not wait for its unknown recipients: one that turns out refused may not be open again.
            let given_up = message.lane == Lane::Bulk && message.state == State::Unknown;
            if given_up {
                fail(message, now);
            } else if undecided {
                after_refusal(message, now);
            }
        }
        CallResult::Ambiguous(failure) => {
            attempt.outcome = Some(Outcome::Ambiguous);
            // A status has told more about the attempt than a missing answer does.
            if attempt.provider_id.is_none() {
                attempt.failure = Some(failure.clone());
            }
            if message.state == State::Sending {
                lose_sight(message);
            }
        }
    }
}

/// A proven refusal: another attempt later, if its class allows one, or the end.
fn after_refusal(message: &mut Outbound, now: Timestamp) {
    let calls = u32::try_from(calls(message)).unwrap_or(u32::MAX);
    let again = message
        .failure()
        .map(|failure| retry::next(calls, failure, seed(message)));
    match again {
        Some(Retry::After(wait)) => {
            message.state = State::Queued;
            message.not_before = Some(now.saturating_add(wait).unwrap_or(Timestamp::MAX));
        }
        Some(Retry::GiveUp) | None => fail(message, now),
    }
}

fn fail(message: &mut Outbound, now: Timestamp) {
    message.state = State::Failed;
    message.times.ended = Some(now);
}

/// How many calls were made, or may have been: what was given back does not count.
fn calls(message: &Outbound) -> usize {
    let made = |attempt: &&Attempt| attempt.outcome != Some(Outcome::NotStarted);
    message.attempts.iter().filter(made).count()
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
        OnUnknown::Retry if calls(message) < MOST_ATTEMPTS => State::Queued,
        OnUnknown::Retry | OnUnknown::Hold => State::Unknown,
    };
}

/// Takes in a provider's report. `None` if it is about no attempt of this message.
fn take_status(message: &mut Outbound, update: &StatusUpdate) -> Option<()> {
    let place = attempt_of(message, &update.wamid).or_else(|| lend_name(message, &update.wamid))?;
    name_person(message, &update.recipient);
    let of = which(message, place);
    if let Some(failure) = &update.failure {
        let attempt = message.attempts.get_mut(place)?;
        if attempt
            .failure
            .as_ref()
            .is_none_or(|known| order(failure) < order(known))
        {
            attempt.failure = Some(failure.clone());
        }
    }
    if let Some(pricing) = &update.pricing {
        take_price(message, update.status, pricing);
    }
    if of == OfAttempt::Latest || update.status.state() != State::Failed {
        message.times.note(update.status, update.at);
    }
    if let Some(state) = advance(message.state, update.status, of) {
        message.state = state;
    }
    Some(())
}

/// Keeps the provider's name for the person, if it is another than ours. Of two the lesser stays, a phone before a user
/// id, so that any order ends alike.
fn name_person(message: &mut Outbound, told: &Person) {
    let told = told.identity_beside(&message.to);
    let names = message.known_as.take().into_iter().chain(told);
    message.known_as = names.min_by_key(Identity::canonical);
}

/// The later status tells the price better. Of two prices told by the same status one wins, whichever came first.
fn take_price(message: &mut Outbound, told_by: Status, pricing: &Value) {
    let known = message.price.as_ref();
    if known.is_none_or(|price| {
        (price.told_by, price.pricing.to_string()) < (told_by, pricing.to_string())
    }) {
        message.price = Some(Price {
            told_by,
            pricing: pricing.clone(),
        });
    }
}

/// Of two reasons for the same failure one wins, whichever came first.
fn order(failure: &ProviderFailure) -> impl Ord + '_ {
    let ProviderFailure {
        code,
        subcode,
        message,
        trace_id,
        retry_after_s,
        ..
    } = failure;
    (code, subcode, message, trace_id, retry_after_s)
}

/// The attempt with this provider id.
fn attempt_of(message: &Outbound, wamid: &Wamid) -> Option<usize> {
    let named = |attempt: &Attempt| attempt.provider_id.as_ref() == Some(wamid);
    message.attempts.iter().position(named)
}

/// Whether the attempt may have been accepted, and no answer has told its provider id.
const fn is_unanswered(attempt: &Attempt) -> bool {
    matches!(attempt.outcome, None | Some(Outcome::Ambiguous))
}

/// Whether a status belongs to the newest attempt. Nobody can tell unanswered ones apart.
fn which(message: &Outbound, place: usize) -> OfAttempt {
    let attempts = &message.attempts;
    let unanswered = |attempt: Option<&Attempt>| attempt.is_some_and(is_unanswered);
    if place + 1 == attempts.len()
        || (unanswered(attempts.get(place)) && unanswered(attempts.last()))
    {
        OfAttempt::Latest
    } else {
        OfAttempt::Earlier
    }
}

/// Gives an unseen provider id to the newest unanswered attempt that has none. Among several such attempts the ids
/// then stand in their own order, so that the order in which they came leaves no trace.
fn lend_name(message: &mut Outbound, wamid: &Wamid) -> Option<usize> {
    let free = |attempt: &Attempt| attempt.provider_id.is_none() && is_unanswered(attempt);
    let place = message.attempts.iter().rposition(free)?;
    let attempt = message.attempts.get_mut(place)?;
    attempt.provider_id = Some(wamid.clone());
    // That nobody knew whether it was accepted is settled.
    attempt.failure = None;
    let lent = |attempt: &&mut Attempt| attempt.provider_id.is_some() && is_unanswered(attempt);
    let mut lent: Vec<&mut Attempt> = message.attempts.iter_mut().filter(lent).collect();
    let mut names: Vec<_> = lent
        .iter_mut()
        .map(|attempt| (attempt.provider_id.take(), attempt.failure.take()))
        .collect();
    names.sort_by(|one, other| one.0.cmp(&other.0));
    for (attempt, (provider_id, failure)) in lent.into_iter().zip(names) {
        attempt.provider_id = provider_id;
        attempt.failure = failure;
    }
    attempt_of(message, wamid)
}

/// The answer names the newest attempt for certain. The name a status had lent it goes to the attempt that had this
/// one, or to an earlier one without.
fn name_newest(message: &mut Outbound, wamid: &Wamid) {
    let holder = attempt_of(message, wamid);
    let Some((newest, earlier)) = message.attempts.split_last_mut() else {
        return;
    };
    if newest.provider_id.as_ref() == Some(wamid) {
        return;
    }
    let free = |attempt: &Attempt| attempt.provider_id.is_none() && is_unanswered(attempt);
    let heir = holder.or_else(|| {
        let lent = newest.provider_id.as_ref();
        lent.and_then(|_| earlier.iter().rposition(free))
    });
    if let Some(heir) = heir.and_then(|place| earlier.get_mut(place)) {
        std::mem::swap(&mut newest.failure, &mut heir.failure);
        heir.provider_id = newest.provider_id.take();
    }
    if holder.is_none() {
        newest.failure = None;
    }
    newest.provider_id = Some(wamid.clone());
}

#[cfg(test)]
pub(crate) mod tests;
