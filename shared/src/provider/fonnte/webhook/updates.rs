//! A call of Fonnte's in our words: a message as Meta's object would say it, for whoever reads messages knows that one.

use super::{Event, Inbound, Said, StatusEvent, read};
use crate::domain::failure::{Class, ProviderFailure};
use crate::domain::identity::{SenderId, Wamid};
use crate::domain::queue::Change;
use crate::domain::state::Status;
use crate::domain::webhook::{DeviceStatus, Fact, InboundMessage, Person, Update};
use crate::provider::fonnte::FONNTE;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// What the ids begin with that we make of messages for which Fonnte has none: they can be told apart, not answered.
const WITHOUT_ID: &str = "fonnte:";

/// The update that a change says, which came in at `received_at`. Never fails: what cannot be read is kept raw.
#[must_use]
pub fn updates(change: &Change, received_at: Timestamp) -> Vec<Update> {
    let webhook = read(change.value.get().as_bytes());
    let fact = match webhook.event {
        Event::Message(inbound) => Fact::Message(Box::new(message(*inbound, received_at))),
        Event::Status(status) => Fact::DeviceStatus(device_status(status, received_at)),
        Event::Connection(connection) => Fact::Connection(connection),
        Event::Other if webhook.raw.is_object() => Fact::Other(change.field.clone()),
        Event::Other => Fact::Malformed("the body is no JSON object".to_owned()),
    };
    vec![Update {
        entry: change.entry.clone(),
        field: change.field.clone(),
        sender: SenderId::of(FONNTE, &change.entry).ok(),
        fact,
        raw: webhook.raw,
    }]
}

fn device_status(status: StatusEvent, at: Timestamp) -> DeviceStatus {
    let StatusEvent {
        id,
        state_id,
        status,
    } = status;
    let failure = (status == Some(Status::Failed)).then(|| {
        ProviderFailure::without_code(
            Class::Permanent,
            "Fonnte reports that the message failed and does not say why",
            "see whether the number is on WhatsApp and the device connected",
        )
    });
    DeviceStatus {
        id,
        state_id,
        status,
        at,
        failure,
    }
}

fn message(inbound: Inbound, received_at: Timestamp) -> InboundMessage {
    let sent_at = inbound.sent_at.unwrap_or(received_at);
    let (kind, object) = object(&inbound.said);
    let mut whole = Map::from_iter([("type".to_owned(), Value::from(kind))]);
    whole.extend(object.map(|object| (kind.to_owned(), object)));
    let object = Value::from(whole);
    InboundMessage {
        wamid: inbound
            .id
            .clone()
            .unwrap_or_else(|| derived(&inbound, sent_at, &object)),
        from: Person {
            wa_id: Some(inbound.from),
            name: inbound.name,
            ..Person::default()
        },
        group: inbound.group,
        sent_at,
        kind: kind.to_owned(),
        object,
        context: None,
        moved_to: None,
    }
}

/// An id for a message that has none: of who wrote it, when and what, so that a call that is repeated brings the same one.
fn derived(inbound: &Inbound, sent_at: Timestamp, object: &Value) -> Wamid {
    let told = json!([inbound.from, inbound.group, sent_at, object]);
    Wamid::hashed(WITHOUT_ID, told.to_string().as_bytes())
}

/// What is said, as Meta's message object says it: its type, and the object of that name.
fn object(said: &Said) -> (&'static str, Option<Value>) {
    match said {
        Said::Text(text) => ("text", Some(json!({"body": text}))),
        Said::File {
            url,
            filename,
            extension,
            caption,
        } => {
            let named = |name: &String| match extension {
                Some(extension) => format!("{name}.{extension}"),
                None => name.clone(),
            };
            let filename = filename.as_ref().map(named);
            let members = [("filename", filename), ("caption", caption.clone())];
            let members = members.into_iter();
            let mut file: Map<String, Value> = members
                .filter_map(|(name, text)| Some((name.to_owned(), text?.into())))
                .collect();
            file.insert("url".to_owned(), url.as_str().into());
            (kind_of_file(extension.as_deref()), Some(file.into()))
        }
        Said::Location(place) => ("location", Some(location(place))),
        // Meta has no polls, so there is no object of Meta's to say it by.
        Said::Choice { poll, choices } => ("poll", Some(json!({"name": poll, "choices": choices}))),
        Said::Nothing => ("unknown", None),
    }
}

fn kind_of_file(extension: Option<&str>) -> &'static str {
    match extension.map(str::to_ascii_lowercase).as_deref() {
        Some("jpg" | "jpeg" | "png" | "gif") => "image",
        Some("webp") => "sticker",
        Some("mp4" | "3gp" | "mov") => "video",
        Some("aac" | "amr" | "m4a" | "mp3" | "oga" | "ogg" | "opus" | "wav") => "audio",
        Some(_) | None => "document",
    }
}

/// What is no pair of degrees stays as it is written.
fn location(place: &str) -> Value {
    let degrees = |text: &str| text.trim().parse::<f64>().ok();
    let pair = place.split_once(',');
    let pair = pair.and_then(|(latitude, longitude)| degrees(latitude).zip(degrees(longitude)));
    match pair {
        Some((latitude, longitude)) => json!({"latitude": latitude, "longitude": longitude}),
        None => json!({"address": place}),
    }
}

#[cfg(test)]
mod tests;
