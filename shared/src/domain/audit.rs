//! The audit trail: who did what to which thing, when, and from where. Entries are added and never changed.

use super::id::{AuditId, KeyId, UserId};
use super::identity::TenantId;
use super::role::Who;
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
    /// Nobody: it was due.
    Platform,
    /// Whoever holds this key.
    ApiKey {
        /// The key's id.
        id: KeyId,
    },
    /// A person who has signed in.
    User {
        /// The person's id.
        id: UserId,
    },
}

impl From<&Who> for Actor {
    fn from(who: &Who) -> Self {
        match who {
            Who::ApiKey(id) => Self::ApiKey { id: id.clone() },
            Who::User(id) => Self::User { id: id.clone() },
        }
    }
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
    /// An account was made.
    #[serde(rename = "account.created")]
    AccountCreated,
    /// An account, or something of it, was changed.
    #[serde(rename = "account.changed")]
    AccountChanged,
    /// A step of an account's set-up was done, or done again.
    #[serde(rename = "account.set_up")]
    AccountSetUp,
    /// An account may send.
    #[serde(rename = "account.activated")]
    AccountActivated,
    /// An account was deleted, with its senders and secrets.
    #[serde(rename = "account.deleted")]
    AccountDeleted,
    /// A secret of an account gave way to the next one.
    #[serde(rename = "credential.rotated")]
    CredentialRotated,
    /// A number was added to, verified, registered or otherwise changed at Meta.
    #[serde(rename = "phone_number.changed")]
    PhoneNumberChanged,
    /// A sender was made.
    #[serde(rename = "sender.created")]
    SenderCreated,
    /// A sender was changed.
    #[serde(rename = "sender.changed")]
    SenderChanged,
    /// A sender was deleted.
    #[serde(rename = "sender.deleted")]
    SenderDeleted,
    /// A person was added.
    #[serde(rename = "user.created")]
    UserCreated,
    /// A person was renamed, got another role, was disabled or enabled.
    #[serde(rename = "user.changed")]
    UserChanged,
    /// A person was invited to choose a password.
    #[serde(rename = "user.invited")]
    UserInvited,
    /// A person chose a password.
    #[serde(rename = "user.password_set")]
    UserPasswordSet,
}
