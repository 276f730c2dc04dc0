//! How new the newest status of a sender's messages is, by which a message waits whose outcome is not known; and how new
//! the newest event of an account is, by which a person sees that Meta's webhooks arrive.

use super::item::{Key, number};
use super::transaction::Change;
use super::{Store, StoreError, keys};
use crate::domain::id::AccountId;
use crate::domain::identity::{SenderId, TenantId};
use jiff::{SignedDuration, Timestamp};

/// A status is noted only if it is so much newer than the noted one.
const AT_LEAST_BETWEEN: SignedDuration = SignedDuration::from_mins(1);

impl Store {
    /// Notes that a status of one of the sender's messages happened at `at`. At most one write a minute changes
    /// anything, however many statuses come.
    pub async fn note_status(
        &self,
        tenant: &TenantId,
        sender: &SenderId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let key = Key::new(keys::sender(tenant, sender), keys::STATUSES);
        self.note_newest(key, "statuses", at).await
    }

    /// When the newest status happened of which this is known, to a minute.
    pub async fn newest_status(
        &self,
        tenant: &TenantId,
        sender: &SenderId,
    ) -> Result<Option<Timestamp>, StoreError> {
        let key = Key::new(keys::sender(tenant, sender), keys::STATUSES);
        self.newest(key).await
    }

    /// Notes that an event of the account's came at `at`; as rarely.
    pub async fn note_event(
        &self,
        tenant: &TenantId,
        account: &AccountId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let key = Key::new(keys::account(tenant, account), keys::EVENTS);
        self.note_newest(key, "account_events", at).await
    }

    /// When the newest event of the account's came, to a minute.
    pub async fn newest_event(
        &self,
        tenant: &TenantId,
        account: &AccountId,
    ) -> Result<Option<Timestamp>, StoreError> {
        let key = Key::new(keys::account(tenant, account), keys::EVENTS);
        self.newest(key).await
    }

    async fn note_newest(
        &self,
        key: Key,
        kind: &'static str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let before = at.saturating_sub(AT_LEAST_BETWEEN).unwrap_or(at);
        let change = Change {
            update: "SET newest = :at".into(),
            condition: Some("attribute_not_exists(newest) OR newest < :before".into()),
            names: vec![],
            values: vec![
                (":at".into(), number(at.as_millisecond())),
                (":before".into(), number(before.as_millisecond())),
            ],
        }
        .making(kind);
        self.change_if(key, &change).await?;
        Ok(())
    }

    async fn newest(&self, key: Key) -> Result<Option<Timestamp>, StoreError> {
        let Some(item) = self.read(&self.messages, key).await? else {
            return Ok(None);
        };
        let newest = item.get("newest").and_then(|value| value.as_n().ok());
        let millis = newest.and_then(|newest| newest.parse().ok());
        let millis = millis.ok_or_else(|| StoreError::corrupt("the newest of its kind"))?;
        Timestamp::from_millisecond(millis)
            .map(Some)
            .map_err(|_| StoreError::corrupt("the newest of its kind"))
    }
}
