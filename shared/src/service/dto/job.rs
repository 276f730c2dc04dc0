//! A bulk job as a caller sees it.

use super::unknown::{wait_minutes, warnings_about};
use super::{CountsDto, Named, OnUnknownDto};
use crate::domain::content::Kind;
use crate::domain::id::JobId;
use crate::domain::identity::PhoneNumberId;
use crate::store::{Job, JobStatus};
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
    pub on_unknown: OnUnknownDto,
    /// How many minutes a recipient waits for a status, with `on_unknown: wait`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_minutes: Option<u16>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When nothing was left to send.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// What the caller should know of the job.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl JobDto {
    /// The job with its counters (`job:<id>`), which must have been read before the job was: then no recipient is
    /// counted that the job does not know.
    #[must_use]
    pub fn counted(job: &Job, numbers: &BTreeMap<String, i64>) -> Self {
        let kind = job.message.kind();
        Self {
            id: job.id.clone(),
            name: job.name.clone(),
            from: job.sender.clone(),
            status: job.status,
            counts: CountsDto::counted(numbers, "").closed_at(job.total),
            kind,
            object: Named::from([(kind.as_str().to_owned(), job.message.object().clone())]),
            on_unknown: job.on_unknown.into(),
            wait_minutes: wait_minutes(job.on_unknown),
            created_at: job.created_at,
            started_at: job.started_at,
            finished_at: job.finished_at,
            warnings: warnings_about(job.on_unknown),
        }
    }
}

impl From<&Job> for JobDto {
    /// A job none of whose recipients has left the queue: one just made, filled or started.
    fn from(job: &Job) -> Self {
        Self::counted(job, &BTreeMap::new())
    }
}
