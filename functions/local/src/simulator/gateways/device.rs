//! What a device of Fonnte's tells whoever it was told to call. Nothing is signed.

use super::whatsapp_id;
use crate::simulator::assets::{Address, Callback, Device};
use crate::simulator::control::BadOrder;
use crate::simulator::faults::WebhookFault;
use crate::simulator::inbound::InboundOrder;
use crate::simulator::recipient::{Recipient, digits};
use crate::simulator::record::Record;
use crate::simulator::state::{State, locked, now_s};
use crate::simulator::statuses::Stage;
use crate::simulator::webhooks::Outcome;
use bytes::Bytes;
use heliograph::domain::provider::{Gateway, Provider};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The fields of a message from a person: those that do not apply are there and empty.
const EMPTY: [&str; 8] = [
    "text",
    "member",
    "location",
    "pollname",
    "choices",
    "url",
    "filename",
    "extension",
];

/// A status of a message, and where it goes. The first names it by both ids, those after it by WhatsApp's alone.
pub(in crate::simulator) fn status(
    simulator: &State,
    record: &Record,
    stage: Stage,
) -> Option<(Callback, Bytes)> {
    let device = locked(&simulator.assets).device(&record.sender)?;
    let address = device.webhookstatus.as_ref().or(device.webhook.as_ref());
    let (word, state_id) = (stage.as_str(), whatsapp_id(&record.wamid));
    let body = match stage {
        Stage::Sent => json!({"device": device.number, "id": record.wamid, "stateid": state_id,
            "status": word, "state": word}),
        Stage::Failed => json!({"device": device.number, "id": record.wamid, "stateid": state_id,
            "status": word}),
        Stage::Delivered | Stage::Read => {
            json!({"device": device.number, "stateid": state_id, "state": word})
        }
    };
    Some((callback(address?), body.to_string().into()))
}

/// Tells that a device was connected or lost; whether that was taken.
pub(in crate::simulator) async fn announce(state: &State, device: &Device) -> bool {
    let address = device.webhookconnect.as_ref().or(device.webhook.as_ref());
    let Some(address) = address else {
        return false;
    };
    let word = if device.connected {
        "connect"
    } else {
        "disconnect"
    };
    let body = json!({"device": device.number, "status": word, "timestamp": now_s()});
    let body = body.to_string().into();
    state.post(&callback(address), body).await == Outcome::Taken
}

/// A message from a person, sent once: the answer says whether it was taken.
pub(in crate::simulator) async fn inbound(
    state: &State,
    order: &InboundOrder,
) -> Result<Value, BadOrder> {
    let device = addressee(state, order.to.as_deref())?;
    let from = digits(order.from.as_deref().unwrap_or_default());
    if from.is_empty() {
        return Err(BadOrder::new("from must be a number such as +15550001111"));
    }
    let inbox = super::new_number().to_string();
    let body = body(&device, &from, &inbox, order)?;
    let person = Recipient::Phone(from);
    let fault = locked(&state.faults).for_webhook(
        Provider::Gateway(Gateway::Fonnte),
        &device.number,
        &person,
    );
    let posts = match fault.map(|(fault, _)| fault) {
        None | Some(WebhookFault::Reorder) => 1,
        Some(WebhookFault::Drop) => 0,
        Some(WebhookFault::Duplicate) => 2,
    };
    let mut delivered = false;
    for address in device.webhook.iter().cycle().take(posts) {
        let body = Bytes::from(body.to_string());
        delivered |= state.post(&callback(address), body).await == Outcome::Taken;
    }
    Ok(json!({"inboxid": inbox, "delivered": delivered}))
}

fn addressee(state: &State, to: Option<&str>) -> Result<Arc<Device>, BadOrder> {
    if let Some(to) = to {
        let unknown = || BadOrder::new("to is not the number of a device known here");
        return locked(&state.assets)
            .device(&digits(to))
            .ok_or_else(unknown);
    }
    let mut devices = locked(&state.assets).devices().into_iter();
    match (devices.next(), devices.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(BadOrder::new(
            "to must name one of the devices: there is not just one",
        )),
    }
}

/// The message: `message` of the order holds Fonnte's own fields, which stand over all others.
fn body(device: &Device, from: &str, inbox: &str, order: &InboundOrder) -> Result<Value, BadOrder> {
    let own = match (&order.text, &order.message) {
        (Some(_), None) => Map::new(),
        (None, Some(own)) => own.clone(),
        (Some(_), Some(_)) | (None, None) => {
            return Err(BadOrder::new("give either text or message"));
        }
    };
    let empty = EMPTY.map(|name| (name.to_owned(), Value::from("")));
    let mut body = Map::from_iter(empty);
    let mut set = |name: &str, value: Value| body.insert(name.to_owned(), value);
    set("device", device.number.clone().into());
    set("sender", from.into());
    set(
        "name",
        order.name.as_deref().unwrap_or("Simulated person").into(),
    );
    let text = order.text.as_deref().unwrap_or("non-text message");
    set("message", text.into());
    set("timestamp", now_s().into());
    set("inboxid", inbox.into());
    body.extend(own);
    Ok(body.into())
}

fn callback(address: &Address) -> Callback {
    Callback {
        app_id: None,
        url: address.as_str().to_owned(),
    }
}
