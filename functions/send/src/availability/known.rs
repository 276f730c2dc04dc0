//! What the store knows of people already: their newest messages with the tenant's senders, and the last answer about
//! their number.
//!
//! For each person a handful of reads, whatever was written to them, and no item that somebody had to write for it.

use super::body::Asked;
use futures_util::future::try_join_all;
use heliograph::domain::availability::Evidence;
use heliograph::domain::fault::{Fault, FaultCode};
use heliograph::domain::id::ContactId;
use heliograph::domain::identity::{Bsuid, Identity, TenantId, WaId};
use heliograph::domain::phone::PhoneNumber;
use heliograph::domain::webhook;
use heliograph::store::{Contact, Conversation, Sender, Slice, Store, StoreError};

/// So many people are looked up at the same time.
const AT_ONCE: usize = 8;

/// A person's threads are looked through up to so many, those of conversations first.
const MOST_THREADS: usize = 16;

/// So many of a contact's conversations tell under which names there are threads.
const MOST_CONVERSATIONS: usize = 8;

/// So many of a person's newest messages tell of them, in all threads.
const NEWEST: usize = 10;

/// A person as the answer names them.
#[derive(Default)]
pub(super) struct Person {
    pub(super) contact: Option<ContactId>,
    pub(super) number: Option<PhoneNumber>,
    pub(super) user: Option<Bsuid>,
}

/// What is known of a person.
pub(super) struct Known {
    pub(super) person: Person,
    pub(super) evidence: Vec<Evidence>,
}

/// Looks everybody up, in their order; a contact that is none of the tenant's is a fault of its entry.
pub(super) async fn look_up(
    store: &Store,
    tenant: &TenantId,
    senders: &[Sender],
    people: &[Result<Asked, Vec<Fault>>],
) -> Result<Vec<Result<Known, Vec<Fault>>>, StoreError> {
    let mut found = Vec::with_capacity(people.len());
    for some in people.chunks(AT_ONCE) {
        let each = some.iter();
        let each = each.map(|person| known(store, tenant, senders, person.as_ref()));
        found.extend(try_join_all(each).await?);
    }
    Ok(found)
}

async fn known(
    store: &Store,
    tenant: &TenantId,
    senders: &[Sender],
    asked: Result<&Asked, &Vec<Fault>>,
) -> Result<Result<Known, Vec<Fault>>, StoreError> {
    let asked = match asked {
        Ok(asked) => asked,
        Err(faults) => return Ok(Err(faults.clone())),
    };
    let contact = match asked {
        Asked::Phone(number) => match phone(number) {
            Some(identity) => contact_by(store, tenant, &identity).await?,
            None => None,
        },
        Asked::User(user) => contact_by(store, tenant, &Identity::User(user.clone())).await?,
        Asked::Contact(id, place) => match store.contact(tenant, id).await? {
            Some(contact) => Some(contact),
            None => return Ok(Err(vec![unknown_contact(place)])),
        },
    };
    let person = person(asked, contact.as_ref());
    let threads = threads(store, tenant, senders, &person, contact.as_ref()).await?;
    let slice = Slice {
        limit: NEWEST,
        after: None,
    };
    let messages = store.messages_by_thread(&threads, &slice).await?;
    let messages = messages.entries.iter();
    let mut evidence: Vec<Evidence> = messages.flat_map(Evidence::of_message).collect();
    if let Some(number) = &person.number {
        let check = store.number_check(tenant, number).await?;
        evidence.extend(check.as_ref().map(Evidence::of_check));
    }
    Ok(Ok(Known { person, evidence }))
}

async fn contact_by(
    store: &Store,
    tenant: &TenantId,
    identity: &Identity,
) -> Result<Option<Contact>, StoreError> {
    match store.pointed_to(tenant, identity).await? {
        Some(id) => store.contact(tenant, &id).await,
        None => Ok(None),
    }
}

/// The names of a person: the one that was asked by, and those of the contact beside it.
fn person(asked: &Asked, contact: Option<&Contact>) -> Person {
    let of_contact = Person {
        contact: contact.map(|contact| contact.id.clone()),
        number: contact.and_then(|contact| number(contact.wa_id.as_ref()?)),
        user: contact.and_then(|contact| contact.user_id.clone()),
    };
    match asked {
        Asked::Phone(number) => Person {
            number: Some(number.clone()),
            ..of_contact
        },
        Asked::User(user) => Person {
            user: Some(user.clone()),
            ..of_contact
        },
        Asked::Contact(..) => of_contact,
    }
}

/// A provider's name for a phone as our users write it, if it is a number's.
fn number(wa_id: &WaId) -> Option<PhoneNumber> {
    format!("+{wa_id}").parse().ok()
}

fn phone(number: &PhoneNumber) -> Option<Identity> {
    number.digits().parse().ok().map(Identity::Phone)
}

/// Where messages with a person may stand: in the threads of their conversations, which know every name they ever went
/// by, and under their names with each sender, since a job's recipients have no conversation.
async fn threads(
    store: &Store,
    tenant: &TenantId,
    senders: &[Sender],
    person: &Person,
    contact: Option<&Contact>,
) -> Result<Vec<String>, StoreError> {
    let mut threads = Vec::new();
    if let Some(contact) = contact {
        let with = contact.senders.iter().take(MOST_CONVERSATIONS);
        let ids: Vec<_> = with
            .map(|sender| Conversation::id_of(&contact.id, sender))
            .collect();
        let each = ids.iter().map(|id| store.conversation(tenant, id));
        for conversation in try_join_all(each).await?.iter().flatten() {
            threads.extend(conversation.own_threads().cloned());
        }
    }
    let named = webhook::Person {
        wa_id: person
            .number
            .as_ref()
            .and_then(|it| it.digits().parse().ok()),
        user_id: person.user.clone(),
        ..webhook::Person::default()
    };
    let known_as = webhook::Person {
        wa_id: contact.and_then(|contact| contact.wa_id.clone()),
        ..webhook::Person::default()
    };
    for sender in senders {
        for name in [&named, &known_as] {
            threads.extend(Store::threads_of(tenant, &sender.id, name));
        }
    }
    let mut kept: Vec<String> = Vec::new();
    for thread in threads {
        if kept.len() < MOST_THREADS && !kept.contains(&thread) {
            kept.push(thread);
        }
    }
    Ok(kept)
}

fn unknown_contact(place: &str) -> Fault {
    Fault {
        pointer: place.to_owned(),
        code: FaultCode::Invalid,
        detail: "is not a contact of yours".to_owned(),
    }
}
