//! Routes: ordered senders, and when the next of them takes over.
//!
//! The rules are plain functions: [`Way::in_turn`] says whose turn it is before a call, [`Way::after`] what follows
//! one that did not succeed. Neither can have a message sent twice: another sender is asked only when the one before
//! provably did not take the message, or when whoever sends it prefers twice to never.

use super::failure::{Class, ProviderFailure};
use super::id::RouteId;
use super::identity::{SenderId, TenantId};
use super::message::{Attempt, Leg, OnUnknown, Outcome, Then};
use super::provider::Provider;
use super::retry;
use jiff::fmt::serde::timestamp::millisecond;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The most senders that a route has: their names travel with each of its messages.
pub const MOST_SENDERS: usize = 10;

/// The most calls that are made for one message over a route.
pub const MOST_CALLS: usize = 20;

/// The most calls that are made for one message to one sender.
const MOST_CALLS_OF_ONE: usize = retry::MAX_ATTEMPTS as usize;

/// An ordered list of senders with a failover policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Our id.
    #[serde(rename = "list_sort")]
    pub id: RouteId,
    /// Whose.
    pub tenant: TenantId,
    /// What people call it.
    pub name: String,
    /// What messages leave from, the first that may.
    pub senders: Vec<SenderId>,
    /// When the next sender takes over.
    pub policy: Failover,
    /// When it was made, or last changed.
    #[serde(with = "millisecond::required")]
    pub changed_at: Timestamp,
}

/// When the next sender of a route takes over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failover {
    /// After failures of these classes.
    pub fail_over_on: BTreeSet<Class>,
    /// What to do when a call's outcome is not known, unless the message says so itself.
    pub on_unknown: OnUnknown,
    /// Whether a message may leave from another phone number than the route's first.
    pub other_number: bool,
    /// For how many seconds from its first failure on a message is tried.
    pub try_for_s: u32,
}

impl Failover {
    /// The classes after which the next sender takes over, unless told: the message provably did not arrive, and neither
    /// its recipient nor its content is at fault.
    pub const FAIL_OVER_ON: [Class; 2] = [Class::Transient, Class::Credential];

    /// The classes that may be chosen. What nobody knows the outcome of is `on_unknown`'s.
    pub const CHOICE: [Class; 7] = [
        Class::Transient,
        Class::Throttled,
        Class::Credential,
        Class::Recipient,
        Class::Template,
        Class::Policy,
        Class::Permanent,
    ];

    /// How long a message is tried, unless told: an hour.
    pub const TRY_FOR_S: u32 = 3_600;

    fn covers(&self, failure: &ProviderFailure) -> bool {
        let stops = failure.stops_the_sender() && self.fail_over_on.contains(&Class::Credential);
        stops || self.fail_over_on.contains(&failure.class)
    }
}

impl Default for Failover {
    fn default() -> Self {
        Self {
            fail_over_on: BTreeSet::from(Self::FAIL_OVER_ON),
            on_unknown: OnUnknown::Hold,
            other_number: false,
            try_for_s: Self::TRY_FOR_S,
        }
    }
}

/// What a message knows of its route: as it was when the message was taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// The route.
    pub route: RouteId,
    /// Its senders, in their order.
    pub stops: Vec<Stop>,
    /// When the next one takes over.
    pub policy: Failover,
}

/// A sender of a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// What is left from.
    #[serde(flatten)]
    pub leg: Leg,
    /// The digits of its phone number, where they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
}

/// What follows a call that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Onward {
    /// Who is next.
    pub turn: Turn,
    /// How long the message is tried from its first failure on.
    pub try_for: SignedDuration,
}

/// Whose turn it is after a call that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// Another sender's, which was called so often for the message already.
    Next(Leg, u32),
    /// No other's, for this reason.
    Stay(String),
}

impl Way {
    /// The senders that a message of these attempts may leave from, in their turn: first the one at hand. `can_send` says
    /// which providers have a way to send it. If none may any more, the one at hand: somebody has asked for another attempt
    /// of what was over, and it says what is wrong.
    pub fn in_turn<'a>(
        &'a self,
        at: &SenderId,
        attempts: &[Attempt],
        can_send: impl Fn(Provider) -> bool,
    ) -> Vec<&'a Leg> {
        let stops = self.from(at).into_iter();
        let may = stops.filter(|stop| self.bar(stop, attempts, &can_send).is_none());
        let legs: Vec<&Leg> = may.map(|stop| &stop.leg).collect();
        if legs.is_empty() {
            return self
                .from(at)
                .first()
                .map(|stop| &stop.leg)
                .into_iter()
                .collect();
        }
        legs
    }

    /// The senders that may send at all, in their order.
    pub fn senders(&self, can_send: impl Fn(Provider) -> bool) -> Vec<SenderId> {
        let stops = self.stops.iter();
        let may = stops.filter(|stop| self.bar(stop, &[], &can_send).is_none());
        may.map(|stop| stop.leg.sender.clone()).collect()
    }

    /// What follows the newest attempt, which was made at `at` and ended with `failure`.
    #[must_use]
    pub fn after(
        &self,
        at: &SenderId,
        attempts: &[Attempt],
        failure: &ProviderFailure,
        can_send: impl Fn(Provider) -> bool,
    ) -> Onward {
        Onward {
            turn: self.turn_after(at, attempts, failure, can_send),
            try_for: SignedDuration::from_secs(self.policy.try_for_s.into()),
        }
    }

    fn turn_after(
        &self,
        at: &SenderId,
        attempts: &[Attempt],
        failure: &ProviderFailure,
        can_send: impl Fn(Provider) -> bool,
    ) -> Turn {
        // Of what nobody knows the message itself decides whether it is sent again. What a sender has no way to send was
        // not its to refuse.
        let is_its_own = failure.class != Class::Ambiguous && can_send(at.provider());
        if is_its_own && !self.policy.covers(failure) {
            let class = failure.class.as_str();
            let why = format!("the route does not change its sender for failures of class {class}");
            return Turn::Stay(why);
        }
        if calls(attempts).count() >= MOST_CALLS {
            return Turn::Stay(format!("{MOST_CALLS} calls were made for it"));
        }
        let mut bars = Vec::new();
        for stop in self.from(at).into_iter().skip(1) {
            let bar = self.bar(stop, attempts, &can_send);
            let Some(bar) = bar.or_else(|| without_credential(stop, attempts)) else {
                let before = calls(attempts).filter(|leg| leg.sender == stop.leg.sender);
                let before = u32::try_from(before.count()).unwrap_or(u32::MAX);
                return Turn::Next(stop.leg.clone(), before);
            };
            bars.push(format!("{} {bar}", stop.leg.sender.logged()));
        }
        if bars.is_empty() {
            return Turn::Stay("the route has no other sender".to_owned());
        }
        Turn::Stay(format!(
            "no other sender of the route may take over: {}",
            bars.join("; ")
        ))
    }

    /// The stops, beginning with the sender at hand, once around. One that is not the route's own has all of them ahead.
    fn from(&self, at: &SenderId) -> Vec<&Stop> {
        let place = self.stops.iter().position(|stop| stop.leg.sender == *at);
        let (before, after) = self.stops.split_at(place.unwrap_or(0));
        after.iter().chain(before).collect()
    }

    /// Why a message of these attempts may not leave from there, if it may not.
    fn bar(
        &self,
        stop: &Stop,
        attempts: &[Attempt],
        can_send: &impl Fn(Provider) -> bool,
    ) -> Option<&'static str> {
        let sender = &stop.leg.sender;
        if !can_send(sender.provider()) {
            return Some("has no way to send it");
        }
        if !self.policy.other_number && !self.is_number_of_first(stop) {
            return Some(
                "has another number than the route's first sender, and `other_number` is false",
            );
        }
        let there = calls(attempts).filter(|leg| leg.sender == *sender);
        if there.count() >= MOST_CALLS_OF_ONE {
            return Some("was called five times for it");
        }
        newest_of(stop, attempts)
            .is_some_and(is_over)
            .then_some("has refused it for good")
    }

    /// Numbers that are not known may be any.
    fn is_number_of_first(&self, stop: &Stop) -> bool {
        let first = self.stops.first();
        let is_first = first.is_some_and(|first| first.leg == stop.leg);
        let number = first.and_then(|first| first.number.as_ref());
        is_first || (number.is_some() && number == stop.number.as_ref())
    }

    /// Whether some of its senders can never take over, because their number is another one.
    #[must_use]
    pub fn has_other_numbers(&self) -> bool {
        !self.stops.iter().all(|stop| self.is_number_of_first(stop))
    }
}

/// The newest call of a sender.
fn newest_of<'a>(stop: &Stop, attempts: &'a [Attempt]) -> Option<&'a Attempt> {
    attempts.iter().rev().find(|attempt| {
        let leg = attempt.leg.as_ref();
        let is_there = leg.is_some_and(|leg| leg.sender == stop.leg.sender);
        is_there && attempt.outcome != Some(Outcome::NotStarted)
    })
}

/// Whether the same sender would refuse the same message again. A refused credential says nothing of it: the sender may have
/// another one by now.
fn is_over(attempt: &Attempt) -> bool {
    attempt.failure.as_ref().is_some_and(|failure| {
        let is_final = !failure.is_retryable() && failure.class != Class::Ambiguous;
        is_final && !attempt.was_credential_refused()
    })
}

/// Why a message that has just failed does not go back to a sender that has lost its last credential. Once it waits, it may
/// leave from whichever has one again.
fn without_credential(stop: &Stop, attempts: &[Attempt]) -> Option<&'static str> {
    let newest = newest_of(stop, attempts)?;
    let decision = newest.decision.as_ref();
    let gave_way = decision.is_some_and(|decision| decision.then == Then::TryAgain);
    (newest.was_credential_refused() && !gave_way).then_some("had no credential left")
}

/// What was called for a message, call by call; a credential that gave way to another is none.
fn calls(attempts: &[Attempt]) -> impl Iterator<Item = &Leg> {
    let made = attempts.iter().filter(|attempt| attempt.is_call());
    made.filter_map(|attempt| attempt.leg.as_ref())
}

#[cfg(test)]
mod tests;
