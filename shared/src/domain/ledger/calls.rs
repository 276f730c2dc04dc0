//! Which of a message's attempts count as calls.

use super::CallResult;
use crate::domain::failure::Class;
use crate::domain::message::{Attempt, Outbound, Outcome};
use crate::domain::provider_key::MOST_KEYS;

/// So many credentials of a message may give way to others.
const MOST_GIVING_WAY: usize = MOST_KEYS;

/// Whether the message goes on with another credential at once, and keeps all its tries. A message with so many refused
/// ones is not to grow for ever.
pub(super) fn goes_on(message: &Outbound, result: &CallResult) -> bool {
    let gave_way = message.attempts.iter().filter(|it| gave_way(it)).count();
    matches!(result, CallResult::GaveWay(_)) && gave_way <= MOST_GIVING_WAY
}

/// Whether an attempt was refused for its credential: no fault of the message's, and it goes on only if there is another.
fn gave_way(attempt: &Attempt) -> bool {
    let failure = attempt.failure.as_ref();
    attempt.outcome == Some(Outcome::Refused)
        && failure.is_some_and(|failure| failure.class == Class::Credential)
}

/// Whether an attempt was a call, or may have been: what was given back does not count, nor what a credential was refused.
pub(super) fn counts(attempt: &Attempt) -> bool {
    attempt.outcome != Some(Outcome::NotStarted) && !gave_way(attempt)
}

/// How many calls were made, or may have been.
pub(super) fn calls(message: &Outbound) -> usize {
    let attempts = message.attempts.iter();
    attempts.filter(|attempt| counts(attempt)).count()
}
