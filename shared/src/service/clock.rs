//! The one place that reads the wall clock. Everything below takes the time as an argument.

use jiff::Timestamp;

/// The time now, in whole milliseconds: what is written down reads back the same.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "this is the place that reads the clock"
)]
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}
