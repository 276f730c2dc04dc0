//! When a message that was provably not accepted is tried again, and when we give up.

use super::failure::{Class, ProviderFailure};
use std::time::Duration;

/// How often a message is tried by itself, the first time included.
pub const MAX_ATTEMPTS: u32 = 5;

/// Who asks us to wait longer is not believed: a message must not hang for a day because of one header.
const LONGEST_ASKED: Duration = Duration::from_hours(1);

/// Meta's pair limit, whose waiting time Meta prescribes.
pub(super) const PAIR_LIMIT: i64 = 131_056;

/// What follows a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Try again after this time.
    After(Duration),
    /// The failure is final.
    GiveUp,
}

/// What follows attempt number `attempt` (counted from 1), which ended with `failure`.
///
/// `seed` spreads the messages that failed together over up to a quarter of the waiting time; the same seed always
/// gives the same answer. What the provider asks for is the least we wait, up to an hour.
#[must_use]
pub fn next(attempt: u32, failure: &ProviderFailure, seed: u64) -> Retry {
    if attempt >= MAX_ATTEMPTS || !failure.is_retryable() {
        return Retry::GiveUp;
    }
    let asked = Duration::from_secs(failure.retry_after_s.unwrap_or(0).into()).min(LONGEST_ASKED);
    let wait = waiting_time(attempt.max(1), failure).max(asked);
    Retry::After(wait + spread(wait, seed))
}

/// How long a provider is left alone that was called so often for the message already, and failed.
#[must_use]
pub fn wait(attempt: u32, seed: u64) -> Duration {
    let wait = Duration::from_secs(transient(attempt));
    wait + spread(wait, seed)
}

const fn transient(attempt: u32) -> u64 {
    match attempt {
        1 => 1,
        2 => 5,
        3 => 30,
        _ => 120,
    }
}

fn waiting_time(attempt: u32, failure: &ProviderFailure) -> Duration {
    let seconds = match failure.class {
        Class::Throttled if failure.code == Some(PAIR_LIMIT) => 4_u64.saturating_pow(attempt),
        Class::Throttled => 2_u64.saturating_pow(attempt - 1),
        Class::Transient => transient(attempt),
        // Never retried: `next` has given up on them.
        Class::Credential
        | Class::Recipient
        | Class::Template
        | Class::Policy
        | Class::Permanent
        | Class::Ambiguous => 0,
    };
    Duration::from_secs(seconds)
}

fn spread(wait: Duration, seed: u64) -> Duration {
    // Multiplying by an odd constant mixes seeds that differ in few bits; the top bits are the mixed ones.
    let mixed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 54;
    let quarter = u64::try_from(wait.as_millis() / 4).unwrap_or(u64::MAX);
    // In whole milliseconds, as times are written down.
    Duration::from_millis(quarter / 1024 * mixed + quarter % 1024 * mixed / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(failure: &ProviderFailure) -> Vec<Retry> {
        (1..=MAX_ATTEMPTS)
            .map(|attempt| next(attempt, failure, 0))
            .collect()
    }

    fn after(seconds: &[u64]) -> Vec<Retry> {
        let mut waits: Vec<Retry> = seconds
            .iter()
            .map(|seconds| Retry::After(Duration::from_secs(*seconds)))
            .collect();
        waits.push(Retry::GiveUp);
        waits
    }

    #[test]
    fn each_class_waits_its_own_time_and_gives_up_after_five_attempts() {
        let transient = ProviderFailure::unreachable("refused");
        assert_eq!(waits(&transient), after(&[1, 5, 30, 120]));
        let throttled = ProviderFailure::from_meta(130_429, &[]);
        assert_eq!(waits(&throttled), after(&[1, 2, 4, 8]));
        let pair = ProviderFailure::from_meta(131_056, &[]);
        assert_eq!(waits(&pair), after(&[4, 16, 64, 256]));
    }

    #[test]
    fn what_may_have_been_accepted_is_never_tried_again() {
        for code in [1, 131_000, 190, 131_026, 132_000, 131_047, 100] {
            let failure = ProviderFailure::from_meta(code, &[]);
            assert_eq!(next(1, &failure, 7), Retry::GiveUp, "{code}");
        }
    }

    #[test]
    fn the_provider_is_never_tried_before_it_asked() {
        let mut failure = ProviderFailure::from_meta(130_429, &[]);
        failure.retry_after_s = Some(61);
        assert_eq!(next(1, &failure, 0), Retry::After(Duration::from_secs(61)));
        failure.retry_after_s = Some(u32::MAX);
        assert_eq!(
            next(1, &failure, 0),
            Retry::After(Duration::from_hours(1)),
            "nor is it believed that it takes a century"
        );
    }

    #[test]
    fn messages_that_failed_together_are_spread_over_a_quarter_of_the_time() {
        let failure = ProviderFailure::from_meta(131_056, &[]);
        let (least, most) = (Duration::from_secs(64), Duration::from_secs(80));
        let mut distinct = std::collections::HashSet::new();
        for seed in 0..100 {
            if let Retry::After(wait) = next(3, &failure, seed) {
                assert!((least..most).contains(&wait), "{wait:?}");
                distinct.insert(wait);
            }
        }
        assert!(distinct.len() > 50);
    }
}
