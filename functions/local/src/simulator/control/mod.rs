//! The control surface under `/_sim`: what was accepted, and what is to go wrong.

mod assets;
mod gateways;
mod numbers;

pub(super) use gateways::{DeviceOrder, change_device};

use super::Sender;
use super::assets::Number;
use super::faults::FaultOrder;
use super::inbound::{self, InboundOrder};
use super::recipient::Recipient;
use super::record::Record;
use super::state::{Latency, State as Simulator, locked};
use super::templates::Template;
use super::updates;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use heliograph::domain::provider::Provider;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::io;
use std::sync::Arc;

const DEFAULT_LIMIT: usize = 100;
const HIGHEST_LIMIT: usize = 1_000;
const LONGEST_LATENCY_MS: u64 = 60_000;

/// The routes under `/_sim`.
pub(super) fn router() -> Router<Arc<Simulator>> {
    Router::new()
        .route("/_sim/messages", get(messages))
        .route("/_sim/stats", get(stats))
        .route("/_sim/calls", get(calls))
        .route(
            "/_sim/faults",
            get(faults).post(add_fault).delete(clear_faults),
        )
        .route("/_sim/inbound", post(receive))
        .route("/_sim/latency", post(set_latency))
        .route("/_sim/senders", get(senders).post(add_sender))
        .route("/_sim/templates", post(put_template))
        .route("/_sim/reset", post(reset))
        .merge(assets::router())
        .merge(gateways::router())
        .merge(numbers::router())
}

/// Why an order cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BadOrder {
    status: StatusCode,
    reason: String,
}

impl BadOrder {
    /// A name of something that is not there.
    pub(super) fn not_found(reason: impl Into<String>) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            reason: reason.into(),
        }
    }

    /// A fault of the caller.
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            reason: reason.into(),
        }
    }
}

impl From<io::Error> for BadOrder {
    fn from(error: io::Error) -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            reason: format!("the journal cannot be used: {error}"),
        }
    }
}

impl IntoResponse for BadOrder {
    fn into_response(self) -> Response {
        (self.status, Json(json!({"error": self.reason}))).into_response()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Search {
    to: Option<String>,
    limit: Option<usize>,
    cursor: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Called {
    sender: String,
}

#[derive(Serialize)]
struct MessagePage {
    #[serde(rename = "data")]
    messages: Vec<ShownMessage>,
    next_cursor: Option<String>,
}

#[derive(Serialize)]
struct ShownMessage {
    id: String,
    provider: Provider,
    sender: String,
    path: String,
    to: String,
    at: String,
    body: Box<RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LatencyOrder {
    min_ms: u64,
    max_ms: u64,
}

async fn messages(
    State(simulator): State<Arc<Simulator>>,
    search: Result<Query<Search>, QueryRejection>,
) -> Result<Json<MessagePage>, BadOrder> {
    let Query(search) = search.map_err(|error| BadOrder::new(error.body_text()))?;
    let limit = search.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=HIGHEST_LIMIT).contains(&limit) {
        return Err(BadOrder::new("limit must be between 1 and 1000"));
    }
    let to = search.to.as_deref().map(Recipient::from_key);
    let page = locked(&simulator.ledger).page(to.as_ref(), search.cursor, limit)?;
    let messages = page.records.into_iter().map(shown);
    Ok(Json(MessagePage {
        messages: messages.collect::<io::Result<_>>()?,
        next_cursor: page.next.map(|number| number.to_string()),
    }))
}

async fn stats(State(simulator): State<Arc<Simulator>>) -> Json<Value> {
    let counts = locked(&simulator.ledger).counts();
    let (sent, failed) = simulator.webhooks.counts();
    Json(json!({
        "accepted": counts.accepted,
        "accepted_by": counts.accepted_by,
        "refused": simulator.refused(),
        "distinct_recipients": counts.distinct_recipients,
        "duplicates": counts.duplicates,
        "max_rate_per_sender": simulator.highest_rates(),
        "webhooks": {"sent": sent, "failed": failed, "pending": counts.owed},
    }))
}

/// How often a sender was called in each second, whatever came of it.
async fn calls(
    State(simulator): State<Arc<Simulator>>,
    called: Result<Query<Called>, QueryRejection>,
) -> Result<Json<Value>, BadOrder> {
    let Query(called) = called.map_err(|error| BadOrder::new(error.body_text()))?;
    Ok(Json(
        json!({"data": simulator.calls_by_second(&called.sender)}),
    ))
}

async fn faults(State(simulator): State<Arc<Simulator>>) -> Json<Value> {
    Json(json!({"data": locked(&simulator.faults).list()}))
}

async fn add_fault(
    State(simulator): State<Arc<Simulator>>,
    body: Bytes,
) -> Result<Response, BadOrder> {
    let order: FaultOrder = read(&body)?;
    let added = locked(&simulator.faults).add(order);
    let added = added.map_err(BadOrder::new)?;
    Ok((StatusCode::CREATED, Json(added)).into_response())
}

async fn clear_faults(State(simulator): State<Arc<Simulator>>) -> Json<Value> {
    Json(json!({"removed": locked(&simulator.faults).clear()}))
}

async fn receive(
    State(simulator): State<Arc<Simulator>>,
    body: Bytes,
) -> Result<Json<Value>, BadOrder> {
    let order: InboundOrder = read(&body)?;
    Ok(Json(inbound::send(&simulator, order).await?))
}

async fn set_latency(
    State(simulator): State<Arc<Simulator>>,
    body: Bytes,
) -> Result<Json<Value>, BadOrder> {
    let LatencyOrder { min_ms, max_ms } = read(&body)?;
    if min_ms > max_ms || max_ms > LONGEST_LATENCY_MS {
        return Err(BadOrder::new(
            "min_ms must not exceed max_ms, nor max_ms 60000",
        ));
    }
    *locked(&simulator.latency) = Latency { min_ms, max_ms };
    Ok(Json(json!({"min_ms": min_ms, "max_ms": max_ms})))
}

async fn senders(State(simulator): State<Arc<Simulator>>) -> Json<Value> {
    let senders = locked(&simulator.assets).senders();
    let shown = senders.iter().map(|it| shown_sender(it));
    Json(json!({"data": shown.collect::<Vec<_>>()}))
}

fn shown_sender(number: &Number) -> Value {
    let account = number.account.as_ref();
    json!({
        "phone_number_id": number.phone_number_id,
        "display_phone_number": number.display_phone_number,
        "waba_id": number.waba_id,
        "account_id": account.map(|account| &account.account_id),
        "app_secret": "…",
        "access_token": "…",
        "messages_per_second": number.messages_per_second,
    })
}

async fn add_sender(
    State(simulator): State<Arc<Simulator>>,
    body: Bytes,
) -> Result<Response, BadOrder> {
    let sender: Sender = read(&body)?;
    sender.check().map_err(BadOrder::new)?;
    let app_id = simulator.change(|assets| {
        let change = assets.introduce(&sender);
        let account = change.numbers.iter().find_map(|it| it.account.as_ref());
        let app_id = account.map(|account| account.app_id.clone());
        Ok::<_, BadOrder>((change, app_id))
    })?;
    let answer = json!({"phone_number_id": sender.phone_number_id, "app_id": app_id});
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// Lists a template as it is ordered; Meta's webhook about how it stands is posted before the answer.
async fn put_template(
    State(simulator): State<Arc<Simulator>>,
    body: Bytes,
) -> Result<Response, BadOrder> {
    let template: Template = read(&body)?;
    let before = locked(&simulator.templates).put(template.clone());
    let webhooks = if before == template.status {
        Vec::new()
    } else {
        updates::send_status(&simulator, &template).await
    };
    Ok(assets::created(json!({
        "waba_id": template.waba_id,
        "name": template.name,
        "language": template.language,
        "category": template.category,
        "status": template.status,
        "webhooks": webhooks,
    })))
}

async fn reset(State(simulator): State<Arc<Simulator>>) -> Result<Json<Value>, BadOrder> {
    simulator.reset()?;
    Ok(Json(json!({"success": true})))
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, BadOrder> {
    serde_json::from_slice(body).map_err(|error| BadOrder::new(error.to_string()))
}

fn shown(record: Record) -> io::Result<ShownMessage> {
    let at = Timestamp::from_millisecond(record.at_ms).map_err(io::Error::other)?;
    Ok(ShownMessage {
        id: record.wamid,
        provider: record.provider,
        sender: record.sender,
        path: record.path,
        to: record.recipient.shown(),
        at: format!("{at:.3}"),
        body: RawValue::from_string(record.body)?,
    })
}
