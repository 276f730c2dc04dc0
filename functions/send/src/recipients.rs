//! `POST /v1/bulk-jobs/{id}/recipients`: adds recipients to a job; repeating a call adds nothing twice.

use crate::{State, idempotency, jobs};
use axum::Json;
use axum::body::Bytes;
use axum::extract;
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};
use heliograph::domain::fault::{Fault, Faults};
use heliograph::domain::fields::Fields;
use heliograph::domain::id::MessageId;
use heliograph::domain::identity::TenantId;
use heliograph::domain::message::Outbound;
use heliograph::domain::role::Right;
use heliograph::messaging::recipients;
use heliograph::messaging::submit::{IdempotencyClaim, record};
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::http::read_json;
use heliograph::service::problem::Problem;
use heliograph::store::{CHUNK_SIZE, Job, RecipientsAdded, StoreError, Transaction};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashSet;

/// Recipients one call takes.
const MOST: usize = 5_000;

/// Bytes one call takes.
const LARGEST: usize = 4_000_000;

/// What became of a call's recipients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
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
        (status = 400, description = "Faults, each with its place; none was added", body = Problem),
        (status = 401, description = "No valid API key", body = Problem),
        (status = 403, description = "The key may not send", body = Problem),
        (status = 404, description = "No such job", body = Problem),
        (status = 409, description = "The job takes no more recipients", body = Problem),
        (status = 413, description = "More than 4 MB", body = Problem),
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
    if let Some(answer) = replayed(&state, &tenant, claim.as_ref()).await? {
        let header = (HeaderName::from_static("idempotent-replayed"), "true");
        return Ok(([header], Json(answer)).into_response());
    }
    if !job.status.takes_recipients() {
        return Err(closed());
    }
    let recipients = read(&job, &body).map_err(Problem::validation)?;
    let added = add_all(&state, &job, recipients).await?;
    if let Some(claim) = &claim {
        remember(&state, &tenant, claim, &added).await?;
    }
    Ok(Json(added).into_response())
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
    let mut added = 0;
    for chunk in lines.chunks(CHUNK_SIZE) {
        let recipients: Vec<Outbound> = chunk.iter().map(|line| line.recipient.clone()).collect();
        match state
            .store
            .add_recipients(job, &recipients, clock::now())
            .await?
        {
            RecipientsAdded::Closed => return Err(closed()),
            RecipientsAdded::AllBut(known) => {
                added += chunk.len() - known.len();
                let places = known
                    .iter()
                    .filter_map(|at| chunk.get(*at))
                    .map(|line| line.place);
                duplicates.extend(places);
            }
        }
    }
    duplicates.sort_unstable();
    let job = state
        .store
        .job(&job.tenant, &job.id)
        .await?
        .ok_or_else(Problem::not_found)?;
    Ok(Outcome {
        added,
        duplicates,
        total: job.total,
    })
}

async fn replayed(
    state: &State,
    tenant: &TenantId,
    claim: Option<&IdempotencyClaim>,
) -> Result<Option<Outcome>, Problem> {
    let Some(claim) = claim else {
        return Ok(None);
    };
    let Some(record) = state
        .store
        .idempotency(tenant, &claim.key_hash, clock::now())
        .await?
    else {
        return Ok(None);
    };
    if record.body_hash != claim.body_hash {
        return Err(Problem::idempotency_mismatch());
    }
    Ok(record
        .answer
        .and_then(|answer| serde_json::from_str(&answer).ok()))
}

/// Keeps the answer. It need not stand in the transactions that added: adding again adds nothing.
async fn remember(
    state: &State,
    tenant: &TenantId,
    claim: &IdempotencyClaim,
    added: &Outcome,
) -> Result<(), Problem> {
    let mut record = record(tenant, claim, "recipients", clock::now());
    record.answer = serde_json::to_string(added).ok();
    let mut transaction = Transaction::new();
    state
        .store
        .remember(&mut transaction, &record, clock::now())?;
    match state.store.commit(transaction).await {
        // Conflict: a request with the same key ended first.
        Ok(()) | Err(StoreError::Conflict) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn closed() -> Problem {
    Problem::conflict(
        "job_closed",
        "the job has been started or has ended: it takes no more recipients",
    )
}

/// The body of a request to add recipients: for the OpenAPI document; it is read field by field.
#[derive(utoipa::ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body, which is read line by line"
)]
pub(crate) struct RecipientsBody {
    /// Up to 5,000.
    #[schema(max_items = 5000)]
    recipients: Vec<RecipientBody>,
}

/// One recipient.
#[derive(utoipa::ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body, which is read line by line"
)]
pub(crate) struct RecipientBody {
    /// The number, with its country code.
    #[schema(example = "+15550002001")]
    to: Option<String>,
    /// A business-scoped user id, for a person whose number is not known.
    recipient: Option<String>,
    /// What fills the placeholders: an array for `{{1}}`, an object for `{{name}}`.
    #[schema(value_type = Object, example = json!({"name": "Ada"}))]
    variables: Option<Value>,
    /// Your own name for this recipient.
    reference: Option<String>,
}
