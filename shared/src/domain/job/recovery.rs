//! How a job gets faster by itself whose sender was slowed down.

use super::super::reckoning::{float, whole};
use jiff::SignedDuration;

/// A rate that grows steadily from one to another, and stays there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recovery {
    from: f64,
    to: f64,
    takes_s: f64,
}

impl Recovery {
    /// From one rate to another, which is not less, within this time.
    #[must_use]
    pub fn new(from: f64, to: f64, takes: SignedDuration) -> Self {
        Self {
            from,
            to,
            takes_s: if to > from { takes.as_secs_f64() } else { 0.0 },
        }
    }

    /// A rate that stays as it is.
    #[must_use]
    pub fn none(per_second: f64) -> Self {
        Self::new(per_second, per_second, SignedDuration::ZERO)
    }

    /// The rate at the beginning.
    #[must_use]
    pub const fn at_first(self) -> f64 {
        self.from
    }

    /// The rate at the end.
    #[must_use]
    pub const fn at_last(self) -> f64 {
        self.to
    }

    /// How many go in so many seconds.
    #[must_use]
    pub fn sent_in(self, seconds: f64) -> u64 {
        whole(self.reached(seconds))
    }

    /// How many seconds so many take; not a finite number if they never go.
    #[must_use]
    pub fn seconds_for(self, count: u64) -> f64 {
        let count = float(count);
        let meanwhile = self.reached(self.takes_s);
        if count >= meanwhile {
            return self.takes_s + (count - meanwhile) / self.to;
        }
        let growth = (self.to - self.from) / self.takes_s;
        ((self.from * self.from + 2.0 * growth * count).sqrt() - self.from) / growth
    }

    fn reached(self, seconds: f64) -> f64 {
        let rising = seconds.min(self.takes_s);
        let gained = if rising > 0.0 {
            (self.to - self.from) * rising * rising / (2.0 * self.takes_s)
        } else {
            0.0
        };
        self.from * rising + gained + self.to * (seconds - rising)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_that_recovers_sends_the_more_the_longer_it_takes() {
        // 40 a second, 80 after half a minute: 1,800 by then.
        let recovery = Recovery::new(40.0, 80.0, SignedDuration::from_secs(30));
        let sent = [0.0, 15.0, 30.0, 40.0].map(|seconds| recovery.sent_in(seconds));
        assert_eq!(sent, [0, 750, 1_800, 2_600]);
        let seconds = [0, 750, 1_800, 2_600].map(|count| recovery.seconds_for(count).round());
        assert!(
            seconds
                .iter()
                .zip([0.0, 15.0, 30.0, 40.0])
                .all(|(one, other)| (one - other).abs() < 0.01)
        );
    }

    #[test]
    fn a_rate_that_stays_is_reckoned_with_as_it_is() {
        let steady = Recovery::none(90.0);
        assert_eq!(steady.sent_in(5.0), 450);
        assert!((steady.seconds_for(450) - 5.0).abs() < 0.01);
        assert!(!Recovery::none(0.0).seconds_for(1).is_finite(), "never");
    }
}
