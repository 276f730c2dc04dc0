//! What providers answered when they were asked whether a number is on WhatsApp: the newest answer of each number.

use super::item::{Indexes, Key, body, item, number};
use super::{Store, StoreError, keys};
use crate::domain::availability::{LONGEST, NumberCheck};
use crate::domain::identity::TenantId;
use crate::domain::phone::PhoneNumber;
use jiff::Timestamp;

impl Store {
    /// Notes an answer, unless a newer one is noted. It stays longer than it is believed: for as long as something older
    /// could be, which it speaks against.
    pub async fn note_number_check(
        &self,
        tenant: &TenantId,
        of: &PhoneNumber,
        check: &NumberCheck,
    ) -> Result<(), StoreError> {
        let expires = check.at.saturating_add(LONGEST).unwrap_or(Timestamp::MAX);
        let indexes = Indexes {
            expires: Some(expires.as_second()),
            ..Indexes::default()
        };
        let key = Key::new(keys::number_check(tenant, of), keys::HEAD);
        let put = self.client.put_item().table_name(&self.messages);
        let put = put
            .set_item(Some(item("number_check", key, indexes, check)?))
            .condition_expression("attribute_not_exists(pk) OR #at < :at")
            .expression_attribute_names("#at", "at")
            .expression_attribute_values(":at", number(check.at.as_millisecond()));
        match put.send().await.map_err(StoreError::from) {
            Ok(_) | Err(StoreError::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The newest answer about a number.
    pub async fn number_check(
        &self,
        tenant: &TenantId,
        of: &PhoneNumber,
    ) -> Result<Option<NumberCheck>, StoreError> {
        let key = Key::new(keys::number_check(tenant, of), keys::HEAD);
        self.read(&self.messages, key).await?.map(body).transpose()
    }
}
