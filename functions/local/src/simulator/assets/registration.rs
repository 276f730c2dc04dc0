//! Whether a number may be registered for sending, and with which PIN.

use super::number::{Number, NumberStatus};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// So many registrations are let through in the window; as many ends of one.
const ATTEMPTS: usize = 10;
const WINDOW_MS: i64 = 72 * 3_600_000;

/// The registration of a number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Registration {
    pub(crate) registered: bool,
    /// A hash of the PIN, if one is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pin: Option<String>,
    /// When it was tried, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    registrations: Vec<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    deregistrations: Vec<i64>,
    /// Where its messages are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<String>,
}

/// Why a number is not registered, or its registration not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    TooManyAttempts,
    NotVerified,
    WrongPin,
    NotRegistered,
}

impl Registration {
    /// Whether two-step verification is on.
    pub(crate) fn has_pin(&self) -> bool {
        self.pin.is_some()
    }
}

impl Number {
    /// Sets the PIN, or another one.
    pub(crate) fn set_pin(&mut self, pin: &str) {
        self.registration.pin = Some(self.pin_hash(pin));
    }

    /// Tries to register the number. The try counts whatever comes of it, unless there were too many.
    pub(crate) fn register(
        &mut self,
        pin: &str,
        region: Option<String>,
        now_ms: i64,
    ) -> Result<(), Refusal> {
        take_attempt(&mut self.registration.registrations, now_ms)?;
        if !self.verification.verified {
            return Err(Refusal::NotVerified);
        }
        let given = self.pin_hash(pin);
        if *self.registration.pin.get_or_insert_with(|| given.clone()) != given {
            return Err(Refusal::WrongPin);
        }
        self.registration.registered = true;
        self.registration.region = region.or_else(|| self.registration.region.take());
        self.status = NumberStatus::Connected;
        Ok(())
    }

    /// Ends the registration; the PIN stays set, as Meta leaves it.
    pub(crate) fn deregister(&mut self, now_ms: i64) -> Result<(), Refusal> {
        take_attempt(&mut self.registration.deregistrations, now_ms)?;
        if !self.registration.registered {
            return Err(Refusal::NotRegistered);
        }
        self.registration.registered = false;
        self.status = NumberStatus::Disconnected;
        Ok(())
    }

    fn pin_hash(&self, pin: &str) -> String {
        let salted = format!("{}:{pin}", self.phone_number_id);
        hex::encode(Sha256::digest(salted.as_bytes()))
    }
}

fn take_attempt(attempts: &mut Vec<i64>, now_ms: i64) -> Result<(), Refusal> {
    attempts.retain(|&at| at > now_ms - WINDOW_MS);
    if attempts.len() >= ATTEMPTS {
        return Err(Refusal::TooManyAttempts);
    }
    attempts.push(now_ms);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number() -> Number {
        let mut number = Number::new("100000000000009", "+15550001009", "200000000000009");
        number.verification.verified = true;
        number
    }

    #[test]
    fn the_first_registration_sets_the_pin_and_the_next_needs_it() {
        let mut number = number();
        assert_eq!(number.register("123456", None, 0), Ok(()));
        assert_eq!(number.deregister(1), Ok(()));
        assert_eq!(number.register("654321", None, 2), Err(Refusal::WrongPin));
        assert_eq!(number.register("123456", None, 3), Ok(()));
        assert_eq!(number.status, NumberStatus::Connected);
    }

    #[test]
    fn the_eleventh_registration_in_three_days_is_one_too_many() {
        let mut number = number();
        for at in 0..10 {
            assert_eq!(number.register("123456", None, at), Ok(()));
        }
        let refused = number.register("123456", None, 10);
        assert_eq!(refused, Err(Refusal::TooManyAttempts));
        assert_eq!(number.register("123456", None, WINDOW_MS), Ok(()));
    }

    #[test]
    fn a_number_that_is_not_verified_is_not_registered() {
        let mut number = number();
        number.verification.verified = false;
        let refused = number.register("123456", None, 0);
        assert_eq!(refused, Err(Refusal::NotVerified));
        assert!(!number.registration.has_pin());
    }
}
