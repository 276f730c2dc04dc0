//! Keys of the providers that are not Meta: what may be known of each but the key itself, and which one is used.

use super::identity::{KeyAlias, SenderId};
use super::limits::Limits;
use super::secret::SecretText;
use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most keys that an account has: they stand in its item.
pub const MOST_KEYS: usize = 50;

/// The heaviest that a key may be.
pub const HEAVIEST: u16 = 1_000;

/// How much a key weighs of which nobody has said more.
pub const USUAL_WEIGHT: u16 = 1;

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
    /// How many calls may be made with it.
    #[serde(default, skip_serializing_if = "Limits::is_empty")]
    pub limits: Limits,
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

/// How much one use of a key of weight 1 counts.
const ONE_USE: u64 = 1_000_000;

/// How much each key was used here, by its alias and time: one use of a heavy key counts less.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uses(BTreeMap<(KeyAlias, i64), u64>);

impl Uses {
    /// The least used of these keys, which is used then. Of several, one by their weights; `chance` is a random number.
    ///
    /// A key that was not there the last time starts level with the least used of the others, so that it does not get
    /// all that it has missed at once.
    pub fn choose<'a>(&mut self, keys: &[&'a ProviderKey], chance: u64) -> Option<&'a ProviderKey> {
        let level = keys.iter().filter_map(|key| self.0.get(&name(key))).min();
        let level = level.copied().unwrap_or(0);
        let uses = keys.iter().map(|key| {
            let uses = self.0.get(&name(key)).copied().unwrap_or(level);
            (name(key), uses)
        });
        self.0 = uses.collect();
        let is_least = |key: &&&ProviderKey| self.0.get(&name(key)) == Some(&level);
        let least: Vec<&ProviderKey> = keys.iter().filter(is_least).copied().collect();
        let chosen = by_weight(&least, chance)?;
        let uses = self.0.entry(name(chosen)).or_default();
        *uses = uses.saturating_add(ONE_USE / u64::from(chosen.weight.max(1)));
        Some(chosen)
    }
}

fn name(key: &ProviderKey) -> (KeyAlias, i64) {
    (key.alias.clone(), key.since.as_millisecond())
}

fn by_weight<'a>(keys: &[&'a ProviderKey], chance: u64) -> Option<&'a ProviderKey> {
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
            limits: Limits::default(),
        }
    }

    /// How often `key` is chosen of these in so many messages.
    fn chosen(uses: &mut Uses, keys: &[&ProviderKey], key: &ProviderKey, messages: u64) -> usize {
        let choices = (0..messages).map(|chance| uses.choose(keys, chance).unwrap());
        choices.filter(|chosen| *chosen == key).count()
    }

    #[test]
    fn keys_are_used_as_often_as_they_weigh() {
        let (one, three) = (key("one", 1), key("three", 3));
        let of_three = chosen(&mut Uses::default(), &[&one, &three], &three, 400);
        assert!((299..=301).contains(&of_three), "{of_three}");
        assert_eq!(Uses::default().choose(&[], 7), None);
    }

    #[test]
    fn the_first_message_of_each_worker_falls_to_a_key_by_its_weight() {
        let (one, three) = (key("one", 1), key("three", 3));
        let first = |chance| Uses::default().choose(&[&one, &three], chance) == Some(&three);
        assert_eq!((0..400).filter(|chance| first(*chance)).count(), 300);
    }

    #[test]
    fn a_key_that_comes_back_is_not_flooded() {
        let (one, two) = (key("one", 1), key("two", 1));
        let mut uses = Uses::default();
        chosen(&mut uses, &[&one], &one, 1_000);
        let of_two = chosen(&mut uses, &[&one, &two], &two, 100);
        assert!((49..=51).contains(&of_two), "{of_two}");
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
