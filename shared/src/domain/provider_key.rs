//! Keys of the providers that are not Meta: what may be known of each but the key itself, and which one is used.

use super::identity::{KeyAlias, SenderId};
use super::secret::SecretText;
use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond;
use serde::{Deserialize, Serialize};

/// The most keys that an account has: they stand in its item.
pub const MOST_KEYS: usize = 50;

/// The heaviest that a key may be.
pub const HEAVIEST: u16 = 1_000;

/// What may be known of a key: everything but the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderKey {
    /// What people and attempts call it.
    pub alias: KeyAlias,
    /// Its last four characters, if it is long enough.
    pub mask: String,
    /// What is sent from with it.
    pub sender: SenderId,
    /// How much of the sending it takes, beside the sender's other keys.
    pub weight: u16,
    /// Whether it may be used.
    pub enabled: bool,
    /// When it was put in.
    #[serde(with = "millisecond::required")]
    pub since: Timestamp,
    /// When it is used no more.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub expires_at: Option<Timestamp>,
}

impl ProviderKey {
    /// Whether it may be used at this time.
    #[must_use]
    pub fn is_usable(&self, now: Timestamp) -> bool {
        self.enabled && self.expires_at.is_none_or(|end| now < end)
    }
}

/// A key itself, as it stands in its account's secret. There may be two of an alias: which of them counts, the account says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySecret {
    /// What the key is called.
    pub alias: KeyAlias,
    /// When it was put in.
    pub since: Timestamp,
    /// The key.
    pub key: SecretText,
}

impl KeySecret {
    /// Whether this is what the account lists.
    #[must_use]
    pub fn is_of(&self, key: &ProviderKey) -> bool {
        self.alias == key.alias && self.since.as_millisecond() == key.since.as_millisecond()
    }
}

/// One of these keys, by their weights: `chance` is a random number.
#[must_use]
pub fn choose<'a>(keys: &[&'a ProviderKey], chance: u64) -> Option<&'a ProviderKey> {
    let sum: u64 = keys.iter().map(|key| u64::from(key.weight)).sum();
    let mut place = chance.checked_rem(sum)?;
    for key in keys {
        match place.checked_sub(u64::from(key.weight)) {
            Some(rest) => place = rest,
            None => return Some(key),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn key(alias: &str, weight: u16) -> ProviderKey {
        ProviderKey {
            alias: alias.parse().unwrap(),
            mask: "***".to_owned(),
            sender: "notifapi-15550003000".parse().unwrap(),
            weight,
            enabled: true,
            since: at(0),
            expires_at: None,
        }
    }

    #[test]
    fn keys_are_used_as_often_as_they_weigh() {
        let (one, three) = (key("one", 1), key("three", 3));
        let chosen = (0..400).map(|chance| choose(&[&one, &three], chance).unwrap());
        let of_three = chosen.filter(|key| **key == three).count();
        assert_eq!(of_three, 300);
        assert_eq!(choose(&[], 7), None);
    }

    #[test]
    fn a_key_is_not_used_once_its_time_is_over_or_while_it_is_disabled() {
        let mut key = key("one", 1);
        key.expires_at = Some(at(10));
        assert!(key.is_usable(at(9)));
        assert!(!key.is_usable(at(10)));
        key.enabled = false;
        assert!(!key.is_usable(at(9)));
    }
}
