//! API keys as they are shown, and the bodies that make and change them as the document describes them.

use heliograph::domain::id::KeyId;
use heliograph::domain::role::{Right, Role};
use heliograph::service::clock;
use heliograph::store::ApiKey;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// An API key, without the key itself.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub(crate) struct ApiKeyDto {
    /// Its id.
    #[schema(value_type = String, example = "key_019e92a7c8887000a000000000000001")]
    id: KeyId,
    /// What people call it.
    name: String,
    /// What its bearer may do.
    role: Role,
    /// The rights of its role that it is narrowed to; without this all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<Vec<Right>>,
    /// Whether it opens now.
    status: KeyStatus,
    /// When it was made.
    created_at: Timestamp,
    /// Opens nothing from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
    /// Opens nothing since then.
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<Timestamp>,
}

/// Whether a key opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeyStatus {
    /// It does.
    Active,
    /// Its time has passed.
    Expired,
    /// It was revoked.
    Revoked,
}

impl KeyStatus {
    pub(crate) fn of(key: &ApiKey) -> Self {
        match (key.revoked_at, key.expires_at) {
            (Some(_), _) => Self::Revoked,
            (None, Some(at)) if at <= clock::now() => Self::Expired,
            (None, _) => Self::Active,
        }
    }
}

/// A key just made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MadeApiKey {
    #[serde(flatten)]
    pub(crate) described: ApiKeyDto,
    /// The key itself. It is shown this once: an answer that is repeated for an `Idempotency-Key` has it no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "hg_...")]
    pub(crate) key: Option<String>,
}

impl From<&ApiKey> for ApiKeyDto {
    fn from(key: &ApiKey) -> Self {
        let rights = Right::ALL
            .into_iter()
            .filter(|right| key.scopes.hold(*right));
        Self {
            id: key.id.clone(),
            name: key.name.clone(),
            role: key.role,
            scopes: (!key.scopes.are_all()).then(|| rights.collect()),
            status: KeyStatus::of(key),
            created_at: key.created_at,
            expires_at: key.expires_at,
            revoked_at: key.revoked_at,
            last_used_at: key.last_used_at,
        }
    }
}

/// An API key to make.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body, which is read by `NewKey::read`"
)]
pub(crate) struct ApiKeyBody {
    /// What people call it.
    #[schema(min_length = 1, max_length = 100, example = "Order system")]
    name: String,
    /// What its bearer may do.
    role: Role,
    /// The rights of its role that it is narrowed to; all of them unless told.
    #[schema(min_items = 1, max_items = 6)]
    scopes: Option<Vec<Right>>,
    /// Opens nothing from then on; never ends unless told.
    expires_at: Option<Timestamp>,
}

/// What is changed of an API key; what is absent stays.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body, which is read by `key_body::read_changes`"
)]
pub(crate) struct ApiKeyChangesBody {
    /// What people call it.
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    /// What its bearer may do.
    role: Option<Role>,
    /// The rights of its role that it is narrowed to; `null` for all.
    #[schema(min_items = 1, max_items = 6)]
    scopes: Option<Vec<Right>>,
    /// Opens nothing from then on; `null` for no end.
    expires_at: Option<Timestamp>,
}
