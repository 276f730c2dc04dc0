//! `POST /v1/test-sends`: one real message through a named key, and all that went over the wire.
//!
//! It goes the way of every message: through the ledger, once, and at the sender's pace. What is its own is that the key is
//! named, that nothing tries it again, and that what it meets has no consequence for others.

mod answer;
mod request;

use self::answer::{TestSendDto, answered};
use self::request::{Chosen, Test};
use crate::delivery::{LONGEST_WAIT, TRIES, in_progress};
use crate::{State, messages, senders};
use axum::Json;
use axum::body::Bytes;
use axum::extract;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use heliograph::domain::credential::{Known, Standing, standing};
use heliograph::domain::identity::TenantId;
use heliograph::domain::ledger::Event;
use heliograph::domain::message::Outbound;
use heliograph::domain::provider_key::ProviderKey;
use heliograph::domain::purpose::Purpose;
use heliograph::domain::role::Right;
use heliograph::domain::secret::Credential;
use heliograph::domain::state::State as MessageState;
use heliograph::messaging::attempt::lapse;
use heliograph::messaging::departures::{Departed, DepartureError, Leaves};
use heliograph::messaging::submit::{Origin, Source, Submission, SubmitError, replayed, submit};
use heliograph::provider::{Exchange, recorded};
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::http::{MAX_JSON, read_json};
use heliograph::service::idempotency::{self, REPLAYED};
use heliograph::service::openapi::{BodyProblems, CallerProblems, ServiceProblems};
use heliograph::service::problem::Problem;
use heliograph::service::telemetry;
use heliograph::store::{IdempotencyClaim, StoreError};
use serde_json::Value;
use tokio::try_join;

/// A test that waits for its slot waits no longer than this.
const ASK_AGAIN_AFTER_S: u32 = 2;

/// Test a key by a message.
///
/// Sends one message, as `POST /v1/messages` does, with the key that is named, and answers with what went over the wire: the
/// key is masked wherever it stands, and nothing of it is kept. It goes whether the key is enabled, refused or resting, and
/// though the provider had its sender paused or is disabled, for one tests before one enables; `warnings` says which. Not if
/// its account is not active. A message that is not accepted is an answer, too. It is tried once. A repeated request with the
/// same `Idempotency-Key` tells what became of the message, without the exchange. Without `key` it is the one that the next
/// message would be sent with, and all that would keep that back keeps the test back.
#[utoipa::path(
    post, operation_id = "test_send", path = "/v1/test-sends", tag = "Keys", security(("api_key" = [])),
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "One key is one message, for 24 hours"),
    ),
    request_body(content = request::TestSendRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "What became of it", body = TestSendDto),
        BodyProblems, CallerProblems, ServiceProblems,
        (status = 409, description = "The 24-hour window is closed, the sender is paused or has no slot within two seconds, \
            or its portfolio's limit is reached: nothing was sent. Or the same request is still under way", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "The `Idempotency-Key` was used with another body", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn send(
    extract::State(state): extract::State<State>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let tenant = caller.with(Right::Configure)?.tenant;
    let body = read_json(&headers, &body, MAX_JSON)?;
    let claim = idempotency::claim("POST /v1/test-sends", &headers, &body)?;
    // A request that is repeated need not be admissible still.
    let earlier = replayed(&state.store, &tenant, claim.as_ref(), clock::now());
    if let Some(message) = earlier.await.map_err(problem)? {
        return again(&state, message).await;
    }
    // On the heap: it holds the message several times.
    Box::pin(first(&state, &tenant, &body, claim.as_ref())).await
}

async fn first(
    state: &State,
    tenant: &TenantId,
    body: &Value,
    claim: Option<&IdempotencyClaim>,
) -> Result<Response, Problem> {
    let now = clock::now();
    let Test { ask, submission } = Test::read(body, now).map_err(Problem::validation)?;
    let Chosen {
        sender,
        key,
        pinned,
    } = request::chosen(state, tenant, ask).await?;
    let purpose = match &pinned {
        Some(_) => Purpose::Trial,
        None => Purpose::Delivery,
    };
    let submission = Submission {
        from: Source::Sender(sender),
        purpose,
        ..submission
    };
    let submitted = submit(&state.store, tenant, submission, claim, now, ());
    let submitted = submitted.await.map_err(problem)?;
    match submitted.origin {
        Origin::Replayed => return again(state, submitted.message).await,
        Origin::New => {}
    }
    let mut warnings = submitted.warnings;
    warnings.extend(kept_back(state, &submitted.message).await?);
    if let Some(key) = &key {
        let account = &submitted.message.account;
        let known = state.store.known_credentials(tenant, account).await?;
        warnings.extend(unusual(key, Known::of_key(&known, key)));
    }
    let (message, exchange) = Box::pin(sent(state, submitted.message, pinned)).await?;
    Ok(Json(answered(&message, exchange, &warnings)).into_response())
}

/// What keeps any other message of its sender back.
async fn kept_back(
    state: &State,
    message: &Outbound,
) -> Result<impl Iterator<Item = &'static str>, StoreError> {
    let (tenant, sender) = (&message.tenant, &message.sender);
    let (pace, settings) = try_join!(
        state.store.pace(tenant, sender),
        state
            .store
            .known_provider_settings(tenant, sender.provider()),
    )?;
    let is_paused = pace.paused.is_some().then_some("sender_paused");
    let is_disabled = (!settings.enabled).then_some("provider_disabled");
    Ok(is_paused.into_iter().chain(is_disabled))
}

/// What would keep the key from being used for any other message.
fn unusual(key: &ProviderKey, known: Option<&Known>) -> Option<&'static str> {
    match standing(key, known, clock::now()) {
        Standing::Healthy | Standing::Rested => None,
        Standing::Disabled => Some("key_disabled"),
        Standing::Expired(_) => Some("key_expired"),
        Standing::Refused(_) => Some("key_refused"),
        Standing::Resting { .. } => Some("key_resting"),
        Standing::Full(_) => Some("key_full"),
    }
}

/// What became of a message that was taken in, and the exchange, if there was one. It is not left to be sent later.
async fn sent(
    state: &State,
    message: Outbound,
    pinned: Option<Credential>,
) -> Result<(Outbound, Option<Exchange>), Problem> {
    let tried = Box::pin(tried(state, &message, pinned)).await;
    let Some((message, exchange)) = tried.map_err(|error| broken(&message, &error))? else {
        let message = taken_back(state, message).await?;
        return Err(no_slot(&message));
    };
    let message = match message.state {
        MessageState::Queued => taken_back(state, message).await?,
        MessageState::Sending
        | MessageState::Unknown
        | MessageState::Accepted
        | MessageState::Sent
        | MessageState::Failed
        | MessageState::Delivered
        | MessageState::Read
        | MessageState::Received
        | MessageState::Cancelled
        | MessageState::Expired => message,
    };
    Ok((message, exchange))
}

/// One call, in the sender's next slots if they are near. `None` if there is none.
async fn tried(
    state: &State,
    message: &Outbound,
    pinned: Option<Credential>,
) -> Result<Option<(Outbound, Option<Exchange>)>, DepartureError> {
    let departures = &state.parts.departures;
    if message.not_before.is_some_and(|time| clock::now() < time) {
        return Ok(None);
    }
    for _ in 0..TRIES {
        let leaves = match &pinned {
            Some(pinned) => departures.leaves_with(message, pinned.clone()).await?,
            None => departures.leaves(message, None).await?,
        };
        let (leaving, held) = match leaves {
            Leaves::At(leaving, held) if held.slot.wait(clock::now()) <= LONGEST_WAIT => {
                (leaving, held)
            }
            Leaves::At(..) | Leaves::After(_) | Leaves::NotBefore(_) | Leaves::Stopped => {
                return Ok(None);
            }
        };
        let attempt = departures.attempt_test(&message.tenant, &message.id, &leaving, held);
        let (departed, recorded) = recorded(Box::pin(attempt)).await;
        let message = match departed? {
            Departed::TooLate(_) | Departed::Full => continue,
            Departed::NotNow(_) => return Ok(None),
            Departed::Made(message) => message,
        };
        let credential = leaving.credential.as_ref();
        let exchange = credential.and_then(|it| recorded.masked(&it.token));
        return Ok(Some((*message, exchange)));
    }
    Ok(None)
}

/// The message as it is once nothing sends it any more.
async fn taken_back(state: &State, message: Outbound) -> Result<Outbound, Problem> {
    let taken_back = state.store.apply(message, &Event::Cancelled, clock::now());
    Ok(taken_back.await?)
}

/// Nobody knows how far it came. It is over soon, and what is known of it stands in the message.
fn broken(message: &Outbound, error: &DepartureError) -> Problem {
    tracing::warn!(
        message.id = %message.id,
        error = telemetry::chain(error),
        "a test was not tried to its end"
    );
    Problem::unavailable(error).about(message.id.as_str())
}

fn no_slot(message: &Outbound) -> Problem {
    Problem::conflict(
        "no_slot",
        "the sender has no slot within two seconds, is paused, or has sent too much to this person just now: nothing was \
         sent. Remedy: try again in a while",
    )
    .about(message.id.as_str())
}

/// The answer to a repeated request. While the first one is under way nobody knows what becomes of the message; one that
/// broke off is over with it soon.
async fn again(state: &State, message: Outbound) -> Result<Response, Problem> {
    let now = clock::now();
    let message = lapse(&state.store, message, now).await?;
    match (message.state, &message.claim) {
        (MessageState::Sending, Some(claim)) => return Err(in_progress(claim, now)),
        (MessageState::Queued, _) => return Err(Problem::in_progress(ASK_AGAIN_AFTER_S)),
        _ => {}
    }
    let mut shown = answered(&message, None, &[]);
    shown.replayed = true;
    let mut response = Json(shown).into_response();
    let headers = response.headers_mut();
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

fn problem(error: SubmitError) -> Problem {
    match error {
        SubmitError::UnknownSender => Problem::validation(vec![senders::unknown_as("/sender_id")]),
        other => messages::problem(other),
    }
}
