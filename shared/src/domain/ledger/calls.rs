//! Which of a message's attempts count as calls.

use super::CallResult;
use crate::domain::message::Outbound;
use crate::domain::provider_key::MOST_KEYS;

/// So many credentials of a message may give way to others.
const MOST_GIVING_WAY: usize = MOST_KEYS;

/// Whether the message goes on with another credential at once, and keeps all its tries. A message with so many refused
/// ones is not to grow for ever.
pub(super) fn goes_on(message: &Outbound, result: &CallResult) -> bool {
    matches!(result, CallResult::GaveWay(_)) && may_go_on(message)
}

/// Whether the message waits for another credential: its sender stands still until somebody puts one in, and those that were
/// under way when the last one was refused are no worse than those behind them.
pub(super) fn waits_for_credential(message: &Outbound, result: &CallResult) -> bool {
    matches!(result, CallResult::LastRefused(_)) && may_go_on(message)
}

fn may_go_on(message: &Outbound) -> bool {
    let refused = message.attempts.iter();
    let refused = refused.filter(|it| it.was_credential_refused());
    refused.count() <= MOST_GIVING_WAY
}

/// How many calls were made, or may have been.
pub(super) fn calls(message: &Outbound) -> usize {
    let attempts = message.attempts.iter();
    attempts.filter(|attempt| attempt.is_call()).count()
}
