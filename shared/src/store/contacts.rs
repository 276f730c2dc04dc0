//! Contacts, and the identities that point to them.

use super::item::{Indexes, Item, Key, body, item, text};
use super::page::{Index, Listed, Listing, Order, Slice};
use super::transaction::{Change, Committed, Transaction};
use super::{Store, StoreError, keys};
use crate::domain::id::ContactId;
use crate::domain::identity::{Bsuid, Identity, SenderId, TenantId, WaId};
use crate::domain::webhook::Person;
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
    /// The senders it has conversations with.
    #[serde(
        default,
        skip_serializing_if = "BTreeSet::is_empty",
        with = "serde_dynamo::string_set"
    )]
    pub senders: BTreeSet<SenderId>,
    /// The contacts joined to this one whose conversations may not have been moved over yet.
    #[serde(
        default,
        skip_serializing_if = "BTreeSet::is_empty",
        with = "serde_dynamo::string_set"
    )]
    pub absorbed: BTreeSet<ContactId>,
}

/// How many joins may lead from a contact to the one that is left; each leads to an older one.
pub(super) const LONGEST_CHAIN: usize = 32;

#[derive(Serialize, Deserialize)]
pub(super) struct IdentityPointer {
    pub(super) contact: ContactId,
}

impl Contact {
    /// A person as we know them when we first meet, at `now`.
    #[must_use]
    pub fn met(tenant: &TenantId, person: &Person, now: Timestamp) -> Self {
        Self {
            id: ContactId::at(now),
            tenant: tenant.clone(),
            wa_id: person.wa_id.clone(),
            user_id: person.user_id.clone(),
            name: person.name.clone(),
            username: person.username.clone(),
            created_at: now,
            senders: BTreeSet::new(),
            absorbed: BTreeSet::new(),
        }
    }
}

impl Store {
    /// The id an identity points to; that contact may have been joined to another.
    pub async fn pointed_to(
        &self,
        tenant: &TenantId,
        identity: &Identity,
    ) -> Result<Option<ContactId>, StoreError> {
        let key = identity_key(tenant, identity);
        let Some(pointer) = self.read(&self.messages, key).await? else {
            return Ok(None);
        };
        Ok(Some(body::<IdentityPointer>(pointer)?.contact))
    }

    /// The contact of this id, or the one that it was joined to.
    pub async fn contact(
        &self,
        tenant: &TenantId,
        id: &ContactId,
    ) -> Result<Option<Contact>, StoreError> {
        let mut key = contact_key(tenant, id);
        for _ in 0..LONGEST_CHAIN {
            let Some(item) = self.read(&self.messages, key).await? else {
                return Ok(None);
            };
            match item.get("joined_to").and_then(|to| to.as_s().ok()) {
                Some(to) => {
                    let to = to.parse().map_err(|_| StoreError::Conflict)?;
                    key = contact_key(tenant, &to);
                }
                None => return body(item).map(Some),
            }
        }
        Err(StoreError::Conflict)
    }

    /// Writes a new contact and its identities. `false` if one of the identities points somewhere already.
    pub async fn create_contact(
        &self,
        contact: &Contact,
        identities: &[Identity],
    ) -> Result<bool, StoreError> {
        let mut transaction = Transaction::new();
        self.meet(&mut transaction, contact, identities)?;
        Ok(self.commit_if(transaction).await? == Committed::Yes)
    }

    /// Adds to a transaction a new contact and its identities. It fails if one of the identities points somewhere already.
    pub fn meet(
        &self,
        transaction: &mut Transaction,
        contact: &Contact,
        identities: &[Identity],
    ) -> Result<(), StoreError> {
        transaction.put_new(&self.messages, contact_item(contact)?)?;
        for identity in identities {
            self.point(transaction, contact, identity)?;
        }
        Ok(())
    }

    /// Lets one more identity point to a contact. `false` if it points somewhere already, or the contact was joined
    /// to another.
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
            update: "SET #name = if_not_exists(#name, :value)".into(),
            condition: Some("attribute_exists(pk) AND attribute_not_exists(joined_to)".into()),
            names: vec![("#name", attribute)],
            values: vec![(":value".into(), text(value))],
        };
        let key = contact_key(&contact.tenant, &contact.id);
        transaction.update(&self.messages, key, &change)?;
        Ok(self.commit_if(transaction).await? == Committed::Yes)
    }

    fn point(
        &self,
        transaction: &mut Transaction,
        contact: &Contact,
        identity: &Identity,
    ) -> Result<(), StoreError> {
        let key = identity_key(&contact.tenant, identity);
        let pointer = IdentityPointer {
            contact: contact.id.clone(),
        };
        transaction.put_new(
            &self.messages,
            item("identity", key, Indexes::default(), &pointer)?,
        )
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
        self.list_of(&self.messages, &listing, slice).await
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
    item("contact", contact_key(tenant, id), indexes, contact)
}

pub(super) fn contact_key(tenant: &TenantId, id: &ContactId) -> Key {
    Key::new(keys::contact(tenant, id), keys::HEAD)
}

pub(super) fn identity_key(tenant: &TenantId, identity: &Identity) -> Key {
    Key::new(keys::identity(tenant, &identity.canonical()), keys::HEAD)
}
