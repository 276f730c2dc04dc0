//! The mock provider's functions: it takes Meta's own message objects and reaches nobody.

use super::request::Request;
use super::{Refusal, exchange};
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
use uuid::Uuid;

/// `POST /messages`.
pub(super) async fn send(request: Request) -> Response {
    let Some(key) = key(&request) else {
        return exchange::refused(&request.state, bad_key());
    };
    let recipient = recipient(&request);
    let fault = super::fault(&request.state, &key, recipient.as_ref());
    let take = || {
        let recipient = recipient.as_ref().ok_or_else(|| refusal("permanent"))?;
        if statuses::refusal(recipient).is_some() {
            return Err(refusal("recipient"));
        }
        let id = format!("mock_{}", Uuid::new_v4().simple());
        super::accept(&request, &key, recipient, &id, &request.fields)?;
        Ok(json!({"id": id}))
    };
    exchange::answer(&request.state, &request.connection, fault, refusal, take).await
}

/// `GET /me`: whether the key is good.
pub(super) async fn me(request: Request) -> Result<Json<Value>, Refusal> {
    let key = key(&request).ok_or_else(bad_key)?;
    Ok(Json(json!({"name": key.sender})))
}

fn key(request: &Request) -> Option<Arc<Key>> {
    let key = request.authorization().strip_prefix("Bearer ")?;
    locked(&request.state.assets).good_key(Provider::Gateway(Gateway::Mock), key)
}

fn recipient(request: &Request) -> Option<Recipient> {
    match request.text("to") {
        Some(id) if request.text("recipient_type").as_deref() == Some("group") => {
            Recipient::from_group_id(&id)
        }
        Some(to) => Some(digits(&to))
            .filter(|it| !it.is_empty())
            .map(Recipient::Phone),
        None => Recipient::from_user_id(&request.text("recipient")?),
    }
}

/// A refusal of this class.
fn refusal(class: &str) -> Refusal {
    Refusal {
        status: StatusCode::BAD_REQUEST,
        body: json!({"error": {"class": class, "message": "refused as it was told to"}}),
    }
}

fn bad_key() -> Refusal {
    Refusal {
        status: StatusCode::UNAUTHORIZED,
        body: json!({"error": {"class": "credential", "message": "there is no such key"}}),
    }
}
