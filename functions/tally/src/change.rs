//! What one write to the table means for the counters.

use crate::happened::Happened;
use heliograph::domain::calls::{CallError, CalledWith, ended_as, took_as};
use heliograph::domain::id::{AccountId, JobId};
use heliograph::domain::identity::{SenderId, TenantId};
use heliograph::domain::job::{Suspect, counter_of};
use heliograph::domain::ledger::never_accepted;
use heliograph::domain::message::{Attempt, Leg, Price};
use heliograph::domain::state::State;
use heliograph::domain::usage::Use;
use heliograph::store::{
    CallUse, Counter, CounterDelta, KEY_COUNTERS, RECEIVED_COUNTER, day_counters, hour_counters,
};
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

/// What one write moves, and what it tells of keys.
#[derive(Debug, Default)]
pub(crate) struct Moved {
    /// The counters, each by its number: those the message left, and those it came to.
    pub(crate) counters: CounterDelta,
    /// How keys were used by the calls whose end it tells.
    pub(crate) uses: Vec<((TenantId, String), CallUse)>,
    /// What it tells the metrics.
    pub(crate) happened: Happened,
}

impl Change {
    /// What this write means.
    pub(crate) fn moved(&self) -> Moved {
        let seen = |image: &Option<Item>| image.as_ref().and_then(seen);
        let (before, after) = (seen(&self.old), seen(&self.new));
        if before == after {
            return Moved::default();
        }
        let mut counters = CounterDelta::new();
        for (seen, by) in [(&before, -1), (&after, 1)] {
            for counter in seen.iter().flat_map(counters_of) {
                *counters.entry(counter).or_default() += by;
            }
        }
        // Where it stands as before, nothing is written.
        counters.retain(|_, by| *by != 0);
        let uses = after.iter().flat_map(|after| uses(before.as_ref(), after));
        Moved {
            uses: uses.collect(),
            happened: happened(before.as_ref(), after.as_ref()),
            counters,
        }
    }
}

/// The message in an image. Items of other types count nothing.
fn seen(image: &Item) -> Option<Seen> {
    let kind = image.get("type");
    let is_message = matches!(kind, Some(AttributeValue::S(kind)) if kind == "message");
    if !is_message {
        return None;
    }
    serde_dynamo::from_item(image.clone())
        .inspect_err(|error| {
            tracing::error!(%error, "a message in the stream could not be read, it is not counted");
        })
        .ok()
}

/// The counters a message stands in.
fn counters_of(seen: &Seen) -> Vec<Counter> {
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
            let used = Use::of_outbound(account, *state, attempts, price.as_ref());
            let names = [format!("outbound_{}", state.as_str())].into_iter();
            let names = names.chain(used.map(|used| used.counter()));
            let job = job.as_ref();
            let of_job = job.map(|job| of_job(tenant, job, *state, attempts));
            let of_day = of_day(tenant, *created_at, sender, names);
            let of_calls = attempts
                .iter()
                .flat_map(|attempt| of_call(tenant, (account, sender), attempt));
            of_day
                .chain(of_job.into_iter().flatten())
                .chain(of_calls)
                .collect()
        }
        Seen::Inbound {
            tenant,
            account,
            sender,
            received_at,
        } => {
            let names = [
                RECEIVED_COUNTER.to_owned(),
                Use::of_inbound(account).counter(),
            ];
            of_day(tenant, *received_at, sender, names.into_iter()).collect()
        }
    }
}

/// What an attempt was made with: the message's own account and sender, unless it says otherwise.
fn called_with((account, sender): (&AccountId, &SenderId), attempt: &Attempt) -> CalledWith {
    let own = || Leg {
        account: account.clone(),
        sender: sender.clone(),
    };
    CalledWith::of(attempt.leg.clone().unwrap_or_else(own), attempt)
}

/// Numbers of a call that has ended: of its key, and of its key in the hour in which it began.
fn of_call(tenant: &TenantId, from: (&AccountId, &SenderId), attempt: &Attempt) -> Vec<Counter> {
    let Some(ended) = ended_as(attempt) else {
        return Vec::new();
    };
    let with = called_with(from, attempt);
    let began = attempt.started_at.to_zoned(TimeZone::UTC);
    let of_key = (KEY_COUNTERS.to_owned(), with.name(), ended.clone());
    let (day, hour) = (hour_counters(began.date()), with.name_at(began.hour()));
    let of_hour = [Some(ended), took_as(attempt)].into_iter().flatten();
    let of_hour = of_hour.map(|name| (day.clone(), hour.clone(), name));
    let counters = [of_key].into_iter().chain(of_hour);
    let counters = counters.map(|(of, part, name)| Counter {
        tenant: tenant.clone(),
        of,
        part,
        name,
    });
    counters.collect()
}

/// The attempts, each with how it stood before.
fn by_before<'a>(
    before: Option<&'a Seen>,
    attempts: &'a [Attempt],
) -> impl Iterator<Item = (Option<&'a Attempt>, &'a Attempt)> {
    let known = match before {
        Some(Seen::Outbound { attempts, .. }) => attempts.as_slice(),
        Some(Seen::Inbound { .. }) | None => &[],
    };
    let known = known.iter().map(Some).chain(std::iter::repeat(None));
    known.zip(attempts)
}

/// What the metrics are told: where a message came to be, and how long its calls took. That it waits is told once, and that
/// it is just being sent is no news.
fn happened(before: Option<&Seen>, after: Option<&Seen>) -> Happened {
    let mut happened = Happened::default();
    match after {
        Some(Seen::Outbound {
            account,
            sender,
            state,
            attempts,
            ..
        }) => {
            let before_state = match before {
                Some(Seen::Outbound { state, .. }) => Some(*state),
                Some(Seen::Inbound { .. }) | None => None,
            };
            let waits_on = *state == State::Queued && before_state.is_some();
            if before_state != Some(*state) && *state != State::Sending && !waits_on {
                let failure = attempts.last().and_then(|last| last.failure.as_ref());
                happened.became(*state, failure.map(|failure| failure.class));
            }
            for (known, attempt) in by_before(before, attempts) {
                let is_known = known.is_some_and(|known| known.duration_ms.is_some());
                // Without a credential there was no call.
                let took = attempt.duration_ms.filter(|_| attempt.credential.is_some());
                if let Some(took) = took.filter(|_| !is_known) {
                    happened.called(called_with((account, sender), attempt).provider, took);
                }
            }
        }
        Some(Seen::Inbound { .. }) if before.is_none() => happened.became(State::Received, None),
        Some(Seen::Inbound { .. }) | None => {}
    }
    happened
}

/// How keys were used by the calls whose end was not known before.
fn uses(before: Option<&Seen>, after: &Seen) -> Vec<((TenantId, String), CallUse)> {
    let Seen::Outbound {
        tenant,
        account,
        sender,
        attempts,
        ..
    } = after
    else {
        return Vec::new();
    };
    let is_news = |(known, attempt): &(Option<&Attempt>, &Attempt)| {
        let ended = ended_as(attempt);
        ended.is_some() && ended != known.and_then(ended_as)
    };
    let news = by_before(before, attempts).filter(is_news);
    let uses = news.map(|(_, attempt)| {
        let name = called_with((account, sender), attempt).name();
        let used = CallUse {
            last_used: attempt.started_at,
            last_error: CallError::of(attempt),
        };
        ((tenant.clone(), name), used)
    });
    uses.collect()
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
