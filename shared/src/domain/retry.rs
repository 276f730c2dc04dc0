//! When to try again. (replaced by the failure table's author)

use super::failure::{Class, ProviderFailure};
use jiff::SignedDuration;

/// No message is attempted more often than this.
pub const MOST_ATTEMPTS: usize = 5;

/// What follows a proven refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Another attempt after this long.
    After(SignedDuration),
    /// None.
    GiveUp,
}

/// What follows attempt `number` that ended with `failure`.
#[must_use]
pub fn next(number: usize, failure: &ProviderFailure, _seed: &str) -> Retry {
    if number < MOST_ATTEMPTS && matches!(failure.class, Class::Transient | Class::Throttled) {
        Retry::After(SignedDuration::from_secs(1))
    } else {
        Retry::GiveUp
    }
}
