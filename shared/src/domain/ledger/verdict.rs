//! What an operator decides where no fact is known, and how it gives way to facts.

use super::{CallResult, reopen};
use crate::domain::failure::{Class, ProviderFailure};
use crate::domain::message::Outbound;
use crate::domain::settlement::{Settlement, Verdict};
use crate::domain::state::State;
use jiff::Timestamp;

/// Why it is sent again.
const ASKED_FOR: &str = "an operator asked for another attempt";

/// Settles a message that is `unknown`. `None` if it is not, or if it would be sent after its time.
pub(super) fn settle(
    message: &mut Outbound,
    settlement: &Settlement,
    now: Timestamp,
) -> Option<()> {
    if message.state != State::Unknown {
        return None;
    }
    match settlement.verdict {
        // When it was sent, a status may tell; the verdict has a time of its own.
        Verdict::Sent => message.state = State::Sent,
        Verdict::Failed => {
            message.state = State::Failed;
            message.times.ended = Some(now);
        }
        Verdict::Retry => reopen(message, ASKED_FOR, now)?,
    }
    let attempt = message.attempts.last_mut()?;
    if settlement.verdict == Verdict::Failed {
        attempt.failure = Some(by_hand());
    }
    attempt.settlement = Some(settlement.clone());
    Some(())
}

fn by_hand() -> ProviderFailure {
    ProviderFailure::without_code(
        Class::Permanent,
        "an operator settled it as failed",
        "send it as a new message if it is still wanted",
    )
}

/// The verdict by which the message stands as it does, if it does so by a verdict.
pub(super) fn standing(message: &Outbound) -> Option<Verdict> {
    let settlement = message.attempts.last()?.settlement.as_ref()?;
    let state = match settlement.verdict {
        Verdict::Sent => State::Sent,
        Verdict::Failed => State::Failed,
        Verdict::Retry => return None,
    };
    (message.state == state && !settlement.superseded).then_some(settlement.verdict)
}

/// Whether a call that ended late says otherwise than the operator who could not wait for it.
pub(super) fn is_contradicted(message: &Outbound, result: &CallResult) -> bool {
    match result {
        CallResult::Accepted { .. } => standing(message) == Some(Verdict::Failed),
        CallResult::Refused(_) | CallResult::GaveWay(_) | CallResult::LastRefused(_) => {
            standing(message) == Some(Verdict::Sent)
        }
        CallResult::Ambiguous(_) => false,
    }
}

/// A fact has come: the message is as if nobody had decided, and the fact decides. The verdict stays on record.
pub(super) fn set_aside(message: &mut Outbound) {
    if standing(message) == Some(Verdict::Failed) {
        message.times.ended = None;
        if let Some(attempt) = message.attempts.last_mut() {
            attempt.failure = None;
        }
    }
    message.state = State::Unknown;
    let newest = message.attempts.last_mut();
    if let Some(settlement) = newest.and_then(|attempt| attempt.settlement.as_mut()) {
        settlement.superseded = true;
    }
}
