//! Messages: the ledger's lines. Claimed in one place, changed in one place.

use super::item::{Indexes, Item, Key, body, item, number, text};
use super::page::{Index, Listed, Listing, Order, Slice, key_of};
use super::transaction::Transaction;
use super::{Store, StoreError, keys};
use crate::domain::id::JobId;
use crate::domain::id::MessageId;
use crate::domain::identity::{Recipient, TenantId, Wamid};
use crate::domain::ledger::{self, Event, LEASE};
use crate::domain::message::{Attempt, Claim, Inbound, Lane, Message, Outbound, State};
use crate::domain::webhook::Person;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::ReturnValue;
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

const KIND: &str = "message";

/// A write loses against this many others before it gives up.
const TRIES: usize = 10;

/// How long after its time a message may lie before the sweeper looks after it.
const OVERDUE_AFTER: SignedDuration = SignedDuration::from_secs(35);

/// Why a message was not claimed.
#[derive(Debug, Error)]
pub enum ClaimError {
    /// It is not waiting to be sent now; this is how it stands.
    #[error("the message cannot be claimed now")]
    NotNow(Option<Box<Outbound>>),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

/// The groups by which messages are listed by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateBucket {
    /// Queued or sending; single messages only.
    Open,
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

    fn prefix(self) -> String {
        match self {
            Self::Open => "open#".into(),
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

    /// Claims a message for one call: the only place where a message becomes `sending`.
    ///
    /// One conditional update with the conditions of [`ledger::claimable`]. The SDK repeats a request whose answer
    /// was lost: a refusal that shows our own token is our claim.
    pub async fn claim(
        &self,
        tenant: &TenantId,
        id: &MessageId,
        token: &str,
        now: Timestamp,
    ) -> Result<Outbound, ClaimError> {
        let claim = Claim {
            token: token.into(),
            lease_until: now.saturating_add(LEASE).unwrap_or(now),
        };
        let attempt = vec![Attempt::starting(now)];
        let result = self
            .client
            .update_item()
            .table_name(&self.messages)
            .set_key(Some(
                Key::new(keys::message(tenant, id), keys::HEAD).into_item(),
            ))
            .update_expression(
                "SET #state = :sending, claim = :claim, rev = rev + :one, \
                 attempts = list_append(attempts, :attempt)",
            )
            .condition_expression(
                "#state = :queued AND (attribute_not_exists(not_before) OR not_before <= :now) \
                 AND (attribute_not_exists(expires_at) OR expires_at > :now)",
            )
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":sending", text(State::Sending.as_str()))
            .expression_attribute_values(":queued", text(State::Queued.as_str()))
            .expression_attribute_values(
                ":claim",
                serde_dynamo::to_attribute_value(&claim).map_err(StoreError::from)?,
            )
            .expression_attribute_values(
                ":attempt",
                serde_dynamo::to_attribute_value(attempt).map_err(StoreError::from)?,
            )
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(
                aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld,
            )
            .send()
            .await;
        match result {
            Ok(output) => Ok(outbound(output.attributes.unwrap_or_default())?),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refusal)) => {
                    let old = refusal.item.clone().map(outbound).transpose()?;
                    match old {
                        Some(message) if holds(&message, token) => Ok(message),
                        old => Err(ClaimError::NotNow(old.map(Box::new))),
                    }
                }
                _ => Err(StoreError::from(error).into()),
            },
        }
    }

    /// Writes `next` in place of the message it was decided from. A conflict if that one has changed.
    async fn replace(&self, message: &Outbound, next: &Outbound) -> Result<(), StoreError> {
        let next = message_item(&Message::Outbound(Box::new(next.clone())))?;
        self.client
            .put_item()
            .table_name(&self.messages)
            .set_item(Some(next))
            .condition_expression("rev = :rev")
            .expression_attribute_values(":rev", number(message.rev))
            .send()
            .await?;
        Ok(())
    }

    /// Lets `event` happen to a message: the only place where its state changes, save the claim.
    ///
    /// Starts from `known`, the message as last read. If it has changed since, it is read and decided again, so
    /// that of two writers neither undoes the other. Returns the message as it is afterwards.
    pub async fn apply(
        &self,
        known: Outbound,
        event: &Event<'_>,
        now: Timestamp,
    ) -> Result<Outbound, StoreError> {
        let mut message = known;
        for _ in 0..TRIES {
            let Some(next) = ledger::apply(&message, event, now) else {
                return Ok(message);
            };
            match self.replace(&message, &next).await {
                Ok(()) => return Ok(next),
                Err(StoreError::Conflict) => {
                    let again = self.outbound(&message.tenant, &message.id).await?;
                    message = again.ok_or_else(|| StoreError::corrupt(message.id.as_str()))?;
                }
                Err(error) => return Err(error),
            }
            // The SDK may have repeated a write that had succeeded.
            if message == next {
                return Ok(message);
            }
        }
        Err(StoreError::Conflict)
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

    /// A job's recipients that ended, or hang, in `state` without having been sent, newest first.
    pub async fn job_problems(
        &self,
        job: &JobId,
        state: State,
        slice: &Slice,
    ) -> Result<Listed<Message>, StoreError> {
        let prefix = StateBucket::Problem(state).prefix();
        self.list_messages(Index::JOB, vec![keys::job_problems(job)], prefix, slice)
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
        let page = self.list_items(&self.messages, &listing, slice).await?;
        let entries = page
            .entries
            .into_iter()
            .map(body)
            .collect::<Result<_, _>>()?;
        Ok(Listed {
            entries,
            next: page.next,
        })
    }

    /// The keys of everything in `table` that is due by `now`.
    pub(super) async fn due(
        &self,
        table: &str,
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
                .expression_attribute_values(":key", text(keys::due(shard)))
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

/// Whether the message is held, now, under this token.
fn holds(message: &Outbound, token: &str) -> bool {
    message.state == State::Sending
        && message
            .claim
            .as_ref()
            .is_some_and(|claim| claim.token == token)
}

fn outbound(item: Item) -> Result<Outbound, StoreError> {
    match body(item)? {
        Message::Outbound(message) => Ok(*message),
        Message::Inbound(message) => Err(StoreError::corrupt(message.id.as_str())),
    }
}

/// The item of a message, with every index attribute its state asks for.
pub(super) fn message_item(message: &Message) -> Result<Item, StoreError> {
    match message {
        Message::Outbound(outbound) => {
            let key = Key::new(keys::message(&outbound.tenant, &outbound.id), keys::HEAD);
            item(KIND, key, outbound_indexes(outbound), message)
        }
        Message::Inbound(inbound) => {
            let key = Key::new(keys::message(&inbound.tenant, &inbound.id), keys::HEAD);
            item(KIND, key, inbound_indexes(inbound), message)
        }
    }
}

fn outbound_indexes(message: &Outbound) -> Indexes {
    let Outbound {
        tenant,
        id,
        sender,
        state,
        ..
    } = message;
    let shard = keys::shard_of(id.as_str(), keys::LIST_SHARDS);
    let mut indexes = Indexes {
        provider_key: message
            .provider_id()
            .map(|wamid| keys::provider_id(tenant, wamid)),
        thread_key: Some(keys::thread(tenant, sender, &message.to.canonical())),
        list_key: Some(keys::log(tenant, shard)),
        ..Indexes::default()
    };
    // A bulk recipient is found through its job while it is open: that costs no index writes.
    let bulk = message.lane == Lane::Bulk;
    match StateBucket::of(*state) {
        Some(bucket) if !(bulk && bucket == StateBucket::Open) => {
            indexes.state_key = Some(keys::state(tenant, shard));
            indexes.state_sort = Some(format!("{}{id}", bucket.prefix()));
            indexes.job_key = message.job.as_ref().map(keys::job_problems);
        }
        Some(_) | None => {}
    }
    if state.is_open() && !bulk {
        indexes.due_key = Some(keys::due(keys::shard_of(id.as_str(), keys::DUE_SHARDS)));
        indexes.due_sort = Some(keys::due_sort(due_at(message), id.as_str()));
    }
    indexes
}

/// When the sweeper should look after an open message.
fn due_at(message: &Outbound) -> Timestamp {
    let lease = message
        .claim
        .as_ref()
        .filter(|_| message.state == State::Sending);
    match (lease, message.not_before) {
        (Some(claim), _) => claim.lease_until,
        (None, Some(time)) => time,
        (None, None) => message
            .created_at
            .saturating_add(OVERDUE_AFTER)
            .unwrap_or(Timestamp::MAX),
    }
}

fn inbound_indexes(message: &Inbound) -> Indexes {
    let Inbound {
        tenant,
        id,
        sender,
        provider_id,
        ..
    } = message;
    Indexes {
        provider_key: Some(keys::provider_id(tenant, provider_id)),
        thread_key: Some(keys::thread(
            tenant,
            sender,
            &thread_of(&message.from, message.group.as_ref()),
        )),
        list_key: Some(keys::log(
            tenant,
            keys::shard_of(id.as_str(), keys::LIST_SHARDS),
        )),
        ..Indexes::default()
    }
}

/// The name a person's messages are threaded by: the same a message to them would have.
pub(super) fn thread_of(
    person: &Person,
    group: Option<&crate::domain::identity::GroupId>,
) -> String {
    use crate::domain::identity::Identity;
    match (group, &person.wa_id, &person.user_id) {
        (Some(group), _, _) => Recipient::Group(group.clone()).canonical(),
        (None, Some(wa_id), _) => Identity::Phone(wa_id.clone()).canonical(),
        (None, None, Some(user)) => Identity::User(user.clone()).canonical(),
        (None, None, None) => "nobody".into(),
    }
}
