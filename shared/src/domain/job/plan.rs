//! What a job will do: how many it will reach, how fast, what holds it back, and what it is charged as.

use super::super::content::Kind;
use super::super::pace::{InboundRate, Shares, Slowed};
use super::super::reckoning::float;
use super::super::tier::{CallRoom, Rooms};
use super::{Job, Recovery};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// What may hold a job back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Factor {
    /// The sender's messages per second, less the share left to other messages.
    SenderRate,
    /// The part of its credential's calls that the sender has.
    CredentialLimit,
    /// The provider asked the sender to slow down: it is as fast as before within a minute.
    SlowedDown,
    /// The sender is paused: nothing goes before it is resumed.
    SenderPaused,
    /// The sender's provider is disabled: nothing goes before it is enabled.
    ProviderDisabled,
    /// The sender has no key that may be used: nothing goes before it has one.
    NoCredential,
    /// Messages that come in to the sender, which Meta counts as well.
    Inbound,
    /// Other jobs of the same sender, which take turns with it; or those of a sender whose slots it borrows, which keep half.
    OtherJobs,
    /// How many people the business portfolio may write to in 24 hours.
    PortfolioLimit,
    /// How many messages a day the tenant's tier allows: the job goes on after midnight (UTC).
    DailyLimit,
    /// How many calls a second, a minute or a day the tenant allows of the provider.
    ProviderLimit,
    /// How many calls a second, a minute or a day the sender's keys allow.
    KeyLimit,
}

/// One thing that holds a job back.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Limit {
    /// What.
    factor: Factor,
    /// To so many messages a second.
    per_second: f64,
}

/// What a sender may send.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rates {
    /// How many messages a second Meta takes from it.
    pub messages_per_second: u32,
    /// How many calls a second its credential leaves it, if that is limited.
    pub calls_per_second: Option<u32>,
    /// The share bulk leaves to other messages, in percent.
    pub reserved_percent: u8,
    /// What comes in, if that is known.
    pub inbound: Option<InboundRate>,
    /// That the provider asked it to slow down.
    pub slowed: Option<Slowed>,
    /// When the job begins: by then it may have recovered.
    pub begins_at: Timestamp,
    /// Whether it keeps half of what bulk may use for jobs of its own: its slots are borrowed.
    pub keeps_half: bool,
    /// Why nothing leaves it, if that does not pass by itself.
    pub stopped_by: Option<Factor>,
}

/// What a sender lets a job do.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Course {
    /// What holds it back when it begins.
    limits: Vec<Limit>,
    /// How fast it goes, from then on; never, if nobody has it go.
    pace: Option<Recovery>,
}

impl Course {
    /// Of a job that leaves from a sender beside `others` jobs that are dispatched with it.
    #[must_use]
    pub fn of(rates: Rates, others: usize) -> Self {
        let limits = sender_limits(rates, others);
        let recovered = Rates {
            slowed: None,
            ..rates
        };
        let recovers_in = Slowed::recovers_in(rates.slowed.as_ref(), rates.begins_at);
        let (first, last) = (least(&limits), least(&sender_limits(recovered, others)));
        Self {
            limits,
            pace: Some(Recovery::new(first, last, recovers_in)),
        }
    }

    fn tightest(&self) -> Option<Factor> {
        tightest(&self.limits).map(|limit| limit.factor)
    }
}

fn least(limits: &[Limit]) -> f64 {
    tightest(limits).map_or(0.0, |limit| limit.per_second)
}

fn tightest(limits: &[Limit]) -> Option<&Limit> {
    limits
        .iter()
        .min_by(|one, other| one.per_second.total_cmp(&other.per_second))
}

/// The limits that a sender sets, each with what those before it leave. As `dispatch` takes slots.
fn sender_limits(rates: Rates, others: usize) -> Vec<Limit> {
    let share = |rate| Shares::of(rate, rates.reserved_percent).bulk;
    let limit = |factor, per_second: u32| Limit {
        factor,
        per_second: f64::from(per_second),
    };
    let mut rate = rates.messages_per_second;
    let mut limits = vec![limit(Factor::SenderRate, share(rate))];
    if let Some(calls) = rates.calls_per_second {
        limits.push(limit(Factor::CredentialLimit, share(calls)));
        rate = rate.min(calls);
    }
    let slowed = Slowed::rate(rates.slowed.as_ref(), rate, rates.begins_at);
    if slowed < rate {
        limits.push(limit(Factor::SlowedDown, share(slowed)));
    }
    let mut left = share(slowed);
    if let Some(inbound) = rates.inbound.filter(|inbound| inbound.per_second > 0) {
        left = inbound.leave(left);
        limits.push(limit(Factor::Inbound, left));
    }
    if rates.keeps_half {
        left = left.div_ceil(2);
        limits.push(limit(Factor::OtherJobs, left));
    }
    limits.extend(rates.stopped_by.map(|factor| limit(factor, 0)));
    if let Ok(others @ 1..) = u32::try_from(others) {
        limits.push(Limit {
            factor: Factor::OtherJobs,
            per_second: f64::from(left) / f64::from(others + 1),
        });
    }
    limits
}

/// What a job will do from some time on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// How many recipients it will send to.
    pub to_send: u64,
    /// How many will expire before their turn.
    pub to_expire: u64,
    /// How many a second, when it begins.
    pub per_second: f64,
    /// What holds it to that.
    pub limited_by: Option<Factor>,
    /// When the last one will be sent; `None` if that will never be.
    pub ends_at: Option<Timestamp>,
}

/// What will become of `open` recipients on this course, the messages of which take of these rooms.
#[must_use]
pub fn forecast(
    open: u64,
    course: &Course,
    rooms: &Rooms,
    begins_at: Timestamp,
    expires_at: Option<Timestamp>,
) -> Forecast {
    let pace = course.pace.unwrap_or_else(|| Recovery::none(0.0));
    let by_rate = at_rate(open, pace, begins_at, expires_at);
    // What waits for room waits for longer than a sender recovers.
    let per_second = pace.at_last();
    let portfolio = rooms.portfolio.as_ref();
    let by_portfolio = portfolio.map(|room| room.used(open, per_second, begins_at, expires_at));
    let day = rooms.day.as_ref();
    let by_day = day.map(|day| day.used_by(open, per_second, begins_at, expires_at));
    let by_calls = |rooms: &[CallRoom]| {
        let is_limited = !rooms.is_empty();
        is_limited.then(|| CallRoom::used_by(rooms, open, per_second, begins_at, expires_at))
    };
    let (factor, (to_send, ends_at)) = [
        (Factor::PortfolioLimit, by_portfolio),
        (Factor::DailyLimit, by_day),
        (Factor::ProviderLimit, by_calls(rooms.provider.as_slice())),
        (Factor::KeyLimit, by_calls(&rooms.keys)),
    ]
    .into_iter()
    .filter_map(|(factor, by_room)| Some((Some(factor), by_room?)))
    .fold((None, by_rate), |slowest, by_room| {
        if is_later(by_room.1, slowest.1) {
            by_room
        } else {
            slowest
        }
    });
    let took = ends_at.map(|ends_at| ends_at.duration_since(begins_at).as_secs_f64());
    Forecast {
        to_send,
        to_expire: open - to_send,
        per_second: match took {
            Some(seconds) if factor.is_some() && seconds > 0.0 => float(to_send) / seconds,
            Some(_) | None => pace.at_first(),
        },
        limited_by: factor.or(course.tightest()),
        ends_at,
    }
}

/// Whether somebody waits for room: fewer go, or the last one goes later by more than the rounding.
fn is_later(by_room: (u64, Option<Timestamp>), by_rate: (u64, Option<Timestamp>)) -> bool {
    let rounding = SignedDuration::from_mins(1);
    let is_late = match (by_room.1, by_rate.1) {
        (Some(by_room), Some(by_rate)) => by_room.duration_since(by_rate) > rounding,
        (None, Some(_)) => true,
        (_, None) => false,
    };
    by_room.0 < by_rate.0 || is_late
}

/// How many go at this rate alone, and when the last one has gone.
fn at_rate(
    open: u64,
    pace: Recovery,
    begins_at: Timestamp,
    expires_at: Option<Timestamp>,
) -> (u64, Option<Timestamp>) {
    let fits = expires_at.map(|expires_at| {
        let seconds = expires_at.duration_since(begins_at).as_secs_f64().max(0.0);
        pace.sent_in(seconds)
    });
    let to_send = fits.map_or(open, |fits| open.min(fits));
    (to_send, ends_at(begins_at, to_send, pace))
}

/// When `count` messages, so many a second, are sent.
#[must_use]
pub fn after(begins_at: Timestamp, count: u64, per_second: f64) -> Option<Timestamp> {
    ends_at(begins_at, count, Recovery::none(per_second))
}

fn ends_at(begins_at: Timestamp, count: u64, pace: Recovery) -> Option<Timestamp> {
    if count == 0 {
        return Some(begins_at);
    }
    let seconds = SignedDuration::try_from_secs_f64(pace.seconds_for(count).ceil()).ok()?;
    begins_at.checked_add(seconds).ok()
}

/// What a message is charged as.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum PriceCategory {
    /// A template that advertises.
    Marketing,
    /// A template about something the person has asked for or bought.
    Utility,
    /// A template with a one-time code.
    Authentication,
    /// A message that is no template: free, within the window.
    Service,
    /// A template of which Meta did not tell.
    Unknown,
}

impl PriceCategory {
    /// By Meta's word for a template's category.
    #[must_use]
    pub fn of_template(category: &str) -> Option<Self> {
        match category {
            "MARKETING" => Some(Self::Marketing),
            "UTILITY" => Some(Self::Utility),
            "AUTHENTICATION" => Some(Self::Authentication),
            _ => None,
        }
    }

    /// What a job's messages are charged as.
    #[must_use]
    pub fn of(job: &Job) -> Self {
        if job.message.kind() == Kind::Template {
            job.template_category.unwrap_or(Self::Unknown)
        } else {
            Self::Service
        }
    }
}
