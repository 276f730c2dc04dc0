//! Webhook events, kept raw in `logs`: one item per record of at most ten, compressed.

use super::counters::CounterDelta;
use super::item::{Indexes, Item, Key, body, item};
use super::page::{Index, Listed, Listing, Order, Slice};
use super::transaction::{Committed, Transaction};
use super::{Store, StoreError, kept, keys};
use crate::domain::id::{AccountId, EventId};
use crate::domain::identity::TenantId;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::fmt::serde::timestamp::millisecond;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// How long events are kept.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Says at a record that those of its events that were only kept are counted.
const COUNTED: &str = "counted";

/// What became of an event.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum EventState {
    /// It changed what it was to change, or had done so before.
    Applied,
    /// Of a kind we only keep.
    Kept,
    /// About a WABA or a number that is not the tenant's: kept, and changes nothing.
    UnknownAccount,
    /// Not of the shape of its kind.
    Malformed,
    /// A status of a message we cannot find yet; tried again for a while.
    Waiting,
    /// As waiting, but nobody tries any more.
    Unmatched,
    /// Applying it failed; tried again for a while.
    Failed,
}

impl EventState {
    /// Every state.
    pub const ALL: [Self; 7] = [
        Self::Applied,
        Self::Kept,
        Self::UnknownAccount,
        Self::Malformed,
        Self::Waiting,
        Self::Unmatched,
        Self::Failed,
    ];

    /// Its name in the store and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Kept => "kept",
            Self::UnknownAccount => "unknown_account",
            Self::Malformed => "malformed",
            Self::Waiting => "waiting",
            Self::Unmatched => "unmatched",
            Self::Failed => "failed",
        }
    }

    /// Whether it says something about the update itself, so that the update is counted as one that was kept only.
    #[must_use]
    pub const fn is_counted(self) -> bool {
        match self {
            Self::Kept | Self::UnknownAccount | Self::Malformed => true,
            Self::Applied | Self::Waiting | Self::Unmatched | Self::Failed => false,
        }
    }

    /// Whether another try may end otherwise.
    #[must_use]
    pub const fn is_open(self) -> bool {
        match self {
            Self::Waiting | Self::Failed => true,
            Self::Applied
            | Self::Kept
            | Self::UnknownAccount
            | Self::Malformed
            | Self::Unmatched => false,
        }
    }
}

/// One webhook event: an update of a record, by its place in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Meta's name for the kind of change, or ours where its provider has none.
    pub field: String,
    /// What it was: `messages/text`, `messages/status/delivered`, `account_update/…`.
    pub kind: String,
    /// What became of it.
    pub state: EventState,
    /// Why, where it was not applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Our id of the message it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A record of webhook events with what became of each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredRecord {
    /// Names the record; event `n` of it is this id and `n`.
    #[serde(rename = "sk")]
    pub id: EventId,
    /// Whose.
    pub tenant: TenantId,
    /// The account in the webhook's path.
    pub account: AccountId,
    /// When we had it.
    #[serde(with = "millisecond::required")]
    pub received_at: Timestamp,
    /// The record as it stood on the queue (see `domain::queue`).
    #[serde(with = "super::packed")]
    pub raw: String,
    /// What became of its events, in their order.
    pub events: Vec<Event>,
    /// How often it was applied.
    pub tries: u32,
    /// When to try again what waits or failed.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub try_again_at: Option<Timestamp>,
}

impl StoredRecord {
    /// The state of the event that most needs a person's eye.
    #[must_use]
    pub fn worst(&self) -> EventState {
        self.events
            .iter()
            .map(|event| event.state)
            .max()
            .unwrap_or(EventState::Kept)
    }

    /// Where the record of this id stands in the list of `state`, or in the one by time: a [`Slice`] may begin there.
    #[must_use]
    pub fn place_in_list(id: &EventId, state: Option<EventState>) -> String {
        match state {
            Some(state) => format!("{}#{id}", state.as_str()),
            None => id.to_string(),
        }
    }
}

impl Store {
    /// Keeps a record; keeping it again replaces what became of its events. Those that are only kept are counted, once.
    pub async fn keep_events(&self, record: &StoredRecord) -> Result<(), StoreError> {
        let key = Key::new(
            keys::events_of(&record.tenant, &record.id),
            record.id.as_str(),
        );
        let expires = record
            .received_at
            .saturating_add(KEPT_FOR)
            .unwrap_or(Timestamp::MAX);
        let shard = keys::shard_of(record.id.as_str(), keys::LIST_SHARDS);
        let mut indexes = Indexes {
            expires: Some(expires.as_second()),
            ..Indexes::default()
        };
        let worst = record.worst();
        if worst > EventState::Kept {
            indexes.state_key = Some(keys::events_in_state(&record.tenant, shard));
            indexes.state_sort = Some(format!("{}#{}", worst.as_str(), record.id));
        }
        if let Some(at) = record.try_again_at {
            indexes.due_key = Some(keys::due(keys::shard_of(
                record.id.as_str(),
                keys::DUE_SHARDS,
            )));
            indexes.due_sort = Some(keys::due_sort(at, record.id.as_str()));
        }
        let item = event_item(key, indexes, record)?;
        let kept = kept::of(record);
        let is_first = if kept.is_empty() {
            self.keep_alone(item.clone()).await?
        } else {
            self.keep_and_count(item.clone(), &kept).await?
        };
        if !is_first {
            let put = self.client.put_item().table_name(&self.logs);
            put.set_item(Some(as_counted(item))).send().await?;
        }
        Ok(())
    }

    /// Keeps a record alone, unless it is counted already: that must not be forgotten, and is answered as `false`.
    async fn keep_alone(&self, item: Item) -> Result<bool, StoreError> {
        let put = self.client.put_item().table_name(&self.logs);
        let put = put
            .set_item(Some(item))
            .condition_expression(format!("attribute_not_exists({COUNTED})"));
        match put.send().await.map_err(StoreError::from) {
            Ok(_) => Ok(true),
            Err(StoreError::Conflict) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Keeps a record and counts its events, together. `false` if they are counted already.
    ///
    /// Many records of one kind meet at the same counters. Keeping them goes before counting them: when transactions
    /// give way to each other for too long, the record is kept first and counted then.
    async fn keep_and_count(&self, item: Item, kept: &CounterDelta) -> Result<bool, StoreError> {
        let mut transaction = Transaction::new();
        let uncounted = format!("attribute_not_exists({COUNTED})");
        let item = as_counted(item);
        transaction.put_if(&self.logs, item.clone(), Some(&uncounted), HashMap::new())?;
        self.add_all(&mut transaction, kept)?;
        match self.commit_if(transaction).await {
            Ok(committed) => Ok(committed == Committed::Yes),
            Err(StoreError::Throttled(_)) => {
                let is_first = self.keep_alone(item).await?;
                if is_first {
                    self.add_each(kept).await?;
                }
                Ok(is_first)
            }
            Err(error) => Err(error),
        }
    }

    /// The record of this id.
    pub async fn events(
        &self,
        tenant: &TenantId,
        id: &EventId,
    ) -> Result<Option<StoredRecord>, StoreError> {
        let key = Key::new(keys::events_of(tenant, id), id.as_str());
        self.read(&self.logs, key).await?.map(body).transpose()
    }

    /// A tenant's records, newest first.
    pub async fn events_by_time(
        &self,
        tenant: &TenantId,
        slice: &Slice,
    ) -> Result<Listed<StoredRecord>, StoreError> {
        let listing = Listing {
            index: Index::TABLE,
            partitions: (0..keys::LIST_SHARDS)
                .map(|shard| keys::events(tenant, shard))
                .collect(),
            prefix: String::new(),
            order: Order::Descending,
        };
        self.list_of(&self.logs, &listing, slice).await
    }

    /// A tenant's records whose worst event is in `state`, newest first. Only states worse than kept are indexed.
    pub async fn events_by_state(
        &self,
        tenant: &TenantId,
        state: EventState,
        slice: &Slice,
    ) -> Result<Listed<StoredRecord>, StoreError> {
        let shards = 0..keys::LIST_SHARDS;
        let listing = Listing {
            index: Index::STATE,
            partitions: shards
                .map(|shard| keys::events_in_state(tenant, shard))
                .collect(),
            prefix: format!("{}#", state.as_str()),
            order: Order::Descending,
        };
        self.list_of(&self.logs, &listing, slice).await
    }

    /// The records that are to be tried again by `now`.
    pub async fn events_to_try(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        let due = self.due(&self.logs, keys::due, now, limit).await?;
        self.read_all(&self.logs, due)
            .await?
            .into_iter()
            .map(body)
            .collect()
    }
}

/// The item of a record whose events are counted.
fn as_counted(mut item: Item) -> Item {
    item.insert(COUNTED.to_owned(), AttributeValue::Bool(true));
    item
}

/// The record's id is its sort key, which the key brings.
fn event_item(key: Key, indexes: Indexes, record: &StoredRecord) -> Result<Item, StoreError> {
    item("webhook_record", key, indexes, record)
}
