//! The routes of Meta's Graph API that the platform calls.

use super::Sender;
use super::call::{Call, Send};
use super::connection::Connection;
use super::faults::CallFault;
use super::graph_error::GraphError;
use super::record::{Record, fingerprint, on_one_line};
use super::state::{State as Simulator, locked, now_ms};
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// The Graph API's routes.
pub(super) fn router() -> Router<Arc<Simulator>> {
    Router::new()
        .route("/{version}", get(version))
        .route("/{version}/", get(version))
        .route("/{version}/{id}", get(node))
        .route("/{version}/{id}/phone_numbers", get(phone_numbers))
        .route("/{version}/{id}/message_templates", get(templates))
        .route("/{version}/{id}/messages", post(messages))
        .route("/{version}/{id}/marketing_messages", post(messages))
        .fallback(unknown)
}

#[derive(Deserialize)]
struct Fields {
    fields: Option<String>,
}

#[derive(Deserialize)]
struct TemplateSearch {
    name: Option<String>,
}

/// Cheap and without a token, so that a health check has something to call.
async fn version(Path(version): Path<String>) -> Result<Json<Value>, GraphError> {
    check_version(&version)?;
    Ok(Json(json!({"success": true})))
}

async fn node(
    State(simulator): State<Arc<Simulator>>,
    Path((version, id)): Path<(String, String)>,
    Query(query): Query<Fields>,
    headers: HeaderMap,
) -> Result<Json<Value>, GraphError> {
    check_version(&version)?;
    let visible = visible(&simulator, &headers)?;
    let by_number = visible.iter().find(|it| it.phone_number_id == id);
    let by_account = visible.iter().find(|it| it.waba_id == id);
    let node = match (by_number, by_account) {
        (Some(sender), _) => phone_number(sender),
        (None, Some(sender)) => json!({"id": sender.waba_id, "name": "Simulated account"}),
        (None, None) if id == "me" => json!({"id": "300000000000001", "name": "Simulated user"}),
        (None, None) => return Err(GraphError::unknown_object("get", &id)),
    };
    Ok(Json(only_fields(node, query.fields.as_deref())))
}

async fn phone_numbers(
    State(simulator): State<Arc<Simulator>>,
    Path((version, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<Value>, GraphError> {
    check_version(&version)?;
    let numbers = of_waba(&simulator, &headers, &id)?;
    let numbers: Vec<Value> = numbers.iter().map(phone_number).collect();
    Ok(Json(json!({"data": numbers})))
}

async fn templates(
    State(simulator): State<Arc<Simulator>>,
    Path((version, id)): Path<(String, String)>,
    Query(search): Query<TemplateSearch>,
    headers: HeaderMap,
) -> Result<Json<Value>, GraphError> {
    check_version(&version)?;
    of_waba(&simulator, &headers, &id)?;
    let name = search.name.unwrap_or_default();
    Ok(Json(locked(&simulator.templates).list(&id, &name)))
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
    let checked = check_version(&version)
        .and_then(|()| visible(&simulator, &headers))
        .and_then(|visible| {
            let mut visible = visible.into_iter();
            visible
                .find(|sender| sender.phone_number_id == id)
                .ok_or_else(|| GraphError::unknown_object("post", &id))
        })
        .and_then(|sender| Ok((sender, Call::read(path, &body)?)));
    let (sender, call) = match checked {
        Ok(checked) => checked,
        Err(error) => return refuse(&simulator, error),
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
    sender: &Sender,
    call: &Call,
    body: &[u8],
    connection: &Connection,
) -> Response {
    let recipient = call.recipient(sender);
    let fault = locked(&simulator.faults).for_call(&sender.phone_number_id, recipient.as_ref());
    match fault {
        None => simulator.wait_latency().await,
        Some((CallFault::Slow, delay)) => simulator.pause(delay).await,
        Some((CallFault::Http(status), _)) => return plain_error(simulator, status),
        Some((CallFault::Error(code), _)) => {
            return refuse(simulator, GraphError::of_code(code));
        }
        Some((CallFault::ResetConnection, _)) => {
            return no_answer(simulator, connection, Duration::ZERO).await;
        }
        Some((CallFault::TimeoutBeforeAccept, delay)) => {
            return no_answer(simulator, connection, delay).await;
        }
        Some((CallFault::TimeoutAfterAccept, delay)) => {
            return match accept(simulator, sender, call, body) {
                Ok(_) => no_answer(simulator, connection, delay).await,
                Err(error) => refuse(simulator, error),
            };
        }
    }
    match accept(simulator, sender, call, body) {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => refuse(simulator, error),
    }
}

/// Checks a send and writes it down; the answer may be given when this returns, not before.
fn accept(
    simulator: &Simulator,
    sender: &Sender,
    call: &Call,
    body: &[u8],
) -> Result<Value, GraphError> {
    let send = call.check_send(sender)?;
    if !simulator.take_leave(&sender.phone_number_id) {
        return Err(GraphError::of_code(130_429));
    }
    let record = record(sender, &send, body);
    simulator
        .accept(&sender.account_id, &record)
        .map_err(|error| {
            tracing::error!(%error, "a message could not be written to the journal");
            GraphError::of_code(131_016)
        })?;
    Ok(send.answer(&record.wamid))
}

fn record(sender: &Sender, send: &Send, body: &[u8]) -> Record {
    Record {
        at_ms: now_ms(),
        wamid: send.recipient.new_wamid(),
        sender: sender.phone_number_id.clone(),
        path: send.path.clone(),
        recipient: send.recipient.clone(),
        intent: send.callback.as_deref().map(fingerprint),
        body: on_one_line(&String::from_utf8_lossy(body)),
    }
}

fn refuse(simulator: &Simulator, error: GraphError) -> Response {
    simulator.note_refusal();
    error.into_response()
}

/// An error of the machinery in front of the Graph API, without Meta's error object.
fn plain_error(simulator: &Simulator, status: u16) -> Response {
    simulator.note_refusal();
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, status.canonical_reason().unwrap_or_default()).into_response()
}

async fn no_answer(simulator: &Simulator, connection: &Connection, after: Duration) -> Response {
    simulator.pause(after).await;
    connection.cut();
    StatusCode::GATEWAY_TIMEOUT.into_response()
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

/// The senders the token of a call may use.
fn visible(simulator: &Simulator, headers: &HeaderMap) -> Result<Vec<Sender>, GraphError> {
    let token = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .ok_or_else(GraphError::bad_token)?;
    let mut senders = simulator.senders();
    senders.retain(|sender| sender.access_token == token);
    if senders.is_empty() {
        return Err(GraphError::bad_token());
    }
    Ok(senders)
}

/// Those of them that are a WABA's; one without any does not exist for the token.
fn of_waba(
    simulator: &Simulator,
    headers: &HeaderMap,
    waba: &str,
) -> Result<Vec<Sender>, GraphError> {
    let mut senders = visible(simulator, headers)?;
    senders.retain(|sender| sender.waba_id == waba);
    if senders.is_empty() {
        return Err(GraphError::unknown_object("get", waba));
    }
    Ok(senders)
}

fn phone_number(sender: &Sender) -> Value {
    let level = match sender.messages_per_second {
        0..=80 => "STANDARD",
        _ => "HIGH",
    };
    json!({
        "id": sender.phone_number_id,
        "display_phone_number": sender.display_phone_number,
        "verified_name": "Simulated business",
        "quality_rating": "GREEN",
        "status": "CONNECTED",
        "name_status": "APPROVED",
        "code_verification_status": "VERIFIED",
        "platform_type": "CLOUD_API",
        "throughput": {"level": level},
        "whatsapp_business_manager_messaging_limit": "TIER_UNLIMITED",
        "health_status": {"can_send_message": "AVAILABLE", "entities": []},
    })
}

/// The node with its id and the named fields alone, or with all.
fn only_fields(mut node: Value, fields: Option<&str>) -> Value {
    if let (Some(object), Some(fields)) = (node.as_object_mut(), fields) {
        object
            .retain(|name, _| name == "id" || fields.split(',').any(|field| field.trim() == name));
    }
    node
}
