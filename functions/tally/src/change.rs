//! What one write to the table means for the counters.

use heliograph::domain::id::{AccountId, JobId};
use heliograph::domain::identity::{SenderId, TenantId};
use heliograph::domain::job::{Suspect, counter_of};
use heliograph::domain::ledger::never_accepted;
use heliograph::domain::message::{Attempt, Price};
use heliograph::domain::state::State;
use heliograph::domain::usage::Use;
use heliograph::store::{Counter, RECEIVED_COUNTER, day_counters};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_dynamo::{AttributeValue, Item};

/// One write, as the stream shows it.
#[derive(Debug, Deserialize)]
pub(crate) struct Change {
    #[serde(rename = "SequenceNumber")]
    pub(crate) sequence: String,
    #[serde(default, rename = "NewImage")]
    new: Option<Item>,
    #[serde(default, rename = "OldImage")]
    old: Option<Item>,
}

/// What the counters need to know of a message.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "direction", rename_all = "snake_case")]
enum Seen {
    Outbound {
        tenant: TenantId,
        account: AccountId,
        sender: SenderId,
        state: State,
        created_at: i64,
        #[serde(default)]
        job: Option<JobId>,
        #[serde(default)]
        attempts: Vec<Attempt>,
        #[serde(default)]
        price: Option<Price>,
    },
    Inbound {
        tenant: TenantId,
        account: AccountId,
        sender: SenderId,
        received_at: i64,
    },
}

impl Change {
    /// The counters this write moves, each by one: those the message left, and those it came to.
    pub(crate) fn moves(&self) -> Vec<(Counter, i64)> {
        let counters = |image: &Option<Item>| image.as_ref().map(counters).unwrap_or_default();
        let (before, after) = (counters(&self.old), counters(&self.new));
        if before == after {
            return Vec::new();
        }
        let left = before.into_iter().map(|counter| (counter, -1));
        left.chain(after.into_iter().map(|counter| (counter, 1)))
            .collect()
    }
}

/// The counters a message stands in. Items of other types stand in none.
fn counters(image: &Item) -> Vec<Counter> {
    let kind = image.get("type");
    let is_message = matches!(kind, Some(AttributeValue::S(kind)) if kind == "message");
    if !is_message {
        return Vec::new();
    }
    match serde_dynamo::from_item(image.clone()) {
        Ok(seen) => counters_of(seen),
        Err(error) => {
            tracing::error!(%error, "a message in the stream could not be read, it is not counted");
            Vec::new()
        }
    }
}

fn counters_of(seen: Seen) -> Vec<Counter> {
    match seen {
        Seen::Outbound {
            tenant,
            account,
            sender,
            state,
            created_at,
            job,
            attempts,
            price,
        } => {
            let used = Use::of_outbound(&account, state, &attempts, price.as_ref());
            let names = [format!("outbound_{}", state.as_str())].into_iter();
            let names = names.chain(used.map(|used| used.counter()));
            let of_job = job.map(|job| of_job(&tenant, &job, state, &attempts));
            let of_day = of_day(&tenant, created_at, &sender, names);
            of_day.chain(of_job.into_iter().flatten()).collect()
        }
        Seen::Inbound {
            tenant,
            account,
            sender,
            received_at,
        } => {
            let names = [
                RECEIVED_COUNTER.to_owned(),
                Use::of_inbound(&account).counter(),
            ];
            of_day(&tenant, received_at, &sender, names.into_iter()).collect()
        }
    }
}

/// Numbers of a sender, on the UTC day of a time in milliseconds: one item, however many of them move.
fn of_day(
    tenant: &TenantId,
    millis: i64,
    sender: &SenderId,
    names: impl Iterator<Item = String>,
) -> impl Iterator<Item = Counter> {
    let (tenant, of, part) = (tenant.clone(), day(millis), sender.to_string());
    names.map(move |name| Counter {
        tenant: tenant.clone(),
        of: of.clone(),
        part: part.clone(),
        name,
    })
}

/// Numbers of a recipient's job.
fn of_job(tenant: &TenantId, job: &JobId, state: State, attempts: &[Attempt]) -> Vec<Counter> {
    let names = [state.as_str().to_owned()].into_iter();
    let names = names.chain(reason(state, attempts));
    let counters = names.map(|name| Counter {
        tenant: tenant.clone(),
        of: format!("job:{job}"),
        part: "-".into(),
        name,
    });
    counters.collect()
}

/// The counter of why a recipient failed.
fn reason(state: State, attempts: &[Attempt]) -> Option<String> {
    let failure = attempts.last()?.failure.as_ref()?;
    let suspect = if never_accepted(attempts) {
        Suspect::NeverTaken
    } else {
        Suspect::PerhapsTaken
    };
    (state == State::Failed).then(|| counter_of(failure, suspect))
}

/// The counters of the UTC day of a time in milliseconds.
fn day(millis: i64) -> String {
    let time = Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH);
    day_counters(time.to_zoned(TimeZone::UTC).date())
}
