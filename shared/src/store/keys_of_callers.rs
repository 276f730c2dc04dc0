//! API keys, found by the SHA-256 of the whole key, which is all that is kept of it.

use super::item::{Indexes, Key, body, item, number};
use super::{Store, StoreError, keys};
use crate::domain::id::KeyId;
use crate::domain::identity::TenantId;
use crate::domain::role::Role;
use jiff::fmt::serde::timestamp::millisecond;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Last use is written at most this often.
const LAST_USE_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// What is kept of an API key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its id.
    pub id: KeyId,
    /// Whose.
    pub tenant: TenantId,
    /// What its bearer may do.
    pub role: Role,
    /// The SHA-256 of the key, in hexadecimal.
    pub hash: String,
    /// Not valid from then on.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub expires_at: Option<Timestamp>,
    /// Not valid any more.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub last_used_at: Option<Timestamp>,
}

impl Store {
    /// Writes an API key; writing it again changes it.
    pub async fn put_api_key(&self, key: &ApiKey) -> Result<(), StoreError> {
        let at = Key::new(keys::api_key(&key.hash), keys::HEAD);
        self.put(item("api_key", at, Indexes::default(), key)?)
            .await
    }

    /// The API key with this hash.
    pub async fn api_key(&self, hash: &str) -> Result<Option<ApiKey>, StoreError> {
        let key = Key::new(keys::api_key(hash), keys::HEAD);
        self.read(&self.messages, key).await?.map(body).transpose()
    }

    /// Notes that a key was used, if that was not noted within the last minute.
    pub async fn note_use(&self, key: &ApiKey, now: Timestamp) -> Result<(), StoreError> {
        let recent = |at: Timestamp| now.duration_since(at) < LAST_USE_EVERY;
        if key.last_used_at.is_some_and(recent) {
            return Ok(());
        }
        let written = self
            .client
            .update_item()
            .table_name(&self.messages)
            .set_key(Some(Key::new(keys::api_key(&key.hash), keys::HEAD).into_item()))
            .update_expression("SET last_used_at = :now")
            .condition_expression(
                "attribute_exists(pk) AND (attribute_not_exists(last_used_at) OR last_used_at < :before)",
            )
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .expression_attribute_values(
                ":before",
                number(now.as_millisecond() - i64::try_from(LAST_USE_EVERY.as_millis()).unwrap_or(0)),
            )
            .send()
            .await;
        match written.map_err(StoreError::from) {
            Ok(_) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
