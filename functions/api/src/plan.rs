//! `GET /v1/bulk-jobs/{id}/plan`: what a job will do, before it is started and while it runs.

use crate::bulk_jobs::find;
use axum::Json;
use axum::extract::{Path, State};
use heliograph::domain::held::Holds;
use heliograph::domain::identity::SenderId;
use heliograph::domain::job::{
    Course, Factor, Forecast, Job, JobStatus, PriceCategory, Rates, forecast,
};
use heliograph::domain::role::Right;
use heliograph::domain::tier::Rooms;
use heliograph::messaging::held;
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::dto::{CountsDto, JobDto};
use heliograph::service::http::Parameters;
use heliograph::service::openapi::{IdProblems, ListProblems};
use heliograph::service::problem::Problem;
use heliograph::store::{Pace, Sender, Store, StoreError};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What a job will do from now on, or from its start on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Plan {
    /// How many recipients will be sent to.
    to_send: u64,
    /// How many will not, by reason.
    skipped: Vec<Skipped>,
    /// The sender that they leave from: over a route, the first that is ready. Those whom it refuses leave from the next
    /// ones beside it, so that all may be sent sooner. Absent if the job's own sender is gone, for that one dispatches it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "100000000000001")]
    sender_id: Option<SenderId>,
    /// How many a second when it begins. A sender that is slowed down is faster again within a minute, with which `eta`
    /// reckons.
    rate: f64,
    /// What holds it to that; absent if the sender is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    limited_by: Option<Factor>,
    /// When it begins: now, or at its `send_at`; one that is not started is taken to be started now.
    begins_at: Timestamp,
    /// When the last one will be sent; absent if that cannot be.
    #[serde(skip_serializing_if = "Option::is_none")]
    eta: Option<Timestamp>,
    /// What those to be sent are charged as: how many in each category. A template's is what Meta said when the job was
    /// made; `unknown` if it did not.
    #[schema(value_type = BTreeMap<String, u64>)]
    price_categories: BTreeMap<PriceCategory, u64>,
}

/// Recipients that will not be sent to.
#[derive(Debug, Serialize, ToSchema)]
struct Skipped {
    /// Why.
    reason: SkipReason,
    /// How many.
    count: u64,
}

/// Why a recipient will not be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum SkipReason {
    /// The job's `expires_at` comes before their turn.
    Expires,
    /// The job was cancelled, or is being cancelled.
    Cancelled,
    /// They were sent to, or may have been.
    Sent,
    /// They failed.
    Failed,
    /// Their time has passed.
    Expired,
}

/// Tells what a bulk job will do: how many are sent to, how fast, until when, and what holds it back.
#[utoipa::path(
    get,
    operation_id = "get_bulk_job_plan",
    path = "/v1/bulk-jobs/{id}/plan",
    tag = "Bulk jobs",
    params(("id" = String, Path, description = "The job's id", example = "job_019e92a7c8887000a000000000000001")),
    responses((status = 200, description = "The plan", body = Plan), ListProblems, IdProblems)
)]
pub(crate) async fn plan(
    caller: Caller,
    State(store): State<Store>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<Plan>, Problem> {
    let tenant = caller.with(Right::Read)?.tenant;
    parameters.finish()?;
    let now = clock::now();
    let job = find(&store, &tenant, &id).await?;
    let counts = JobDto::read(&store, &job, now).await?.counts;
    let leaves = match store.sender(&tenant, &job.sender).await? {
        Some(own) => Some(leaves(&store, &job, own, now).await?),
        None => None,
    };
    Ok(Json(planned(&job, &counts, leaves, now)))
}

/// What a job's recipients leave from, and what may hold them back there.
struct Leaves {
    from: SenderId,
    course: Course,
    rooms: Rooms,
}

/// As `dispatch` has them leave: all whose turn comes from the first sender that is ready. From the job's own in the slots of
/// its own tick; from another one in slots that are borrowed, of which what comes in there takes none.
async fn leaves(
    store: &Store,
    job: &Job,
    own: Sender,
    now: Timestamp,
) -> Result<Leaves, StoreError> {
    let (leg, held) = held::leg_of_job(store, job, now).await?;
    let own_pace = store.pace(&job.tenant, &own.id).await?;
    let others = others(store, job, &own_pace).await?;
    let own_rooms = store.rooms(&own, now).await?;
    let other = if leg.sender == own.id {
        None
    } else {
        store.sender(&job.tenant, &leg.sender).await?
    };
    let (sender, pace, portfolio) = match other {
        None => (own, own_pace, None),
        Some(other) => {
            let pace = store.pace(&job.tenant, &other.id).await?;
            let room = store.room(&other).await?;
            (other, pace, room)
        }
    };
    let is_own = sender.id == job.sender;
    let rates = Rates {
        messages_per_second: sender.throughput(),
        calls_per_second: sender.calls_per_second,
        reserved_percent: sender.reserved_percent,
        inbound: pace.inbound.filter(|_| is_own && pace.shared),
        slowed: pace.slowed,
        begins_at: begins_at(job, now),
        keeps_half: !is_own && !pace.jobs.is_empty(),
        stopped_by: held.and_then(stopped_by),
    };
    // Room is taken in the portfolios of both.
    let portfolios = own_rooms.portfolio.into_iter().chain(portfolio);
    let rooms = Rooms {
        portfolio: portfolios
            .filter(|_| job.takes_room(now))
            .min_by_key(|room| room.left(now)),
        // Whoever was handed out has his place in a day.
        day: own_rooms.day.filter(|_| job.progress.pass == 0),
        ..held::call_rooms(store, &sender, now).await?
    };
    Ok(Leaves {
        from: sender.id,
        course: Course::of(rates, others),
        rooms,
    })
}

/// What has nothing leave a sender until somebody does something. A limit is reckoned with, and a rest is short.
fn stopped_by(held: Holds) -> Option<Factor> {
    match held {
        Holds::Paused => Some(Factor::SenderPaused),
        Holds::Disabled => Some(Factor::ProviderDisabled),
        Holds::Credential => Some(Factor::NoCredential),
        Holds::Limit | Holds::Resting => None,
    }
}

/// When a job begins: one that is not started is taken to be started now.
fn begins_at(job: &Job, now: Timestamp) -> Timestamp {
    match job.started_at {
        Some(_) => now,
        None => job.send_at.map_or(now, |send_at| send_at.max(now)),
    }
}

/// How many other jobs of its sender run.
async fn others(store: &Store, job: &Job, pace: &Pace) -> Result<usize, StoreError> {
    let mut others = 0;
    for id in pace.job_ids().into_iter().filter(|id| *id != job.id) {
        let other = store.job(&job.tenant, &id).await?;
        others += usize::from(other.is_some_and(|other| other.status == JobStatus::Running));
    }
    Ok(others)
}

fn planned(job: &Job, counts: &CountsDto, leaves: Option<Leaves>, now: Timestamp) -> Plan {
    let begins_at = begins_at(job, now);
    let (sender_id, course, rooms) = match leaves {
        Some(leaves) => (Some(leaves.from), leaves.course, leaves.rooms),
        None => (None, Course::default(), Rooms::default()),
    };
    let gives_up = matches!(job.status, JobStatus::Cancelling | JobStatus::Cancelled);
    let to_cancel = if gives_up { counts.queued } else { 0 };
    let open = counts.queued + counts.sending - to_cancel;
    let Forecast {
        to_send,
        to_expire,
        per_second,
        limited_by,
        ends_at,
    } = forecast(open, &course, &rooms, begins_at, job.expires_at);
    let sent = counts.unknown + counts.accepted + counts.sent + counts.delivered + counts.read;
    let skipped = [
        (SkipReason::Expires, to_expire),
        (SkipReason::Cancelled, counts.cancelled + to_cancel),
        (SkipReason::Sent, sent),
        (SkipReason::Failed, counts.failed),
        (SkipReason::Expired, counts.expired),
    ];
    let skipped = skipped.into_iter().filter(|(_, count)| *count > 0);
    Plan {
        to_send,
        skipped: skipped
            .map(|(reason, count)| Skipped { reason, count })
            .collect(),
        sender_id,
        rate: (per_second * 10.0).round() / 10.0,
        limited_by,
        begins_at,
        eta: ends_at,
        price_categories: BTreeMap::from([(PriceCategory::of(job), to_send)]),
    }
}
