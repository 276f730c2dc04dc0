//! Conversations: one contact with one sender, the unread count, and what sorts the inbox.

mod opening;

use self::opening::Opening;
use super::contacts::{Contact, LONGEST_CHAIN, contact_key};
use super::item::{Key, body, number, text};
use super::joins::NOT_JOINED;
use super::message_item::thread_of;
use super::page::{Index, Listed, Listing, Order, Slice};
use super::transaction::{Change, Committed, Transaction};
use super::{Store, StoreError, keys};
use crate::domain::id::{AccountId, ContactId, ConversationId};
use crate::domain::identity::{SenderId, TenantId};
use crate::domain::message::{Inbound, Message, Outbound};
use crate::domain::pace::{Burst, Place};
use crate::domain::webhook::Person;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Whether somebody still has to act on a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConversationState {
    /// In the inbox.
    Open,
    /// Done with.
    Closed,
    /// Out of sight.
    Archived,
}

impl ConversationState {
    /// Its name in the store and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Archived => "archived",
        }
    }
}

/// One contact with one sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    /// Our id.
    pub id: ConversationId,
    /// Whose.
    pub tenant: TenantId,
    /// The account of the sender.
    pub account: AccountId,
    /// Which sender.
    pub sender: SenderId,
    /// Which contact.
    pub contact: ContactId,
    /// Whether somebody still has to act on it.
    pub state: ConversationState,
    /// How many messages of the contact nobody has read.
    pub unread: u64,
    /// When the contact last wrote: the 24-hour window counts from here.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub last_inbound_at: Option<Timestamp>,
    /// When either side last wrote.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub last_activity_at: Option<Timestamp>,
    /// When the first of the messages that last went together to the contact could go.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub pair_from: Option<Timestamp>,
    /// How many these are.
    #[serde(default)]
    pub pair_count: i32,
    /// The threads whose messages it shows.
    #[serde(with = "serde_dynamo::string_set")]
    pub threads: BTreeSet<String>,
}

/// What came of writing an inbound message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// It is written and counted.
    Written,
    /// It was there already.
    ThereAlready,
    /// Nothing is written: its contact was joined to another, whose it is now.
    ContactJoined,
}

impl Conversation {
    /// The conversation of a contact with a sender: its id follows from theirs, so that it is made only once, and can be
    /// read together with the contact.
    #[must_use]
    pub fn id_of(contact: &ContactId, sender: &SenderId) -> ConversationId {
        ConversationId::derived(contact.made_at(), &[contact.as_str(), sender.as_str()])
    }

    /// The threads whose messages are between the contact and the sender alone.
    pub fn own_threads(&self) -> impl Iterator<Item = &String> {
        let threads = self.threads.iter();
        threads.filter(|thread| !keys::is_of_group(thread))
    }

    /// The messages that last went together to the contact.
    #[must_use]
    pub fn burst(&self) -> Option<Burst> {
        let count = self.pair_count;
        self.pair_from.map(|from| Burst { from, count })
    }
}

impl Store {
    /// The conversation of this id, or the one that it was joined to.
    pub async fn conversation(
        &self,
        tenant: &TenantId,
        id: &ConversationId,
    ) -> Result<Option<Conversation>, StoreError> {
        let mut key = conversation_key(tenant, id);
        for _ in 0..LONGEST_CHAIN {
            let Some(item) = self.read(&self.messages, key).await? else {
                return Ok(None);
            };
            match item.get("joined_to").and_then(|to| to.as_s().ok()) {
                Some(to) => {
                    let to = to.parse().map_err(|_| StoreError::Conflict)?;
                    key = conversation_key(tenant, &to);
                }
                None => return body(item).map(Some),
            }
        }
        Err(StoreError::Conflict)
    }

    /// A tenant's conversations of one state, the last active first.
    pub async fn conversations(
        &self,
        tenant: &TenantId,
        state: ConversationState,
        slice: &Slice,
    ) -> Result<Listed<Conversation>, StoreError> {
        let shards = 0..keys::LIST_SHARDS;
        let listing = Listing {
            index: Index::LIST,
            partitions: shards
                .map(|shard| keys::inbox(tenant, state.as_str(), shard))
                .collect(),
            prefix: String::new(),
            order: Order::Descending,
        };
        self.list_of(&self.messages, &listing, slice).await
    }

    /// Writes an inbound message and counts it as unread.
    pub async fn receive(
        &self,
        message: &Inbound,
        contact: &Contact,
    ) -> Result<Received, StoreError> {
        let mut transaction = Transaction::new();
        let boxed = Message::Inbound(Box::new(message.clone()));
        self.create_message(&mut transaction, &boxed)?;
        let (tenant, sender, from) = (&message.tenant, &message.sender, &message.from);
        let threads = match &message.group {
            Some(group) => vec![keys::thread(tenant, sender, &thread_of(from, Some(group)))],
            None => Self::threads_of(tenant, sender, from),
        };
        let opening = Opening {
            account: &message.account,
            sender,
            threads: threads.into_iter().collect(),
            unread: 1,
            active_at: None,
            place: None,
        };
        self.open_conversation(&mut transaction, contact, opening)?;
        self.note_sender(&mut transaction, contact, sender)?;
        Ok(match self.commit_if(transaction).await? {
            Committed::Yes => Received::Written,
            Committed::Refused(places) if places.contains(&0) => Received::ThereAlready,
            Committed::Refused(_) => Received::ContactJoined,
        })
    }

    /// Adds to a transaction that the conversation of `contact` shows the thread of an outbound message, which has
    /// taken its `place`, if it takes one. It fails if the contact was joined, or another message has begun a burst.
    pub fn open_thread(
        &self,
        transaction: &mut Transaction,
        contact: &Contact,
        message: &Outbound,
        place: Option<(Option<Burst>, Place)>,
    ) -> Result<(), StoreError> {
        let Outbound {
            tenant,
            account,
            sender,
            to,
            created_at,
            ..
        } = message;
        let thread = keys::thread(tenant, sender, &to.canonical());
        let opening = Opening {
            account,
            sender,
            threads: BTreeSet::from([thread]),
            unread: 0,
            active_at: Some(*created_at),
            place,
        };
        self.open_conversation(transaction, contact, opening)?;
        self.note_sender(transaction, contact, sender)
    }

    /// The threads of a person's names with a sender: a job may have written to any of them.
    #[must_use]
    pub fn threads_of(tenant: &TenantId, sender: &SenderId, person: &Person) -> Vec<String> {
        person
            .identities()
            .map(|name| keys::thread(tenant, sender, &name.canonical()))
            .collect()
    }

    /// Lets the conversation of `contact` with `sender`, if there is one, show the threads of `person`'s names.
    pub async fn show_threads(
        &self,
        contact: &Contact,
        sender: &SenderId,
        person: &Person,
    ) -> Result<(), StoreError> {
        let tenant = &contact.tenant;
        let id = Conversation::id_of(&contact.id, sender);
        let mut threads = Self::threads_of(tenant, sender, person);
        let Some(conversation) = self.conversation(tenant, &id).await? else {
            return Ok(());
        };
        threads.retain(|thread| !conversation.threads.contains(thread));
        if threads.is_empty() {
            return Ok(());
        }
        let change = Change {
            update: "ADD threads :threads".into(),
            condition: Some(NOT_JOINED.into()),
            names: vec![],
            values: vec![(":threads".into(), AttributeValue::Ss(threads))],
        };
        let key = conversation_key(tenant, &conversation.id);
        let shown = self.change_if(key, &change).await?;
        shown.then_some(()).ok_or(StoreError::Conflict)
    }

    /// Adds to a transaction that the conversation of `survivor` shows and counts what the joined one `had`.
    pub(super) fn open_joined(
        &self,
        transaction: &mut Transaction,
        survivor: &Contact,
        had: &Conversation,
    ) -> Result<(), StoreError> {
        let Conversation {
            account,
            sender,
            threads,
            unread,
            ..
        } = had;
        let opening = Opening {
            account,
            sender,
            threads: threads.clone(),
            unread: *unread,
            active_at: None,
            place: None,
        };
        self.open_conversation(transaction, survivor, opening)
    }

    /// Adds to a transaction that a contact has a conversation with `sender`: a join finds it by that.
    fn note_sender(
        &self,
        transaction: &mut Transaction,
        contact: &Contact,
        sender: &SenderId,
    ) -> Result<(), StoreError> {
        if contact.senders.contains(sender) {
            return Ok(());
        }
        let change = Change {
            update: "ADD senders :sender".into(),
            condition: Some(NOT_JOINED.into()),
            names: vec![],
            values: vec![(
                ":sender".into(),
                AttributeValue::Ss(vec![sender.to_string()]),
            )],
        };
        let key = contact_key(&contact.tenant, &contact.id);
        transaction.update(&self.messages, key, &change)
    }

    /// Adds to a transaction that the conversation of a contact exists, with what opens it. One that was joined to
    /// another must not come back: then it fails.
    fn open_conversation(
        &self,
        transaction: &mut Transaction,
        contact: &Contact,
        opening: Opening<'_>,
    ) -> Result<(), StoreError> {
        let id = Conversation::id_of(&contact.id, opening.sender);
        let key = conversation_key(&contact.tenant, &id);
        transaction.update(&self.messages, key, &opening.change(contact, &id))
    }

    /// Notes when a conversation was last active: the latest time wins, whatever the order of the notes.
    pub async fn note_activity(
        &self,
        tenant: &TenantId,
        id: &ConversationId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.note(tenant, id, |id| Change {
            update: "SET last_activity_at = :at, list_sort = :sort".into(),
            condition: Some(later_than("last_activity_at")),
            names: vec![],
            values: vec![
                (":at".into(), number(at.as_millisecond())),
                (":sort".into(), text(keys::due_sort(at, id.as_str()))),
            ],
        })
        .await
    }

    /// Notes when the contact last wrote: opens the 24-hour window. The latest time wins.
    pub async fn note_inbound(
        &self,
        tenant: &TenantId,
        id: &ConversationId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.note(tenant, id, |_| Change {
            update: "SET last_inbound_at = :at".into(),
            condition: Some(later_than("last_inbound_at")),
            names: vec![],
            values: vec![(":at".into(), number(at.as_millisecond()))],
        })
        .await
    }

    /// Changes a conversation, or the one that it was joined to. Nothing happens if the condition does not hold.
    async fn note(
        &self,
        tenant: &TenantId,
        id: &ConversationId,
        change: impl Fn(&ConversationId) -> Change,
    ) -> Result<(), StoreError> {
        let mut id = id.clone();
        for _ in 0..LONGEST_CHAIN {
            let key = conversation_key(tenant, &id);
            if self.change_if(key, &change(&id)).await? {
                return Ok(());
            }
            match self.conversation(tenant, &id).await? {
                Some(joined_to) if joined_to.id != id => id = joined_to.id,
                Some(_) | None => return Ok(()),
            }
        }
        Err(StoreError::Conflict)
    }
}

/// The condition that a conversation has no later time under this name, and was not joined to another.
fn later_than(time: &str) -> String {
    format!("{NOT_JOINED} AND (attribute_not_exists({time}) OR {time} < :at)")
}

pub(super) fn conversation_key(tenant: &TenantId, id: &ConversationId) -> Key {
    Key::new(keys::conversation(tenant, id), keys::HEAD)
}
