//! Waiting for what happens later: looking again in small steps, and failing at a deadline.

use jiff::{SignedDuration, Timestamp};
use std::time::{Duration, Instant};

/// Far longer than anything asynchronous takes on a slow and busy machine: only a failure lasts so long.
const USUAL: Duration = Duration::from_mins(2);

/// Between two looks.
const STEP: Duration = Duration::from_millis(25);

/// The caller's time in so many seconds.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "a caller has a clock of its own")]
pub fn in_seconds(seconds: i64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_secs(seconds)
}

/// What `look` finds; a failure, named by `what`, if it has found nothing within two minutes.
#[track_caller]
pub fn eventually<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> impl Future<Output = T> {
    eventually_within(USUAL, what, look)
}

/// What `look` finds within `patience`.
pub async fn eventually_within<T>(
    patience: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < patience, "waited in vain for {what}");
        tokio::time::sleep(STEP).await;
    }
}
