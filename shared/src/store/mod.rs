//! DynamoDB: keys, item shapes, conditional writes, paging. Two tables, `messages` and `logs`.
//!
//! ARCHITECTURE.md tables every item. Rules that hold throughout: no Scan; an index gives keys only, each followed by
//! a consistent read or a conditional write; every write may be repeated. What is allowed is decided in `domain`.

mod accounts;
mod admission;
mod audit;
mod borrowing;
mod bots;
mod calls;
mod chunks;
mod condition;
mod contacts;
mod conversations;
mod counters;
mod credentials;
mod days;
mod edit;
mod error;
mod events;
mod expiring;
mod health;
mod idempotency;
mod item;
mod jobs;
mod joins;
mod kept;
mod keys;
mod keys_of_callers;
mod ledger;
mod merge;
mod message_item;
mod messages;
mod noted;
mod number_checks;
mod pace;
mod packed;
mod page;
mod places;
mod portfolios;
mod provider_keys;
mod provider_settings;
mod requests;
mod routes;
mod senders;
mod sessions;
mod setup;
mod standing;
mod state_ids;
mod statuses;
mod tenants;
mod tiers;
mod transaction;
mod users;
mod writes;

pub use accounts::{Account, AccountPointer, Held, Holder};
pub use admission::{Acquaintance, PacedSender};
pub use calls::{CallUse, CallUses, KEY_COUNTERS, KeyCalls, hour_counters};
pub use chunks::{CHUNK_SIZE, Chunk, LONGEST_TICK, RecipientsAdded};
pub use contacts::Contact;
pub use conversations::{Conversation, ConversationState, Received};
pub use counters::{Counter, CounterDelta, Position, RECEIVED_COUNTER, day_counters};
pub use credentials::CredentialName;
pub use error::StoreError;
pub use events::{Event, EventState, StoredRecord};
pub use expiring::Expiring;
pub use health::HealthChange;
pub use idempotency::{IdempotencyClaim, IdempotencyRecord, KEPT_FOR as IDEMPOTENCY_KEPT_FOR};
pub use jobs::{Asked, JobError};
pub use keys_of_callers::{ApiKey, ApiKeyChanges};
pub use ledger::ClaimError;
pub use messages::StateBucket;
pub use noted::Noted;
pub use pace::{Lease, Overdue, Pace};
pub use page::{Listed, Slice};
pub use routes::stop;
pub use senders::{Sender, WindowPolicy};
pub use sessions::{Invitation, RefreshBefore, Session};
pub use setup::{IndexShape, LOGS_INDEXES, MESSAGES_INDEXES, TTL_ATTRIBUTE};
pub use state_ids::StateId;
pub use tenants::{Tenant, TenantChanges};
pub use tiers::Standing;
pub use transaction::Transaction;
pub use users::{User, UserChanges};

use crate::domain::provider_settings::ProviderSettings;
use crate::domain::tier::Minute;
use aws_sdk_dynamodb::Client;
use std::sync::Arc;

/// Both tables, reached through one client.
#[derive(Debug, Clone)]
pub struct Store {
    client: Client,
    messages: String,
    logs: String,
    /// How tenants stand.
    standings: Arc<Expiring<Standing>>,
    /// The minutes in which tenants may make no request more, and under which limit.
    full_minutes: Arc<Expiring<(Minute, u64)>>,
    /// What tenants say of providers.
    settings: Arc<Expiring<Arc<ProviderSettings>>>,
}

impl Store {
    /// Uses `client` for the tables of these names. A function that never touches `logs` passes an empty name.
    #[must_use]
    pub fn new(client: Client, messages: impl Into<String>, logs: impl Into<String>) -> Self {
        Self {
            client,
            messages: messages.into(),
            logs: logs.into(),
            standings: Arc::new(Expiring::new(tiers::STANDINGS, tiers::STANDING_KNOWN_FOR)),
            full_minutes: Arc::new(Expiring::new(tiers::STANDINGS, requests::FULL_KNOWN_FOR)),
            settings: Arc::new(Expiring::new(
                provider_settings::KNOWN,
                provider_settings::KNOWN_FOR,
            )),
        }
    }

    /// Whether the table of messages answers.
    pub async fn check_messages(&self) -> Result<(), StoreError> {
        self.check(&self.messages).await
    }

    /// Whether the table of logs answers.
    pub async fn check_logs(&self) -> Result<(), StoreError> {
        self.check(&self.logs).await
    }

    async fn check(&self, table: &str) -> Result<(), StoreError> {
        let described = self.client.describe_table().table_name(table);
        described.send().await?;
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests;
