//! Idempotency records: which resource a key made, written in the transaction that makes it. A request of many
//! transactions reserves its key first, and puts its answer in the reservation's place.

use super::item::{Indexes, Item, Key, body, item, number};
use super::transaction::{Committed, Transaction};
use super::{Store, StoreError, keys};
use crate::domain::identity::TenantId;
use jiff::fmt::serde::timestamp::millisecond;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// How long a key is remembered.
pub const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);

/// A caller's key and what it is used with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyClaim {
    /// SHA-256 of method, path and key.
    pub key_hash: String,
    /// SHA-256 of the body.
    pub body_hash: String,
}

impl IdempotencyClaim {
    /// What is remembered of the key: the resource that the same transaction makes.
    #[must_use]
    pub fn record(&self, tenant: &TenantId, resource: &str, now: Timestamp) -> IdempotencyRecord {
        IdempotencyRecord {
            tenant: tenant.clone(),
            key_hash: self.key_hash.clone(),
            body_hash: self.body_hash.clone(),
            resource: resource.to_owned(),
            answer: None,
            expires_at: now.saturating_add(KEPT_FOR).unwrap_or(Timestamp::MAX),
        }
    }
}

/// What a key was used for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdempotencyRecord {
    /// Whose.
    pub tenant: TenantId,
    /// SHA-256 of method, path and key.
    pub key_hash: String,
    /// SHA-256 of the body.
    pub body_hash: String,
    /// The id of what was made.
    pub resource: String,
    /// What the answer held beyond the resource itself, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// Not remembered from then on (DynamoDB deletes late, so this is checked on reading).
    #[serde(with = "millisecond::required")]
    pub expires_at: Timestamp,
}

impl Store {
    /// The record of a key, unless it has expired.
    pub async fn idempotency(
        &self,
        tenant: &TenantId,
        key_hash: &str,
        now: Timestamp,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        let key = Key::new(keys::idempotency(tenant, key_hash), keys::HEAD);
        let record: Option<IdempotencyRecord> = self
            .read(&self.messages, key)
            .await?
            .map(body)
            .transpose()?;
        Ok(record.filter(|record| now < record.expires_at))
    }

    /// Adds the record to a transaction, which fails if a live one is there.
    pub fn remember(
        &self,
        transaction: &mut Transaction,
        record: &IdempotencyRecord,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        transaction.put_if(
            &self.messages,
            item_of(record)?,
            Some("attribute_not_exists(pk) OR expires_at <= :now"),
            HashMap::from([(":now".to_owned(), number(now.as_millisecond()))]),
        )
    }

    /// Adds to a transaction, if the request has a key, that it makes this resource.
    pub fn remember_claim(
        &self,
        transaction: &mut Transaction,
        tenant: &TenantId,
        claim: Option<&IdempotencyClaim>,
        resource: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        claim.map_or(Ok(()), |claim| {
            self.remember(transaction, &claim.record(tenant, resource, now), now)
        })
    }

    /// Puts a record in the place of an earlier one of the same key. `false` if that one is there no more.
    pub async fn replace_idempotency(
        &self,
        earlier: &IdempotencyRecord,
        record: &IdempotencyRecord,
    ) -> Result<bool, StoreError> {
        let mut transaction = Transaction::new();
        let earlier = number(earlier.expires_at.as_millisecond());
        transaction.put_if(
            &self.messages,
            item_of(record)?,
            Some("expires_at = :earlier"),
            HashMap::from([(":earlier".to_owned(), earlier)]),
        )?;
        Ok(self.commit_if(transaction).await? == Committed::Yes)
    }
}

fn item_of(record: &IdempotencyRecord) -> Result<Item, StoreError> {
    let key = keys::idempotency(&record.tenant, &record.key_hash);
    let indexes = Indexes {
        expires: Some(record.expires_at.as_second()),
        ..Indexes::default()
    };
    item("idempotency", Key::new(key, keys::HEAD), indexes, record)
}
