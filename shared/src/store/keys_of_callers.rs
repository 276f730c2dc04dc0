//! API keys, found by the SHA-256 of the whole key, which is all that is kept of it. Beside each stands an item that
//! leads from its tenant and id to the hash.

use super::condition::Condition;
use super::edit::{Attribute, Edit};
use super::item::{Indexes, Item, Key, body, item, number, text};
use super::page::{Index, Listed, Listing, Order, Slice};
use super::{Store, StoreError, Transaction, keys};
use crate::domain::id::KeyId;
use crate::domain::identity::TenantId;
use crate::domain::role::{Role, Scopes};
use aws_sdk_dynamodb::types::AttributeValue;
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
    /// What people call it.
    #[serde(default)]
    pub name: String,
    /// What its bearer may do.
    pub role: Role,
    /// What of that it is narrowed to.
    #[serde(default, skip_serializing_if = "Scopes::are_all")]
    pub scopes: Scopes,
    /// When it was made; the beginning of time if nobody wrote that down.
    #[serde(default, with = "millisecond::required")]
    pub created_at: Timestamp,
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

impl ApiKey {
    /// A key made at `now`, without an end.
    #[must_use]
    pub const fn new(
        id: KeyId,
        tenant: TenantId,
        role: Role,
        hash: String,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            tenant,
            name: String::new(),
            role,
            scopes: Scopes::all(),
            created_at: now,
            hash,
            expires_at: None,
            revoked_at: None,
            last_used_at: None,
        }
    }

    /// Whether it opens what `other` opens, and as long: two readings of one key.
    #[must_use]
    pub fn opens_as(&self, other: &Self) -> bool {
        let what = |key: &Self| (key.role, key.scopes.clone(), key.expires_at, key.revoked_at);
        what(self) == what(other)
    }
}

/// What is changed of an API key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiKeyChanges {
    /// What people call it.
    pub name: Option<String>,
    /// What its bearer may do.
    pub role: Option<Role>,
    /// What of that it is narrowed to.
    pub scopes: Option<Scopes>,
    /// Not valid from then on; `Some(None)` for a key without an end.
    pub expires_at: Option<Option<Timestamp>>,
    /// Not valid any more.
    pub revoked_at: Option<Timestamp>,
}

/// What leads from a tenant and the id of its key to the key.
#[derive(Serialize, Deserialize)]
struct Pointer {
    hash: String,
}

impl Store {
    /// Adds a new API key to a transaction, which fails if its tenant is disabled or not there.
    pub fn add_api_key(
        &self,
        transaction: &mut Transaction,
        key: &ApiKey,
    ) -> Result<(), StoreError> {
        let [head, pointer] = items_of(key)?;
        transaction.put_new(&self.messages, head)?;
        transaction.put_new(&self.messages, pointer)?;
        self.check_tenant(transaction, &key.tenant)
    }

    /// Writes an API key whatever its tenant is; writing it again changes it. A key that opens is listed too.
    pub async fn put_api_key(&self, key: &ApiKey) -> Result<(), StoreError> {
        let [head, pointer] = items_of(key)?;
        self.put(pointer).await?;
        self.put(head).await
    }

    /// Adds to a transaction that this key still opens what it did when it was read.
    pub fn check_api_key(
        &self,
        transaction: &mut Transaction,
        known: &ApiKey,
    ) -> Result<(), StoreError> {
        let is_same = is_as(known)?;
        transaction.check(&self.messages, head_key(&known.hash), &is_same)
    }

    /// Adds a change of an API key to a transaction, which fails if the key is revoked. Its role, scopes and
    /// end are judged together, so it also fails if another change was faster with any of them; a revocation asks for none.
    pub fn change_api_key(
        &self,
        transaction: &mut Transaction,
        key: &ApiKey,
        changes: &ApiKeyChanges,
    ) -> Result<(), StoreError> {
        let mut edit = Edit::default();
        if let Some(name) = &changes.name {
            edit.set(("#name", "name"), text(name));
        }
        if let Some(role) = changes.role {
            edit.set(ROLE, text(role.as_str()));
        }
        if let Some(scopes) = &changes.scopes {
            edit.put(SCOPES, of_scopes(scopes)?);
        }
        let millis = |at: Timestamp| number(at.as_millisecond());
        if let Some(at) = changes.expires_at {
            edit.put(EXPIRES_AT, at.map(millis));
        }
        if let Some(at) = changes.revoked_at {
            edit.set(REVOKED_AT, millis(at));
        }
        let condition = match changes.revoked_at {
            Some(_) => is_good(),
            None => is_as(key)?,
        };
        transaction.update(&self.messages, head_key(&key.hash), &edit.when(condition))
    }

    /// A tenant's API keys, the newest first, the revoked ones too.
    pub async fn api_keys(
        &self,
        tenant: &TenantId,
        slice: &Slice,
    ) -> Result<Listed<ApiKey>, StoreError> {
        let listing = Listing {
            index: Index::TABLE,
            partitions: vec![keys::api_keys(tenant)],
            prefix: String::new(),
            order: Order::Descending,
        };
        let page = self.list(&self.messages, &listing, slice).await?;
        let mut heads = Vec::new();
        for entry in page.entries {
            heads.push(head_key(&body::<Pointer>(entry.item)?.hash));
        }
        let read = self.read_all(&self.messages, heads).await?;
        Ok(Listed {
            entries: read.into_iter().map(body).collect::<Result<_, _>>()?,
            next: page.next,
        })
    }

    /// A tenant's API key of this id.
    pub async fn api_key_of(
        &self,
        tenant: &TenantId,
        id: &KeyId,
    ) -> Result<Option<ApiKey>, StoreError> {
        let key = Key::new(keys::api_keys(tenant), id.as_str());
        match self.read(&self.messages, key).await? {
            Some(pointer) => self.api_key(&body::<Pointer>(pointer)?.hash).await,
            None => Ok(None),
        }
    }

    /// The API key with this hash.
    pub async fn api_key(&self, hash: &str) -> Result<Option<ApiKey>, StoreError> {
        let item = self.read(&self.messages, head_key(hash)).await?;
        item.map(body).transpose()
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
            .set_key(Some(head_key(&key.hash).into_item()))
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

const ROLE: Attribute = ("#role", "role");
const SCOPES: Attribute = ("#scopes", "scopes");
const EXPIRES_AT: Attribute = ("#expires_at", "expires_at");
const REVOKED_AT: Attribute = ("#revoked_at", "revoked_at");

/// It is there, and not revoked.
fn is_good() -> Condition {
    Condition::is_there().without(REVOKED_AT)
}

/// It is good, and its role, scopes and end are those that were read.
fn is_as(known: &ApiKey) -> Result<Condition, StoreError> {
    let role = Some(text(known.role.as_str()));
    let scopes = of_scopes(&known.scopes)?;
    let end = known.expires_at.map(|at| number(at.as_millisecond()));
    let is_same = is_good().having(ROLE, role).having(SCOPES, scopes);
    Ok(is_same.having(EXPIRES_AT, end))
}

/// Scopes as they are kept; all of them are kept as nothing.
fn of_scopes(scopes: &Scopes) -> Result<Option<AttributeValue>, StoreError> {
    let only = (!scopes.are_all()).then(|| serde_dynamo::to_attribute_value(scopes));
    Ok(only.transpose()?)
}

fn head_key(hash: &str) -> Key {
    Key::new(keys::api_key(hash), keys::HEAD)
}

/// The key itself, and what leads to it.
fn items_of(key: &ApiKey) -> Result<[Item; 2], StoreError> {
    let head = item("api_key", head_key(&key.hash), Indexes::default(), key)?;
    let at = Key::new(keys::api_keys(&key.tenant), key.id.as_str());
    let pointer = Pointer {
        hash: key.hash.clone(),
    };
    Ok([
        head,
        item("api_key_pointer", at, Indexes::default(), &pointer)?,
    ])
}
