//! `POST /v1/bulk-jobs/{id}/recipients`: adds recipients to a job; repeating a call adds nothing twice.

use crate::idempotency::{Begun, REPLAYED};
use crate::{State, idempotency, jobs};
use axum::Json;
use axum::body::Bytes;
use axum::extract;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use heliograph::domain::fault::{Fault, Faults};
use heliograph::domain::fields::Fields;
use heliograph::domain::id::MessageId;
use heliograph::domain::message::Outbound;
use heliograph::domain::role::Right;
use heliograph::messaging::recipients;
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::http::read_json;
use heliograph::service::openapi::{BodyProblems, CallerProblems, IdProblems, ServiceProblems};
use heliograph::service::problem::Problem;
use heliograph::store::{CHUNK_SIZE, Job, RecipientsAdded};
use serde::Serialize;
use serde_json::Value;
use std::collections::HashSet;

/// Recipients one call takes.
const MOST: usize = 5_000;

/// Bytes one call takes.
const LARGEST: usize = 4_000_000;

/// What became of a call's recipients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = RecipientsAdded)]
pub(crate) struct Outcome {
    /// How many were added.
    added: usize,
    /// The places, counted from 0, of those that stood in the job, or earlier in the call, already.
    duplicates: Vec<usize>,
    /// How many recipients the job has now.
    total: u64,
}

/// A recipient that is not the second of its call, with its place.
struct Line {
    place: usize,
    recipient: Outbound,
}

/// Add recipients to a bulk job.
///
/// Every recipient is checked before the first is added: a call with faults adds none. A recipient that the job has
/// already is named, not added, so that a call may be repeated.
#[utoipa::path(
    post, path = "/v1/bulk-jobs/{id}/recipients", tag = "Bulk jobs", security(("api_key" = [])),
    params(
        ("id" = String, Path, description = "The job"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key gives the same answer, for 24 hours"),
    ),
    request_body(content = crate::recipients::RecipientsBody, content_type = "application/json"),
    responses(
        (status = 200, description = "What was added", body = Outcome),
        BodyProblems, CallerProblems, IdProblems, ServiceProblems,
        (status = 409, description = "The job takes no more recipients, and `detail` says how many of the call were added \
            before; or a request with this key is running", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The key was used with another body", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn add(
    extract::State(state): extract::State<State>,
    caller: Caller,
    extract::Path(id): extract::Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let tenant = caller.with(Right::Send)?.tenant;
    let body = read_json(&headers, &body, LARGEST)?;
    let job = jobs::find(&state, &tenant, &id).await?;
    let path = format!("POST /v1/bulk-jobs/{}/recipients", job.id);
    let claim = idempotency::claim(&path, &headers, &body)?;
    match idempotency::begin(&state.store, &tenant, claim.as_ref()).await? {
        Begun::Answered(answer) => {
            let headers = [(REPLAYED, "true"), (CONTENT_TYPE, "application/json")];
            Ok((headers, answer).into_response())
        }
        Begun::Reserved(reservation) => {
            let outcome = add_checked(&state, &job, &body).await;
            if let Some(reservation) = &reservation {
                let answer = outcome.as_ref().ok();
                let answer = answer.and_then(|outcome| serde_json::to_string(outcome).ok());
                idempotency::end(&state.store, reservation, answer).await;
            }
            Ok(Json(outcome?).into_response())
        }
    }
}

async fn add_checked(state: &State, job: &Job, body: &Value) -> Result<Outcome, Problem> {
    if !job.status.takes_recipients() {
        return Err(closed());
    }
    let recipients = read(job, body).map_err(Problem::validation)?;
    add_all(state, job, recipients).await
}

/// Reads every line; every fault of every line at once.
fn read(job: &Job, body: &Value) -> Result<Vec<Outbound>, Vec<Fault>> {
    let faults = Faults::new();
    let recipients = Fields::of(body, "", &faults).and_then(|mut fields| {
        let lines = fields.required_array("recipients", 1..=MOST);
        fields.finish();
        Some(read_lines(job, &lines?, &faults))
    });
    faults.into_result(recipients)
}

fn read_lines(job: &Job, lines: &[(String, &Value)], faults: &Faults) -> Vec<Outbound> {
    let now = clock::now();
    let mut recipients = Vec::with_capacity(lines.len());
    for (pointer, line) in lines {
        match recipients::read(job, line, pointer, now) {
            Ok(recipient) => recipients.push(recipient),
            Err(found) => {
                for Fault {
                    pointer,
                    code,
                    detail,
                } in found
                {
                    faults.add(pointer, code, detail);
                }
            }
        }
    }
    recipients
}

async fn add_all(state: &State, job: &Job, recipients: Vec<Outbound>) -> Result<Outcome, Problem> {
    let (lines, mut duplicates) = distinct(recipients);
    let mut added = 0;
    for chunk in lines.chunks(CHUNK_SIZE) {
        let known = add_chunk(state, job, chunk)
            .await
            .map_err(|problem| after(added, problem))?;
        added += chunk.len() - known.len();
        let places = known
            .iter()
            .filter_map(|at| chunk.get(*at))
            .map(|line| line.place);
        duplicates.extend(places);
    }
    duplicates.sort_unstable();
    let job = jobs::find(state, &job.tenant, job.id.as_str())
        .await
        .map_err(|problem| after(added, problem))?;
    Ok(Outcome {
        added,
        duplicates,
        total: job.total,
    })
}

/// The first line of each recipient, and the places of those that stand there again.
fn distinct(recipients: Vec<Outbound>) -> (Vec<Line>, Vec<usize>) {
    let mut seen: HashSet<MessageId> = HashSet::new();
    let mut duplicates = Vec::new();
    let mut lines = Vec::new();
    for (place, recipient) in recipients.into_iter().enumerate() {
        if seen.insert(recipient.id.clone()) {
            lines.push(Line { place, recipient });
        } else {
            duplicates.push(place);
        }
    }
    (lines, duplicates)
}

/// Adds the lines of one transaction; the places among them of those that the job has already.
async fn add_chunk(state: &State, job: &Job, chunk: &[Line]) -> Result<Vec<usize>, Problem> {
    let recipients: Vec<Outbound> = chunk.iter().map(|line| line.recipient.clone()).collect();
    let added = state.store.add_recipients(job, &recipients, clock::now());
    match added.await? {
        RecipientsAdded::Closed => Err(closed()),
        RecipientsAdded::AllBut(known) => Ok(known),
    }
}

/// The problem that ended a call, with what the call had done by then.
fn after(added: usize, problem: Problem) -> Problem {
    match added {
        0 => problem,
        _ => problem.besides(format!(
            "{added} of the call's recipients were added before"
        )),
    }
}

fn closed() -> Problem {
    Problem::conflict(
        "job_closed",
        "the job has been started or has ended: it takes no more recipients",
    )
}

/// Recipients to add.
#[derive(utoipa::ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body, which is read line by line"
)]
pub(crate) struct RecipientsBody {
    /// Up to 5,000.
    #[schema(min_items = 1, max_items = 5000)]
    recipients: Vec<RecipientBody>,
}

/// One recipient.
#[derive(utoipa::ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body, which is read line by line"
)]
pub(crate) struct RecipientBody {
    /// The number, with its country code; or, with `recipient_type` group, the group's id. May be absent only if
    /// `recipient` is there.
    #[schema(example = "+15550002001")]
    to: Option<String>,
    /// A business-scoped user id, for a person whose number is not known.
    recipient: Option<String>,
    /// `individual` or `group`.
    recipient_type: Option<String>,
    /// What fills the placeholders.
    variables: Option<Variables>,
    /// Your own name for this recipient.
    reference: Option<String>,
}

/// What fills the placeholders: an array for `{{1}}`, an object for `{{name}}`.
#[derive(utoipa::ToSchema)]
#[serde(untagged)]
#[expect(
    dead_code,
    reason = "it describes the body, which is read line by line"
)]
pub(crate) enum Variables {
    /// By place: the first fills `{{1}}`.
    Places(Vec<Value>),
    /// By name.
    #[schema(value_type = Object, example = json!({"name": "Ada"}))]
    Names(Value),
}
