//! What is asked of a bulk job that is there: start, pause, resume, cancel, change. Each may be asked twice.

use crate::State;
use crate::jobs::{find, read_changes};
use crate::messages::provider_disabled;
use axum::Json;
use axum::body::Bytes;
use axum::extract;
use axum::http::{HeaderMap, StatusCode};
use heliograph::domain::audit::Author;
use heliograph::domain::fault::{FaultCode, Faults};
use heliograph::domain::fields::Fields;
use heliograph::domain::identity::{SenderId, TenantId};
use heliograph::domain::job::{
    Changes, Job, JobEvent, JobStatus, Numbers, Outcomes, PausedBy, Refusal,
};
use heliograph::domain::queue::DispatchBody;
use heliograph::domain::role::Right;
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::dto::JobDto;
use heliograph::service::http::{MAX_JSON, read_json};
use heliograph::service::openapi::{BodyProblems, JobProblems};
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
use heliograph::service::queue::Entry;
use heliograph::service::telemetry;
use heliograph::store::{Asked, JobError, StoreError};
use jiff::Timestamp;
use std::iter;

/// Start a bulk job.
///
/// Its recipients are sent to at the sender's pace; one with a `send_at` stays `ready` and begins at that time. A job
/// that was started before is answered as it is now, so that a start may be repeated; it needs no `Idempotency-Key`.
#[utoipa::path(
    post, operation_id = "start_bulk_job", path = "/v1/bulk-jobs/{id}/start", tag = "Bulk jobs", security(("api_key" = [])),
    params(("id" = String, Path, description = "The job")),
    responses(
        (status = 200, description = "It was started before, and does not run now", body = JobDto),
        (status = 202, description = "It runs, or waits for its time", body = JobDto),
        JobProblems,
    ),
)]
pub(crate) async fn start(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    extract::Path(id): extract::Path<String>,
) -> Result<(StatusCode, Json<JobDto>), Problem> {
    let caller = caller.with(Right::Send)?;
    let job = find(&state, &caller.tenant, &id).await?;
    check_provider(&state, &job).await?;
    let author = origin.author(&caller.who);
    let (_, shown) = moved(&state, job, &JobEvent::Started, &author).await?;
    let status = match shown.status {
        JobStatus::Ready | JobStatus::Running => StatusCode::ACCEPTED,
        JobStatus::Draft
        | JobStatus::Paused
        | JobStatus::Cancelling
        | JobStatus::Finished
        | JobStatus::Cancelled => StatusCode::OK,
    };
    Ok((status, shown))
}

/// Who starts a job that would begin at once, and could send to nobody, is told so.
async fn check_provider(state: &State, job: &Job) -> Result<(), Problem> {
    let waits = job.send_at.is_some_and(|time| clock::now() < time);
    if waits || job.status != JobStatus::Ready {
        return Ok(());
    }
    let (tenant, own) = (&job.tenant, job.sender.provider());
    let stops = job.way.iter().flat_map(|way| &way.stops);
    let providers = stops.map(|stop| stop.leg.sender.provider());
    for provider in iter::once(own).chain(providers) {
        let settings = state.store.known_provider_settings(tenant, provider);
        if settings.await?.enabled {
            return Ok(());
        }
    }
    Err(provider_disabled(own))
}

/// Pause a bulk job.
///
/// Within two seconds nothing of it is sent any more. What was handed to the provider settles as it does; all else
/// stays queued. A job that waits for its `send_at` does not begin.
#[utoipa::path(
    post, operation_id = "pause_bulk_job", path = "/v1/bulk-jobs/{id}/pause", tag = "Bulk jobs", security(("api_key" = [])),
    params(("id" = String, Path, description = "The job")),
    responses((status = 202, description = "It is paused", body = JobDto), JobProblems),
)]
pub(crate) async fn pause(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    extract::Path(id): extract::Path<String>,
) -> Result<(StatusCode, Json<JobDto>), Problem> {
    let caller = caller.with(Right::Send)?;
    let job = find(&state, &caller.tenant, &id).await?;
    let event = JobEvent::Paused {
        by: PausedBy::User,
        reason: format!("asked for by {}", caller.who),
    };
    moved(&state, job, &event, &origin.author(&caller.who)).await
}

/// Resume a paused bulk job.
///
/// It goes on where it was. Failures from before do not pause it again.
#[utoipa::path(
    post, operation_id = "resume_bulk_job", path = "/v1/bulk-jobs/{id}/resume", tag = "Bulk jobs", security(("api_key" = [])),
    params(("id" = String, Path, description = "The job")),
    responses((status = 202, description = "It goes on", body = JobDto), JobProblems),
)]
pub(crate) async fn resume(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    extract::Path(id): extract::Path<String>,
) -> Result<(StatusCode, Json<JobDto>), Problem> {
    let caller = caller.with(Right::Send)?;
    let job = find(&state, &caller.tenant, &id).await?;
    let event = JobEvent::Resumed(Outcomes::of(&numbers(&state, &job).await?));
    moved(&state, job, &event, &origin.author(&caller.who)).await
}

/// Cancel a bulk job.
///
/// Within two seconds nothing of it is sent any more. It is `cancelling` while its queued recipients become
/// `cancelled`, and `cancelled` once none is queued or sending.
#[utoipa::path(
    post, operation_id = "cancel_bulk_job", path = "/v1/bulk-jobs/{id}/cancel", tag = "Bulk jobs", security(("api_key" = [])),
    params(("id" = String, Path, description = "The job")),
    responses((status = 202, description = "It is being cancelled", body = JobDto), JobProblems),
)]
pub(crate) async fn cancel(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    extract::Path(id): extract::Path<String>,
) -> Result<(StatusCode, Json<JobDto>), Problem> {
    let caller = caller.with(Right::Send)?;
    let job = find(&state, &caller.tenant, &id).await?;
    let author = origin.author(&caller.who);
    moved(&state, job, &JobEvent::Cancelled, &author).await
}

/// Change a bulk job.
///
/// `send_at` until it begins; its name, `expires_at` and `pause_at_failure_share` until it ends. What is absent stays
/// as it is.
#[utoipa::path(
    patch, operation_id = "change_bulk_job", path = "/v1/bulk-jobs/{id}", tag = "Bulk jobs", security(("api_key" = [])),
    params(("id" = String, Path, description = "The job")),
    request_body(content = crate::life::ChangesBody, content_type = "application/json"),
    responses(
        (status = 200, description = "The job as it is now", body = JobDto),
        BodyProblems, JobProblems,
    ),
)]
pub(crate) async fn change(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    extract::Path(id): extract::Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<JobDto>, Problem> {
    let caller = caller.with(Right::Send)?;
    let body = read_json(&headers, &body, MAX_JSON)?;
    let faults = Faults::new();
    let changes = Fields::of(&body, "", &faults).map(|mut fields| {
        let changes = read_changes(&mut fields);
        if changes == Changes::default() {
            faults.add("", FaultCode::Required, "must name something to change");
        }
        fields.finish();
        changes
    });
    let changes = faults.into_result(changes).map_err(Problem::validation)?;
    let job = find(&state, &caller.tenant, &id).await?;
    let (event, author) = (JobEvent::Changed(changes), origin.author(&caller.who));
    let (_, shown) = moved(&state, job, &event, &author).await?;
    Ok(shown)
}

/// Lets the event happen, and tells `dispatch`.
async fn moved(
    state: &State,
    job: Job,
    event: &JobEvent,
    author: &Author,
) -> Result<(StatusCode, Json<JobDto>), Problem> {
    let asked = Asked {
        by: Some(author),
        record: None,
    };
    let job = happened(state, job, event, asked).await.map_err(refused)?;
    let shown = JobDto::read(&state.store, &job, clock::now()).await?;
    Ok((StatusCode::ACCEPTED, Json(shown)))
}

/// The job after the event, of which `dispatch` has been told: another job of the sender may have lost its turn, too.
pub(crate) async fn happened(
    state: &State,
    job: Job,
    event: &JobEvent,
    asked: Asked<'_>,
) -> Result<Job, JobError> {
    let now = clock::now();
    let job = state.store.move_job(job, event, asked, now).await?;
    hint_dispatch(state, &job.tenant, &job.sender).await;
    Ok(job)
}

/// Puts a hint to dispatch a sender's jobs. If the queue fails, the sweeper finds the sender: it is due.
pub(crate) async fn hint_dispatch(state: &State, tenant: &TenantId, sender: &SenderId) {
    let hint = DispatchBody::V1 {
        tenant: tenant.clone(),
        sender: sender.clone(),
        handed_out: Vec::new(),
    };
    let hinted = async { state.parts.dispatch.send(tenant, Entry::of(&hint)?).await };
    if let Err(error) = hinted.await {
        let error = telemetry::chain(&error);
        tracing::warn!(
            sender.id = sender.logged(),
            error,
            "hint not queued, the sweeper will see to the jobs"
        );
    }
}

/// What the caller hears if the event did not happen.
pub(crate) fn refused(error: JobError) -> Problem {
    match error {
        JobError::Refused(refusal) => refusal_problem(refusal),
        JobError::Store(error) => error.into(),
    }
}

fn refusal_problem(refusal: Refusal) -> Problem {
    Problem::conflict(refusal.code(), refusal.to_string())
}

/// A job's counters.
pub(crate) async fn numbers(state: &State, job: &Job) -> Result<Numbers, StoreError> {
    let of = format!("job:{}", job.id);
    state.store.numbers(&job.tenant, &of, "-").await
}

/// The body of a request to change a job: for the OpenAPI document; it is read field by field.
#[derive(utoipa::ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body, which is read by `read_changes`"
)]
pub(crate) struct ChangesBody {
    /// What people call it.
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// It begins at this time, if it is started before.
    send_at: Option<Timestamp>,
    /// Nothing is sent after this: who is still queued then expires.
    expires_at: Option<Timestamp>,
    /// It pauses itself when more than this share of its recipients fail.
    #[schema(minimum = 0, maximum = 1)]
    pause_at_failure_share: Option<f64>,
}
