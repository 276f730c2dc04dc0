//! The audit trail: who did what to which thing, when, and from where. Entries are added and never changed.

use super::id::{AuditId, KeyId, UserId};
use super::identity::TenantId;
use super::job::{Job, JobEvent};
use super::role::Who;
use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

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

/// Who does something, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    actor: Actor,
    address: Option<String>,
}

impl Author {
    /// Somebody, at this address, if the gateway told it.
    #[must_use]
    pub const fn new(actor: Actor, address: Option<String>) -> Self {
        Self { actor, address }
    }

    /// Nobody: it was due.
    #[must_use]
    pub const fn platform() -> Self {
        Self::new(Actor::Platform, None)
    }

    /// What the trail says of something that is done now to a thing of this tenant's.
    pub fn entry(
        &self,
        tenant: &TenantId,
        action: Action,
        target: impl Into<String>,
        changes: Value,
        now: Timestamp,
    ) -> AuditEntry {
        AuditEntry {
            id: AuditId::at(now),
            tenant: tenant.clone(),
            at: now,
            actor: self.actor.clone(),
            address: self.address.clone(),
            action,
            target: target.into(),
            changes,
        }
    }

    /// What the trail says of an event of a job: nothing, if nobody asked for it or decided it.
    #[must_use]
    pub fn entry_of_job(&self, job: &Job, event: &JobEvent, now: Timestamp) -> Option<AuditEntry> {
        let (action, changes) = match event {
            JobEvent::Started => (Action::BulkJobStarted, Value::Null),
            JobEvent::Paused { reason, .. } => (Action::BulkJobPaused, json!({"reason": reason})),
            JobEvent::Resumed(_) => (Action::BulkJobResumed, Value::Null),
            JobEvent::Cancelled => (Action::BulkJobCancelled, Value::Null),
            JobEvent::TriedAgain(_) => (Action::BulkJobRetried, Value::Null),
            JobEvent::Changed(changes) => (Action::BulkJobChanged, json!(changes)),
            JobEvent::TimeCame | JobEvent::AllEnded => return None,
        };
        Some(self.entry(&job.tenant, action, job.id.as_str(), changes, now))
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
    /// A route was made.
    #[serde(rename = "route.created")]
    RouteCreated,
    /// A route was replaced.
    #[serde(rename = "route.changed")]
    RouteChanged,
    /// A route was deleted.
    #[serde(rename = "route.deleted")]
    RouteDeleted,
    /// A key of a provider was put in, or changed.
    #[serde(rename = "key.put")]
    KeyPut,
    /// A key of a provider was taken away.
    #[serde(rename = "key.deleted")]
    KeyDeleted,
    /// What is said of a provider was changed, or taken back.
    #[serde(rename = "provider.changed")]
    ProviderChanged,
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
    /// A paused sender was let send again.
    #[serde(rename = "sender.resumed")]
    SenderResumed,
    /// A bulk job was made.
    #[serde(rename = "bulk_job.created")]
    BulkJobCreated,
    /// A bulk job's name, times or share of failures were changed.
    #[serde(rename = "bulk_job.changed")]
    BulkJobChanged,
    /// A bulk job was started.
    #[serde(rename = "bulk_job.started")]
    BulkJobStarted,
    /// A bulk job was paused, or paused itself.
    #[serde(rename = "bulk_job.paused")]
    BulkJobPaused,
    /// A paused bulk job was let go on.
    #[serde(rename = "bulk_job.resumed")]
    BulkJobResumed,
    /// A bulk job was cancelled.
    #[serde(rename = "bulk_job.cancelled")]
    BulkJobCancelled,
    /// The failures of a bulk job were ordered to be tried again.
    #[serde(rename = "bulk_job.retried")]
    BulkJobRetried,
    /// A message was taken back.
    #[serde(rename = "message.cancelled")]
    MessageCancelled,
    /// It was decided what became of a message.
    #[serde(rename = "message.settled")]
    MessageSettled,
    /// A kept webhook event was ordered to be applied again.
    #[serde(rename = "webhook_event.replayed")]
    WebhookEventReplayed,
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
