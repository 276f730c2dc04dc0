//! How new the newest status of a sender's messages is: what a message waits by whose outcome is not known.

use super::item::{Key, number};
use super::transaction::Change;
use super::{Store, StoreError, keys};
use crate::domain::identity::{PhoneNumberId, TenantId};
use jiff::{SignedDuration, Timestamp};

/// A status is noted only if it is so much newer than the noted one.
const AT_LEAST_BETWEEN: SignedDuration = SignedDuration::from_mins(1);

impl Store {
    /// Notes that a status of one of the sender's messages happened at `at`. At most one write a minute changes
    /// anything, however many statuses come.
    pub async fn note_status(
        &self,
        tenant: &TenantId,
        sender: &PhoneNumberId,
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
        .making("statuses");
        let key = Key::new(keys::sender(tenant, sender), keys::STATUSES);
        self.change_if(key, &change).await?;
        Ok(())
    }

    /// When the newest status happened of which this is known, to a minute.
    pub async fn newest_status(
        &self,
        tenant: &TenantId,
        sender: &PhoneNumberId,
    ) -> Result<Option<Timestamp>, StoreError> {
        let key = Key::new(keys::sender(tenant, sender), keys::STATUSES);
        let Some(item) = self.read(&self.messages, key).await? else {
            return Ok(None);
        };
        let newest = item.get("newest").and_then(|value| value.as_n().ok());
        let millis = newest.and_then(|newest| newest.parse().ok());
        let millis = millis.ok_or_else(|| StoreError::corrupt("a sender's newest status"))?;
        Timestamp::from_millisecond(millis)
            .map(Some)
            .map_err(|_| StoreError::corrupt("a sender's newest status"))
    }
}
