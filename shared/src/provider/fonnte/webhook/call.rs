//! A call of Fonnte's as a change, for the queue of its kind.

use super::{Event, read};
use crate::domain::identity::WaId;
use crate::domain::queue::{Change, PackingError};
use crate::provider::webhook::Heard;
use serde_json::value::RawValue;

/// What a call says. What is no JSON travels as a text.
#[must_use]
pub fn heard(body: &[u8]) -> Option<Result<Heard, PackingError>> {
    Some(read_as_sent(body))
}

fn read_as_sent(body: &[u8]) -> Result<Heard, PackingError> {
    let webhook = read(body);
    let as_sent = serde_json::from_slice::<&RawValue>(body).map(ToOwned::to_owned);
    let value = as_sent.or_else(|_| RawValue::from_string(webhook.raw.to_string()))?;
    let device = webhook.device.as_ref().map(WaId::as_str);
    let change = Change {
        entry: device.unwrap_or_default().to_owned(),
        time: None,
        field: field(&webhook.event).to_owned(),
        value,
    };
    Ok(match webhook.event {
        Event::Status(_) => Heard::Status(change),
        Event::Message(_) | Event::Connection(_) | Event::Other => Heard::Inbound(change),
    })
}

/// Fonnte has no names for the kinds of its calls: Meta's stand for what is the same, so that both are found together.
const fn field(event: &Event) -> &'static str {
    match event {
        Event::Message(_) | Event::Status(_) => "messages",
        Event::Connection(_) => "connection",
        Event::Other => "other",
    }
}
