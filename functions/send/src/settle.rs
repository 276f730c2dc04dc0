//! `POST /v1/messages/{id}/settle`: an operator decides about a message whose outcome nobody knows.

use crate::{State, delivery, messages};
use axum::Json;
use axum::body::Bytes;
use axum::extract;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use heliograph::domain::audit::{Action, AuditEntry};
use heliograph::domain::fault::{Fault, Faults};
use heliograph::domain::fields::Fields;
use heliograph::domain::job::{Duty, Withdrawal};
use heliograph::domain::ledger::Event;
use heliograph::domain::message::{Lane, Outbound};
use heliograph::domain::role::Right;
use heliograph::domain::settlement::{Settlement, Verdict};
use heliograph::domain::state::State as MessageState;
use heliograph::messaging::attempt::lapse;
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::dto::MessageDto;
use heliograph::service::http::{MAX_JSON, read_json};
use heliograph::service::idempotency::{self, REPLAYED};
use heliograph::service::openapi::{BodyProblems, CallerProblems, IdProblems, ServiceProblems};
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// Settle a message whose outcome is not known.
///
/// `sent` and `failed` say what happened; a status that comes later knows better, and the message then stands by it.
/// `retry` sends it again: if the first attempt had succeeded after all, the person gets it twice, and the answer says
/// so in `warnings`. A recipient of a bulk job is sent again like a single message; its job's counts follow.
#[utoipa::path(
    post, operation_id = "settle_message", path = "/v1/messages/{id}/settle", tag = "Messages", security(("api_key" = [])),
    params(
        ("id" = String, Path, description = "Our id", example = "msg_019e92a7c8887000a000000000000001"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key settles once"),
    ),
    request_body(content = crate::settle::SettleBody, content_type = "application/json"),
    responses(
        (status = 200, description = "Settled", body = MessageDto),
        (status = 202, description = "It is sent again", body = MessageDto),
        BodyProblems, CallerProblems, IdProblems, ServiceProblems,
        (status = 409, description = "`not_unknown`: its outcome is known; `message_expired`, `job_expired`, \
            `job_cancelled`: it may not be sent any more", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The key was used with another body", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn settle(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    extract::Path(id): extract::Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let principal = caller.with(Right::Settle)?;
    let body = read_json(&headers, &body, MAX_JSON)?;
    let verdict = read(&body).map_err(Problem::validation)?;
    let message = messages::find(&state, &principal.tenant, &id).await?;
    let path = format!("POST /v1/messages/{}/settle", message.id);
    let claim = idempotency::claim(&path, &headers, &body)?;
    let request = claim.map(|claim| claim.key_hash);
    if let Some(known) = settled_by(&message, request.as_deref()) {
        if known.verdict != verdict {
            return Err(Problem::idempotency_mismatch());
        }
        return Ok(([(REPLAYED, "true")], answer(&message, verdict)).into_response());
    }
    let (said, now) = (json!({"as": verdict}), clock::now());
    let author = origin.author(&principal.who);
    let entry = author.entry(
        &principal.tenant,
        Action::MessageSettled,
        message.id.as_str(),
        said,
        now,
    );
    let settlement = Settlement {
        verdict,
        by: principal.who,
        at: now,
        request,
        superseded: false,
    };
    let message = decide(&state, message, &settlement, &entry).await?;
    if verdict == Verdict::Retry {
        // If the queue fails, the sweeper finds the message.
        delivery::queue(&state, &message, SignedDuration::ZERO).await;
    }
    Ok(answer(&message, verdict))
}

fn read(body: &Value) -> Result<Verdict, Vec<Fault>> {
    let faults = Faults::new();
    let verdict = Fields::of(body, "", &faults).and_then(|mut fields| {
        let verdict = fields.required_choice("as", &Verdict::ALL.map(Verdict::as_str));
        fields.finish();
        verdict.and_then(Verdict::named)
    });
    faults.into_result(verdict)
}

/// What an earlier request with the same idempotency key decided.
fn settled_by<'a>(message: &'a Outbound, request: Option<&str>) -> Option<&'a Settlement> {
    request?;
    let mut settlements = message.attempts.iter().flat_map(|it| &it.settlement);
    settlements.find(|settlement| settlement.request.as_deref() == request)
}

async fn decide(
    state: &State,
    message: Outbound,
    settlement: &Settlement,
    entry: &AuditEntry,
) -> Result<Outbound, Problem> {
    // A worker that died may have left it `sending`.
    let message = lapse(&state.store, message, settlement.at).await?;
    if message.state == MessageState::Unknown && settlement.verdict == Verdict::Retry {
        check_job(state, &message, settlement.at).await?;
    }
    let event = Event::Settled(settlement);
    let message = state.store.apply_asked(message, &event, entry).await?;
    let mut attempts = message.attempts.iter();
    if attempts.any(|attempt| attempt.settlement.as_ref() == Some(settlement)) {
        return Ok(message);
    }
    let (code, detail) = if message.state == MessageState::Unknown {
        ("message_expired", "its expires_at has passed".to_owned())
    } else {
        let state = message.state.as_str();
        let detail = format!("the message is {state}: only an unknown one can be settled");
        ("not_unknown", detail)
    };
    Err(Problem::conflict(code, detail).about(message.id.as_str()))
}

/// Nothing is sent of a job that was given up, or whose time has passed. One that is paused goes on when it is resumed.
async fn check_job(state: &State, message: &Outbound, now: Timestamp) -> Result<(), Problem> {
    let Some(job) = &message.job else {
        return Ok(());
    };
    let job = state.store.job(&message.tenant, job).await?;
    let (code, detail) = match job.map(|job| job.duty_to(Lane::Single, now)) {
        Some(Duty::Withdraw(Withdrawal::Cancelled)) => (
            "job_cancelled",
            "its job is cancelled: nothing of it is sent any more",
        ),
        Some(Duty::Withdraw(Withdrawal::Expired)) => (
            "job_expired",
            "its job's expires_at has passed: nothing of it is sent any more",
        ),
        Some(Duty::Nothing | Duty::Send) | None => return Ok(()),
    };
    Err(Problem::conflict(code, detail).about(message.id.as_str()))
}

fn answer(message: &Outbound, verdict: Verdict) -> Response {
    let status = match verdict {
        Verdict::Sent | Verdict::Failed => StatusCode::OK,
        Verdict::Retry => StatusCode::ACCEPTED,
    };
    (status, Json(MessageDto::from(message))).into_response()
}

/// The body of a request to settle a message: for the OpenAPI document; it is read field by field.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "it describes the body, which is read by `read`")]
pub(crate) struct SettleBody {
    /// What is decided.
    r#as: Verdict,
}
