//! What became of a job's recipients: how many failed, why, which of them may be tried again, and when that is
//! enough to stop. All of it from counters; no recipient is looked at.

use super::super::failure::{Class, ProviderFailure};
use super::super::reckoning::float;
use super::super::state::State;
use super::Job;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// With fewer recipients than this nobody can tell a bad list from bad luck.
const FEWEST: u64 = 20;

/// When the platform is killed, more than a few are unknown until their statuses come.
const FEWEST_UNKNOWN: u64 = 100;

/// A job's counters, as they are kept: a number for each state, and one for each reason of a failure.
pub type Numbers = BTreeMap<String, i64>;

/// What had become of a job's recipients at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Outcomes {
    /// How many the provider had taken, or had failed.
    pub settled: u64,
    /// How many of these had failed.
    pub failed: u64,
    /// Of how many nobody knew whether the provider had taken them.
    #[serde(default)]
    pub unknown: u64,
}

impl Outcomes {
    /// By these counters.
    #[must_use]
    pub fn of(numbers: &Numbers) -> Self {
        let failed = in_state(numbers, State::Failed);
        let taken = [State::Accepted, State::Sent, State::Delivered, State::Read];
        let taken: u64 = taken.map(|state| in_state(numbers, state)).iter().sum();
        Self {
            settled: taken + failed,
            failed,
            unknown: in_state(numbers, State::Unknown),
        }
    }

    /// The same once `count` failures are queued again.
    #[must_use]
    pub fn without(self, count: u64) -> Self {
        Self {
            settled: self.settled.saturating_sub(count),
            failed: self.failed.saturating_sub(count),
            ..self
        }
    }
}

/// How many recipients nothing more is to be done for.
#[must_use]
pub fn done(numbers: &Numbers) -> u64 {
    let over = State::ALL.into_iter().filter(|state| !state.is_open());
    over.map(|state| in_state(numbers, state)).sum()
}

fn in_state(numbers: &Numbers, state: State) -> u64 {
    count_of(numbers.get(state.as_str()))
}

fn count_of(number: Option<&i64>) -> u64 {
    number.map_or(0, |number| u64::try_from(*number).unwrap_or(0))
}

/// Whether the counters say that nothing more is to be done for any recipient of the job.
#[must_use]
pub fn are_all_done(job: &Job, numbers: &Numbers) -> bool {
    done(numbers) >= job.total
}

/// Why the job should pause, if too many of its recipients have failed, or had an outcome that nobody knows, since it last
/// began to run. While failures are queued again the counters tell nothing.
#[must_use]
pub fn too_many_fail(job: &Job, outcomes: Outcomes) -> Option<String> {
    if job.progress.again.is_some() {
        return None;
    }
    let settled = outcomes.settled.saturating_sub(job.before.settled);
    let failed = outcomes.failed.saturating_sub(job.before.failed);
    let unknown = outcomes.unknown.saturating_sub(job.before.unknown);
    let called = settled + unknown;
    let most = job.pause_at_failure_share;
    let (count, of, what) = if settled >= FEWEST && share(failed, settled) > most {
        (failed, settled, "failed")
    } else if unknown >= FEWEST_UNKNOWN && share(unknown, called) > most {
        (unknown, called, "may have been sent to or not")
    } else {
        return None;
    };
    let percent = most * 100.0;
    Some(format!(
        "{count} of {of} recipients {what}, more than {percent:.0} in 100: look at them, then resume or cancel the job"
    ))
}

fn share(part: u64, whole: u64) -> f64 {
    float(part) / float(whole.max(1))
}

/// Recipients that failed for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = FailureGroup)]
pub struct FailureGroup {
    /// The provider's code, if it gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    /// What it means for the next step.
    pub class: Class,
    /// How many failed so.
    pub count: u64,
    /// How many of them may be tried again: the provider provably never took them, and the reason may pass, by itself or
    /// once somebody has looked after the sender.
    pub retryable: u64,
    /// What went wrong, in plain words.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

/// Of a failure that the provider told before it took the message.
const REFUSED: &str = "refused_";

/// Of one that it told of a message it had taken, or may have taken.
const REPORTED: &str = "reported_";

/// Whether the provider ever took the message, or may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspect {
    /// It provably never did.
    NeverTaken,
    /// It did, or nobody knows.
    PerhapsTaken,
}

/// The name of the counter in which a failed recipient stands.
#[must_use]
pub fn counter_of(failure: &ProviderFailure, suspect: Suspect) -> String {
    let told = match suspect {
        Suspect::NeverTaken => REFUSED,
        Suspect::PerhapsTaken => REPORTED,
    };
    match failure.telling_code().filter(|code| *code >= 0) {
        Some(code) => format!("{told}{code}"),
        None => format!("{told}{}", failure.class.as_str()),
    }
}

/// A job's failures by reason, the most frequent first.
#[must_use]
pub fn failures(numbers: &Numbers) -> Vec<FailureGroup> {
    let mut groups: BTreeMap<&str, FailureGroup> = BTreeMap::new();
    for (name, number) in numbers {
        let count = count_of(Some(number));
        let refused = name.strip_prefix(REFUSED);
        let Some(reason) = refused.or(name.strip_prefix(REPORTED)) else {
            continue;
        };
        let Some(cause) = cause_of(reason).filter(|_| count > 0) else {
            continue;
        };
        let retryable = if refused.is_some() && cause.may_pass() {
            count
        } else {
            0
        };
        let group = groups.entry(reason).or_insert_with(|| empty_group(cause));
        group.count += count;
        group.retryable += retryable;
    }
    let mut groups: Vec<FailureGroup> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    groups
}

fn cause_of(reason: &str) -> Option<ProviderFailure> {
    if let Ok(code) = reason.parse() {
        return Some(ProviderFailure::from_meta(code, &[]));
    }
    let class = Class::named(reason)?;
    let (message, remedy) = match class {
        Class::Credential => (
            "the provider refused the key or token that they were sent with",
            "put a good one in, then try them again",
        ),
        Class::Transient
        | Class::Throttled
        | Class::Recipient
        | Class::Template
        | Class::Policy
        | Class::Permanent
        | Class::Ambiguous => (
            "no code was given: the recipient's own error says what happened",
            "look at the recipient",
        ),
    };
    Some(ProviderFailure::without_code(class, message, remedy))
}

fn empty_group(cause: ProviderFailure) -> FailureGroup {
    let cause = cause.once_over();
    FailureGroup {
        code: cause.code,
        class: cause.class,
        count: 0,
        retryable: 0,
        message: cause.message,
        remedy: cause.remedy,
    }
}
