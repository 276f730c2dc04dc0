//! A bulk job as a caller sees it.

use super::{CountsDto, Named};
use crate::domain::content::Kind;
use crate::domain::id::JobId;
use crate::domain::identity::PhoneNumberId;
use crate::domain::message::OnUnknown;
use crate::store::{Job, JobStatus, Store, StoreError};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
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
    /// The sender: Meta's phone number id.
    #[schema(value_type = String, example = "100000000000001")]
    pub from: PhoneNumberId,
    /// Where it stands.
    pub status: JobStatus,
    /// How many of its recipients stand in each state.
    pub counts: CountsDto,
    /// Meta's message type.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The object named by `type`, with its placeholders.
    #[serde(flatten)]
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>)]
    pub object: Named,
    /// What is done when a call's outcome is not known.
    pub on_unknown: OnUnknown,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When nothing was left to send.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// What the caller should know. `may_be_sent_twice`: by `on_unknown` `retry`, a message whose outcome is not known
    /// is sent again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl JobDto {
    /// The job as it is now, with its counters. Where these know of more recipients than `job`, some were added since
    /// it was read: it is read again, after its counters, so that the counts close.
    pub async fn read(store: &Store, job: &Job) -> Result<Self, StoreError> {
        let of = format!("job:{}", job.id);
        let numbers = store.numbers(&job.tenant, &of, "-").await?;
        let shown = Self::counted(job, &numbers);
        if shown.counts.total == job.total {
            return Ok(shown);
        }
        let again = store.job(&job.tenant, &job.id).await?;
        Ok(again.map_or(shown, |job| Self::counted(&job, &numbers)))
    }

    /// A job just made: it has no recipients to be counted.
    #[must_use]
    pub fn of_new(job: &Job) -> Self {
        Self::counted(job, &BTreeMap::new())
    }

    /// The job with its counters (`job:<id>`), which must have been read before the job was: then no recipient is
    /// counted that the job does not know.
    fn counted(job: &Job, numbers: &BTreeMap<String, i64>) -> Self {
        let kind = job.message.kind();
        Self {
            id: job.id.clone(),
            name: job.name.clone(),
            from: job.sender.clone(),
            status: job.status,
            counts: CountsDto::counted(numbers, "").closed_at(job.total),
            kind,
            object: Named::from([(kind.as_str().to_owned(), job.message.object().clone())]),
            on_unknown: job.on_unknown,
            created_at: job.created_at,
            started_at: job.started_at,
            finished_at: job.finished_at,
            warnings: job
                .on_unknown
                .warning()
                .map(str::to_owned)
                .into_iter()
                .collect(),
        }
    }
}
