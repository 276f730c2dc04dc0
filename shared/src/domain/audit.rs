//! The audit trail: who did what to which thing, when, and from where. Entries are added and never changed.

use super::id::{AuditId, KeyId};
use super::identity::TenantId;
use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One thing that was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its id.
    #[serde(rename = "sk")]
    pub id: AuditId,
    /// To whose thing.
    pub tenant: TenantId,
    /// When.
    #[serde(with = "millisecond::required")]
    pub at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// The address the request came from, as the gateway saw it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// What was done.
    pub action: Action,
    /// The id of what it was done to.
    pub target: String,
    /// What it was changed to. Never a secret.
    pub changes: Value,
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// Whoever runs the deployment.
    Operator,
    /// Whoever holds this key.
    ApiKey {
        /// The key's id.
        id: KeyId,
    },
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub enum Action {
    /// A tenant was made.
    #[serde(rename = "tenant.created")]
    TenantCreated,
    /// A tenant was renamed, disabled or enabled.
    #[serde(rename = "tenant.changed")]
    TenantChanged,
    /// An API key was made.
    #[serde(rename = "api_key.created")]
    ApiKeyCreated,
    /// An API key was changed.
    #[serde(rename = "api_key.changed")]
    ApiKeyChanged,
    /// An API key was revoked.
    #[serde(rename = "api_key.revoked")]
    ApiKeyRevoked,
}
