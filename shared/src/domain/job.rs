//! A bulk job: what it is, what has to be done for it now, and how far that has come.
//!
//! What may happen to it is decided in `job/life.rs`; this file must not know who asks.

mod failures;
mod life;
mod plan;
mod progress;
mod recovery;

pub use failures::{
    FailureGroup, Numbers, Outcomes, Suspect, are_all_done, counter_of, done, failures,
    too_many_fail,
};
pub use life::{Changes, JobEvent, Refusal, happen};
pub use plan::{Course, Factor, Forecast, PriceCategory, Rates, after, forecast};
pub use progress::{Again, Lap, Progress, Sample};
pub use recovery::Recovery;

use super::content::{Draft, Kind};
use super::id::{AccountId, JobId};
use super::identity::{SenderId, TenantId};
use super::ledger::Event;
use super::message::{Lane, OnUnknown};
use super::pace::Room;
use super::route::Way;
use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond;
use serde::{Deserialize, Serialize};

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// Made, without recipients.
    Draft,
    /// Has recipients, may be started; or was started and waits for its `send_at`.
    Ready,
    /// Being sent.
    Running,
    /// Stopped for a while.
    Paused,
    /// Given up: nothing is sent any more, and what has not been sent is being taken back.
    Cancelling,
    /// Nothing left to send.
    Finished,
    /// Given up, and nothing left to take back.
    Cancelled,
}

impl JobStatus {
    /// Its name in the store and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Cancelling => "cancelling",
            Self::Finished => "finished",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether recipients may still be added. The store's transaction carries the same condition.
    #[must_use]
    pub const fn takes_recipients(self) -> bool {
        matches!(self, Self::Draft | Self::Ready)
    }

    /// Whether `dispatch` has something to do for it.
    #[must_use]
    pub const fn is_at_work(self) -> bool {
        matches!(self, Self::Running | Self::Cancelling)
    }
}

/// Who paused a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PausedBy {
    /// Somebody asked for it.
    User,
    /// The platform, because too many of its recipients failed.
    Platform,
}

/// Why a job is paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Since when.
    #[serde(with = "millisecond::required")]
    pub at: Timestamp,
    /// By whom.
    pub by: PausedBy,
    /// Why, for a person.
    pub reason: String,
}

/// A bulk send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Our id.
    #[serde(rename = "list_sort")]
    pub id: JobId,
    /// Whose.
    pub tenant: TenantId,
    /// The account of the sender.
    pub account: AccountId,
    /// What it is sent from.
    pub sender: SenderId,
    /// The senders its messages may leave from, if they have a choice: its own and those after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way: Option<Box<Way>>,
    /// What people call it.
    pub name: String,
    /// Where it stands.
    pub status: JobStatus,
    /// Changes with every event but added recipients and progress.
    #[serde(default)]
    pub rev: u64,
    /// The message with its placeholders.
    #[serde(with = "super::json_text")]
    pub message: Draft,
    /// What to do when a call's outcome is not known.
    #[serde(default)]
    pub on_unknown: OnUnknown,
    /// What its template is charged as, if it has one and Meta has told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_category: Option<PriceCategory>,
    /// How many recipients it has.
    pub total: u64,
    /// When it was made.
    #[serde(with = "millisecond::required")]
    pub created_at: Timestamp,
    /// Not begun before this.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub send_at: Option<Timestamp>,
    /// Nothing is sent after this: who is still queued then expires.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub expires_at: Option<Timestamp>,
    /// It pauses itself when more than this share of its recipients fail, or have an outcome that nobody knows.
    #[serde(default = "half")]
    pub pause_at_failure_share: f64,
    /// When somebody asked to start it, while it waits for its `send_at`.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub start_asked_at: Option<Timestamp>,
    /// When it began.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub started_at: Option<Timestamp>,
    /// When it last began to run: at its start, when it was resumed, when failures were tried again.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub running_since: Option<Timestamp>,
    /// Why it is paused, while it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
    /// What had become of its recipients when it last began to run: failures from before do not pause it again.
    #[serde(default)]
    pub before: Outcomes,
    /// When nothing was left to send, or to take back.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub finished_at: Option<Timestamp>,
    /// How far its recipients have been handed out.
    #[serde(default)]
    pub progress: Progress,
}

const fn half() -> f64 {
    Job::PAUSE_AT
}

/// What is to be done for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// Nothing: it has not begun, is paused, or is over.
    Nothing,
    /// Its recipients are handed out.
    Send,
    /// What is still queued is taken back, into this state.
    Withdraw(Withdrawal),
}

/// Why recipients are taken back before they were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withdrawal {
    /// Somebody asked for it.
    Cancelled,
    /// Their time has passed.
    Expired,
}

impl Withdrawal {
    /// What happens to a recipient that is taken back.
    #[must_use]
    pub const fn event(self) -> Event<'static> {
        match self {
            Self::Cancelled => Event::Cancelled,
            Self::Expired => Event::JobExpired,
        }
    }
}

impl Job {
    /// The share of failures at which a job pauses itself unless it says otherwise.
    pub const PAUSE_AT: f64 = 0.5;

    /// A job just made, without recipients.
    #[must_use]
    pub fn draft(
        tenant: TenantId,
        account: AccountId,
        sender: SenderId,
        name: String,
        message: Draft,
        now: Timestamp,
    ) -> Self {
        Self {
            id: JobId::at(now),
            tenant,
            account,
            sender,
            way: None,
            name,
            status: JobStatus::Draft,
            rev: 0,
            message,
            on_unknown: OnUnknown::default(),
            template_category: None,
            total: 0,
            created_at: now,
            send_at: None,
            expires_at: None,
            pause_at_failure_share: Self::PAUSE_AT,
            start_asked_at: None,
            started_at: None,
            running_since: None,
            pause: None,
            before: Outcomes::default(),
            finished_at: None,
            progress: Progress::default(),
        }
    }

    /// What is to be done for it now.
    #[must_use]
    pub fn duty(&self, now: Timestamp) -> Duty {
        match self.status {
            JobStatus::Running if self.is_expired(now) => Duty::Withdraw(Withdrawal::Expired),
            JobStatus::Running => Duty::Send,
            JobStatus::Cancelling => Duty::Withdraw(Withdrawal::Cancelled),
            JobStatus::Draft
            | JobStatus::Ready
            | JobStatus::Paused
            | JobStatus::Finished
            | JobStatus::Cancelled => Duty::Nothing,
        }
    }

    /// What is to be done now for one of its recipients, who stands in this lane. The job does not wait for one whose
    /// outcome is not known; tried again, that one goes like a single message, though the job may have ended.
    #[must_use]
    pub fn duty_to(&self, lane: Lane, now: Timestamp) -> Duty {
        match self.status {
            JobStatus::Finished if lane == Lane::Bulk => Duty::Nothing,
            JobStatus::Finished if self.is_expired(now) => Duty::Withdraw(Withdrawal::Expired),
            JobStatus::Finished => Duty::Send,
            JobStatus::Cancelled => Duty::Withdraw(Withdrawal::Cancelled),
            JobStatus::Draft
            | JobStatus::Ready
            | JobStatus::Running
            | JobStatus::Paused
            | JobStatus::Cancelling => self.duty(now),
        }
    }

    /// Whether who is handed out at `now` takes room in the portfolio: for the first time, or again, once the room of
    /// those who were first may be free. Who gets no template has written within a day, and is not counted.
    #[must_use]
    pub fn takes_room(&self, now: Timestamp) -> bool {
        let is_free = |started_at: Timestamp| now.duration_since(started_at) >= Room::KEPT_FOR;
        self.message.kind() == Kind::Template
            && (self.progress.pass == 0 || self.started_at.is_some_and(is_free))
    }

    /// Whether the time to send it has passed.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|time| time <= now)
    }

    /// When it will begin by itself, if it was started and waits.
    #[must_use]
    pub fn starts_at(&self) -> Option<Timestamp> {
        self.start_asked_at
            .filter(|_| self.status == JobStatus::Ready)
            .map(|asked| self.send_at.unwrap_or(asked))
    }

    /// When the sweeper should look at it: nobody else does while it is not at work.
    #[must_use]
    pub fn due_at(&self) -> Option<Timestamp> {
        match self.status {
            // A draft becomes ready by an added recipient, which moves nothing in an index.
            JobStatus::Draft | JobStatus::Ready => self.starts_at().or(self.expires_at),
            JobStatus::Paused => self.expires_at,
            JobStatus::Running
            | JobStatus::Cancelling
            | JobStatus::Finished
            | JobStatus::Cancelled => None,
        }
    }
}

#[cfg(test)]
mod tests;
