//! The routes of Meta's Graph API that the simulator plays: sending here, what a company's set-up needs beside it.

mod app_webhooks;
mod apps;
mod fields;
mod incoming;
mod numbers;
mod profile;
mod registration;
mod subscriptions;
mod wabas;

pub(super) use incoming::pairs;

use super::access::Request;
use super::assets::{Number, Scope};
use super::call::{Call, Send};
use super::connection::Connection;
use super::exchange;
use super::graph_error::GraphError;
use super::record::{Record, fingerprint, on_one_line};
use super::state::{State as Simulator, locked, now_ms};
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use heliograph::domain::provider::Provider;
use incoming::Incoming;
use serde_json::{Value, json};
use std::sync::Arc;

/// The Graph API's routes.
pub(super) fn router() -> Router<Arc<Simulator>> {
    Router::new()
        .route("/{version}", get(version))
        .route("/{version}/", get(version))
        .route("/{version}/debug_token", get(apps::debug_token))
        .route("/{version}/oauth/access_token", get(apps::exchange))
        .route("/{version}/{id}", get(node).post(update))
        .route("/{version}/{id}/messages", post(messages))
        .route("/{version}/{id}/marketing_messages", post(messages))
        .merge(waba_routes())
        .merge(number_routes())
        .method_not_allowed_fallback(unknown)
        .fallback(unknown)
}

fn waba_routes() -> Router<Arc<Simulator>> {
    Router::new()
        .route(
            "/{version}/{id}/phone_numbers",
            get(wabas::phone_numbers).post(wabas::add_phone_number),
        )
        .route("/{version}/{id}/message_templates", get(wabas::templates))
        .route(
            "/{version}/{id}/subscriptions",
            get(app_webhooks::list)
                .post(app_webhooks::set)
                .delete(app_webhooks::remove),
        )
        .route(
            "/{version}/{id}/subscribed_apps",
            get(subscriptions::list)
                .post(subscriptions::subscribe)
                .delete(subscriptions::unsubscribe),
        )
}

fn number_routes() -> Router<Arc<Simulator>> {
    Router::new()
        .route(
            "/{version}/{id}/request_code",
            post(registration::request_code),
        )
        .route(
            "/{version}/{id}/verify_code",
            post(registration::verify_code),
        )
        .route("/{version}/{id}/register", post(registration::register))
        .route("/{version}/{id}/deregister", post(registration::deregister))
        .route(
            "/{version}/{id}/whatsapp_business_profile",
            get(profile::show).post(profile::set),
        )
        .route(
            "/{version}/{id}/settings",
            get(profile::show_settings).post(profile::set_settings),
        )
}

/// Cheap and without a token, so that a health check has something to call.
async fn version(Path(version): Path<String>) -> Result<Json<Value>, GraphError> {
    check_version(&version)?;
    Ok(Json(json!({"success": true})))
}

/// `GET` of any node: the id alone tells what it is.
async fn node(call: Incoming) -> Result<Json<Value>, GraphError> {
    if call.id == "me" {
        return apps::me(&call).map(Json);
    }
    let (app, waba) = {
        let assets = locked(&call.simulator.assets);
        (assets.app(&call.id), assets.waba(&call.id))
    };
    match (app, waba) {
        (Some(app), _) => apps::app_node(&call, &app).map(Json),
        (None, Some(_)) => wabas::node(&call).map(Json),
        (None, None) => numbers::node(&call).map(Json),
    }
}

async fn update(call: Incoming) -> Result<Json<Value>, GraphError> {
    numbers::update(&call).await
}

async fn messages(
    State(simulator): State<Arc<Simulator>>,
    Path((version, id)): Path<(String, String)>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path().rsplit('/').next().unwrap_or_default();
    let request = Request {
        state: &simulator,
        verb: "post",
        uri: &uri,
        headers: &headers,
    };
    let checked = check_version(&version)
        .and_then(|()| request.number(&id, &[Scope::Messaging]))
        .and_then(|it| Ok((it.number, Call::read(path, &body)?)));
    let (sender, call) = match checked {
        Ok(checked) => checked,
        Err(error) => return exchange::refused(&simulator, error),
    };
    if call.is_receipt() {
        return match call.check_receipt() {
            Ok(()) => Json(json!({"success": true})).into_response(),
            Err(error) => error.into_response(),
        };
    }
    simulator.note_call(&sender.phone_number_id);
    send(&simulator, &sender, &call, &body, &connection).await
}

/// A send, with what a fault makes of it.
async fn send(
    simulator: &Simulator,
    sender: &Number,
    call: &Call,
    body: &[u8],
    connection: &Connection,
) -> Response {
    let recipient = call.recipient(sender);
    let id = &sender.phone_number_id;
    let fault = locked(&simulator.faults).for_call(Provider::Meta, id, recipient.as_ref());
    // The code was read when the fault was ordered.
    let of_code = |code: &str| GraphError::of_code(code.parse().unwrap_or_default());
    let take = || accept(simulator, sender, call, body);
    exchange::answer(simulator, connection, fault, of_code, take).await
}

/// Checks a send and writes it down; the answer may be given when this returns, not before.
fn accept(
    simulator: &Simulator,
    sender: &Number,
    call: &Call,
    body: &[u8],
) -> Result<Value, GraphError> {
    let send = call.check_send(sender)?;
    if !sender.registration.registered {
        return Err(GraphError::of_code(133_010));
    }
    let refusal = call
        .template()
        .and_then(|template| locked(&simulator.templates).refusal(&sender.waba_id, template));
    if let Some(code) = refusal {
        return Err(GraphError::of_code(code));
    }
    if !simulator.take_leave(sender) {
        return Err(GraphError::of_code(130_429));
    }
    let record = record(sender, &send, body);
    simulator.accept(&record)?;
    Ok(send.answer(&record.wamid))
}

fn record(sender: &Number, send: &Send, body: &[u8]) -> Record {
    Record {
        at_ms: now_ms(),
        provider: Provider::Meta,
        wamid: send.recipient.new_wamid(),
        sender: sender.phone_number_id.clone(),
        path: send.path.clone(),
        recipient: send.recipient.clone(),
        intent: send.callback.as_deref().map(fingerprint),
        body: on_one_line(&String::from_utf8_lossy(body)),
    }
}

async fn unknown(method: Method, uri: Uri) -> GraphError {
    let verb = method.as_str().to_ascii_lowercase();
    GraphError::unknown_object(&verb, uri.path().trim_start_matches('/'))
}

fn check_version(version: &str) -> Result<(), GraphError> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let numbers = version.strip_prefix('v').and_then(|it| it.split_once('.'));
    if numbers.is_some_and(|(major, minor)| digits(major) && digits(minor)) {
        return Ok(());
    }
    Err(GraphError::parameter(
        "Invalid version format. Use format like 'v23.0'",
    ))
}
