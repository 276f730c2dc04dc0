//! NotifAPI's functions, as its callers know them: the key stands in the body, the outcome in `code`.

use super::request::Request;
use super::{GROUP_ID, GROUP_NAME, Refusal, exchange, whatsapp_id};
use crate::simulator::assets::Key;
use crate::simulator::recipient::{Recipient, digits};
use crate::simulator::state::locked;
use crate::simulator::statuses;
use axum::Json;
use axum::http::StatusCode;
use axum::response::Response;
use heliograph::domain::provider::{Gateway, Provider};
use serde_json::{Value, json};
use std::sync::Arc;

/// `POST /send_message` and the functions beside it: what the path ends in says what is sent.
pub(super) async fn send(request: Request) -> Response {
    let Some(key) = key(&request) else {
        return exchange::refused(&request.state, bad_key());
    };
    let recipient = recipient(&request);
    let fault = super::fault(&request.state, &key, recipient.as_ref());
    let take = || take(&request, &key, recipient.as_ref());
    exchange::answer(&request.state, &request.connection, fault, refusal, take).await
}

fn take(request: &Request, key: &Key, recipient: Option<&Recipient>) -> Result<Value, Refusal> {
    let recipient = recipient.filter(|it| statuses::refusal(it).is_none());
    let recipient = recipient.ok_or_else(|| refusal("phone_no or group_id is not valid"))?;
    let (needed, kind) = match request.function.as_str() {
        "send_image_url" | "async_send_image_url" => ("url", "image"),
        "send_file_url" => ("url", "document"),
        _ => ("message", "chat"),
    };
    if request.text(needed).is_none() {
        return Err(refusal(&format!("{needed} is required")));
    }
    let id = whatsapp_id(&super::new_number().to_string());
    let mut body = request.fields.clone();
    body.remove("key");
    super::accept(request, key, recipient, &id, &body)?;
    let message = request.text("message").unwrap_or_default();
    let to = recipient.id();
    let serialized = format!("true_{to}_{id}");
    let results =
        json!({"id_message": id, "serialized": serialized, "type_chat": kind, "message": message});
    let query = json!({"to": to, "message": message});
    Ok(json!({"code": 200, "query": query, "results": results}))
}

/// `POST /check_number`: a JSON text. Numbers that are made to fail are not on WhatsApp.
pub(super) async fn check_number(request: Request) -> Response {
    let Some(key) = key(&request) else {
        return exchange::refused(&request.state, bad_key());
    };
    let recipient = recipient(&request);
    let fault = super::fault(&request.state, &key, recipient.as_ref());
    let look = || match &recipient {
        Some(recipient) if statuses::is_gone(recipient) => Ok("not_exists".into()),
        Some(_) => Ok("exists".into()),
        None => Err(refusal("phone_no is not valid")),
    };
    exchange::answer(&request.state, &request.connection, fault, refusal, look).await
}

/// `GET /get_group_id`, with a body.
pub(super) async fn groups(request: Request) -> Result<Json<Value>, Refusal> {
    key(&request).ok_or_else(bad_key)?;
    let groups = [json!({"id": GROUP_ID, "name": GROUP_NAME})];
    Ok(Json(json!({"code": 200, "results": groups})))
}

fn key(request: &Request) -> Option<Arc<Key>> {
    let key = request.text("key")?;
    locked(&request.state.assets).good_key(Provider::Gateway(Gateway::Notifapi), &key)
}

fn recipient(request: &Request) -> Option<Recipient> {
    if request.function == "send_message_group_id" {
        return Recipient::from_group_id(&request.text("group_id")?);
    }
    let text = request.text("phone_no")?;
    let digits = digits(&text);
    let is_number = (5..=20).contains(&digits.len()) && text.trim_start_matches('+') == digits;
    is_number.then_some(Recipient::Phone(digits))
}

/// A refusal with these words.
fn refusal(words: &str) -> Refusal {
    Refusal {
        status: StatusCode::OK,
        body: json!({"code": 400, "message": words}),
    }
}

fn bad_key() -> Refusal {
    Refusal {
        status: StatusCode::OK,
        body: json!({"code": 401, "message": "invalid key"}),
    }
}
