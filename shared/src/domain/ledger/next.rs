//! What comes after a call that did not succeed: another attempt, of the same sender or of the next one of its route, or the
//! end. What was decided, and why, stands beside the attempt.

use super::calls::{calls, goes_on, waits_for_credential};
use super::{CallResult, fail, lose_sight};
use crate::domain::failure::Class;
use crate::domain::identity::SenderId;
use crate::domain::message::{Attempt, Decision, Outbound, Outcome, Then};
use crate::domain::retry::{self, Retry};
use crate::domain::route::{Onward, Turn};
use crate::domain::state::State;
use jiff::Timestamp;
use std::time::Duration;

/// A proven refusal: another attempt, with another credential, of the same sender or of another, if that may help; or the
/// end.
pub(super) fn after_refusal(
    message: &mut Outbound,
    result: &CallResult,
    onward: Option<&Onward>,
    now: Timestamp,
) {
    if goes_on(message, result) {
        let why = "the provider refused the credential, and there is another one";
        return at_once(message, why);
    }
    if let Some(onward) = onward.filter(|onward| is_tried_enough(message, onward, now)) {
        fail(message, now);
        let seconds = onward.try_for.as_secs();
        let why = format!("it was tried for the {seconds} s that its route says");
        return decide(message, Then::GiveUp, None, why);
    }
    if pass_on(message, onward, now) {
        return;
    }
    let here = u32::try_from(calls_here(message)).unwrap_or(u32::MAX);
    let failure = message.failure();
    let again = failure.map_or(Retry::GiveUp, |failure| {
        retry::next(here, failure, seed(message))
    });
    let reason = match (failure.map(|failure| failure.class), again) {
        (_, Retry::After(wait)) => {
            wait_for(message, wait, now);
            let why = "it was not accepted, and that may pass".to_owned();
            return decide(message, Then::TryAgain, None, join(why, onward));
        }
        (Some(Class::Transient | Class::Throttled), Retry::GiveUp) => {
            format!("it was not accepted, {here} times")
        }
        (_, Retry::GiveUp) if waits_for_credential(message, result) => {
            let why = "the provider refused the credential: it waits until a good one is put in";
            return at_once(message, &join(why.to_owned(), onward));
        }
        (_, Retry::GiveUp) => "the same would be refused again".to_owned(),
    };
    fail(message, now);
    decide(message, Then::GiveUp, None, join(reason, onward));
}

/// No answer: held, unless whoever sends it prefers twice to never. Then the next sender of the route takes over.
pub(super) fn after_silence(message: &mut Outbound, onward: Option<&Onward>, now: Timestamp) {
    lose_sight(message, now);
    if message.state == State::Unknown {
        let why = "nobody knows whether it was accepted: sent again, it might arrive twice";
        decide(message, Then::Hold, None, why.to_owned());
    } else if !pass_on(message, onward, now) {
        let why = "nobody knows whether it was accepted, and `on_unknown` allows another attempt";
        decide(message, Then::TryAgain, None, join(why.to_owned(), onward));
    }
}

/// It is sent again, and waits for nothing.
pub(super) fn at_once(message: &mut Outbound, why: &str) {
    message.not_before = None;
    on_its_turn(message, why);
}

/// It is sent again as if it had not been its turn.
pub(super) fn on_its_turn(message: &mut Outbound, why: &str) {
    message.state = State::Queued;
    decide(message, Then::TryAgain, None, why.to_owned());
}

/// A proven refusal that came when its job had given it up as unknown, and may have finished.
pub(super) fn after_its_job(message: &mut Outbound, now: Timestamp) {
    fail(message, now);
    let why = "it was not accepted, and that was known too late for its job";
    decide(message, Then::GiveUp, None, why.to_owned());
}

/// Lets the next sender of the route take over, if there is one.
fn pass_on(message: &mut Outbound, onward: Option<&Onward>, now: Timestamp) -> bool {
    let Some(Turn::Next(leg, before)) = onward.map(|onward| &onward.turn) else {
        return false;
    };
    let Some(failure) = message.failure() else {
        return false;
    };
    let why = match failure.class {
        Class::Ambiguous => {
            "nobody knows whether it was accepted, and `on_unknown` allows another attempt"
        }
        _ => "it was not accepted",
    };
    // A sender that was not asked yet is not to blame; but it may not be ready, and then the one at hand is asked again.
    let here = u32::try_from(calls_here(message).saturating_sub(1)).unwrap_or(u32::MAX);
    let wait = match here.max(*before) {
        0 => Duration::ZERO,
        before => retry::wait(before, seed(message)),
    };
    wait_for(message, wait, now);
    decide(message, Then::FailOver, Some(&leg.sender), why.to_owned());
    message.leave_from(leg);
    true
}

fn wait_for(message: &mut Outbound, wait: Duration, now: Timestamp) {
    message.state = State::Queued;
    let until = now.saturating_add(wait).unwrap_or(Timestamp::MAX);
    message.not_before = (!wait.is_zero()).then_some(until);
}

/// From its first failure on a message over a route is tried for as long as the route says: anew, once somebody has asked
/// for another attempt of what was over. To wait for a credential is not to try.
fn is_tried_enough(message: &Outbound, onward: &Onward, now: Timestamp) -> bool {
    let was_over = |attempt: &Attempt| {
        let decision = attempt.decision.as_ref();
        decision.is_some_and(|it| matches!(it.then, Then::GiveUp | Then::Hold))
    };
    let (_, earlier) = message.attempts.split_last().unzip();
    let over = earlier.and_then(|earlier| earlier.iter().rposition(was_over));
    let mut since = message
        .attempts
        .iter()
        .skip(over.map_or(0, |place| place + 1));
    let first =
        since.find(|attempt| attempt.failure.is_some() && !attempt.was_credential_refused());
    first.is_some_and(|first| now.duration_since(first.started_at) >= onward.try_for)
}

fn decide(message: &mut Outbound, then: Then, sender: Option<&SenderId>, why: String) {
    if let Some(attempt) = message.attempts.last_mut() {
        attempt.decision = Some(Decision {
            then,
            sender: sender.cloned(),
            why,
        });
    }
}

/// What was decided about a call that the provider has spoken of since, says nothing any more: it took the message.
pub(super) fn forget_overtaken(message: &mut Outbound) {
    let overtaken = |attempt: &&mut Attempt| {
        let failed = attempt.failure.is_some() || attempt.outcome == Some(Outcome::NotStarted);
        attempt.decision.is_some() && (attempt.provider_id.is_some() || !failed)
    };
    for attempt in message.attempts.iter_mut().filter(overtaken) {
        attempt.decision = None;
    }
}

/// With why no other sender takes over, where there is a route.
fn join(why: String, onward: Option<&Onward>) -> String {
    match onward.map(|onward| &onward.turn) {
        Some(Turn::Stay(reason)) => format!("{why}; {reason}"),
        Some(Turn::Next(..)) | None => why,
    }
}

/// How many calls were made, or may have been, at the sender that it left from last.
fn calls_here(message: &Outbound) -> usize {
    let newest = message.attempts.last();
    let Some(leg) = newest.and_then(|attempt| attempt.leg.as_ref()) else {
        return calls(message);
    };
    let here = |attempt: &&Attempt| attempt.leg.as_ref() == Some(leg) && attempt.is_call();
    message.attempts.iter().filter(here).count()
}

/// Spreads messages that failed together: their ids differ.
fn seed(message: &Outbound) -> u64 {
    message.id.as_str().bytes().fold(0, |seed, byte| {
        seed.wrapping_mul(31).wrapping_add(byte.into())
    })
}
