//! Finds the contact behind the names a person goes by, and makes it on first sight.

use crate::domain::id::ContactId;
use crate::domain::identity::{Identity, Recipient, TenantId, WaId};
use crate::domain::message::Outbound;
use crate::domain::webhook::Person;
use crate::store::{Contact, Store, StoreError};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Two workers may meet the same person at once; the one that loses looks again.
const TRIES: usize = 5;

/// The contact of this person, made if there is none. `None` for a person without any name.
pub async fn contact_of(
    store: &Store,
    tenant: &TenantId,
    person: &Person,
    now: Timestamp,
) -> Result<Option<Contact>, StoreError> {
    contact_by(store, tenant, &identities(person), Some((person, now))).await
}

/// The contact of this person, if there is one.
pub async fn known_contact_of(
    store: &Store,
    tenant: &TenantId,
    person: &Person,
) -> Result<Option<Contact>, StoreError> {
    contact_by(store, tenant, &identities(person), None).await
}

/// The contact of a person who goes by other names now: the old names and the new ones lead to it.
pub async fn contact_of_moved(
    store: &Store,
    tenant: &TenantId,
    person: &Person,
    to: &Person,
    now: Timestamp,
) -> Result<Option<Contact>, StoreError> {
    contact_by(store, tenant, &of_both(person, to), Some((person, now))).await
}

/// The contact that some of these identities lead to; then all of them do. If there is none, the contact of `first_met`
/// is made, a person and when we met.
async fn contact_by(
    store: &Store,
    tenant: &TenantId,
    identities: &[Identity],
    first_met: Option<(&Person, Timestamp)>,
) -> Result<Option<Contact>, StoreError> {
    if identities.is_empty() {
        return Ok(None);
    }
    for _ in 0..TRIES {
        match known(store, tenant, identities).await? {
            Known::One(id) => return store.settled(tenant, &id).await.map(Some),
            Known::Changing => continue,
            Known::Nobody => {}
        }
        let Some((person, now)) = first_met else {
            return Ok(None);
        };
        let contact = Contact {
            id: ContactId::at(now),
            tenant: tenant.clone(),
            wa_id: person.wa_id.clone(),
            user_id: person.user_id.clone(),
            name: person.name.clone(),
            username: person.username.clone(),
            created_at: now,
            senders: BTreeSet::new(),
            absorbed: BTreeSet::new(),
        };
        if store.create_contact(&contact, identities).await? {
            return Ok(Some(contact));
        }
    }
    Err(StoreError::Conflict)
}

/// Lets the contact of a message's person know the names the provider `told` at `at`, where the message went to another
/// one. A person who is no contact, as most recipients of a job are not, becomes none by it: the message itself moves
/// to the thread of the new name.
///
/// Costs nothing while the names agree, and no write when they are known. Doing it twice changes nothing.
pub async fn learn_names(
    store: &Store,
    message: &Outbound,
    told: &Person,
    at: Timestamp,
) -> Result<(), StoreError> {
    if !told.goes_by_another_name_than(&message.to) {
        return Ok(());
    }
    let tenant = &message.tenant;
    let sent_to = person_of(&message.to).unwrap_or_default();
    let names = of_both(&sent_to, told);
    let Some(contact) = contact_by(store, tenant, &names, None).await? else {
        return Ok(());
    };
    let news = Person {
        wa_id: told.wa_id.clone().filter(|_| contact.wa_id != told.wa_id),
        user_id: told
            .user_id
            .clone()
            .filter(|_| contact.user_id != told.user_id),
        ..Person::default()
    };
    if news.identity().is_some() {
        store.tell_contact(tenant, &contact.id, &news, at).await?;
    }
    store.show_thread(&contact, &message.sender, told).await
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

/// The names of one person who goes by two sets of them.
fn of_both(person: &Person, other: &Person) -> Vec<Identity> {
    let mut all = identities(person);
    for identity in identities(other) {
        if !all.contains(&identity) {
            all.push(identity);
        }
    }
    all
}

/// Whom some identities point to.
enum Known {
    /// All of them to this contact.
    One(ContactId),
    /// None of them to anybody.
    Nobody,
    /// To be read again: another worker changed them, or they were joined just now.
    Changing,
}

/// The contact these identities point to; those that point to nobody then point to it as well, and contacts that
/// turn out to be one person are joined to the oldest.
async fn known(
    store: &Store,
    tenant: &TenantId,
    identities: &[Identity],
) -> Result<Known, StoreError> {
    let mut found = Vec::new();
    let mut unknown = Vec::new();
    for identity in identities {
        match store.pointed_to(tenant, identity).await? {
            Some(id) => found.push((identity, id)),
            None => unknown.push(identity),
        }
    }
    let mut people: Vec<Contact> = Vec::new();
    for (_, id) in &found {
        let contact = store.contact(tenant, id).await?;
        people.extend(contact.filter(|contact| people.iter().all(|it| it.id != contact.id)));
    }
    people.sort_by(|one, other| one.id.cmp(&other.id));
    let Some((oldest, others)) = people.split_first() else {
        return Ok(Known::Nobody);
    };
    for other in others {
        let theirs: Vec<Identity> = found
            .iter()
            .filter(|(_, id)| *id == other.id)
            .map(|(identity, _)| (*identity).clone())
            .collect();
        if !store.join_contacts(oldest, other, &theirs).await? {
            return Ok(Known::Changing);
        }
    }
    for identity in unknown {
        if !store.add_identity(oldest, identity).await? {
            return Ok(Known::Changing);
        }
    }
    Ok(Known::One(oldest.id.clone()))
}
