//! `GET /v1/messages`, one message, its attempts.

use axum::Json;
use axum::extract::{Path, State};
use heliograph::domain::failure::ProviderFailure;
use heliograph::domain::fault::FaultCode;
use heliograph::domain::id::MessageId;
use heliograph::domain::identity::{SenderId, TenantId, Wamid};
use heliograph::domain::message::{Attempt, Decision, Message, Outbound, Outcome, Passed};
use heliograph::domain::role::Right;
use heliograph::domain::state::State as MessageState;
use heliograph::messaging::held;
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::dto::{MessageDto, SettlementDto};
use heliograph::service::http::listing::{answer, id_of, limit, page, slice};
use heliograph::service::http::{Cursor, Page, Parameters};
use heliograph::service::openapi::{IdProblems, ListProblems};
use heliograph::service::problem::{Problem, ProviderProblem};
use heliograph::store::{Listed, StateBucket, Store};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// Lists a tenant's messages, newest first.
#[utoipa::path(
    get,
    operation_id = "list_messages",
    path = "/v1/messages",
    tag = "Messages",
    params(
        ("state" = Option<String>, Query, description = "Only messages in this state: `queued`, `sending`, `unknown`, \
            `failed`, `cancelled` or `expired`. Recipients of a bulk job that are queued or being sent are found \
            through their job. With a state a page may have fewer entries than asked for, or none, and a \
            `next_cursor` all the same", example = "failed",
            pattern = "^(queued|sending|unknown|failed|cancelled|expired)$"),
        ("scheduled" = Option<bool>, Query, description = "`true`: only messages that wait for their `send_at`, the \
            soonest first. Not together with `state`"),
        ("limit" = Option<u32>, Query, description = "Entries a page, 1 to 100; 25 unless told", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page", body = Page<MessageDto>), ListProblems)
)]
pub(crate) async fn list(
    caller: Caller,
    State(store): State<Store>,
    mut parameters: Parameters,
) -> Result<Json<Page<MessageDto>>, Problem> {
    let tenant = caller.with(Right::Read)?.tenant;
    let wanted = wanted(&mut parameters);
    let query = parameters.page();
    parameters.finish()?;
    let name = match wanted {
        Wanted::All => "messages/",
        Wanted::Scheduled => "messages/scheduled",
        Wanted::InState(state, _) => &format!("messages/{}", state.as_str()),
    };
    let cursor = Cursor::of(name, &tenant);
    let slice = slice(&query, cursor)?;
    let listed = match wanted {
        Wanted::All => store.messages_by_time(&tenant, &slice).await?,
        Wanted::Scheduled => {
            let listed = store.scheduled_messages(&tenant, &slice).await?;
            in_state(listed, MessageState::Queued)
        }
        Wanted::InState(state, bucket) => {
            let listed = store.messages_by_state(&tenant, bucket, &slice).await?;
            in_state(listed, state)
        }
    };
    page(&listed, cursor)
}

/// Which messages a list is to show.
#[derive(Clone, Copy)]
enum Wanted {
    All,
    Scheduled,
    InState(MessageState, StateBucket),
}

fn wanted(parameters: &mut Parameters) -> Wanted {
    let scheduled: Option<bool> = parameters.parsed("scheduled");
    match (scheduled, listed_state(parameters)) {
        (Some(true), Some(_)) => {
            let detail = "goes not together with state: what is scheduled is queued";
            parameters.fault("scheduled", FaultCode::NotAllowed, detail);
            Wanted::Scheduled
        }
        (Some(true), None) => Wanted::Scheduled,
        (Some(false) | None, Some((state, bucket))) => Wanted::InState(state, bucket),
        (Some(false) | None, None) => Wanted::All,
    }
}

/// The `state` parameter with the group it is listed by.
fn listed_state(parameters: &mut Parameters) -> Option<(MessageState, StateBucket)> {
    let name = parameters.text("state")?;
    let state = MessageState::named(&name);
    let listed = state.and_then(|state| Some((state, StateBucket::of(state)?)));
    if listed.is_none() {
        let detail = "must be queued, sending, unknown, failed, cancelled or expired; messages in other states are \
                      found by time, by their conversation or by their bulk job";
        parameters.fault("state", FaultCode::NotAllowed, detail);
    }
    listed
}

/// The index may be late and lists some states together; the messages themselves are read consistently.
pub(crate) fn in_state(mut listed: Listed<Message>, state: MessageState) -> Listed<Message> {
    listed.entries.retain(|message| state_of(message) == state);
    listed
}

/// Where a message stands.
pub(crate) fn state_of(message: &Message) -> MessageState {
    match message {
        Message::Outbound(outbound) => outbound.state,
        Message::Inbound(_) => MessageState::Received,
    }
}

/// Reads one message.
#[utoipa::path(
    get,
    operation_id = "get_message",
    path = "/v1/messages/{id}",
    tag = "Messages",
    params(("id" = String, Path, description = "Our id", example = "msg_019e92a7c8887000a000000000000001")),
    responses((status = 200, description = "The message", body = MessageDto), ListProblems, IdProblems)
)]
pub(crate) async fn one(
    caller: Caller,
    State(store): State<Store>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<MessageDto>, Problem> {
    let tenant = caller.with(Right::Read)?.tenant;
    parameters.finish()?;
    let message = find(&store, &tenant, &id).await?;
    let waiting = match &message {
        Message::Outbound(message) => held::of_message(&store, message, clock::now()).await?,
        Message::Inbound(_) => None,
    };
    Ok(Json(MessageDto {
        waiting,
        ..MessageDto::from(&message)
    }))
}

async fn find(store: &Store, tenant: &TenantId, id: &str) -> Result<Message, Problem> {
    let id: MessageId = id_of(id)?;
    let found = store.message(tenant, &id).await?;
    found.ok_or_else(Problem::not_found)
}

/// One call to the provider for a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Attempt)]
pub(crate) struct AttemptDto {
    /// Counted from 1.
    number: usize,
    /// What it left from.
    #[schema(value_type = String, example = "100000000000001")]
    sender_id: SenderId,
    /// Over a route: the senders whose turn it was before, and why they were passed over.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    passed: Vec<Passed>,
    /// When a worker took the message to send it.
    started_at: Timestamp,
    /// How long the call took.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<u32>,
    /// How it ended; absent while it runs, or if the worker died.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<Outcome>,
    /// The provider's id of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    provider_id: Option<Wamid>,
    /// The alias of the credential it was made with.
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<String>,
    /// Why it was not accepted, or not delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<ProviderProblem>,
    /// What was decided, if it did not succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<Decision>,
    /// What an operator decided when nobody knew how it had ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    settlement: Option<SettlementDto>,
}

impl AttemptDto {
    fn of(number: usize, attempt: &Attempt, message: &Outbound) -> Self {
        let sender_id = message.leg_of(attempt).sender;
        let problem = |failure: ProviderFailure| ProviderProblem {
            name: sender_id.provider().as_str().to_owned(),
            failure: failure.told_by(sender_id.provider()),
        };
        Self {
            number,
            passed: attempt.passed.clone(),
            decision: attempt.decision.clone(),
            started_at: attempt.started_at,
            duration_ms: attempt.duration_ms,
            outcome: attempt.outcome,
            provider_id: attempt.provider_id.clone(),
            credential: attempt.credential.clone(),
            provider: attempt.failure.clone().map(problem),
            settlement: attempt.settlement.as_ref().map(SettlementDto::from),
            sender_id,
        }
    }
}

/// Lists the calls made for a message, oldest first; none for an inbound one.
#[utoipa::path(
    get,
    operation_id = "list_attempts",
    path = "/v1/messages/{id}/attempts",
    tag = "Messages",
    params(
        ("id" = String, Path, description = "The message's id", example = "msg_019e92a7c8887000a000000000000001"),
        ("limit" = Option<u32>, Query, description = "Entries a page, 1 to 100; 25 unless told", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page", body = Page<AttemptDto>), ListProblems, IdProblems)
)]
pub(crate) async fn attempts(
    caller: Caller,
    State(store): State<Store>,
    Path(id): Path<String>,
    mut parameters: Parameters,
) -> Result<Json<Page<AttemptDto>>, Problem> {
    let tenant = caller.with(Right::Read)?.tenant;
    let query = parameters.page();
    parameters.finish()?;
    let message = match find(&store, &tenant, &id).await? {
        Message::Outbound(message) => Some(message),
        Message::Inbound(_) => None,
    };
    let name = format!("messages/{id}/attempts");
    let cursor = Cursor::of(&name, &tenant);
    let seen: usize = query.place(cursor)?.unwrap_or(0);
    let attempts = message.iter().flat_map(|message| {
        let attempts = message.attempts.iter();
        attempts.map(move |attempt| (attempt, message))
    });
    let count = attempts.clone().count();
    let numbered = (1..).zip(attempts).skip(seen).take(limit(&query));
    let shown: Vec<_> = numbered
        .map(|(number, (attempt, message))| AttemptDto::of(number, attempt, message))
        .collect();
    let reached = seen.saturating_add(shown.len());
    let next = (reached < count).then_some(reached);
    answer(shown, cursor, next.as_ref())
}
