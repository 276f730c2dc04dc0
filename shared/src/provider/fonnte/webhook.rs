//! What Fonnte's webhooks say: a message, a status, or that a device was connected or lost. Reading never fails.
//!
//! They are not signed: who calls must have known an unguessable address, and the device must be the account's.

mod call;
mod updates;

pub use call::heard;
pub use updates::updates;

use super::wire::INBOX;
use crate::domain::identity::{GroupId, WaId, Wamid};
use crate::domain::state::Status;
use crate::domain::webhook::Connection;
use crate::provider::lenient;
use jiff::Timestamp;
use serde_json::Value;
use std::str::FromStr;

/// What Fonnte writes in place of a text beside a file.
const NO_TEXT: &str = "non-text message";

/// One call of Fonnte's.
#[derive(Debug, Clone, PartialEq)]
pub struct Webhook {
    /// The number of the device it is about, in digits.
    pub device: Option<WaId>,
    /// What it says.
    pub event: Event,
    /// The body, as sent.
    pub raw: Value,
}

/// What a call says.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A person wrote to the device.
    Message(Box<Inbound>),
    /// Something happened to a message that was sent.
    Status(StatusEvent),
    /// The device is connected to WhatsApp, or is no more.
    Connection(Connection),
    /// Anything else: only kept.
    Other,
}

/// A message from a person.
#[derive(Debug, Clone, PartialEq)]
pub struct Inbound {
    /// Its id, by which it can be answered, where Fonnte gives one.
    pub id: Option<Wamid>,
    /// Who wrote: in a group, its member.
    pub from: WaId,
    /// The group it was written in.
    pub group: Option<GroupId>,
    /// The name the person chose to show.
    pub name: Option<String>,
    /// When, by Fonnte's clock.
    pub sent_at: Option<Timestamp>,
    /// What it says.
    pub said: Said,
}

/// What a message from a person says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// A text.
    Text(String),
    /// A file, which Fonnte keeps for half an hour.
    File {
        /// Where it can be fetched.
        url: String,
        /// Its name, without what it ends in.
        filename: Option<String>,
        /// What its name ends in: what kind it is.
        extension: Option<String>,
        /// The text beside it.
        caption: Option<String>,
    },
    /// A place, as Fonnte writes it: `latitude, longitude`.
    Location(String),
    /// What was chosen in a poll.
    Choice {
        /// The poll.
        poll: String,
        /// What was chosen; nothing, if it was taken back.
        choices: String,
    },
    /// Nothing that we know: the raw body has it.
    Nothing,
}

/// What happened to a message that was sent. The first names it by both ids, later ones may by `state_id` alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusEvent {
    /// The id that the answer to the send gave.
    pub id: Option<Wamid>,
    /// WhatsApp's own id of it.
    pub state_id: Option<Wamid>,
    /// What happened, where it is a word that we know.
    pub status: Option<Status>,
}

/// Reads the body of a call.
#[must_use]
pub fn read(body: &[u8]) -> Webhook {
    let raw = lenient::read(&String::from_utf8_lossy(body));
    Webhook {
        device: named(&raw, "device"),
        event: event(&raw),
        raw,
    }
}

fn event(raw: &Value) -> Event {
    let (id, state_id) = (named(raw, "id"), named(raw, "stateid"));
    if let Some(from) = text(raw, "sender") {
        return message(raw, &from).map_or(Event::Other, |it| Event::Message(Box::new(it)));
    }
    if id.is_some() || state_id.is_some() {
        let words = [text(raw, "status"), text(raw, "state")];
        return Event::Status(StatusEvent {
            id,
            state_id,
            // Either may lag behind the other.
            status: words.iter().flatten().filter_map(|word| status(word)).max(),
        });
    }
    match text(raw, "status").as_deref() {
        Some("connect" | "connected") => Event::Connection(Connection::Connected),
        Some("disconnect" | "disconnected") => Event::Connection(Connection::Lost),
        Some(_) | None => Event::Other,
    }
}

fn status(word: &str) -> Option<Status> {
    match word.to_ascii_lowercase().as_str() {
        "sent" => Some(Status::Sent),
        "delivered" => Some(Status::Delivered),
        "read" => Some(Status::Read),
        "played" => Some(Status::Played),
        "failed" | "invalid" | "expired" => Some(Status::Failed),
        _ => None,
    }
}

/// A message, if it says who wrote it: in a group `sender` is the group.
fn message(raw: &Value, sender: &str) -> Option<Inbound> {
    let group = sender
        .ends_with("@g.us")
        .then(|| sender.parse().ok())
        .flatten();
    let from = match group {
        Some(_) => named(raw, "member")?,
        None => sender.parse().ok()?,
    };
    let inbox = text(raw, "inboxid").and_then(|id| format!("{INBOX}{id}").parse().ok());
    Some(Inbound {
        id: inbox,
        from,
        group,
        name: text(raw, "name"),
        sent_at: text(raw, "timestamp").and_then(|seconds| {
            let seconds = seconds.parse().ok()?;
            Timestamp::from_second(seconds).ok()
        }),
        said: said(raw),
    })
}

fn said(raw: &Value) -> Said {
    let message = text(raw, "message");
    if let Some(poll) = text(raw, "pollname") {
        let choices = text(raw, "choices").unwrap_or_default();
        return Said::Choice { poll, choices };
    }
    if let Some(url) = text(raw, "url") {
        return Said::File {
            url,
            filename: text(raw, "filename"),
            extension: text(raw, "extension"),
            caption: message.filter(|message| message != NO_TEXT),
        };
    }
    if let Some(place) = text(raw, "location") {
        return Said::Location(place);
    }
    let spoken = message.filter(|message| message != NO_TEXT);
    spoken
        .or_else(|| text(raw, "text"))
        .map_or(Said::Nothing, Said::Text)
}

/// A member that is a text, or a number in place of one. What does not apply is there and empty.
fn text(raw: &Value, name: &str) -> Option<String> {
    let text = match raw.get(name)? {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    Some(text).filter(|text| !text.trim().is_empty())
}

fn named<T: FromStr>(raw: &Value, name: &str) -> Option<T> {
    text(raw, name)?.parse().ok()
}

#[cfg(test)]
mod tests;
