//! Messages: created, read, listed. What changes them is in `ledger`.

use super::item::{Key, body, text};
use super::message_item::message_item;
use super::page::{Index, Listed, Listing, Order, Slice, key_of};
use super::transaction::{Change, Transaction};
use super::{Store, StoreError, keys};
use crate::domain::id::{JobId, MessageId};
use crate::domain::identity::{TenantId, Wamid};
use crate::domain::message::{Inbound, Message, Outbound};
use crate::domain::state::State;
use crate::domain::webhook::Person;
use jiff::Timestamp;

/// The groups by which messages are listed by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateBucket {
    /// Queued or sending; single messages only.
    Open,
    /// Of those, the ones that wait for a time their caller set, by that time.
    Scheduled,
    /// One of the states in which a message ended, or hangs, without having been sent.
    Problem(State),
}

impl StateBucket {
    /// The group of a state, if messages are listed by it.
    #[must_use]
    pub const fn of(state: State) -> Option<Self> {
        if state.is_open() {
            Some(Self::Open)
        } else if state.is_problem() {
            Some(Self::Problem(state))
        } else {
            None
        }
    }

    pub(super) fn prefix(self) -> String {
        match self {
            Self::Open => "open#".into(),
            Self::Scheduled => "open#at#".into(),
            Self::Problem(state) => format!("{}#", state.as_str()),
        }
    }
}

impl Store {
    /// Adds the creation of a message to a transaction; it fails if the message is there.
    pub fn create_message(
        &self,
        transaction: &mut Transaction,
        message: &Message,
    ) -> Result<(), StoreError> {
        transaction.put_new(&self.messages, message_item(message)?)
    }

    /// The message of this id.
    pub async fn message(
        &self,
        tenant: &TenantId,
        id: &MessageId,
    ) -> Result<Option<Message>, StoreError> {
        let key = Key::new(keys::message(tenant, id), keys::HEAD);
        self.read(&self.messages, key).await?.map(body).transpose()
    }

    /// Writes down who wrote a message, unless somebody else has done so since it was read.
    pub async fn change_writer(
        &self,
        message: &Inbound,
        writer: &Person,
    ) -> Result<bool, StoreError> {
        let change = Change {
            update: "SET #from = :writer".into(),
            condition: Some("#from = :known".into()),
            names: vec![("#from", "from")],
            values: vec![
                (":writer".into(), serde_dynamo::to_attribute_value(writer)?),
                (
                    ":known".into(),
                    serde_dynamo::to_attribute_value(&message.from)?,
                ),
            ],
        };
        let key = Key::new(keys::message(&message.tenant, &message.id), keys::HEAD);
        self.change_if(key, &change).await
    }

    /// The outbound message of this id.
    pub async fn outbound(
        &self,
        tenant: &TenantId,
        id: &MessageId,
    ) -> Result<Option<Outbound>, StoreError> {
        Ok(match self.message(tenant, id).await? {
            Some(Message::Outbound(message)) => Some(*message),
            Some(Message::Inbound(_)) | None => None,
        })
    }

    /// The messages of these ids, in their order; those that are not there are left out.
    pub async fn messages(
        &self,
        tenant: &TenantId,
        ids: &[MessageId],
    ) -> Result<Vec<Message>, StoreError> {
        let keys = ids
            .iter()
            .map(|id| Key::new(keys::message(tenant, id), keys::HEAD))
            .collect();
        self.read_all(&self.messages, keys)
            .await?
            .into_iter()
            .map(body)
            .collect()
    }

    /// Our ids of the messages a provider calls `wamid`: an index read, for statuses without our id, replies and
    /// reactions. What it gives is read again before anything is decided.
    pub async fn ids_by_provider_id(
        &self,
        tenant: &TenantId,
        wamid: &Wamid,
    ) -> Result<Vec<MessageId>, StoreError> {
        let output = self
            .client
            .query()
            .table_name(&self.messages)
            .index_name("by_provider_id")
            .key_condition_expression("provider_key = :key")
            .expression_attribute_values(":key", text(keys::provider_id(tenant, wamid)))
            .limit(5)
            .send()
            .await?;
        let items = output.items.unwrap_or_default();
        let ids = items
            .iter()
            .map(|item| Ok(keys::message_of(&key_of(item)?.0).map(|found| found.1)));
        ids.filter_map(Result::transpose).collect()
    }

    /// A tenant's messages, newest first.
    pub async fn messages_by_time(
        &self,
        tenant: &TenantId,
        slice: &Slice,
    ) -> Result<Listed<Message>, StoreError> {
        let partitions = (0..keys::LIST_SHARDS)
            .map(|shard| keys::log(tenant, shard))
            .collect();
        self.list_messages(Index::LIST, partitions, String::new(), slice)
            .await
    }

    /// A tenant's messages of one group of states, newest first.
    pub async fn messages_by_state(
        &self,
        tenant: &TenantId,
        bucket: StateBucket,
        slice: &Slice,
    ) -> Result<Listed<Message>, StoreError> {
        let partitions = (0..keys::LIST_SHARDS)
            .map(|shard| keys::state(tenant, shard))
            .collect();
        self.list_messages(Index::STATE, partitions, bucket.prefix(), slice)
            .await
    }

    /// A tenant's messages that wait for a time their caller set, the soonest first.
    pub async fn scheduled_messages(
        &self,
        tenant: &TenantId,
        slice: &Slice,
    ) -> Result<Listed<Message>, StoreError> {
        let shards = 0..keys::LIST_SHARDS;
        let listing = Listing {
            index: Index::STATE,
            partitions: shards.map(|shard| keys::state(tenant, shard)).collect(),
            prefix: StateBucket::Scheduled.prefix(),
            order: Order::Ascending,
        };
        self.list_messages_of(&listing, slice).await
    }

    /// A job's recipients that ended, or hang, in `state` without having been sent, newest first.
    pub async fn job_problems(
        &self,
        job: &JobId,
        state: State,
        slice: &Slice,
    ) -> Result<Listed<Message>, StoreError> {
        let prefix = StateBucket::Problem(state).prefix();
        let partitions = (0..keys::LIST_SHARDS)
            .map(|shard| keys::job_problems(job, shard))
            .collect();
        self.list_messages(Index::JOB, partitions, prefix, slice)
            .await
    }

    /// The messages of these threads, newest first.
    pub async fn messages_by_thread(
        &self,
        threads: &[String],
        slice: &Slice,
    ) -> Result<Listed<Message>, StoreError> {
        self.list_messages(Index::THREAD, threads.to_vec(), String::new(), slice)
            .await
    }

    async fn list_messages(
        &self,
        index: Index,
        partitions: Vec<String>,
        prefix: String,
        slice: &Slice,
    ) -> Result<Listed<Message>, StoreError> {
        let listing = Listing {
            index,
            partitions,
            prefix,
            order: Order::Descending,
        };
        self.list_messages_of(&listing, slice).await
    }

    async fn list_messages_of(
        &self,
        listing: &Listing,
        slice: &Slice,
    ) -> Result<Listed<Message>, StoreError> {
        self.list_of(&self.messages, listing, slice).await
    }

    /// The keys of everything in these partitions of `table` that is due by `now`.
    pub(super) async fn due(
        &self,
        table: &str,
        partition: fn(u8) -> String,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Key>, StoreError> {
        let mut due = Vec::new();
        for shard in 0..keys::DUE_SHARDS {
            let output = self
                .client
                .query()
                .table_name(table)
                .index_name(Index::DUE.name.unwrap_or_default())
                .key_condition_expression("due_key = :key AND due_sort < :now")
                .expression_attribute_values(":key", text(partition(shard)))
                .expression_attribute_values(":now", text(keys::due_sort(now, "")))
                .limit(i32::try_from(limit).unwrap_or(i32::MAX))
                .send()
                .await?;
            for item in output.items.unwrap_or_default() {
                let (pk, sk) = key_of(&item)?;
                due.push(Key { pk, sk });
            }
        }
        Ok(due)
    }
}
