//! Which message WhatsApp's own id is of: Fonnte names a message by its own id first, and by this one alone later.

use super::item::{Indexes, Key, body, item};
use super::{Store, StoreError, keys};
use crate::domain::id::MessageId;
use crate::domain::identity::{SenderId, TenantId, Wamid};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How long a message can be found by it: WhatsApp keeps one that cannot be delivered for 30 days.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The message that a state id is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateId {
    /// Our id of it.
    pub message: MessageId,
    /// The provider's id of the attempt.
    pub provider_id: Wamid,
}

impl Store {
    /// Notes which message of the sender's `state_id` is of, told at `at`. Noting it again changes nothing.
    pub async fn note_state_id(
        &self,
        (tenant, sender): (&TenantId, &SenderId),
        state_id: &Wamid,
        of: &StateId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let expires = at.saturating_add(KEPT_FOR).unwrap_or(Timestamp::MAX);
        let indexes = Indexes {
            expires: Some(expires.as_second()),
            ..Indexes::default()
        };
        let key = Key::new(keys::state_id(tenant, sender, state_id), keys::HEAD);
        let put = self.client.put_item().table_name(&self.messages);
        put.set_item(Some(item("state_id", key, indexes, of)?))
            .send()
            .await?;
        Ok(())
    }

    /// The message of the sender's that `state_id` is of, once that was told.
    pub async fn state_id(
        &self,
        tenant: &TenantId,
        sender: &SenderId,
        state_id: &Wamid,
    ) -> Result<Option<StateId>, StoreError> {
        let key = Key::new(keys::state_id(tenant, sender, state_id), keys::HEAD);
        self.read(&self.messages, key).await?.map(body).transpose()
    }
}
