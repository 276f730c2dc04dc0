//! The ledger's rules: what may happen to an outbound message, and what it is afterwards.
//!
//! [`claimable`] says when a message may be claimed; [`apply`] is the one place where its state changes. Both are
//! plain functions: `store` writes what they decide, under the condition that nothing else was written meanwhile.

mod calls;
mod names;
mod next;
mod status;
mod verdict;

use super::failure::ProviderFailure;
use super::identity::Wamid;
use super::message::{Attempt, Lane, OnUnknown, Outbound, Outcome};
use super::retry;
use super::route::Onward;
use super::settlement::Settlement;
use super::state::State;
use super::waiting::{Looked, Waiting};
use super::webhook::{Person, StatusUpdate};
use calls::calls;
use jiff::{SignedDuration, Timestamp};

/// How long a claim holds: longer than any call lasts.
pub const LEASE: SignedDuration = SignedDuration::from_secs(30);

/// How long after its claim a call may still begin; after that the message is given back.
pub const START_WITHIN: SignedDuration = SignedDuration::from_secs(2);

/// No message is attempted more often than this by itself.
const MOST_ATTEMPTS: usize = retry::MAX_ATTEMPTS as usize;

/// Why an unknown message is sent again that has waited for a status.
const NOTHING_HEARD: &str =
    "no status of it came while others did, and `on_unknown` allows another attempt then";

/// Why a message is sent again for which nobody was called.
const NOT_CALLED: &str = "no call was made: its slot had passed, or its sender or job was stopped; it goes in another slot";

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
        /// Who is next if it did not succeed, where the message has a choice of senders.
        onward: Option<&'a Onward>,
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
    /// Its sender took it back.
    Cancelled,
    /// The time to send its job had passed.
    JobExpired,
    /// Somebody asked, at this time, for another attempt of what had failed until then.
    TriedAgain(Timestamp),
    /// The provider reported something.
    StatusCame(&'a StatusUpdate),
    /// Someone looked whether it has waited long enough, and the newest status of the sender's messages was this old.
    WaitLookedAt {
        /// When that status happened.
        newest_status: Option<Timestamp>,
    },
    /// An operator decided what no fact has told.
    Settled(&'a Settlement),
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
    /// It provably did not, because of the credential, and there is another one.
    GaveWay(ProviderFailure),
    /// The same, but there is no other one, and nobody waits for an answer: so it can wait until there is.
    LastRefused(ProviderFailure),
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
            onward,
        } => {
            let attempt = claimed_attempt(&mut next, token)?;
            if attempt.outcome.is_some() {
                return None;
            }
            attempt.duration_ms = Some(*duration_ms);
            attempt.credential.clone_from(credential);
            left(&mut next);
            end_call(&mut next, result, *onward, now);
        }
        Event::GivenBack { token } => give_back(&mut next, token)?,
        Event::LeaseRanOut => run_out(&mut next, now)?,
        Event::TimePassed => {
            let passed = message.expires_at.is_some_and(|time| time <= now);
            passed.then_some(())?;
            end_unsent(&mut next, State::Expired, now)?;
        }
        Event::Cancelled => end_unsent(&mut next, State::Cancelled, now)?,
        Event::JobExpired => end_unsent(&mut next, State::Expired, now)?,
        Event::TriedAgain(asked_at) => try_again(&mut next, *asked_at)?,
        Event::StatusCame(update) => status::take(&mut next, update)?,
        Event::WaitLookedAt { newest_status } => look(&mut next, *newest_status, now)?,
        Event::Settled(settlement) => verdict::settle(&mut next, settlement, now)?,
    }
    if next.state != State::Unknown {
        next.waiting = None;
    }
    next::forget_overtaken(&mut next);
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
fn end_call(message: &mut Outbound, result: &CallResult, onward: Option<&Onward>, now: Timestamp) {
    if verdict::is_contradicted(message, result) {
        verdict::set_aside(message);
    }
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
        names::name_newest(message, provider_id);
        names::name_person(message, recipient);
    }
    let Some(attempt) = message.attempts.last_mut() else {
        return;
    };
    match result {
        CallResult::Accepted { .. } => {
            attempt.outcome = Some(Outcome::Accepted);
            message.times.accepted.get_or_insert(now);
            // What has failed is an earlier attempt: its status came under a name that this one had been lent.
            let was_mistaken = message.state == State::Failed && attempt.failure.is_none();
            if was_mistaken {
                message.times.ended = None;
            }
            if undecided || was_mistaken {
                message.state = State::Accepted;
            }
        }
        CallResult::Refused(failure)
        | CallResult::GaveWay(failure)
        | CallResult::LastRefused(failure) => {
            attempt.outcome = Some(Outcome::Refused);
            if attempt.provider_id.is_none() {
                attempt.failure = Some(failure.clone());
            }
            // A job does not wait for its unknown recipients: one that turns out refused may not be open again.
            let given_up = message.lane == Lane::Bulk && message.state == State::Unknown;
            if given_up {
                next::after_its_job(message, now);
            } else if undecided {
                next::after_refusal(message, result, onward, now);
            }
        }
        CallResult::Ambiguous(failure) => {
            attempt.outcome = Some(Outcome::Ambiguous);
            // A status has told more about the attempt than a missing answer does.
            if attempt.provider_id.is_none() && attempt.settlement.is_none() {
                attempt.failure = Some(failure.clone());
            }
            if message.state == State::Sending {
                next::after_silence(message, onward, now);
            }
        }
    }
}

fn fail(message: &mut Outbound, now: Timestamp) {
    message.state = State::Failed;
    message.times.ended = Some(now);
}

/// It left from where its newest attempt was made.
fn left(message: &mut Outbound) {
    let newest = message.attempts.last();
    if let Some(leg) = newest.and_then(|attempt| attempt.leg.clone()) {
        message.leave_from(&leg);
    }
}

/// The call provably never began: the message waits for its turn again, also if its lease has run out meanwhile.
fn give_back(message: &mut Outbound, token: &str) -> Option<()> {
    let attempt = claimed_attempt(message, token)?;
    let is_open = attempt.outcome.is_none() && attempt.provider_id.is_none();
    (is_open && attempt.settlement.is_none()).then_some(())?;
    attempt.outcome = Some(Outcome::NotStarted);
    // The worker lives, and has called nobody.
    (attempt.failure, attempt.credential) = (None, None);
    let is_known = !message.attempts.iter().any(Attempt::is_unanswered);
    match message.state {
        State::Sending => next::on_its_turn(message, NOT_CALLED),
        State::Unknown if is_known => queue_again(message, NOT_CALLED),
        _ => {}
    }
    Some(())
}

/// The worker that held it is gone, or nearly so: nobody can know how far it came.
fn run_out(message: &mut Outbound, now: Timestamp) -> Option<()> {
    let lease_until = message.claim.as_ref()?.lease_until;
    if message.state != State::Sending || now < lease_until {
        return None;
    }
    left(message);
    let attempt = message.attempts.last_mut()?;
    attempt.failure = Some(ProviderFailure::worker_died());
    // Over a route the same sender goes on, if anybody does: the message may have arrived there.
    next::after_silence(message, None, now);
    Some(())
}

/// Nobody knows whether it was sent: held for a status or an operator, unless its sender wants another attempt.
fn lose_sight(message: &mut Outbound, now: Timestamp) {
    let may_again = calls(message) < MOST_ATTEMPTS;
    message.state = State::Unknown;
    match message.on_unknown {
        OnUnknown::Retry if may_again => message.state = State::Queued,
        OnUnknown::Wait(minutes) if may_again => {
            message.waiting = Some(Waiting::begin(minutes, now));
        }
        OnUnknown::Hold | OnUnknown::Retry | OnUnknown::Wait(_) => {}
    }
}

/// Opens another attempt of a message that has waited long enough for a status.
fn look(message: &mut Outbound, newest_status: Option<Timestamp>, now: Timestamp) -> Option<()> {
    let (State::Unknown, OnUnknown::Wait(minutes)) = (message.state, message.on_unknown) else {
        return None;
    };
    match message.waiting?.look(minutes, newest_status, now) {
        Looked::TooSoon => return None,
        Looked::Waits(waiting) => message.waiting = Some(waiting),
        Looked::GivenUp => message.waiting = None,
        Looked::LongEnough => {
            message.waiting = None;
            // Past its time it stays as it is.
            let _ = reopen(message, NOTHING_HEARD, now);
        }
    }
    Some(())
}

/// An unknown message is sent again for this reason, unless its time has passed.
fn reopen(message: &mut Outbound, why: &str, now: Timestamp) -> Option<()> {
    if message.expires_at.is_some_and(|time| time <= now) {
        return None;
    }
    queue_again(message, why);
    Some(())
}

/// A recipient goes like a single message then: its job does not wait for what is unknown, and may have finished.
fn queue_again(message: &mut Outbound, why: &str) {
    next::at_once(message, why);
    if message.lane == Lane::Bulk {
        message.lane = Lane::Single;
    }
}

/// It waits no longer. One with a lost attempt that was to be repeated may have been sent, and is not said not to be.
fn end_unsent(message: &mut Outbound, end: State, now: Timestamp) -> Option<()> {
    if message.state != State::Queued {
        return None;
    }
    if message.attempts.iter().any(Attempt::is_unanswered) {
        message.state = State::Unknown;
    } else {
        message.state = end;
        message.times.ended = Some(now);
    }
    Some(())
}

/// Queues a message again that had failed by then for a reason that may pass, and was provably never accepted.
fn try_again(message: &mut Outbound, asked_at: Timestamp) -> Option<()> {
    let failed_before = message.times.ended.is_some_and(|ended| ended <= asked_at);
    let may = may_try_again(&message.attempts);
    if message.state != State::Failed || !failed_before || !may {
        return None;
    }
    message.state = State::Queued;
    message.times.ended = None;
    message.not_before = None;
    if message.job.is_some() {
        // Its job waits for it, also where an operator had sent it like a single message.
        message.lane = Lane::Bulk;
    }
    Some(())
}

/// Whether the newest attempt failed for a reason that may pass, or that went with the sender's pause, and none was
/// accepted.
fn may_try_again(attempts: &[Attempt]) -> bool {
    let failure = attempts.last().and_then(|newest| newest.failure.as_ref());
    never_accepted(attempts) && failure.is_some_and(ProviderFailure::may_pass)
}

/// Whether the provider provably took none of these attempts.
#[must_use]
pub fn never_accepted(attempts: &[Attempt]) -> bool {
    let refused = |attempt: &Attempt| {
        // A status may have told otherwise since.
        attempt.provider_id.is_none()
            && matches!(
                attempt.outcome,
                Some(Outcome::Refused | Outcome::NotStarted)
            )
    };
    attempts.iter().all(refused)
}

/// Whether the provider took the message: it named one of the attempts, in its answer or by a status, or an operator says
/// so in its place. What it took may have failed since.
#[must_use]
pub fn was_taken(state: State, attempts: &[Attempt]) -> bool {
    let is_named = attempts.iter().any(|attempt| attempt.provider_id.is_some());
    let stands_as_taken = matches!(
        state,
        State::Accepted | State::Sent | State::Delivered | State::Read
    );
    is_named || stands_as_taken
}

#[cfg(test)]
pub(crate) mod tests;
