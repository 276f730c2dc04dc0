//! `GET /v1/webhook-events`, one event with what the provider sent.
//!
//! Events are kept in records of at most ten; each is shown by itself, under the record's id and its place in it.

mod id;
mod walk;

use id::EventName;

use axum::Json;
use axum::extract::{Path, State};
use heliograph::domain::fault::FaultCode;
use heliograph::domain::id::AccountId;
use heliograph::domain::identity::TenantId;
use heliograph::domain::queue::WebhookBody;
use heliograph::domain::role::Right;
use heliograph::provider::updates;
use heliograph::service::caller::Caller;
use heliograph::service::http::listing::{answer, id_of, limit};
use heliograph::service::http::{Cursor, Page, Parameters};
use heliograph::service::openapi::{IdProblems, ListProblems};
use heliograph::service::problem::Problem;
use heliograph::store::{Event, EventState, Store, StoredRecord};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// One change as a provider sent it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = WebhookEvent)]
pub(crate) struct EventDto {
    /// Its name: the record it came in, and its place there, counted from 0.
    #[schema(value_type = String, example = "evt_019e92a7c8887000a000000000000001.0")]
    id: EventName,
    /// The account in the webhook's path.
    #[schema(value_type = String, example = "acct_demo")]
    account_id: AccountId,
    /// When we had it.
    received_at: Timestamp,
    /// Meta's name for the kind of change, or ours where its provider has none.
    #[schema(example = "messages")]
    field: String,
    /// What it is, more exactly.
    #[schema(example = "messages/status/delivered")]
    kind: String,
    /// What became of it.
    state: EventState,
    /// Why, where it was not applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The message it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    /// How often its record was applied.
    tries: u32,
    /// When its record is tried again, if something in it waits or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    try_again_at: Option<Timestamp>,
    /// Meta's `entry.id`, or the number of Fonnte's device; only where one event is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<String>,
    /// What the provider sent, cut to this event; only where one event is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    raw: Option<Value>,
}

impl EventDto {
    fn of(record: &StoredRecord, place: usize, event: &Event) -> Self {
        Self {
            id: EventName {
                record: record.id.clone(),
                place,
            },
            account_id: record.account.clone(),
            received_at: record.received_at,
            field: event.field.clone(),
            kind: event.kind.clone(),
            state: event.state,
            reason: event.reason.clone(),
            message_id: event.message.clone(),
            tries: record.tries,
            try_again_at: record.try_again_at,
            entry: None,
            raw: None,
        }
    }
}

/// Lists a tenant's webhook events, newest first.
#[utoipa::path(
    get,
    operation_id = "list_webhook_events",
    path = "/v1/webhook-events",
    tag = "Webhook events",
    params(
        ("state" = Option<String>, Query, description = "Only events in this state: `unknown_account`, `malformed`, \
            `waiting`, `unmatched` or `failed`; or `not_applied`, all of these. They come grouped, the worst state of \
            their record first; a page may have fewer entries than asked for, or none, and a `next_cursor` all the same",
            example = "not_applied", pattern = "^(unknown_account|malformed|waiting|unmatched|failed|not_applied)$"),
        ("limit" = Option<u32>, Query, description = "Entries a page, 1 to 100; 25 unless told", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page", body = Page<EventDto>), ListProblems)
)]
pub(crate) async fn list(
    caller: Caller,
    State(store): State<Store>,
    mut parameters: Parameters,
) -> Result<Json<Page<EventDto>>, Problem> {
    let tenant = caller.with(Right::Read)?.tenant;
    let wanted = wanted(&mut parameters);
    let query = parameters.page();
    parameters.finish()?;
    let name = format!("webhook-events/{}", wanted.name());
    let cursor = Cursor::of(&name, &tenant);
    let place = query.place(cursor)?.unwrap_or_default();
    let (found, next) = walk::walk(&store, &tenant, wanted, limit(&query), place).await?;
    answer(found, cursor, next.as_ref())
}

fn wanted(parameters: &mut Parameters) -> walk::Wanted {
    let Some(name) = parameters.text("state") else {
        return walk::Wanted::Every;
    };
    walk::Wanted::named(&name).unwrap_or_else(|| {
        let detail = "must be not_applied, unknown_account, malformed, waiting, unmatched or failed; events that were \
                      applied or only kept are found by time";
        parameters.fault("state", FaultCode::NotAllowed, detail);
        walk::Wanted::Every
    })
}

/// Reads one event with what the provider sent. A record's id without a place stands for its first event.
#[utoipa::path(
    get,
    operation_id = "get_webhook_event",
    path = "/v1/webhook-events/{id}",
    tag = "Webhook events",
    params(("id" = String, Path, description = "The event's name", example = "evt_019e92a7c8887000a000000000000001.0")),
    responses((status = 200, description = "The event", body = EventDto), ListProblems, IdProblems)
)]
pub(crate) async fn one(
    caller: Caller,
    State(store): State<Store>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<EventDto>, Problem> {
    let tenant = caller.with(Right::Read)?.tenant;
    parameters.finish()?;
    let (_, event) = find(&store, &tenant, &id).await?;
    Ok(Json(event))
}

/// The event of this name with its raw update, and the record it came in.
pub(crate) async fn find(
    store: &Store,
    tenant: &TenantId,
    name: &str,
) -> Result<(StoredRecord, EventDto), Problem> {
    let name: EventName = id_of(name)?;
    let found = store.events(tenant, &name.record).await?;
    let record = found.ok_or_else(Problem::not_found)?;
    let event = record
        .events
        .get(name.place)
        .ok_or_else(Problem::not_found)?;
    let mut shown = EventDto::of(&record, name.place, event);
    let decoded = WebhookBody::decode(&record.raw).map_err(|error| Problem::internal(&error))?;
    if let Some(update) = updates(&decoded).into_iter().nth(name.place) {
        shown.entry = Some(update.entry);
        shown.raw = Some(update.raw);
    }
    Ok((record, shown))
}
