//! `POST /v1/bulk-jobs` and `POST /v1/bulk-jobs/{id}/start`.

use crate::{State, idempotency};
use axum::Json;
use axum::body::Bytes;
use axum::extract;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use heliograph::domain::content::{Content, Draft};
use heliograph::domain::fault::{Fault, FaultCode, Faults};
use heliograph::domain::fields::Fields;
use heliograph::domain::id::JobId;
use heliograph::domain::identity::{PhoneNumberId, TenantId};
use heliograph::domain::message::OnUnknown;
use heliograph::domain::queue::DispatchBody;
use heliograph::domain::role::Right;
use heliograph::messaging::submit::{IdempotencyClaim, Origin, read_from, read_on_unknown, record};
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::dto::{JobDto, OnUnknownDto};
use heliograph::service::http::{MAX_JSON, read_json};
use heliograph::service::problem::Problem;
use heliograph::service::queue::Entry;
use heliograph::service::telemetry;
use heliograph::store::{Job, JobStatus, Progress, StoreError, Transaction};
use jiff::Timestamp;
use serde_json::Value;

/// The longest name of a job.
const LONGEST_NAME: usize = 200;

/// A job to make.
struct JobRequest {
    name: String,
    from: PhoneNumberId,
    message: Draft,
    on_unknown: OnUnknown,
}

impl JobRequest {
    fn read(body: &Value) -> Result<Self, Vec<Fault>> {
        let faults = Faults::new();
        let request = Fields::of(body, "", &faults).and_then(Self::read_fields);
        faults.into_result(request)
    }

    fn read_fields(mut fields: Fields<'_>) -> Option<Self> {
        let name = fields
            .required_text("name", 1..=LONGEST_NAME)
            .map(str::to_owned);
        let from = read_from(&mut fields);
        let message = Content::read_draft(&mut fields);
        let on_unknown = read_on_unknown(&mut fields);
        fields.finish();
        Some(Self {
            name: name?,
            from: from?,
            message: message?,
            on_unknown,
        })
    }
}

/// Make a bulk job.
///
/// The body is a message without its recipient; `{{1}}` and `{{name}}` anywhere in its texts are filled from each
/// recipient's `variables`.
#[utoipa::path(
    post, path = "/v1/bulk-jobs", tag = "Bulk jobs", security(("api_key" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "One key is one job, for 24 hours")),
    request_body(content = crate::jobs::JobBody, content_type = "application/json"),
    responses(
        (status = 201, description = "Made; add recipients, then start it", body = JobDto),
        (status = 400, description = "Faults in the body, each with its place", body = Problem),
        (status = 401, description = "No valid API key", body = Problem),
        (status = 403, description = "The key may not send", body = Problem),
        (status = 422, description = "The key was used with another body", body = Problem),
    ),
)]
pub(crate) async fn create(
    extract::State(state): extract::State<State>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let tenant = caller.with(Right::Send)?.tenant;
    let body = read_json(&headers, &body, MAX_JSON)?;
    let request = JobRequest::read(&body).map_err(Problem::validation)?;
    let claim = idempotency::claim("POST /v1/bulk-jobs", &headers, &body)?;
    let (job, origin) = made(&state, &tenant, request, claim.as_ref()).await?;
    let location = format!("/v1/bulk-jobs/{}", job.id);
    let replayed = HeaderName::from_static("idempotent-replayed");
    let body = Json(JobDto::from(&job));
    Ok(match origin {
        Origin::New => (StatusCode::CREATED, [(LOCATION, location)], body).into_response(),
        Origin::Replayed => {
            let headers = [(LOCATION, location), (replayed, "true".to_owned())];
            (StatusCode::CREATED, headers, body).into_response()
        }
    })
}

/// Makes the job, or finds the one that the same idempotency key made.
async fn made(
    state: &State,
    tenant: &TenantId,
    request: JobRequest,
    claim: Option<&IdempotencyClaim>,
) -> Result<(Job, Origin), Problem> {
    let now = clock::now();
    if let Some(job) = replayed(state, tenant, claim, now).await? {
        return Ok((job, Origin::Replayed));
    }
    let sender = state
        .store
        .sender(tenant, &request.from)
        .await?
        .ok_or_else(|| {
            Problem::validation(vec![Fault {
                pointer: "/from".into(),
                code: FaultCode::Invalid,
                detail: "is not a sender of yours; write the phone number id of one".into(),
            }])
        })?;
    let job = Job {
        id: JobId::at(now),
        tenant: tenant.clone(),
        account: sender.account,
        sender: sender.id,
        name: request.name,
        status: JobStatus::Draft,
        message: request.message,
        on_unknown: request.on_unknown,
        total: 0,
        created_at: now,
        started_at: None,
        finished_at: None,
        progress: Progress::default(),
    };
    let mut transaction = Transaction::new();
    if let Some(claim) = claim {
        let record = record(tenant, claim, job.id.as_str(), now);
        state.store.remember(&mut transaction, &record, now)?;
    }
    state.store.create_job(&mut transaction, &job)?;
    match state.store.commit(transaction).await {
        Ok(()) => Ok((job, Origin::New)),
        // A request with the same key was faster.
        Err(StoreError::Conflict) => {
            let job = replayed(state, tenant, claim, now).await?;
            job.map(|job| (job, Origin::Replayed))
                .ok_or_else(|| StoreError::Conflict.into())
        }
        Err(error) => Err(error.into()),
    }
}

async fn replayed(
    state: &State,
    tenant: &TenantId,
    claim: Option<&IdempotencyClaim>,
    now: Timestamp,
) -> Result<Option<Job>, Problem> {
    let Some(claim) = claim else {
        return Ok(None);
    };
    let Some(record) = state
        .store
        .idempotency(tenant, &claim.key_hash, now)
        .await?
    else {
        return Ok(None);
    };
    if record.body_hash != claim.body_hash {
        return Err(Problem::idempotency_mismatch());
    }
    find(state, tenant, &record.resource).await.map(Some)
}

/// Start a bulk job.
///
/// Its recipients are sent to at the sender's pace. Starting a job that runs already changes nothing.
#[utoipa::path(
    post, path = "/v1/bulk-jobs/{id}/start", tag = "Bulk jobs", security(("api_key" = [])),
    params(("id" = String, Path, description = "The job")),
    responses(
        (status = 202, description = "It runs", body = JobDto),
        (status = 401, description = "No valid API key", body = Problem),
        (status = 403, description = "The key may not send", body = Problem),
        (status = 404, description = "No such job", body = Problem),
        (status = 409, description = "It has no recipients, or has ended", body = Problem),
    ),
)]
pub(crate) async fn start(
    extract::State(state): extract::State<State>,
    caller: Caller,
    extract::Path(id): extract::Path<String>,
) -> Result<(StatusCode, Json<JobDto>), Problem> {
    let tenant = caller.with(Right::Send)?.tenant;
    let job = find(&state, &tenant, &id).await?;
    if job.status != JobStatus::Running && !state.store.start_job(&job, clock::now()).await? {
        return Err(not_startable(find(&state, &tenant, &id).await?.status));
    }
    let hint = DispatchBody::V1 {
        tenant: tenant.clone(),
        sender: job.sender.clone(),
    };
    let hinted = async { state.parts.dispatch.send(&tenant, Entry::of(&hint)?).await };
    if let Err(error) = hinted.await {
        let error = telemetry::chain(&error);
        tracing::warn!(job.id = %job.id, error, "hint not queued, the sweeper will see to the job");
    }
    let job = find(&state, &tenant, &id).await?;
    Ok((StatusCode::ACCEPTED, Json(JobDto::from(&job))))
}

fn not_startable(status: JobStatus) -> Problem {
    match status {
        JobStatus::Draft => {
            Problem::conflict("job_empty", "the job has no recipients: add some first")
        }
        JobStatus::Ready | JobStatus::Running => Problem::conflict(
            "conflict",
            "somebody else changed the job at the same time; try again",
        ),
        JobStatus::Paused | JobStatus::Finished | JobStatus::Cancelled => Problem::conflict(
            "job_ended",
            format!("the job is {} and cannot be started", status.as_str()),
        ),
    }
}

/// The tenant's job of this id; any other id is not found.
pub(crate) async fn find(state: &State, tenant: &TenantId, id: &str) -> Result<Job, Problem> {
    let id: JobId = id.parse().map_err(|_| Problem::not_found())?;
    state
        .store
        .job(tenant, &id)
        .await?
        .ok_or_else(Problem::not_found)
}

/// The body of a request to make a job: for the OpenAPI document; it is read field by field.
#[derive(utoipa::ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body, which is read by `JobRequest::read`"
)]
pub(crate) struct JobBody {
    /// What people call it.
    #[schema(example = "November offer")]
    name: String,
    /// The sender: Meta's phone number id.
    #[schema(example = "100000000000001")]
    from: String,
    /// Meta's message type.
    #[schema(example = "text")]
    r#type: Option<String>,
    /// The object named by `type`, with placeholders; shown here for text.
    #[schema(value_type = Object, example = json!({"body": "Hello {{name}}"}))]
    text: Option<Value>,
    /// What to do when the outcome of a call is not known: `hold`, unless told.
    on_unknown: Option<OnUnknownDto>,
    /// With `on_unknown: wait`: 15 unless told.
    #[schema(minimum = 5, maximum = 1440)]
    wait_minutes: Option<u16>,
}
