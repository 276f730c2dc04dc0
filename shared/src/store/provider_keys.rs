//! The keys of an account at any other provider than Meta, as they stand in its item.

use super::Account;
use crate::domain::identity::{KeyAlias, SenderId};
use crate::domain::provider_key::ProviderKey;
use jiff::Timestamp;

impl Account {
    /// Its key of this alias.
    #[must_use]
    pub fn key(&self, alias: &KeyAlias) -> Option<&ProviderKey> {
        self.keys.iter().find(|key| key.alias == *alias)
    }

    /// Notes a key, in the place of the one that had its alias.
    pub fn put_key(&mut self, key: ProviderKey) {
        match self.keys.iter_mut().find(|it| it.alias == key.alias) {
            Some(known) => *known = key,
            None => self.keys.push(key),
        }
    }

    /// Takes its key of this alias away.
    pub fn take_key(&mut self, alias: &KeyAlias) -> Option<ProviderKey> {
        let place = self.keys.iter().position(|key| key.alias == *alias)?;
        Some(self.keys.remove(place))
    }

    /// The keys that messages of this sender may be sent with now.
    #[must_use]
    pub fn usable_keys(&self, sender: &SenderId, now: Timestamp) -> Vec<&ProviderKey> {
        let keys = self.keys.iter();
        keys.filter(|key| key.sender == *sender && key.is_usable(now))
            .collect()
    }
}
