//! What may happen to a job, and what it is afterwards: the one place where its status changes.

use super::{Again, Job, JobStatus, Outcomes, Pause, PausedBy, Progress};
use jiff::Timestamp;
use serde::Serialize;
use thiserror::Error;

/// Something that happens to a job.
#[derive(Debug, Clone, PartialEq)]
pub enum JobEvent {
    /// Somebody asks to start it.
    Started,
    /// Somebody asks to pause it, or too many of its recipients failed.
    Paused {
        /// Who.
        by: PausedBy,
        /// Why, for a person.
        reason: String,
    },
    /// Somebody asks it to go on; this had become of its recipients.
    Resumed(Outcomes),
    /// Somebody asks to give it up.
    Cancelled,
    /// Somebody asks for a new attempt of what failed for a passing reason; this will have become of its
    /// recipients when those are queued again.
    TriedAgain(Outcomes),
    /// Somebody changes what may be changed.
    Changed(Changes),
    /// Somebody looked and its time had come, or had passed.
    TimeCame,
    /// A consistent read found none of its recipients queued or sending.
    AllEnded,
}

/// What may be changed of a job. `None` leaves it as it is.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Changes {
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Not begun before this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_at: Option<Timestamp>,
    /// Nothing is sent after this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The share of failures at which it pauses itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause_at_failure_share: Option<f64>,
}

/// Why something may not happen to a job as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// It has no recipients.
    #[error("the job has no recipients: add some first")]
    Empty,
    /// Nobody has started it.
    #[error("the job has not been started")]
    NotStarted,
    /// It is paused.
    #[error("the job is paused: resume it")]
    Paused,
    /// It has not come to its end.
    #[error("the job is still running: wait until it is finished")]
    Running,
    /// It is over, or about to be.
    #[error("the job is {}", .0.as_str())]
    Ended(JobStatus),
    /// The time to send it has passed.
    #[error("the job's expires_at has passed: nothing of it may be sent any more")]
    Expired,
    /// It has begun.
    #[error("the job has begun: its send_at cannot be changed any more")]
    Begun,
    /// It would expire before it begins.
    #[error("expires_at must be later than now and than send_at")]
    TooShort,
}

impl Refusal {
    /// Its stable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "job_empty",
            Self::NotStarted => "job_not_started",
            Self::Paused => "job_paused",
            Self::Running => "job_running",
            Self::Ended(_) => "job_ended",
            Self::Expired => "job_expired",
            Self::Begun => "job_begun",
            Self::TooShort => "job_too_short",
        }
    }
}

/// The job after `event`. `None` if it is so already: whoever asks twice is not refused.
pub fn happen(job: &Job, event: &JobEvent, now: Timestamp) -> Result<Option<Job>, Refusal> {
    let next = match event {
        JobEvent::Started => start(job, now)?,
        JobEvent::Paused { by, reason } => pause(job, *by, reason, now)?,
        JobEvent::Resumed(outcomes) => resume(job, *outcomes, now)?,
        JobEvent::Cancelled => cancel(job, now)?,
        JobEvent::TriedAgain(outcomes) => try_again(job, *outcomes, now)?,
        JobEvent::Changed(changes) => change(job, changes, now)?,
        JobEvent::TimeCame => time_came(job, now),
        JobEvent::AllEnded => end(job, now),
    };
    let next = next.filter(|next| next != job);
    Ok(next.map(|next| Job {
        rev: job.rev + 1,
        ..next
    }))
}

/// One that was started before stays as it is: a start may be repeated at any time.
fn start(job: &Job, now: Timestamp) -> Result<Option<Job>, Refusal> {
    if job.started_at.is_some() || job.start_asked_at.is_some() {
        return Ok(None);
    }
    match job.status {
        JobStatus::Draft => Err(Refusal::Empty),
        // One that never began runs, or ran, for no more than to say so of each recipient.
        JobStatus::Ready | JobStatus::Running | JobStatus::Finished if job.is_expired(now) => {
            Err(Refusal::Expired)
        }
        JobStatus::Ready => Ok(Some(started(job, now))),
        JobStatus::Running | JobStatus::Paused => Ok(None),
        JobStatus::Cancelling | JobStatus::Finished | JobStatus::Cancelled => {
            Err(Refusal::Ended(job.status))
        }
    }
}

/// Running, or waiting for its time.
fn started(job: &Job, now: Timestamp) -> Job {
    let waits = job.started_at.is_none() && job.send_at.is_some_and(|time| now < time);
    if waits {
        return Job {
            status: JobStatus::Ready,
            start_asked_at: Some(job.start_asked_at.unwrap_or(now)),
            pause: None,
            ..job.clone()
        };
    }
    running(job, job.before, now)
}

fn running(job: &Job, before: Outcomes, now: Timestamp) -> Job {
    Job {
        status: JobStatus::Running,
        start_asked_at: None,
        started_at: Some(job.started_at.unwrap_or(now)),
        running_since: Some(now),
        pause: None,
        before,
        finished_at: None,
        ..job.clone()
    }
}

fn pause(job: &Job, by: PausedBy, reason: &str, now: Timestamp) -> Result<Option<Job>, Refusal> {
    match job.status {
        JobStatus::Draft => Err(Refusal::NotStarted),
        JobStatus::Ready if job.start_asked_at.is_none() => Err(Refusal::NotStarted),
        JobStatus::Ready | JobStatus::Running => Ok(Some(Job {
            status: JobStatus::Paused,
            pause: Some(Pause {
                at: now,
                by,
                reason: reason.to_owned(),
            }),
            ..job.clone()
        })),
        JobStatus::Paused => Ok(None),
        JobStatus::Cancelling | JobStatus::Finished | JobStatus::Cancelled => {
            Err(Refusal::Ended(job.status))
        }
    }
}

fn resume(job: &Job, outcomes: Outcomes, now: Timestamp) -> Result<Option<Job>, Refusal> {
    match job.status {
        JobStatus::Draft => Err(Refusal::NotStarted),
        JobStatus::Ready if job.start_asked_at.is_none() => Err(Refusal::NotStarted),
        JobStatus::Ready | JobStatus::Running => Ok(None),
        JobStatus::Paused => Ok(Some(Job {
            before: outcomes,
            ..started(job, now)
        })),
        JobStatus::Cancelling | JobStatus::Finished | JobStatus::Cancelled => {
            Err(Refusal::Ended(job.status))
        }
    }
}

fn cancel(job: &Job, now: Timestamp) -> Result<Option<Job>, Refusal> {
    match job.status {
        // Nobody is there to be taken back.
        JobStatus::Draft => Ok(Some(Job {
            status: JobStatus::Cancelled,
            finished_at: Some(now),
            ..job.clone()
        })),
        JobStatus::Ready | JobStatus::Running | JobStatus::Paused => Ok(Some(Job {
            status: JobStatus::Cancelling,
            start_asked_at: None,
            pause: None,
            ..job.clone()
        })),
        JobStatus::Cancelling | JobStatus::Cancelled => Ok(None),
        JobStatus::Finished => Err(Refusal::Ended(job.status)),
    }
}

fn try_again(job: &Job, outcomes: Outcomes, now: Timestamp) -> Result<Option<Job>, Refusal> {
    match job.status {
        JobStatus::Draft | JobStatus::Ready => Err(Refusal::NotStarted),
        JobStatus::Running if job.progress.again.is_some() => Ok(None),
        JobStatus::Running => Err(Refusal::Running),
        JobStatus::Paused => Err(Refusal::Paused),
        JobStatus::Cancelling | JobStatus::Cancelled => Err(Refusal::Ended(job.status)),
        JobStatus::Finished if job.is_expired(now) => Err(Refusal::Expired),
        JobStatus::Finished => Ok(Some(Job {
            progress: Progress {
                // Only open chunks are looked at: those of the failures are opened by and by.
                pass: job.progress.pass + 1,
                again: Some(Again {
                    asked_at: now,
                    after: None,
                    queued_at: None,
                }),
                ..Progress::default()
            },
            ..running(job, outcomes, now)
        })),
    }
}

fn change(job: &Job, changes: &Changes, now: Timestamp) -> Result<Option<Job>, Refusal> {
    match job.status {
        JobStatus::Draft | JobStatus::Ready | JobStatus::Running | JobStatus::Paused => {}
        JobStatus::Cancelling | JobStatus::Finished | JobStatus::Cancelled => {
            return Err(Refusal::Ended(job.status));
        }
    }
    if changes.send_at.is_some() && job.started_at.is_some() {
        return Err(Refusal::Begun);
    }
    let mut next = job.clone();
    next.name = changes.name.clone().unwrap_or(next.name);
    next.send_at = changes.send_at.or(next.send_at);
    next.expires_at = changes.expires_at.or(next.expires_at);
    next.pause_at_failure_share = changes
        .pause_at_failure_share
        .unwrap_or(next.pause_at_failure_share);
    let touches_times = changes.send_at.is_some() || changes.expires_at.is_some();
    let begins = next.send_at.map_or(now, |send_at| send_at.max(now));
    if touches_times && next.expires_at.is_some_and(|expires| expires <= begins) {
        return Err(Refusal::TooShort);
    }
    Ok(Some(next))
}

/// A job that waited begins; one whose time to be sent has passed runs for no more than to say so of each recipient.
fn time_came(job: &Job, now: Timestamp) -> Option<Job> {
    let begins = job.starts_at().is_some_and(|time| time <= now);
    match job.status {
        JobStatus::Ready | JobStatus::Paused if job.is_expired(now) => Some(Job {
            started_at: job.started_at,
            ..running(job, job.before, now)
        }),
        JobStatus::Ready | JobStatus::Paused if begins => Some(running(job, job.before, now)),
        JobStatus::Draft if job.is_expired(now) => Some(Job {
            status: JobStatus::Finished,
            finished_at: Some(now),
            ..job.clone()
        }),
        JobStatus::Draft
        | JobStatus::Ready
        | JobStatus::Running
        | JobStatus::Paused
        | JobStatus::Cancelling
        | JobStatus::Finished
        | JobStatus::Cancelled => None,
    }
}

fn end(job: &Job, now: Timestamp) -> Option<Job> {
    let status = match job.status {
        JobStatus::Running => JobStatus::Finished,
        JobStatus::Cancelling => JobStatus::Cancelled,
        JobStatus::Draft
        | JobStatus::Ready
        | JobStatus::Paused
        | JobStatus::Finished
        | JobStatus::Cancelled => return None,
    };
    Some(Job {
        status,
        finished_at: Some(now),
        ..job.clone()
    })
}
