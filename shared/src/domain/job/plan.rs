//! What a job will do: how many it will reach, how fast, what holds it back, and what it is charged as.

use super::super::content::Kind;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// What may hold a job back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Factor {
    /// The sender's messages per second, less the share left to other messages.
    SenderRate,
    /// Other jobs of the same sender, which take turns with it.
    OtherJobs,
    /// How many people the business portfolio may write to in 24 hours.
    PortfolioLimit,
}

/// One thing that holds a job back.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// What.
    pub factor: Factor,
    /// To so many messages a second.
    pub per_second: f64,
}

/// The limits a sender sets to a job that runs beside `others` jobs of the same sender.
#[must_use]
pub fn sender_limits(messages_per_second: u32, reserved_percent: u8, others: usize) -> Vec<Limit> {
    let share = f64::from(100_u8.saturating_sub(reserved_percent)) / 100.0;
    let whole = f64::from(messages_per_second) * share;
    let mut limits = vec![Limit {
        factor: Factor::SenderRate,
        per_second: whole,
    }];
    if let Ok(others @ 1..) = u32::try_from(others) {
        limits.push(Limit {
            factor: Factor::OtherJobs,
            per_second: whole / f64::from(others + 1),
        });
    }
    limits
}

/// The limit that a portfolio with room for `left` people, of so many in 24 hours, sets to a job of `open` recipients.
#[must_use]
pub fn portfolio_limit(people_per_day: u64, left: u64, open: u64) -> Option<Limit> {
    let people = u32::try_from(people_per_day).unwrap_or(u32::MAX);
    (open > left).then(|| Limit {
        factor: Factor::PortfolioLimit,
        per_second: f64::from(people) / SignedDuration::from_hours(24).as_secs_f64(),
    })
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

/// What will become of `open` recipients under these limits.
#[must_use]
pub fn forecast(
    open: u64,
    limits: &[Limit],
    begins_at: Timestamp,
    expires_at: Option<Timestamp>,
) -> Forecast {
    let tightest = limits
        .iter()
        .min_by(|one, other| one.per_second.total_cmp(&other.per_second));
    let per_second = tightest.map_or(0.0, |limit| limit.per_second);
    let room = expires_at.map(|expires_at| {
        let seconds = expires_at.duration_since(begins_at).as_secs_f64().max(0.0);
        whole(seconds * per_second)
    });
    let to_send = room.map_or(open, |room| open.min(room));
    Forecast {
        to_send,
        to_expire: open - to_send,
        per_second,
        limited_by: tightest.map(|limit| limit.factor),
        ends_at: after(begins_at, to_send, per_second),
    }
}

/// When `count` messages, so many a second, are sent.
#[must_use]
pub fn after(begins_at: Timestamp, count: u64, per_second: f64) -> Option<Timestamp> {
    if count == 0 {
        return Some(begins_at);
    }
    let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    let seconds = SignedDuration::try_from_secs_f64((count / per_second).ceil()).ok()?;
    begins_at.checked_add(seconds).ok()
}

/// How many whole messages fit.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "`as` saturates, and the number is not negative"
)]
fn whole(count: f64) -> u64 {
    count.floor() as u64
}

/// What a message is charged as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PriceCategory {
    /// A message that is no template: free, within the window.
    Service,
    /// A template: its category stands with Meta.
    Unknown,
}

/// What a message of this type is charged as.
#[must_use]
pub fn category_of(kind: Kind) -> PriceCategory {
    if kind == Kind::Template {
        PriceCategory::Unknown
    } else {
        PriceCategory::Service
    }
}
