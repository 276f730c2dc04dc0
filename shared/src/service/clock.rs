//! The one place that reads the wall clock. Everything below takes the time as an argument.

use jiff::Timestamp;

/// The time now.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "this is the place that reads the clock"
)]
pub fn now() -> Timestamp {
    Timestamp::now()
}
