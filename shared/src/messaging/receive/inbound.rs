//! A message from a person: kept once, counted as unread once, and the conversation knows when it came.

use super::Applied;
use crate::domain::id::{ContactId, MessageId};
use crate::domain::message::{Inbound, Message};
use crate::domain::webhook::InboundMessage;
use crate::messaging::people;
use crate::store::{Contact, Conversation, EventState, Received, Sender, Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

/// The largest object a message's item holds; the database takes 400 KB with all that stands beside it.
const LARGEST_OBJECT: usize = 200_000;

/// The largest member that is kept of an object that is larger.
const LARGEST_MEMBER: usize = 2_000;

/// The contact may be joined to another while the message is being written; then it is found anew.
const TRIES: usize = 5;

pub(crate) async fn apply(
    store: &Store,
    sender: &Sender,
    message: &InboundMessage,
    received_at: Timestamp,
) -> Result<Applied, StoreError> {
    let tenant = &sender.tenant;
    for _ in 0..TRIES {
        let from = &message.from;
        let contact = match &message.moved_to {
            Some(to) => people::contact_of_moved(store, tenant, from, to, received_at).await?,
            None => people::contact_of(store, tenant, from, received_at).await?,
        };
        let Some(contact) = contact else {
            return Ok(Applied::not(
                EventState::Malformed,
                "the message names nobody who sent it",
            ));
        };
        if message.group.is_none() {
            people::learn_from_history(store, &contact, from, &sender.id).await?;
        }
        let inbound = inbound(sender, message, &contact, received_at);
        let met = match store.receive(&inbound, &contact).await? {
            Received::Written => contact.id,
            Received::ThereAlready => met_before(store, &inbound).await?,
            Received::ContactJoined => continue,
        };
        note(store, message, &inbound, &met).await?;
        return Ok(Applied::to(&inbound.id));
    }
    Err(StoreError::Conflict)
}

fn inbound(
    sender: &Sender,
    message: &InboundMessage,
    contact: &Contact,
    received_at: Timestamp,
) -> Inbound {
    let tenant = &sender.tenant;
    let whole = message.object.to_string();
    let object = kept(&message.object, whole.len());
    let said = said(message, whole);
    let parts = [
        tenant.as_str(),
        sender.id.as_str(),
        message.wamid.as_str(),
        &said,
    ];
    Inbound {
        id: MessageId::derived(message.sent_at, &parts),
        tenant: tenant.clone(),
        account: sender.account.clone(),
        sender: sender.id.clone(),
        provider_id: message.wamid.clone(),
        from: message.from.clone(),
        group: message.group.clone(),
        kind: message.kind.clone(),
        object,
        context: message.context.clone(),
        contact: contact.id.clone(),
        conversation: Conversation::id_of(&contact.id, &sender.id),
        sent_at: message.sent_at,
        received_at,
    }
}

/// What a message says. Of two that bear one provider's id and say different things neither is a repeat of the other:
/// both are kept, in whatever order they come. The link to a medium is lent for minutes, and may be another one each time.
fn said(message: &InboundMessage, whole: String) -> String {
    let has_link = |medium: &Value| medium.get("url").is_some();
    if !message.object.get(&message.kind).is_some_and(has_link) {
        return whole;
    }
    let mut object = message.object.clone();
    let medium = object.get_mut(&message.kind).and_then(Value::as_object_mut);
    medium.and_then(|medium| medium.remove("url"));
    object.to_string()
}

/// Notes what a message that is written says of its conversation and of its contact. Also after a repeat: the first
/// try may have ended between these writes.
async fn note(
    store: &Store,
    message: &InboundMessage,
    inbound: &Inbound,
    met: &ContactId,
) -> Result<(), StoreError> {
    let (tenant, conversation) = (&inbound.tenant, &inbound.conversation);
    store
        .note_inbound(tenant, conversation, message.sent_at)
        .await?;
    store
        .note_activity(tenant, conversation, message.sent_at)
        .await?;
    // Also moves over what a contact has that was joined to another meanwhile.
    store
        .tell_contact(tenant, met, &message.from, message.sent_at)
        .await?;
    if let Some(to) = &message.moved_to {
        // The new names are told after the old ones, though by the same message.
        let after = message
            .sent_at
            .saturating_add(SignedDuration::from_millis(1))
            .unwrap_or(message.sent_at);
        store.tell_contact(tenant, met, to, after).await?;
    }
    Ok(())
}

/// The object as far as the message's item has room for it: a larger one is whole in its event only.
fn kept(object: &Value, bytes: usize) -> Value {
    if bytes <= LARGEST_OBJECT {
        return object.clone();
    }
    let mut clipped = Map::new();
    let mut room = LARGEST_OBJECT / 2;
    for (name, member) in object.as_object().into_iter().flatten() {
        let size = name.len() + member.to_string().len();
        if size <= LARGEST_MEMBER && size <= room {
            room -= size;
            clipped.insert(name.clone(), member.clone());
        }
    }
    clipped.insert("clipped".to_owned(), json!(true));
    clipped.insert("bytes".to_owned(), json!(bytes));
    Value::Object(clipped)
}

/// The contact a message was first received for: it may have been joined to another since. The message learns what only
/// this telling of it says of its writer.
async fn met_before(store: &Store, repeated: &Inbound) -> Result<ContactId, StoreError> {
    for _ in 0..TRIES {
        let kept = match store.message(&repeated.tenant, &repeated.id).await? {
            Some(Message::Inbound(kept)) => kept,
            Some(Message::Outbound(_)) | None => return Ok(repeated.contact.clone()),
        };
        let writer = kept.from.with(&repeated.from);
        if writer == kept.from || store.change_writer(&kept, &writer).await? {
            return Ok(kept.contact);
        }
    }
    Err(StoreError::Conflict)
}
