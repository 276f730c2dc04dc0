//! A bulk job as a caller sees it.

use super::unknown::{no_statuses, wait_minutes, warnings_about};
use super::{CountsDto, Named, OnUnknownDto, PauseDto};
use crate::domain::content::Kind;
use crate::domain::held::HeldBack;
use crate::domain::id::{JobId, RouteId};
use crate::domain::identity::SenderId;
use crate::domain::job::{self, FailureGroup, Job, JobStatus, Numbers, PausedBy};
use crate::store::{Store, StoreError};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// A bulk job.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = BulkJob)]
pub struct JobDto {
    /// Our id.
    #[schema(value_type = String, example = "job_019e92a7c8887000a000000000000001")]
    pub id: JobId,
    /// What people call it.
    #[schema(example = "November offer")]
    pub name: String,
    /// The sender; over a route, the first of its senders.
    #[schema(value_type = String, example = "100000000000001")]
    pub from: SenderId,
    /// The route.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub route_id: Option<RouteId>,
    /// Where it stands.
    pub status: JobStatus,
    /// How many of its recipients stand in each state.
    pub counts: CountsDto,
    /// How many recipients a second it was done with of late, while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// When it will be done if it goes on at that rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eta: Option<Timestamp>,
    /// Why recipients failed, the most frequent reason first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<FailureGroup>,
    /// Since when it is paused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused_at: Option<Timestamp>,
    /// Who paused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused_by: Option<PausedBy>,
    /// Why it is paused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Meta's message type.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The object named by `type`, with its placeholders.
    #[serde(flatten)]
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>)]
    pub object: Named,
    /// What is done when a call's outcome is not known.
    pub on_unknown: OnUnknownDto,
    /// How many minutes a recipient waits for a status, with `on_unknown: wait`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_minutes: Option<u16>,
    /// It pauses itself when more than this share of its recipients fail, once twenty are settled; or have an outcome that
    /// nobody knows, once these are a hundred.
    pub pause_at_failure_share: f64,
    /// Not begun before this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_at: Option<Timestamp>,
    /// Nothing is sent after this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it will begin: it was started, and waits for its `send_at`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Timestamp>,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When nothing was left to send, or to take back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// For what it waits though it runs, if no sender is ready and somebody is left to send to: told of one job that is
    /// asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<HeldBack>,
    /// Why nothing is sent though it runs: its sender is paused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender_paused: Option<PauseDto>,
    /// What the caller should know. `may_be_sent_twice`: by its `on_unknown`, a message whose outcome is not known may
    /// be sent again. `window_closed`, told in the answer that makes it: it is no template, and Meta may refuse it for
    /// those who have not written within 24 hours.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl JobDto {
    /// The job with its counters, and whether its sender is paused. Where the counters know of more recipients, some were
    /// added since the job was read: it is read again, after its counters, so that the counts close.
    pub async fn read(store: &Store, job: &Job, now: Timestamp) -> Result<Self, StoreError> {
        let of = format!("job:{}", job.id);
        let numbers = store.numbers(&job.tenant, &of, "-").await?;
        let mut shown = Self::counted(job, &numbers, now);
        if shown.counts.total != job.total
            && let Some(job) = store.job(&job.tenant, &job.id).await?
        {
            shown = Self::counted(&job, &numbers, now);
        }
        if shown.status == JobStatus::Running {
            let pace = store.pace(&job.tenant, &job.sender).await?;
            shown.sender_paused = pace.paused.as_ref().map(PauseDto::from);
        }
        Ok(shown)
    }

    /// A job just made: it has no recipients to be counted.
    #[must_use]
    pub fn of_new(job: &Job, now: Timestamp) -> Self {
        Self::counted(job, &Numbers::new(), now)
    }

    /// The job with its counters (`job:<id>`), which must have been read before the job was: then no recipient is
    /// counted that the job does not know.
    fn counted(job: &Job, numbers: &Numbers, now: Timestamp) -> Self {
        let kind = job.message.kind();
        let counts = CountsDto::counted(numbers, "").closed_at(job.total);
        let rate = rate(job, numbers, now);
        let open = counts.queued + counts.sending;
        Self {
            id: job.id.clone(),
            name: job.name.clone(),
            from: job.sender.clone(),
            route_id: job.way.as_ref().map(|way| way.route.clone()),
            status: job.status,
            counts,
            rate,
            eta: rate.and_then(|rate| job::after(now, open, rate)),
            failures: job::failures(numbers),
            paused_at: job.pause.as_ref().map(|pause| pause.at),
            paused_by: job.pause.as_ref().map(|pause| pause.by),
            reason: job.pause.as_ref().map(|pause| pause.reason.clone()),
            kind,
            object: Named::from([(kind.as_str().to_owned(), job.message.object().clone())]),
            on_unknown: job.on_unknown.into(),
            wait_minutes: wait_minutes(job.on_unknown),
            pause_at_failure_share: job.pause_at_failure_share,
            send_at: job.send_at,
            expires_at: job.expires_at,
            created_at: job.created_at,
            starts_at: job.starts_at(),
            started_at: job.started_at,
            finished_at: job.finished_at,
            waiting: None,
            sender_paused: None,
            warnings: warnings_about(job.on_unknown)
                .into_iter()
                .chain(no_statuses(&job.sender))
                .collect(),
        }
    }
}

/// To a tenth of a message a second.
fn rate(job: &Job, numbers: &Numbers, now: Timestamp) -> Option<f64> {
    let since = job
        .running_since
        .filter(|_| job.status == JobStatus::Running)?;
    let rate = job.progress.rate(job::done(numbers), since, now)?;
    Some((rate * 10.0).round() / 10.0)
}
