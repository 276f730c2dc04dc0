//! What a job will do: how many it will reach, how fast, what holds it back, and what it is charged as.

use super::super::content::Kind;
use super::super::pace::InboundRate;
use super::super::reckoning::{float, whole};
use super::super::tier::Rooms;
use super::Job;
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
    /// The sender is paused: nothing goes before it is resumed.
    SenderPaused,
    /// Messages that come in to the sender, which Meta counts as well.
    Inbound,
    /// Other jobs of the same sender, which take turns with it.
    OtherJobs,
    /// How many people the business portfolio may write to in 24 hours.
    PortfolioLimit,
    /// How many messages a day the tenant's tier allows: the job goes on after midnight (UTC).
    DailyLimit,
}

/// One thing that holds a job back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// What.
    pub factor: Factor,
    /// To so many messages a second.
    pub per_second: f64,
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
    /// Whether nothing leaves it.
    pub is_paused: bool,
}

/// The limits a sender sets to a job that runs beside `others` jobs of the same sender.
#[must_use]
pub fn sender_limits(rates: Rates, others: usize) -> Vec<Limit> {
    let share = f64::from(100_u8.saturating_sub(rates.reserved_percent)) / 100.0;
    let limit = |factor, per_second| Limit { factor, per_second };
    let mut least = f64::from(rates.messages_per_second) * share;
    let mut limits = vec![limit(Factor::SenderRate, least)];
    if let Some(calls) = rates.calls_per_second {
        limits.push(limit(Factor::CredentialLimit, f64::from(calls) * share));
        least = least.min(f64::from(calls) * share);
    }
    if let Some(inbound @ 1..) = rates.inbound.map(|inbound| inbound.per_second) {
        least = (least - f64::from(inbound)).max(1.0);
        limits.push(limit(Factor::Inbound, least));
    }
    if rates.is_paused {
        limits.push(limit(Factor::SenderPaused, 0.0));
    }
    if let Ok(others @ 1..) = u32::try_from(others) {
        limits.push(limit(Factor::OtherJobs, least / f64::from(others + 1)));
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
    /// How many a second.
    pub per_second: f64,
    /// What holds it to that.
    pub limited_by: Option<Factor>,
    /// When the last one will be sent; `None` if that will never be.
    pub ends_at: Option<Timestamp>,
}

/// What will become of `open` recipients under these limits, the messages of which take of these rooms.
#[must_use]
pub fn forecast(
    open: u64,
    limits: &[Limit],
    rooms: &Rooms,
    begins_at: Timestamp,
    expires_at: Option<Timestamp>,
) -> Forecast {
    let tightest = limits
        .iter()
        .min_by(|one, other| one.per_second.total_cmp(&other.per_second));
    let per_second = tightest.map_or(0.0, |limit| limit.per_second);
    let by_rate = at_rate(open, per_second, begins_at, expires_at);
    let portfolio = rooms.portfolio.as_ref();
    let by_portfolio = portfolio.map(|room| room.used(open, per_second, begins_at, expires_at));
    let day = rooms.day.as_ref();
    let by_day = day.map(|day| day.used_by(open, per_second, begins_at, expires_at));
    let (factor, (to_send, ends_at)) = [
        (Factor::PortfolioLimit, by_portfolio),
        (Factor::DailyLimit, by_day),
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
            Some(_) | None => per_second,
        },
        limited_by: factor.or(tightest.map(|limit| limit.factor)),
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
    per_second: f64,
    begins_at: Timestamp,
    expires_at: Option<Timestamp>,
) -> (u64, Option<Timestamp>) {
    let fits = expires_at.map(|expires_at| {
        let seconds = expires_at.duration_since(begins_at).as_secs_f64().max(0.0);
        whole(seconds * per_second)
    });
    let to_send = fits.map_or(open, |fits| open.min(fits));
    (to_send, after(begins_at, to_send, per_second))
}

/// When `count` messages, so many a second, are sent.
#[must_use]
pub fn after(begins_at: Timestamp, count: u64, per_second: f64) -> Option<Timestamp> {
    if count == 0 {
        return Some(begins_at);
    }
    let seconds = SignedDuration::try_from_secs_f64((float(count) / per_second).ceil()).ok()?;
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
