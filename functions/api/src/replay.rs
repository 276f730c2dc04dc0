//! `POST /v1/webhook-events/{id}/replay`: applies kept events again by putting their record back on its queue.
//!
//! Idempotency key: the record's own id; applying it again changes only what it had failed to change. The trail has it
//! first: what no queue took stands there, too, and what one took is never missing.

use crate::Queues;
use crate::events::{EventDto, find};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use heliograph::domain::audit::Action;
use heliograph::domain::role::{Principal, Right};
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::http::Parameters;
use heliograph::service::openapi::{IdProblems, ListProblems};
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
use heliograph::service::queue::{Entry, Queue};
use heliograph::store::{Event, Store};
use serde_json::Value;

/// Applies a kept event again, and with it the others of its record. It may be done as often as one likes: what was
/// applied is not applied twice. Answers with the event as it is now; read it again to see what became of it.
#[utoipa::path(
    post,
    operation_id = "replay_webhook_event",
    path = "/v1/webhook-events/{id}/replay",
    tag = "Webhook events",
    params(("id" = String, Path, description = "The event's name, or its record's", example = "evt_019e92a7c8887000a000000000000001.0")),
    responses((status = 202, description = "It is on its queue", body = EventDto), ListProblems, IdProblems)
)]
pub(crate) async fn replay(
    caller: Caller,
    origin: Origin,
    State(store): State<Store>,
    State(queues): State<Queues>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<(StatusCode, Json<EventDto>), Problem> {
    let Principal { tenant, who, .. } = caller.with(Right::ReplayWebhooks)?;
    parameters.finish()?;
    let (record, event) = find(&store, &tenant, &id).await?;
    let (author, action) = (origin.author(&who), Action::WebhookEventReplayed);
    let said = author.entry(&tenant, action, id, Value::Null, clock::now());
    store.put_audit(&said).await?;
    let entry = Entry {
        body: record.raw,
        delay_s: 0,
    };
    let sent = queue_of(&record.events, &queues).send(&tenant, entry).await;
    sent.map_err(|error| Problem::unavailable(&error))?;
    Ok((StatusCode::ACCEPTED, Json(event)))
}

/// The queue the record came by: statuses have one of their own.
fn queue_of<'a>(events: &[Event], queues: &'a Queues) -> &'a Queue {
    let is_status = |event: &Event| event.kind.starts_with("messages/status/");
    if !events.is_empty() && events.iter().all(is_status) {
        &queues.status
    } else {
        &queues.inbound
    }
}
