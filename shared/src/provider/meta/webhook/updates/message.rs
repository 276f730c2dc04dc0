//! A message from a person. Kinds we have never heard of are messages too.

use super::person::Contacts;
use super::{named, text, timestamp};
use crate::domain::identity::Wamid;
use crate::domain::webhook::{Fact, InboundMessage, Person};
use serde_json::Value;

/// Reads one element of `messages`, or says what is wrong with it.
pub(super) fn read(message: &Value, contacts: &Contacts<'_>) -> Result<Fact, &'static str> {
    if !message.is_object() {
        return Err("the message is not an object");
    }
    let mut from = contacts.person(message);
    let system = message.get("system");
    if from == Person::default() {
        // A person who changed their user id is named by the old one only here.
        from.user_id = system.and_then(|system| named(system, &["previous_user_id"]));
    }
    Ok(Fact::Message(Box::new(InboundMessage {
        wamid: named(message, &["id"]).ok_or("the message has no id, or one that is none")?,
        group: named(message, &["group_id"]),
        sent_at: timestamp(message).ok_or("the message has no timestamp in seconds")?,
        kind: kind(message),
        object: message.clone(),
        context: context(message),
        moved_to: system.and_then(moved_to),
        from,
    })))
}

/// Meta's `type`; where it is missing, the object that stands in its place tells.
fn kind(message: &Value) -> String {
    const TOLD_BY_THEIR_OBJECT: [&str; 14] = [
        "text",
        "image",
        "video",
        "audio",
        "document",
        "sticker",
        "location",
        "contacts",
        "reaction",
        "button",
        "interactive",
        "order",
        "system",
        "edit",
    ];
    let told = || {
        TOLD_BY_THEIR_OBJECT
            .into_iter()
            .find(|kind| message.get(kind).is_some())
    };
    text(message, "type")
        .filter(|kind| !kind.is_empty())
        .unwrap_or_else(|| told().unwrap_or("unknown").to_owned())
}

/// The message this one is about: reacted to, edited or revoked before answered.
fn context(message: &Value) -> Option<Wamid> {
    [
        ("reaction", "message_id"),
        ("edit", "original_message_id"),
        ("revoke", "original_message_id"),
        ("context", "id"),
    ]
    .iter()
    .find_map(|(object, name)| named(message.get(object)?, &[name]))
}

fn moved_to(system: &Value) -> Option<Person> {
    let has_moved = matches!(
        text(system, "type")?.as_str(),
        "user_changed_number" | "customer_changed_number" | "user_changed_user_id"
    );
    let person = Person {
        wa_id: named(system, &["wa_id", "new_wa_id"]),
        user_id: named(system, &["user_id"]),
        ..Person::default()
    };
    (has_moved && person != Person::default()).then_some(person)
}
