//! The providers that are not Meta, each below its name: their functions as the platform's clients call them.

mod device;
mod fonnte;
mod mock;
mod notifapi;
mod request;

pub(super) use device::{announce, inbound, status};

use super::assets::Key;
use super::exchange;
use super::faults::CallFault;
use super::recipient::Recipient;
use super::record::{Record, fingerprint};
use super::state::{State, locked, now_ms};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use request::Request;
use serde_json::{Map, Value};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// The routes of all three.
pub(super) fn router() -> Router<Arc<State>> {
    let notifapi = [
        "send_message",
        "async_send_message",
        "send_image_url",
        "async_send_image_url",
        "send_file_url",
        "send_message_group_id",
    ];
    let routes = notifapi.iter().fold(Router::new(), |routes, function| {
        routes.route(&format!("/notifapi/{function}"), post(notifapi::send))
    });
    routes
        .route("/notifapi/check_number", post(notifapi::check_number))
        .route("/notifapi/get_group_id", get(notifapi::groups))
        .route("/fonnte/send", post(fonnte::send))
        .route("/fonnte/validate", post(fonnte::validate))
        .route("/fonnte/device", post(fonnte::device))
        .route("/fonnte/update-device", post(fonnte::update_device))
        .route("/fonnte/fetch-group", post(fonnte::fetch_groups))
        .route("/fonnte/get-whatsapp-group", post(fonnte::groups))
        .route("/mock/messages", post(mock::send))
        .route("/mock/me", get(mock::me))
}

/// The one group that every sender is in.
const GROUP_ID: &str = "120363000000000000@g.us";
const GROUP_NAME: &str = "Simulated group";

/// What a provider answers when it does not do what it is asked.
struct Refusal {
    status: StatusCode,
    body: Value,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        tracing::error!(%error, "a message could not be written to the journal");
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            body: Value::Null,
        }
    }
}

/// The fault whose turn it is, after the call was noted.
fn fault(state: &State, key: &Key, recipient: Option<&Recipient>) -> Option<(CallFault, Duration)> {
    state.note_call(&key.sender);
    locked(&state.faults).for_call(key.provider, &key.sender, recipient)
}

/// Writes a message down under the id that it was given.
fn accept(
    request: &Request,
    key: &Key,
    recipient: &Recipient,
    id: &str,
    body: &Map<String, Value>,
) -> io::Result<()> {
    let record = Record {
        at_ms: now_ms(),
        provider: key.provider,
        wamid: id.to_owned(),
        sender: key.sender.clone(),
        path: request.function.clone(),
        recipient: recipient.clone(),
        intent: request.header("x-request-id").map(fingerprint),
        body: Value::Object(body.clone()).to_string(),
    };
    request.state.accept(&record)
}

/// WhatsApp's own id of a message, which follows from the one that the provider gave it.
fn whatsapp_id(id: &str) -> String {
    format!("3EB0{:016X}", fingerprint(id))
}

/// A number that no other message has.
fn new_number() -> u64 {
    let drawn = Uuid::new_v4().as_u128() % 900_000_000_000;
    100_000_000_000 + u64::try_from(drawn).unwrap_or_default()
}
