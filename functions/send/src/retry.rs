//! `POST /v1/bulk-jobs/{id}/retry-failed`: another attempt of what failed for a reason that may pass.

use crate::State;
use crate::jobs::find;
use crate::life::{happened, numbers, refused};
use axum::Json;
use axum::extract;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use heliograph::domain::identity::TenantId;
use heliograph::domain::job::{FailureGroup, JobEvent, Numbers, Outcomes, failures};
use heliograph::domain::role::{Principal, Right};
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::idempotency::{self, REPLAYED};
use heliograph::service::openapi::JobProblems;
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
use heliograph::store::{Asked, IdempotencyClaim};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is tried again, and what is not.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub(crate) struct TriedAgain {
    /// How many recipients get another attempt.
    retried: u64,
    /// How many do not.
    left: u64,
    /// Why these do not, by reason.
    #[schema(value_type = Vec<FailureGroup>)]
    reasons: Vec<Value>,
}

impl TriedAgain {
    fn of(numbers: &Numbers) -> Self {
        let groups = failures(numbers);
        let retried = groups.iter().map(|group| group.retryable).sum();
        let left = groups.into_iter().filter_map(|group| {
            let count = group.count - group.retryable;
            let retryable = 0;
            (count > 0).then_some(FailureGroup {
                count,
                retryable,
                ..group
            })
        });
        let left: Vec<FailureGroup> = left.collect();
        Self {
            retried,
            left: left.iter().map(|group| group.count).sum(),
            reasons: left
                .iter()
                .filter_map(|group| serde_json::to_value(group).ok())
                .collect(),
        }
    }
}

/// Try a finished job's failures again.
///
/// Those that the provider provably never took, and refused for a reason that may pass, get another attempt, and the job
/// runs again. Such a reason is `transient` or `throttled`, or one that paused the sender: those go once it is resumed. All others stay as they are, and the answer says why. Asked again before
/// it is finished, it changes nothing.
#[utoipa::path(
    post, operation_id = "retry_failed_recipients", path = "/v1/bulk-jobs/{id}/retry-failed", tag = "Bulk jobs", security(("api_key" = [])),
    params(
        ("id" = String, Path, description = "The job"),
        ("Idempotency-Key" = Option<String>, Header, description = "One key is one retry, for 24 hours"),
    ),
    responses(
        (status = 202, description = "What is tried again, and what is not", body = TriedAgain),
        (status = 422, description = "The key was used for something else", body = Problem,
            content_type = "application/problem+json"),
        JobProblems,
    ),
)]
pub(crate) async fn retry_failed(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    extract::Path(id): extract::Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Principal { tenant, who, .. } = caller.with(Right::Send)?;
    let job = find(&state, &tenant, &id).await?;
    let path = format!("POST /v1/bulk-jobs/{}/retry-failed", job.id);
    let claim = idempotency::claim(&path, &headers, &Value::Null)?;
    let now = clock::now();
    if let Some(answer) = replayed(&state, &tenant, claim.as_ref(), now).await? {
        return Ok(answer);
    }
    let numbers = numbers(&state, &job).await?;
    let answer = TriedAgain::of(&numbers);
    let outcomes = Outcomes::of(&numbers).without(answer.retried);
    let record = claim.as_ref().map(|claim| {
        let mut record = claim.record(&tenant, job.id.as_str(), now);
        record.answer = serde_json::to_string(&answer).ok();
        record
    });
    let event = JobEvent::TriedAgain(outcomes);
    // With nothing to try again the job runs for no more than to see that: the counters trail by a second or two.
    let asked = Asked {
        by: Some(&origin.author(&who)),
        record: record.as_ref(),
    };
    match happened(&state, job, &event, asked).await {
        Ok(_) => Ok((StatusCode::ACCEPTED, Json(answer)).into_response()),
        // A request with the same key may have been faster.
        Err(error) => replayed(&state, &tenant, claim.as_ref(), now)
            .await?
            .ok_or_else(|| refused(error)),
    }
}

/// What the same request was answered before.
async fn replayed(
    state: &State,
    tenant: &TenantId,
    claim: Option<&IdempotencyClaim>,
    now: Timestamp,
) -> Result<Option<Response>, Problem> {
    let Some(claim) = claim else {
        return Ok(None);
    };
    let known = state
        .store
        .idempotency(tenant, &claim.key_hash, now)
        .await?;
    let answer = known.and_then(|known| known.answer);
    let answer = answer.and_then(|text| serde_json::from_str::<TriedAgain>(&text).ok());
    Ok(answer
        .map(|answer| (StatusCode::ACCEPTED, [(REPLAYED, "true")], Json(answer)).into_response()))
}
