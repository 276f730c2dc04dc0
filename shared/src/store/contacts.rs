//! Contacts, the identities that point to them, and their conversations.

use super::item::{Indexes, Item, Key, body, item, number, text};
use super::page::{Index, Listed, Listing, Order, Slice};
use super::transaction::{Change, Committed, Transaction};
use super::{Store, StoreError, keys};
use crate::domain::id::{AccountId, ContactId, ConversationId};
use crate::domain::identity::{Bsuid, Identity, PhoneNumberId, TenantId, WaId};
use crate::domain::message::{Inbound, Message, Outbound};
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Our id.
    pub id: ContactId,
    /// Whose.
    pub tenant: TenantId,
    /// The phone, as the provider writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wa_id: Option<WaId>,
    /// The business-scoped user id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Bsuid>,
    /// The name the person chose to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The person's user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// When we first met.
    #[serde(with = "millisecond::required")]
    pub created_at: Timestamp,
}

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
    pub sender: PhoneNumberId,
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
    /// The threads whose messages it shows.
    #[serde(with = "serde_dynamo::string_set")]
    pub threads: BTreeSet<String>,
}

impl Conversation {
    /// The conversation of a contact with a sender: its id follows from both, so that it is made only once.
    #[must_use]
    pub fn id_of(contact: &Contact, sender: &PhoneNumberId) -> ConversationId {
        ConversationId::derived(contact.created_at, &[contact.id.as_str(), sender.as_str()])
    }
}

#[derive(Serialize, Deserialize)]
struct IdentityPointer {
    contact: ContactId,
}

impl Store {
    /// The contact an identity points to.
    pub async fn contact_by_identity(
        &self,
        tenant: &TenantId,
        identity: &Identity,
    ) -> Result<Option<Contact>, StoreError> {
        let key = Key::new(keys::identity(tenant, &identity.canonical()), keys::HEAD);
        let Some(pointer) = self.read(&self.messages, key).await? else {
            return Ok(None);
        };
        let pointer: IdentityPointer = body(pointer)?;
        self.contact(tenant, &pointer.contact).await
    }

    /// The contact of this id.
    pub async fn contact(
        &self,
        tenant: &TenantId,
        id: &ContactId,
    ) -> Result<Option<Contact>, StoreError> {
        let key = Key::new(keys::contact(tenant, id), keys::HEAD);
        self.read(&self.messages, key).await?.map(body).transpose()
    }

    /// Writes a new contact and its identities. `false` if one of the identities points somewhere already.
    pub async fn create_contact(
        &self,
        contact: &Contact,
        identities: &[Identity],
    ) -> Result<bool, StoreError> {
        let mut transaction = Transaction::new();
        transaction.put_new(&self.messages, contact_item(contact)?)?;
        for identity in identities {
            self.point(&mut transaction, contact, identity)?;
        }
        Ok(self.commit_if(transaction).await? == Committed::Yes)
    }

    /// Lets one more identity point to a contact. `false` if it points somewhere already.
    pub async fn add_identity(
        &self,
        contact: &Contact,
        identity: &Identity,
    ) -> Result<bool, StoreError> {
        let mut transaction = Transaction::new();
        self.point(&mut transaction, contact, identity)?;
        let (attribute, value) = match identity {
            Identity::Phone(wa_id) => ("wa_id", wa_id.as_str()),
            Identity::User(user) => ("user_id", user.as_str()),
        };
        let change = Change {
            update: "SET #name = :value".into(),
            condition: Some("attribute_exists(pk)".into()),
            names: vec![("#name", attribute)],
            values: vec![(":value".into(), text(value))],
        };
        let key = Key::new(keys::contact(&contact.tenant, &contact.id), keys::HEAD);
        transaction.update(&self.messages, key, &change)?;
        Ok(self.commit_if(transaction).await? == Committed::Yes)
    }

    fn point(
        &self,
        transaction: &mut Transaction,
        contact: &Contact,
        identity: &Identity,
    ) -> Result<(), StoreError> {
        let key = Key::new(
            keys::identity(&contact.tenant, &identity.canonical()),
            keys::HEAD,
        );
        let pointer = IdentityPointer {
            contact: contact.id.clone(),
        };
        transaction.put_new(
            &self.messages,
            item("identity", key, Indexes::default(), &pointer)?,
        )
    }

    /// Keeps the names a person now shows.
    pub async fn rename_contact(
        &self,
        contact: &Contact,
        name: Option<&str>,
        username: Option<&str>,
    ) -> Result<(), StoreError> {
        let mut sets = Vec::new();
        let mut values = Vec::new();
        for (attribute, value) in [("name", name), ("username", username)] {
            if let Some(value) = value {
                sets.push(format!("#{attribute} = :{attribute}"));
                values.push((attribute, value));
            }
        }
        if sets.is_empty() {
            return Ok(());
        }
        let key = Key::new(keys::contact(&contact.tenant, &contact.id), keys::HEAD);
        let mut request = self
            .client
            .update_item()
            .table_name(&self.messages)
            .set_key(Some(key.into_item()))
            .update_expression(format!("SET {}", sets.join(", ")))
            .condition_expression("attribute_exists(pk)");
        for (attribute, value) in values {
            request = request
                .expression_attribute_names(format!("#{attribute}"), attribute)
                .expression_attribute_values(format!(":{attribute}"), text(value));
        }
        request.send().await?;
        Ok(())
    }

    /// A tenant's contacts, newest first.
    pub async fn contacts(
        &self,
        tenant: &TenantId,
        slice: &Slice,
    ) -> Result<Listed<Contact>, StoreError> {
        let listing = Listing {
            index: Index::LIST,
            partitions: (0..keys::LIST_SHARDS)
                .map(|shard| keys::contacts(tenant, shard))
                .collect(),
            prefix: String::new(),
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

    /// The conversation of this id.
    pub async fn conversation(
        &self,
        tenant: &TenantId,
        id: &ConversationId,
    ) -> Result<Option<Conversation>, StoreError> {
        let key = Key::new(keys::conversation(tenant, id), keys::HEAD);
        self.read(&self.messages, key).await?.map(body).transpose()
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

    /// Writes an inbound message and counts it as unread. `false` if it was there already.
    pub async fn receive(&self, message: &Inbound, contact: &Contact) -> Result<bool, StoreError> {
        let mut transaction = Transaction::new();
        let boxed = Message::Inbound(Box::new(message.clone()));
        self.create_message(&mut transaction, &boxed)?;
        let thread = super::messages::thread_of(&message.from, message.group.as_ref());
        let thread = keys::thread(&message.tenant, &message.sender, &thread);
        self.open_conversation(
            &mut transaction,
            contact,
            &message.account,
            &message.sender,
            &thread,
            1,
        )?;
        Ok(self.commit_if(transaction).await? == Committed::Yes)
    }

    /// Adds to a transaction that the conversation of `contact` shows the thread of an outbound message.
    pub fn open_thread(
        &self,
        transaction: &mut Transaction,
        contact: &Contact,
        message: &Outbound,
    ) -> Result<(), StoreError> {
        let Outbound {
            tenant,
            account,
            sender,
            to,
            ..
        } = message;
        let thread = keys::thread(tenant, sender, &to.canonical());
        self.open_conversation(transaction, contact, account, sender, &thread, 0)
    }

    /// Adds to a transaction that a conversation exists, shows `thread` and has `unread` more unread messages.
    fn open_conversation(
        &self,
        transaction: &mut Transaction,
        contact: &Contact,
        account: &AccountId,
        sender: &PhoneNumberId,
        thread: &str,
        unread: u64,
    ) -> Result<(), StoreError> {
        let id = Conversation::id_of(contact, sender);
        let shard = keys::shard_of(id.as_str(), keys::LIST_SHARDS);
        let first_seen = keys::due_sort(contact.created_at, id.as_str());
        let change = Change {
            update: "SET #type = :type, v = :one, id = :id, tenant = :tenant, account = :account, \
                     sender = :sender, contact = :contact, #state = if_not_exists(#state, :open), \
                     list_key = if_not_exists(list_key, :list_key), \
                     list_sort = if_not_exists(list_sort, :first_seen) \
                     ADD unread :unread, threads :threads"
                .into(),
            condition: None,
            names: vec![("#type", "type"), ("#state", "state")],
            values: vec![
                (":type".into(), text("conversation")),
                (":one".into(), number(1)),
                (":id".into(), text(id.as_str())),
                (":tenant".into(), text(contact.tenant.as_str())),
                (":account".into(), text(account.as_str())),
                (":sender".into(), text(sender.as_str())),
                (":contact".into(), text(contact.id.as_str())),
                (":open".into(), text(ConversationState::Open.as_str())),
                (
                    ":list_key".into(),
                    text(keys::inbox(
                        &contact.tenant,
                        ConversationState::Open.as_str(),
                        shard,
                    )),
                ),
                (":first_seen".into(), text(first_seen)),
                (":unread".into(), number(unread)),
                (
                    ":threads".into(),
                    AttributeValue::Ss(vec![thread.to_owned()]),
                ),
            ],
        };
        let key = Key::new(keys::conversation(&contact.tenant, &id), keys::HEAD);
        transaction.update(&self.messages, key, &change)
    }

    /// Notes when a conversation was last active: the latest time wins, whatever the order of the notes.
    pub async fn note_activity(
        &self,
        tenant: &TenantId,
        id: &ConversationId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let change = Change {
            update: "SET last_activity_at = :at, list_sort = :sort".into(),
            condition: Some(
                "attribute_exists(pk) AND (attribute_not_exists(last_activity_at) OR last_activity_at < :at)"
                    .into(),
            ),
            names: vec![],
            values: vec![
                (":at".into(), number(at.as_millisecond())),
                (":sort".into(), text(keys::due_sort(at, id.as_str()))),
            ],
        };
        self.change_if(
            Key::new(keys::conversation(tenant, id), keys::HEAD),
            &change,
        )
        .await?;
        Ok(())
    }

    /// Notes when the contact last wrote: opens the 24-hour window. The latest time wins.
    pub async fn note_inbound(
        &self,
        tenant: &TenantId,
        id: &ConversationId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let change = Change {
            update: "SET last_inbound_at = :at".into(),
            condition: Some(
                "attribute_exists(pk) AND (attribute_not_exists(last_inbound_at) OR last_inbound_at < :at)"
                    .into(),
            ),
            names: vec![],
            values: vec![(":at".into(), number(at.as_millisecond()))],
        };
        self.change_if(
            Key::new(keys::conversation(tenant, id), keys::HEAD),
            &change,
        )
        .await?;
        Ok(())
    }
}

fn contact_item(contact: &Contact) -> Result<Item, StoreError> {
    let Contact { tenant, id, .. } = contact;
    let indexes = Indexes {
        list_key: Some(keys::contacts(
            tenant,
            keys::shard_of(id.as_str(), keys::LIST_SHARDS),
        )),
        list_sort: Some(id.to_string()),
        ..Indexes::default()
    };
    item(
        "contact",
        Key::new(keys::contact(tenant, id), keys::HEAD),
        indexes,
        contact,
    )
}
