//! Whether a person can be reached by WhatsApp, judged by what was seen of them and by what providers say.
//!
//! Nobody knows for certain, so each sign is believed for a while only, and the newest is: what is older than a sign to
//! the contrary is believed no more, not even when that one's time has passed.

#[cfg(test)]
mod tests;

use super::id::MessageId;
use super::identity::{Recipient, SenderId};
use super::message::{Attempt, Inbound, Message, Outbound, Outcome};
use super::provider::{Gateway, NumberChecks};
use jiff::fmt::serde::timestamp::millisecond;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;

/// Who was reached is there weeks later as a rule, and a number that is given up rests longer than this, as a rule, before
/// somebody else gets it.
const SEEN: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What keeps a message out may pass any day: the terms are accepted, the app is renewed or put on a new phone.
const FAILED: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A provider knows the number alone, not whether anybody looks at it; and asking again costs no message.
const CHECKED: SignedDuration = SignedDuration::from_hours(24);

/// How long a sign may count for anything: nothing older is believed.
pub const LONGEST: SignedDuration = SEEN;

/// Whether a message to a person would arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// Nothing is known, or nothing that is still believed.
    Unknown,
    /// The newest sign says that it would not.
    Unreachable,
    /// The newest sign says that it would.
    Likely,
}

/// The gateway behind a sender and how it is asked whether numbers are on WhatsApp, if it can be. Meta cannot.
#[must_use]
pub fn checker(sender: &SenderId) -> Option<(Gateway, NumberChecks)> {
    let gateway = sender.provider().gateway()?;
    Some((gateway, gateway.facts().number_checks?))
}

/// What a provider answered when it was asked whether a number is on WhatsApp.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberCheck {
    /// Who was asked.
    pub checker: Gateway,
    /// By whose key.
    pub sender: SenderId,
    /// What the answer was.
    pub is_registered: bool,
    /// When.
    #[serde(with = "millisecond::required")]
    pub at: Timestamp,
}

/// What was seen of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// A message reached the phone.
    Delivered,
    /// A message was read.
    Read,
    /// The person wrote.
    Inbound,
    /// A message could not be delivered to the person, by the provider's code, if it gave one.
    Undeliverable(Option<i64>),
    /// A provider says that the number is on WhatsApp.
    OnWhatsapp(Gateway),
    /// A provider says that it is not.
    NotOnWhatsapp(Gateway),
}

impl Sign {
    /// What it says of the person.
    #[must_use]
    pub const fn tells(self) -> Availability {
        match self {
            Self::Delivered | Self::Read | Self::Inbound | Self::OnWhatsapp(_) => {
                Availability::Likely
            }
            Self::Undeliverable(_) | Self::NotOnWhatsapp(_) => Availability::Unreachable,
        }
    }

    /// How long it is believed.
    const fn lasts(self) -> SignedDuration {
        match self {
            Self::Delivered | Self::Read | Self::Inbound => SEEN,
            Self::Undeliverable(_) => FAILED,
            Self::OnWhatsapp(_) | Self::NotOnWhatsapp(_) => CHECKED,
        }
    }
}

/// A sign, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// What was seen.
    pub sign: Sign,
    /// When.
    pub at: Timestamp,
    /// Of which message.
    pub message: Option<MessageId>,
    /// By which sender of ours.
    pub sender: SenderId,
}

impl Evidence {
    /// Until when it is believed.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        let end = self.at.saturating_add(self.sign.lasts());
        end.unwrap_or(Timestamp::MAX)
    }

    /// What a message says of the person it goes to or comes from: nothing, if that is a group.
    #[must_use]
    pub fn of_message(message: &Message) -> Vec<Self> {
        match message {
            Message::Outbound(message) => match message.to {
                Recipient::Phone(_) | Recipient::User(_) => of_outbound(message),
                Recipient::Group(_) => Vec::new(),
            },
            Message::Inbound(message) => of_inbound(message).into_iter().collect(),
        }
    }

    /// What a provider's answer says.
    #[must_use]
    pub fn of_check(check: &NumberCheck) -> Self {
        let sign = if check.is_registered {
            Sign::OnWhatsapp(check.checker)
        } else {
            Sign::NotOnWhatsapp(check.checker)
        };
        Self {
            sign,
            at: check.at,
            message: None,
            sender: check.sender.clone(),
        }
    }
}

fn of_outbound(message: &Outbound) -> Vec<Evidence> {
    let times = &message.times;
    let seen = |sign, at| Evidence {
        sign,
        at,
        message: Some(message.id.clone()),
        sender: message.sender.clone(),
    };
    // The more that is told by a sign, the sooner it stands: of several in one second the first is taken.
    let read = times.played.into_iter().chain(times.read);
    let read = read.map(|at| seen(Sign::Read, at));
    let delivered = times.delivered.map(|at| seen(Sign::Delivered, at));
    let failed = message.attempts.iter().filter_map(|attempt| {
        let failure = attempt.failure.as_ref()?;
        let sign = Sign::Undeliverable(failure.code);
        let evidence = Evidence {
            sender: message.leg_of(attempt).sender,
            ..seen(sign, failed_at(message, attempt))
        };
        failure.tells_unreachable().then_some(evidence)
    });
    read.chain(delivered).chain(failed).collect()
}

/// When an attempt came to its failure: by the answer to the call, or by a status after it.
fn failed_at(message: &Outbound, attempt: &Attempt) -> Timestamp {
    let took = SignedDuration::from_millis(attempt.duration_ms.unwrap_or_default().into());
    let answered = attempt.started_at.saturating_add(took);
    let answered = answered.unwrap_or(attempt.started_at);
    match attempt.outcome {
        Some(Outcome::Refused) => answered,
        Some(Outcome::Accepted | Outcome::Ambiguous | Outcome::NotStarted) | None => {
            message.times.ended.unwrap_or(answered)
        }
    }
}

/// Who wrote can be reached. What WhatsApp itself tells in a person's name, that the number is another one now among it,
/// nobody wrote.
fn of_inbound(message: &Inbound) -> Option<Evidence> {
    let is_of_person = message.group.is_none() && message.kind != "system";
    is_of_person.then(|| Evidence {
        sign: Sign::Inbound,
        at: message.sent_at,
        message: Some(message.id.clone()),
        sender: message.sender.clone(),
    })
}

/// The evidence to go by at `now`, in whatever order it was found: the newest that has not expired, unless a newer one
/// says otherwise. `None` where nothing is known.
#[must_use]
pub fn judge(mut found: Vec<Evidence>, now: Timestamp) -> Option<Evidence> {
    // A provider's clock may be ahead of ours, and nobody knows what is to come.
    for evidence in &mut found {
        evidence.at = evidence.at.min(now);
    }
    // Providers tell whole seconds. Of two signs in one second the better counts: what arrived has arrived.
    found.sort_by_key(|it| Reverse((it.at.as_second(), it.sign.tells(), it.at)));
    let newest = found.first()?.sign.tells();
    let agreeing = found.into_iter();
    agreeing
        .take_while(|evidence| evidence.sign.tells() == newest)
        .find(|evidence| evidence.expires_at() > now)
}
