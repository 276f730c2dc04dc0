//! Finds the contact behind the names a person goes by, and makes it on first sight.

use crate::domain::id::ContactId;
use crate::domain::identity::{Identity, Recipient, TenantId, WaId};
use crate::domain::webhook::Person;
use crate::store::{Contact, Store, StoreError};
use jiff::Timestamp;

/// Two workers may meet the same person at once; the one that loses looks again.
const TRIES: usize = 5;

/// The contact of this person, made if there is none. `None` for a person without any name.
pub async fn contact_of(
    store: &Store,
    tenant: &TenantId,
    person: &Person,
    now: Timestamp,
) -> Result<Option<Contact>, StoreError> {
    let identities = identities(person);
    if identities.is_empty() {
        return Ok(None);
    }
    for _ in 0..TRIES {
        if let Some(contact) = known(store, tenant, &identities).await? {
            keep_names(store, &contact, person).await?;
            return Ok(Some(contact));
        }
        let contact = Contact {
            id: ContactId::at(now),
            tenant: tenant.clone(),
            wa_id: person.wa_id.clone(),
            user_id: person.user_id.clone(),
            name: person.name.clone(),
            username: person.username.clone(),
            created_at: now,
        };
        if store.create_contact(&contact, &identities).await? {
            return Ok(Some(contact));
        }
    }
    Err(StoreError::Conflict)
}

/// The person a message goes to. A group is nobody.
#[must_use]
pub fn person_of(recipient: &Recipient) -> Option<Person> {
    match recipient {
        Recipient::Phone(number) => {
            let wa_id: WaId = number.digits().parse().ok()?;
            Some(Person {
                wa_id: Some(wa_id),
                ..Person::default()
            })
        }
        Recipient::User(user) => Some(Person {
            user_id: Some(user.clone()),
            ..Person::default()
        }),
        Recipient::Group(_) => None,
    }
}

/// The names by which a person is found. The user id comes first: a phone number may change hands.
fn identities(person: &Person) -> Vec<Identity> {
    let user = person.user_id.iter().cloned().map(Identity::User);
    let phone = person.wa_id.iter().cloned().map(Identity::Phone);
    user.chain(phone).collect()
}

/// The contact that one of these identities points to; the others then point to it as well.
async fn known(
    store: &Store,
    tenant: &TenantId,
    identities: &[Identity],
) -> Result<Option<Contact>, StoreError> {
    let mut found = None;
    let mut unknown = Vec::new();
    for identity in identities {
        match store.contact_by_identity(tenant, identity).await? {
            Some(contact) => {
                found.get_or_insert(contact);
            }
            None => unknown.push(identity),
        }
    }
    if let Some(contact) = &found {
        for identity in unknown {
            store.add_identity(contact, identity).await?;
        }
    }
    Ok(found)
}

async fn keep_names(store: &Store, contact: &Contact, person: &Person) -> Result<(), StoreError> {
    let changed = |new: &Option<String>, old: &Option<String>| {
        new.as_ref()
            .filter(|new| Some(*new) != old.as_ref())
            .cloned()
    };
    let name = changed(&person.name, &contact.name);
    let username = changed(&person.username, &contact.username);
    store
        .rename_contact(contact, name.as_deref(), username.as_deref())
        .await
}

/// Lets a person's new names point to the contact that the old ones point to.
pub async fn moved(store: &Store, contact: &Contact, to: &Person) -> Result<(), StoreError> {
    for identity in identities(to) {
        store.add_identity(contact, &identity).await?;
    }
    Ok(())
}
