//! A secret text: it can be used, but not be printed by mistake.

use serde::Deserialize;
use std::fmt;

/// An access token, an app secret, a verify token. No `Display`, no `Serialize`; `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct SecretText(String);

impl SecretText {
    /// Takes a text that must not be shown from here on.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What people may see of it: the last four characters, if that leaves enough unseen.
    #[must_use]
    pub fn masked(&self) -> String {
        let length = self.0.chars().count();
        let seen = if length >= 12 { 4 } else { 0 };
        let end: String = self.0.chars().skip(length - seen).collect();
        format!("****{end}")
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        let secret = SecretText::new("demo-app-secret");
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(secret.expose(), "demo-app-secret");
    }

    #[test]
    fn a_mask_shows_the_end_of_a_long_secret_and_nothing_of_a_short_one() {
        assert_eq!(SecretText::new("demo-app-secret").masked(), "****cret");
        assert_eq!(SecretText::new("hunter2").masked(), "****");
        assert_eq!(SecretText::new("").masked(), "****");
    }
}
