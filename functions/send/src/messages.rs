//! `POST /v1/messages`: one message, sent while the caller waits, or later.

use crate::delivery::{self, Delivered, Prepared, Preparing};
use crate::message_object::MessageObject;
use crate::{State, senders};
use axum::Json;
use axum::body::Bytes;
use axum::extract;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use heliograph::domain::id::MessageId;
use heliograph::domain::identity::TenantId;
use heliograph::domain::message::Outbound;
use heliograph::domain::pace::{Pause, PauseCause};
use heliograph::domain::provider::Provider;
use heliograph::domain::role::Right;
use heliograph::domain::tier::end_of;
use heliograph::messaging::submit::{Origin, Submission, SubmitError, Submitted, replayed, submit};
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::dto::{MessageDto, OnUnknownDto};
use heliograph::service::http::{MAX_JSON, Preference, read_json};
use heliograph::service::idempotency::{self, REPLAYED};
use heliograph::service::openapi::{BodyProblems, CallerProblems, ServiceProblems};
use heliograph::service::problem::Problem;
use heliograph::store::IdempotencyClaim;
use jiff::Timestamp;
use serde_json::Value;

/// Send a message.
///
/// The body is Meta's own message object (`to`, `type` and the object named by `type`) with our fields beside it. By
/// default the answer comes when the provider has answered, at most some ten seconds later; with `Prefer:
/// respond-async`, or when the sender's pace does not let the message go within two seconds, it is 202 and the message
/// follows.
#[utoipa::path(
    post, operation_id = "send_message", path = "/v1/messages", tag = "Messages", security(("api_key" = [])),
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "One key is one message, for 24 hours"),
        ("Prefer" = Option<String>, Header, description = "`respond-async`: answer once the message is written down"),
    ),
    request_body(content = crate::messages::MessageRequest, content_type = "application/json"),
    responses(
        BodyProblems, CallerProblems, ServiceProblems,
        (status = 200, description = "The provider took it, or a repeated request found it further on", body = MessageDto),
        (status = 202, description = "Written down; it is sent later, or its outcome is not known yet", body = MessageDto),
        (status = 409, description = "The 24-hour window is closed, the sender is paused, its portfolio's limit is reached, or \
            a request with this key is running", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The key was used with another body, or the provider refused the message",
            body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "The provider asks to slow down, or there are too many requests, over all callers",
            body = Problem, content_type = "application/problem+json"),
        (status = 502, description = "The provider failed; `message_id` names the message", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn send(
    extract::State(state): extract::State<State>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let tenant = caller.with(Right::Send)?.tenant;
    let body = read_json(&headers, &body, MAX_JSON)?;
    let claim = idempotency::claim("POST /v1/messages", &headers, &body)?;
    let preference = Preference::of(&headers);
    let submitted = submitted(&state, &tenant, &body, claim.as_ref(), preference).await?;
    let (origin, warnings) = (submitted.origin, submitted.warnings);
    let prepared = submitted.meanwhile.flatten();
    let delivery = delivery::deliver(&state, submitted.message, preference, prepared);
    Ok(answer(delivery.await?, origin, &warnings))
}

/// The tenant's outbound message of this id; any other id is not found.
pub(crate) async fn find(state: &State, tenant: &TenantId, id: &str) -> Result<Outbound, Problem> {
    let id: MessageId = id.parse().map_err(|_| Problem::not_found())?;
    let found = state.store.outbound(tenant, &id).await?;
    found.ok_or_else(Problem::not_found)
}

/// The message this request makes, with what it needs to leave; or the one that an earlier request with the same key
/// made, be this body valid still or not.
async fn submitted(
    state: &State,
    tenant: &TenantId,
    body: &Value,
    claim: Option<&IdempotencyClaim>,
    preference: Preference,
) -> Result<Submitted<Option<Prepared>>, Problem> {
    let (store, now) = (&state.store, clock::now());
    let submission = match Submission::read(body, now) {
        Ok(submission) => submission,
        Err(faults) => {
            let earlier = replayed(store, tenant, claim, now).await.map_err(problem)?;
            return match earlier {
                Some(message) => Ok(Submitted::earlier(message)),
                None => Err(senders::every_fault(store, tenant, body, faults).await),
            };
        }
    };
    let preparing = Preparing { state, preference };
    let submitted = submit(store, tenant, submission, claim, now, preparing).await;
    submitted.map_err(problem)
}

fn answer(delivered: Delivered, origin: Origin, warnings: &[&'static str]) -> Response {
    let location = HeaderValue::try_from(format!("/v1/messages/{}", delivered.message().id));
    let mut response = match delivered {
        Delivered::Taken(message) => (StatusCode::OK, body(&message, warnings)).into_response(),
        Delivered::Later(message) => {
            (StatusCode::ACCEPTED, body(&message, warnings)).into_response()
        }
        Delivered::Failed(message) => failed(&message).into_response(),
    };
    let headers = response.headers_mut();
    if let Ok(location) = location {
        headers.insert(LOCATION, location);
    }
    match origin {
        Origin::New => {}
        Origin::Replayed => {
            headers.insert(REPLAYED, HeaderValue::from_static("true"));
        }
    }
    response
}

fn body(message: &Outbound, warnings: &[&'static str]) -> Json<MessageDto> {
    let mut shown = MessageDto::from(message);
    let warnings = warnings.iter().map(|warning| (*warning).to_owned());
    shown.warnings.extend(warnings);
    Json(shown)
}

fn failed(message: &Outbound) -> Problem {
    let problem = match message.told_failure() {
        Some(failure) => Problem::provider(message.refused_by().as_str(), failure),
        None => Problem::unprocessable(message.state.as_str(), "the message was not sent"),
    };
    problem.about(message.id.as_str())
}

/// Why a message was not taken in.
pub(crate) fn problem(error: SubmitError) -> Problem {
    match error {
        SubmitError::UnknownSender => Problem::validation(vec![senders::unknown()]),
        SubmitError::Unfit(faults) => Problem::validation(faults),
        SubmitError::WindowClosed => Problem::conflict(
            "window_closed",
            "the person has not written within 24 hours: send an approved template instead",
        ),
        SubmitError::ProviderDisabled(provider) => provider_disabled(provider),
        SubmitError::SenderPaused(pause) => paused(&pause),
        SubmitError::PortfolioFull(until) => Problem::conflict(
            "portfolio_limit",
            format!(
                "the business portfolio has written to as many people as Meta lets it within 24 hours; there is room \
                 again at {until}. Remedy: wait, or ask Meta for a higher limit"
            ),
        ),
        SubmitError::DayFull { day, limit } => {
            let wait = end_of(day).duration_since(clock::now()).as_secs();
            Problem::daily_limit_reached(limit, day, u32::try_from(wait).unwrap_or(u32::MAX))
        }
        SubmitError::OtherBody => Problem::idempotency_mismatch(),
        SubmitError::Store(error) => error.into(),
    }
}

/// A message to send.
#[derive(utoipa::ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body, which is read by `Submission::read`"
)]
pub(crate) struct MessageRequest {
    /// The sender, or a route: then the next of its senders takes over where one fails.
    #[schema(min_length = 1, example = "100000000000001")]
    from: String,
    /// The number it goes to, with its country code; or, with `recipient_type` group, the group's id. May be absent
    /// only if `recipient` is there.
    #[schema(min_length = 1, example = "+15550002001")]
    to: Option<String>,
    /// A business-scoped user id, for a person whose number is not known.
    #[schema(min_length = 1)]
    recipient: Option<String>,
    /// `individual` or `group`.
    #[schema(pattern = "^(individual|group)$")]
    recipient_type: Option<String>,
    #[serde(flatten)]
    object: MessageObject,
    /// Your own value; it stands in every answer about this message.
    #[schema(max_length = 512)]
    biz_opaque_callback_data: Option<String>,
    /// Your own name for the message.
    #[schema(min_length = 1, max_length = 512)]
    reference: Option<String>,
    /// Your own facts about the message.
    #[schema(value_type = Option<Object>)]
    metadata: Option<()>,
    /// Not to be sent before; within a year from now.
    #[schema(example = "2026-11-21T09:00:00Z")]
    send_at: Option<Timestamp>,
    /// Not to be sent after: a message that is late becomes `expired`.
    expires_at: Option<Timestamp>,
    /// What to do when the outcome of a call is not known: `hold`, unless told. With `retry` and `wait` the message
    /// may be sent twice, and the answer says so in `warnings`.
    on_unknown: Option<OnUnknownDto>,
    /// With `on_unknown: wait`: 15 unless told.
    #[schema(minimum = 5, maximum = 1440)]
    wait_minutes: Option<u16>,
    /// What it may not wait behind: `otp` or `single`. Unless told, a template that brings a one-time code, the same in
    /// its body and its button, goes by `otp`, and all else by `single`.
    #[schema(pattern = "^(otp|single)$")]
    lane: Option<String>,
}

/// Nothing goes through this provider, by the tenant's own word.
pub(crate) fn provider_disabled(provider: Provider) -> Problem {
    let (title, name) = (provider.title(), provider.as_str());
    let detail = format!(
        "nothing is sent through {title}, which is disabled. Remedy: PUT /v1/providers/{name} with \
         {{\"enabled\":true}}, or send from a sender at another provider"
    );
    Problem::conflict("provider_disabled", detail)
}

fn paused(pause: &Pause) -> Problem {
    let then = match pause.cause {
        PauseCause::Provider => ". Then POST /v1/senders/{id}/resume",
        PauseCause::Account => "",
    };
    let detail = format!(
        "the sender is paused since {}: {}. Remedy: {}{then}",
        pause.since, pause.reason, pause.remedy
    );
    Problem::conflict("sender_paused", detail)
}
