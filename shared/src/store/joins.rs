//! Two contacts that turn out to be one person: the older one stays, the other leads to it for ever.
//!
//! The join itself is one transaction; what the joined contact had (names, conversations) is then moved over in
//! steps that may be repeated, and the survivor remembers whom it has `absorbed` until all of them are done.

use super::contacts::{Contact, contact_key, identity_key};
use super::conversations::{Conversation, conversation_key};
use super::item::{Key, body, number, text};
use super::transaction::{Change, Committed, Transaction};
use super::{Store, StoreError};
use crate::domain::id::{ContactId, ConversationId};
use crate::domain::identity::{Identity, SenderId, TenantId};
use crate::domain::webhook::Person;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeSet;

/// Another worker may change what was read; then it is read and decided again.
const TRIES: usize = 8;

/// The condition that a contact or a conversation is there and was not joined to another.
pub(super) const NOT_JOINED: &str = "attribute_exists(pk) AND attribute_not_exists(joined_to)";

/// Something a person was said to be called, and when.
#[derive(Debug, Clone)]
struct Told {
    attribute: &'static str,
    value: String,
    at: i64,
}

/// What a contact is called and when each of it was told.
#[derive(Deserialize)]
struct Names {
    wa_id: Option<String>,
    wa_id_at: Option<i64>,
    user_id: Option<String>,
    user_id_at: Option<i64>,
    name: Option<String>,
    name_at: Option<i64>,
    username: Option<String>,
    username_at: Option<i64>,
}

impl Names {
    fn told(self) -> Vec<Told> {
        let told = |attribute, value: Option<String>, at: Option<i64>| {
            let (value, at) = (value?, at?);
            Some(Told {
                attribute,
                value,
                at,
            })
        };
        let all = [
            told("wa_id", self.wa_id, self.wa_id_at),
            told("user_id", self.user_id, self.user_id_at),
            told("name", self.name, self.name_at),
            told("username", self.username, self.username_at),
        ];
        all.into_iter().flatten().collect()
    }
}

impl Store {
    /// Keeps what a person is called, as told at `at`: for each name the latest telling stays, and of two at once
    /// the greater text, so that any order ends the same. Also moves over what a joined contact still has.
    pub async fn tell_contact(
        &self,
        tenant: &TenantId,
        id: &ContactId,
        person: &Person,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let at = Some(at.as_millisecond());
        let names = Names {
            wa_id: person.wa_id.as_ref().map(ToString::to_string),
            wa_id_at: at,
            user_id: person.user_id.as_ref().map(ToString::to_string),
            user_id_at: at,
            name: person.name.clone(),
            name_at: at,
            username: person.username.clone(),
            username_at: at,
        };
        let told = names.told();
        for _ in 0..TRIES {
            let contact = self.settled(tenant, id).await?;
            if self.tell(&contact, &told).await? {
                return Ok(());
            }
        }
        Err(StoreError::Conflict)
    }

    /// The contact that this id leads to, after everything that contacts joined to it had was moved over.
    pub async fn settled(&self, tenant: &TenantId, id: &ContactId) -> Result<Contact, StoreError> {
        let mut id = id.clone();
        for _ in 0..TRIES {
            let Some(survivor) = self.contact(tenant, &id).await? else {
                return Err(StoreError::Conflict);
            };
            let mut open = survivor.absorbed.clone();
            if survivor.id != id {
                open.insert(id.clone());
            }
            if open.is_empty() {
                return Ok(survivor);
            }
            if self.absorb(&survivor, open).await? {
                id = survivor.id;
            }
        }
        Err(StoreError::Conflict)
    }

    /// Joins `other` to `survivor`. `false` if one of them was joined meanwhile, or one of the identities that
    /// pointed to `other` no longer does.
    pub async fn join_contacts(
        &self,
        survivor: &Contact,
        other: &Contact,
        identities: &[Identity],
    ) -> Result<bool, StoreError> {
        let mut transaction = Transaction::new();
        for identity in identities {
            let key = identity_key(&survivor.tenant, identity);
            let change = Change {
                update: "SET contact = :survivor".into(),
                condition: Some("contact = :other".into()),
                names: vec![],
                values: vec![
                    (":survivor".into(), text(survivor.id.as_str())),
                    (":other".into(), text(other.id.as_str())),
                ],
            };
            transaction.update(&self.messages, key, &change)?;
        }
        let joined = Change {
            update: "SET joined_to = :survivor REMOVE list_key, list_sort".into(),
            condition: Some(NOT_JOINED.into()),
            names: vec![],
            values: vec![(":survivor".into(), text(survivor.id.as_str()))],
        };
        transaction.update(
            &self.messages,
            contact_key(&other.tenant, &other.id),
            &joined,
        )?;
        let absorbs = Change {
            update: "ADD absorbed :other".into(),
            condition: Some(NOT_JOINED.into()),
            names: vec![],
            values: vec![(":other".into(), set(other.id.as_str()))],
        };
        transaction.update(
            &self.messages,
            contact_key(&survivor.tenant, &survivor.id),
            &absorbs,
        )?;
        Ok(self.commit_if(transaction).await? == Committed::Yes)
    }

    /// Writes what is newer than what the contact has. `false` if the contact changed meanwhile.
    async fn tell(&self, contact: &Contact, told: &[Told]) -> Result<bool, StoreError> {
        let Some(item) = self
            .read(&self.messages, contact_key(&contact.tenant, &contact.id))
            .await?
        else {
            return Ok(false);
        };
        if item.contains_key("joined_to") {
            return Ok(false);
        }
        let had = body::<Names>(item)?.told();
        let newer = told.iter().filter(|new| {
            had.iter()
                .find(|old| old.attribute == new.attribute)
                .is_none_or(|old| (old.at, &old.value) < (new.at, &new.value))
        });
        let (mut sets, mut conditions) = (Vec::new(), vec![NOT_JOINED.to_owned()]);
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for Told {
            attribute: it,
            value,
            at,
        } in newer
        {
            sets.push(format!("#{it} = :{it}, {it}_at = :{it}_at"));
            conditions.push(format!(
                "(attribute_not_exists({it}_at) OR {it}_at < :{it}_at OR ({it}_at = :{it}_at AND #{it} < :{it}))"
            ));
            names.push((hashed(it), *it));
            values.push((format!(":{it}"), text(value)));
            values.push((format!(":{it}_at"), number(at)));
        }
        if sets.is_empty() {
            return Ok(true);
        }
        let change = Change {
            update: format!("SET {}", sets.join(", ")),
            condition: Some(conditions.join(" AND ")),
            names,
            values,
        };
        self.change_if(contact_key(&contact.tenant, &contact.id), &change)
            .await
    }

    /// Moves over what the contacts `open`, and those joined to them before, still have. `false` if the survivor
    /// was itself joined meanwhile, or something moved while it was carried.
    async fn absorb(
        &self,
        survivor: &Contact,
        mut open: BTreeSet<ContactId>,
    ) -> Result<bool, StoreError> {
        let mut seen = BTreeSet::new();
        while let Some(id) = open.pop_first() {
            let key = contact_key(&survivor.tenant, &id);
            let Some(item) = self.read(&self.messages, key).await? else {
                continue;
            };
            let other: Contact = body(item.clone())?;
            if !self.tell(survivor, &body::<Names>(item)?.told()).await? {
                return Ok(false);
            }
            for sender in &other.senders {
                if !self.join_conversations(survivor, &other, sender).await? {
                    return Ok(false);
                }
            }
            open.extend(other.absorbed);
            seen.insert(id);
        }
        self.forget_absorbed(survivor, &seen).await
    }

    async fn forget_absorbed(
        &self,
        survivor: &Contact,
        done: &BTreeSet<ContactId>,
    ) -> Result<bool, StoreError> {
        let done = done.iter().map(ToString::to_string).collect();
        let change = Change {
            update: "DELETE absorbed :done".into(),
            condition: Some(NOT_JOINED.into()),
            names: vec![],
            values: vec![(":done".into(), AttributeValue::Ss(done))],
        };
        self.change_if(contact_key(&survivor.tenant, &survivor.id), &change)
            .await
    }

    /// Moves the unread count, the threads and the times of `other`'s conversation with `sender` to the survivor's.
    async fn join_conversations(
        &self,
        survivor: &Contact,
        other: &Contact,
        sender: &SenderId,
    ) -> Result<bool, StoreError> {
        let tenant = &survivor.tenant;
        let from = Conversation::id_of(&other.id, sender);
        let from_key = conversation_key(tenant, &from);
        let Some(item) = self.read(&self.messages, from_key.clone()).await? else {
            return Ok(true);
        };
        let had: Conversation = body(item)?;
        let to = Conversation::id_of(&survivor.id, sender);
        let mut transaction = Transaction::new();
        let leaves = Change {
            update: "SET joined_to = :to, unread = :none REMOVE list_key, list_sort".into(),
            condition: Some("unread = :unread AND threads = :threads".into()),
            names: vec![],
            values: vec![
                (":to".into(), text(to.as_str())),
                (":none".into(), number(0)),
                (":unread".into(), number(had.unread)),
                (":threads".into(), threads(&had)),
            ],
        };
        transaction.update(&self.messages, from_key.clone(), &leaves)?;
        self.open_joined(&mut transaction, survivor, &had)?;
        let knows = Change {
            update: "ADD senders :sender".into(),
            condition: Some(NOT_JOINED.into()),
            names: vec![],
            values: vec![(":sender".into(), set(sender.as_str()))],
        };
        transaction.update(
            &self.messages,
            contact_key(&survivor.tenant, &survivor.id),
            &knows,
        )?;
        if self.commit_if(transaction).await? != Committed::Yes {
            return Ok(false);
        }
        self.carry_times(tenant, &from_key, &to).await?;
        Ok(true)
    }

    /// Brings the times of a conversation that has left to the one it was joined to. They are read only now: from
    /// the moment it left, notes go to the other one.
    async fn carry_times(
        &self,
        tenant: &TenantId,
        from: &Key,
        to: &ConversationId,
    ) -> Result<(), StoreError> {
        let Some(item) = self.read(&self.messages, from.clone()).await? else {
            return Ok(());
        };
        let left: Conversation = body(item)?;
        if let Some(at) = left.last_inbound_at {
            self.note_inbound(tenant, to, at).await?;
        }
        if let Some(at) = left.last_activity_at {
            self.note_activity(tenant, to, at).await?;
        }
        Ok(())
    }
}

fn set(value: &str) -> AttributeValue {
    AttributeValue::Ss(vec![value.to_owned()])
}

fn threads(conversation: &Conversation) -> AttributeValue {
    AttributeValue::Ss(conversation.threads.iter().cloned().collect())
}

/// The placeholder of an attribute whose name may be a reserved word.
fn hashed(attribute: &str) -> &'static str {
    match attribute {
        "wa_id" => "#wa_id",
        "user_id" => "#user_id",
        "username" => "#username",
        _ => "#name",
    }
}
