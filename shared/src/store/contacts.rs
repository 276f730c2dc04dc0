//! Contacts, and the identities that point to them.

use super::item::{Indexes, Item, Key, body, item, text};
use super::page::{Index, Listed, Listing, Order, Slice};
use super::transaction::{Change, Committed, Transaction};
use super::{Store, StoreError, keys};
use crate::domain::id::ContactId;
use crate::domain::identity::{Bsuid, Identity, TenantId, WaId};
use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond;
use serde::{Deserialize, Serialize};

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
