//! Finds the contact behind the names a person goes by, and makes it on first sight.

use crate::domain::id::ContactId;
use crate::domain::identity::{Identity, Recipient, SenderId, TenantId};
use crate::domain::message::{Message, Outbound};
use crate::domain::webhook::Person;
use crate::store::{Contact, Slice, Store, StoreError};
use jiff::Timestamp;

/// Two workers may meet the same person at once; the one that loses looks again.
const TRIES: usize = 5;

/// So many of the newest messages of a thread tell under which names a person was sent to.
const NEWEST: usize = 10;

/// The contact of this person, made if there is none. `None` for a person without any name.
pub async fn contact_of(
    store: &Store,
    tenant: &TenantId,
    person: &Person,
    now: Timestamp,
) -> Result<Option<Contact>, StoreError> {
    let identities: Vec<Identity> = person.identities().collect();
    contact_by(store, tenant, &identities, Some((person, now))).await
}

/// The contact of this person, if there is one.
pub async fn known_contact_of(
    store: &Store,
    tenant: &TenantId,
    person: &Person,
) -> Result<Option<Contact>, StoreError> {
    let identities: Vec<Identity> = person.identities().collect();
    contact_by(store, tenant, &identities, None).await
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
            Known::Settled(contact) => return Ok(Some(*contact)),
            Known::One(id) => return store.settled(tenant, &id).await.map(Some),
            Known::Changing => continue,
            Known::Nobody => {}
        }
        let Some((person, now)) = first_met else {
            return Ok(None);
        };
        let contact = Contact::met(tenant, person, now);
        if store.create_contact(&contact, identities).await? {
            return Ok(Some(contact));
        }
    }
    Err(StoreError::Conflict)
}

/// Lets the contact of a message's person know the names that the provider `told` at `at` besides the one the message
/// went to. A person who is no contact, as most recipients of a job are not, becomes none by it: the message itself
/// moves to the thread of the new name.
///
/// Costs nothing where nothing else is told, and no write when it is known. Doing it twice changes nothing.
pub async fn learn_names(
    store: &Store,
    message: &Outbound,
    told: &Person,
    at: Timestamp,
) -> Result<(), StoreError> {
    let tenant = &message.tenant;
    if told.identity_beside(&message.to).is_none()
        && knows_all(store, message, told.identities_beside(&message.to)).await?
    {
        return Ok(());
    }
    let sent_to = person_of(&message.to).unwrap_or_default();
    let Some(contact) = contact_by(store, tenant, &of_both(&sent_to, told), None).await? else {
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
    store.show_threads(&contact, &message.sender, told).await
}

/// Whether the message's contact goes by all of these names already. A message without one has nobody to learn them.
async fn knows_all(
    store: &Store,
    message: &Outbound,
    names: impl Iterator<Item = Identity>,
) -> Result<bool, StoreError> {
    let Some(contact) = &message.contact else {
        return Ok(true);
    };
    for name in names {
        let known = store.pointed_to(&message.tenant, &name).await?;
        if known.as_ref() != Some(contact) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Lets the contact who is about to write to `sender` for the first time know the names under which they were sent to
/// before they were a contact: what a job sent them stands in the thread of the name they write by.
pub async fn learn_from_history(
    store: &Store,
    contact: &Contact,
    person: &Person,
    sender: &SenderId,
) -> Result<(), StoreError> {
    if contact.senders.contains(sender) {
        return Ok(());
    }
    let tenant = &contact.tenant;
    let newest = Slice {
        limit: NEWEST,
        after: None,
    };
    let threads = Store::threads_of(tenant, sender, person);
    let history = store.messages_by_thread(&threads, &newest).await?;
    let mut names: Vec<Identity> = person.identities().collect();
    let known = names.len();
    for message in history.entries {
        let sent_to = match &message {
            Message::Outbound(message) => person_of(&message.to),
            Message::Inbound(_) => None,
        };
        add_names(&mut names, &sent_to.unwrap_or_default());
    }
    if names.len() > known {
        contact_by(store, tenant, &names, None).await?;
    }
    Ok(())
}

/// The person a message goes to. A group is nobody.
#[must_use]
pub fn person_of(recipient: &Recipient) -> Option<Person> {
    name_of(recipient).map(Person::from)
}

/// The one name by which we know whom a message goes to. A group is nobody.
#[must_use]
pub fn name_of(recipient: &Recipient) -> Option<Identity> {
    match recipient {
        Recipient::Phone(number) => number.digits().parse().ok().map(Identity::Phone),
        Recipient::User(user) => Some(Identity::User(user.clone())),
        Recipient::Group(_) => None,
    }
}

/// The names of one person who goes by two sets of them.
fn of_both(person: &Person, other: &Person) -> Vec<Identity> {
    let mut all = person.identities().collect();
    add_names(&mut all, other);
    all
}

/// Adds the names of a person that are not among these.
fn add_names(names: &mut Vec<Identity>, person: &Person) {
    for identity in person.identities() {
        if !names.contains(&identity) {
            names.push(identity);
        }
    }
}

/// Whom some identities point to.
enum Known {
    /// All of them to this contact, and nothing of it is to be moved over.
    Settled(Box<Contact>),
    /// All of them lead to this contact, now.
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
    if unknown.is_empty()
        && oldest.absorbed.is_empty()
        && found.iter().all(|(_, id)| *id == oldest.id)
    {
        return Ok(Known::Settled(Box::new(oldest.clone())));
    }
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
