//! A message from a person: kept once, counted as unread once, and the conversation knows when it came.

use super::Applied;
use crate::domain::id::MessageId;
use crate::domain::message::Inbound;
use crate::domain::webhook::InboundMessage;
use crate::messaging::people;
use crate::store::{Conversation, EventState, Sender, Store, StoreError};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The largest object a message's item holds; the database takes 400 KB with all that stands beside it.
const LARGEST_OBJECT: usize = 200_000;

/// The largest member that is kept of an object that is larger.
const LARGEST_MEMBER: usize = 2_000;

pub(super) async fn apply(
    store: &Store,
    sender: &Sender,
    message: &InboundMessage,
    received_at: Timestamp,
) -> Result<Applied, StoreError> {
    let tenant = &sender.tenant;
    let contact = people::contact_of(store, tenant, &message.from, received_at).await?;
    let Some(contact) = contact else {
        return Ok(Applied::not(
            EventState::Malformed,
            "the message names nobody who sent it",
        ));
    };
    let parts = [tenant.as_str(), sender.id.as_str(), message.wamid.as_str()];
    let inbound = Inbound {
        id: MessageId::derived(message.sent_at, &parts),
        tenant: tenant.clone(),
        account: sender.account.clone(),
        sender: sender.id.clone(),
        provider_id: message.wamid.clone(),
        from: message.from.clone(),
        group: message.group.clone(),
        kind: message.kind.clone(),
        object: kept(&message.object),
        context: message.context.clone(),
        contact: contact.id.clone(),
        conversation: Conversation::id_of(&contact, &sender.id),
        sent_at: message.sent_at,
        received_at,
    };
    store.receive(&inbound, &contact).await?;
    // Also after a repeat: the first try may have ended between these writes.
    store
        .note_inbound(tenant, &inbound.conversation, message.sent_at)
        .await?;
    store
        .note_activity(tenant, &inbound.conversation, message.sent_at)
        .await?;
    if let Some(to) = &message.moved_to {
        people::moved(store, &contact, to).await?;
    }
    Ok(Applied::to(&inbound.id))
}

/// The object as far as the message's item has room for it: a larger one is whole in its event only.
fn kept(object: &Value) -> Value {
    let bytes = object.to_string().len();
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
