//! A text that nobody may see: a token, an app secret, a key.
//!
//! It cannot be printed, shown or serialised by accident; whoever needs it says `expose`. What somebody presents is
//! compared in constant time.

use std::fmt;
use subtle::{Choice, ConstantTimeEq};

/// How many characters of a secret may be shown, so that people can tell two apart.
const SHOWN: usize = 4;

/// A secret text.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(String);

impl SecretText {
    /// Takes `text` out of sight.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// `***` and the last four characters; nothing of a secret so short that four would give it away.
    #[must_use]
    pub fn masked(&self) -> String {
        let hidden = self.0.chars().count().saturating_sub(SHOWN);
        if hidden < 2 * SHOWN {
            return "***".to_owned();
        }
        format!("***{}", self.0.chars().skip(hidden).collect::<String>())
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Whether a text that somebody presents is one of these secrets. An empty one never is.
#[must_use]
pub fn is_one_of(given: &str, secrets: &[SecretText]) -> bool {
    // Every secret is tried, whichever fits: the time taken tells nothing.
    let fits = secrets
        .iter()
        .filter(|secret| !secret.expose().is_empty())
        .fold(Choice::from(0), |fits, secret| {
            fits | secret.expose().as_bytes().ct_eq(given.as_bytes())
        });
    bool::from(fits)
}

/// A secret that opens a provider to us, with the name people and attempts call it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its name; not secret.
    pub alias: String,
    /// The secret.
    pub token: SecretText,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_when_it_is_printed() {
        let secret = SecretText::new("EAAG-very-secret-token".to_owned());
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(secret.masked(), "***oken");
        assert_eq!(secret.expose(), "EAAG-very-secret-token");
    }

    #[test]
    fn the_mask_of_a_short_secret_shows_nothing_of_it() {
        for short in ["", "abc", "abcd", "abcdefghijk"] {
            assert_eq!(SecretText::new(short.to_owned()).masked(), "***");
        }
    }

    #[test]
    fn what_is_presented_is_one_of_the_secrets_and_never_empty() {
        let secrets = ["demo-verify-token", "", "other"].map(SecretText::new);
        assert!(is_one_of("demo-verify-token", &secrets));
        assert!(is_one_of("other", &secrets));
        for wrong in ["", "demo-verify-toke", "demo-verify-tokenn", "x"] {
            assert!(!is_one_of(wrong, &secrets), "{wrong}");
        }
    }
}
