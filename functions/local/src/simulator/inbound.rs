//! A message from a person, made by hand and sent to the platform as Meta would, or another provider that is named.

use super::assets::Number;
use super::control::BadOrder;
use super::faults::WebhookFault;
use super::gateways;
use super::recipient::{Recipient, digits};
use super::state::{State, locked, now_ms};
use super::webhooks::{self, Outcome};
use heliograph::domain::provider::{Gateway, Provider};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// A message as the control surface takes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InboundOrder {
    provider: Option<Provider>,
    pub(super) from: Option<String>,
    user_id: Option<String>,
    pub(super) to: Option<String>,
    pub(super) name: Option<String>,
    pub(super) text: Option<String>,
    pub(super) message: Option<Map<String, Value>>,
    wamid: Option<String>,
}

/// Sends the message as a webhook, once: the answer says whether it was taken.
pub(super) async fn send(state: &State, order: InboundOrder) -> Result<Value, BadOrder> {
    match order.provider.unwrap_or(Provider::Meta) {
        Provider::Meta => by_meta(state, order).await,
        Provider::Gateway(Gateway::Fonnte) => gateways::inbound(state, &order).await,
        Provider::Gateway(Gateway::Notifapi | Gateway::Mock) => Err(BadOrder::new(
            "provider must be meta or fonnte: the others tell of no messages",
        )),
    }
}

async fn by_meta(state: &State, order: InboundOrder) -> Result<Value, BadOrder> {
    let sender = addressee(state, order.to.as_deref())?;
    let person = person(&order)?;
    let wamid = order.wamid.clone().unwrap_or_else(|| person.new_wamid());
    let content = content(&order)?;
    let message = message(&order, &wamid, content);
    let contact = contact(&order);
    let fields = [
        ("contacts", json!([contact])),
        ("messages", json!([message])),
    ];
    let body = webhooks::body(&[webhooks::entry(&sender, &fields)]);
    let id = &sender.phone_number_id;
    let fault = locked(&state.faults).for_webhook(Provider::Meta, id, &person);
    let posts = match fault.map(|(fault, _)| fault) {
        None | Some(WebhookFault::Reorder) => 1,
        Some(WebhookFault::Drop) => 0,
        Some(WebhookFault::Duplicate) => 2,
    };
    let callbacks = locked(&state.assets).callbacks(&sender);
    let mut delivered = false;
    for callback in callbacks.iter().cycle().take(callbacks.len() * posts) {
        delivered |= state.post(callback, body.clone()).await == Outcome::Taken;
    }
    Ok(json!({"wamid": wamid, "delivered": delivered}))
}

fn addressee(state: &State, to: Option<&str>) -> Result<Arc<Number>, BadOrder> {
    if let Some(id) = to {
        let unknown = || BadOrder::new("to is not the phone number id of a sender known here");
        return locked(&state.assets).number(id).ok_or_else(unknown);
    }
    let mut senders = locked(&state.assets).senders().into_iter();
    match (senders.next(), senders.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(BadOrder::new(
            "to must name one of the senders: there is not just one",
        )),
    }
}

fn person(order: &InboundOrder) -> Result<Recipient, BadOrder> {
    match (&order.from, &order.user_id) {
        (Some(from), _) if digits(from).is_empty() => {
            Err(BadOrder::new("from must be a number such as +15550001111"))
        }
        (Some(from), _) => Ok(Recipient::Phone(digits(from))),
        (None, Some(user_id)) => Recipient::from_user_id(user_id)
            .ok_or_else(|| BadOrder::new("user_id must look like US.13491208655302741918")),
        (None, None) => Err(BadOrder::new("from or user_id is required")),
    }
}

fn content(order: &InboundOrder) -> Result<Map<String, Value>, BadOrder> {
    match (&order.text, &order.message) {
        (Some(text), None) => {
            let text = json!({"type": "text", "text": {"body": text}});
            Ok(text.as_object().cloned().unwrap_or_default())
        }
        (None, Some(message)) if message.get("type").is_some_and(Value::is_string) => {
            Ok(message.clone())
        }
        (None, Some(_)) => Err(BadOrder::new("message must have a type")),
        _ => Err(BadOrder::new("give either text or message")),
    }
}

fn message(order: &InboundOrder, wamid: &str, mut message: Map<String, Value>) -> Value {
    message.insert("id".to_owned(), wamid.into());
    let timestamp = (now_ms() / 1000).to_string();
    message.insert("timestamp".to_owned(), timestamp.into());
    if let Some(from) = &order.from {
        message.insert("from".to_owned(), digits(from).into());
    }
    if let Some(user_id) = &order.user_id {
        message.insert("from_user_id".to_owned(), user_id.clone().into());
    }
    message.into()
}

fn contact(order: &InboundOrder) -> Value {
    let name = order.name.as_deref().unwrap_or("Simulated person");
    let mut contact = json!({"profile": {"name": name}});
    if let Some(object) = contact.as_object_mut() {
        if let Some(from) = &order.from {
            object.insert("wa_id".to_owned(), digits(from).into());
        }
        if let Some(user_id) = &order.user_id {
            object.insert("user_id".to_owned(), user_id.clone().into());
        }
    }
    contact
}
