//! How far a job has come: through its recipients, and in time.

use super::super::identity::SenderId;
use super::super::reckoning::float;
use jiff::fmt::serde::timestamp::millisecond;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How far a job's recipients have been handed out. The first pass hands out every recipient unseen; later ones
/// look at those of open chunks and hand out again what is still queued.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Counted from 0.
    pub pass: u32,
    /// The last chunk that was handed out whole in this pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// How many recipients of the next chunk were handed out already.
    pub offset: usize,
    /// Whether this pass has met an open recipient.
    pub open_seen: bool,
    /// When the pass may go on.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub resume_at: Option<Timestamp>,
    /// Where, while the first pass lasts, those handed out before are looked at again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lap: Option<Lap>,
    /// Over a route: the other senders that recipients were last seen at.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub elsewhere: BTreeSet<SenderId>,
    /// Since when nobody is open any more, while the counters do not say so yet.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub all_ended_at: Option<Timestamp>,
    /// The failures that are to be tried again, until each of them was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Again>,
    /// How far it was some seconds ago: what its rate is told by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older: Option<Sample>,
    /// How far it was a few seconds ago.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newer: Option<Sample>,
}

/// Failures that are to be tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Again {
    /// When that was asked for: what failed later is not meant.
    #[serde(with = "millisecond::required")]
    pub asked_at: Timestamp,
    /// The last failure that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// When one was last queued again.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub queued_at: Option<Timestamp>,
}

/// What an index and the counters may trail by.
const TRAIL: SignedDuration = SignedDuration::from_secs(5);

impl Again {
    /// Whether all have been met when all that the index names were looked at: it may trail, and so may the counters,
    /// which would still count as failed what is queued again.
    #[must_use]
    pub fn has_met_all(&self, now: Timestamp) -> bool {
        let last = self.queued_at.unwrap_or(self.asked_at);
        now.duration_since(last) >= TRAIL
    }
}

/// A look at what the first pass has left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lap {
    /// Not sooner: what was handed out last is being sent.
    #[serde(with = "millisecond::required")]
    pub from: Timestamp,
    /// The last chunk that it is about whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// How many recipients of the next chunk it is about.
    #[serde(default)]
    pub offset: usize,
    /// The marker of the last chunk that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// How many recipients of the chunk behind it were looked at already.
    #[serde(default)]
    pub place: usize,
}

/// How many recipients a job was done with at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// When.
    #[serde(with = "millisecond::required")]
    pub at: Timestamp,
    /// How many.
    pub done: u64,
}

/// Samples are so far apart.
const BETWEEN_SAMPLES: SignedDuration = SignedDuration::from_secs(10);

impl Progress {
    /// Notes how many recipients the job, which has run since `since`, is done with.
    pub fn sample(&mut self, done: u64, since: Timestamp, now: Timestamp) {
        let sample = Sample { at: now, done };
        match self.newer.filter(|newer| newer.at >= since) {
            None => (self.older, self.newer) = (None, Some(sample)),
            Some(newer) if now.duration_since(newer.at) >= BETWEEN_SAMPLES => {
                (self.older, self.newer) = (Some(newer), Some(sample));
            }
            Some(_) => {}
        }
    }

    /// How many recipients a second it was done with of late, now that it is done with `done`. `None` before that
    /// can be told.
    #[must_use]
    pub fn rate(&self, done: u64, since: Timestamp, now: Timestamp) -> Option<f64> {
        let of_this_run = |sample: &Sample| sample.at >= since;
        let from = self
            .older
            .filter(of_this_run)
            .or(self.newer.filter(of_this_run))?;
        let seconds = now.duration_since(from.at).as_secs_f64();
        (seconds >= 1.0).then(|| float(done.saturating_sub(from.done)) / seconds)
    }
}
