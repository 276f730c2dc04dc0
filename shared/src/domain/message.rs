//! A message's states, what may follow what, and the attempts to send it.
//!
//! Every change of a message's state is decided here; `store` writes the decision under a condition.

use super::content::Content;
use super::failure::ProviderFailure;
use super::id::{AccountId, ContactId, ConversationId, JobId, MessageId};
use super::identity::{GroupId, PhoneNumberId, Recipient, TenantId, Wamid};
use super::webhook::Person;
use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Written down, waiting for its turn.
    Queued,
    /// Claimed by a worker that is calling, or about to call, the provider.
    Sending,
    /// The call's outcome is not known; never blindly repeated.
    Unknown,
    /// The provider took it.
    Accepted,
    /// The provider sent it on.
    Sent,
    /// It will not arrive; the last attempt says why.
    Failed,
    /// It reached the person's device.
    Delivered,
    /// The person read it.
    Read,
    /// Inbound: we have it.
    Received,
    /// Taken back before it was sent.
    Cancelled,
    /// Its time passed before it was sent.
    Expired,
}

impl State {
    /// Every state, in the order people meet them.
    pub const ALL: [Self; 11] = [
        Self::Queued,
        Self::Sending,
        Self::Unknown,
        Self::Accepted,
        Self::Sent,
        Self::Delivered,
        Self::Read,
        Self::Failed,
        Self::Cancelled,
        Self::Expired,
        Self::Received,
    ];

    /// The state's name on the wire and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Unknown => "unknown",
            Self::Accepted => "accepted",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Received => "received",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    /// The state of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether a worker may still have to act on it.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Sending)
    }

    /// Whether a person may want to look at it: it ended, or hangs, without having been sent.
    #[must_use]
    pub const fn is_problem(self) -> bool {
        matches!(
            self,
            Self::Unknown | Self::Failed | Self::Cancelled | Self::Expired
        )
    }

    /// The order of states: a status never moves a message to a lower one. The states in which nothing was
    /// sent have no place in it.
    const fn rank(self) -> u8 {
        match self {
            Self::Queued => 0,
            Self::Sending => 1,
            Self::Unknown => 2,
            Self::Accepted => 3,
            Self::Sent => 4,
            Self::Failed => 5,
            Self::Delivered => 6,
            Self::Read => 7,
            Self::Received | Self::Cancelled | Self::Expired => u8::MAX,
        }
    }
}

/// What a provider says has happened to a message it took.
/// Ordered as things happen, so that of two reports the later one can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Sent on to the person.
    Sent,
    /// Reached the device.
    Delivered,
    /// Read.
    Read,
    /// A voice message was played; a fact of its own, not a state.
    Played,
    /// Not delivered.
    Failed,
}

impl Status {
    /// The state this status speaks of; [`Status::Played`] implies that it was read.
    #[must_use]
    pub const fn state(self) -> State {
        match self {
            Self::Sent => State::Sent,
            Self::Delivered => State::Delivered,
            Self::Read | Self::Played => State::Read,
            Self::Failed => State::Failed,
        }
    }

    /// The name of the timestamp this status fills.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Played => "played",
            Self::Failed => "failed",
        }
    }
}

/// Which attempt of its message a status belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfAttempt {
    /// The newest one.
    Latest,
    /// One that a newer attempt has replaced.
    Earlier,
}

/// The state after `status`, or `None` if the message stays where it is (late facts still fill their timestamps).
///
/// Sent, delivered and read of any attempt advance the message; failed counts only from the latest.
#[must_use]
pub fn advance(current: State, status: Status, of: OfAttempt) -> Option<State> {
    let next = status.state();
    if next == State::Failed && of == OfAttempt::Earlier {
        return None;
    }
    (next.rank() > current.rank()).then_some(next)
}

/// What may not wait behind what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// One-time codes.
    Otp,
    /// Replies and other single messages.
    Single,
    /// Recipients of a bulk job.
    Bulk,
}

impl Lane {
    /// The lane's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Otp => "otp",
            Self::Single => "single",
            Self::Bulk => "bulk",
        }
    }
}

/// Which way a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From a person to us.
    Inbound,
    /// From us to a person.
    Outbound,
}

/// What to do when a call's outcome is not known.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum OnUnknown {
    /// Leave it `unknown` until a status or an operator settles it.
    #[default]
    Hold,
    /// Try again at once: for one-time codes, where a second copy does less harm than none.
    Retry,
}

/// One call to a provider for a message. Its number is its place in the list, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it was claimed.
    #[serde(with = "millisecond::required")]
    pub started_at: Timestamp,
    /// How long the call took, once it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u32>,
    /// How it ended; `None` while it runs, or if the worker died.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// The provider's id of the message, from the answer or from the first status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<Wamid>,
    /// Why it was not accepted, or not delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<ProviderFailure>,
    /// The alias of the credential it was made with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

impl Attempt {
    /// A call that begins at `now`.
    #[must_use]
    pub const fn starting(now: Timestamp) -> Self {
        Self {
            started_at: now,
            duration_ms: None,
            outcome: None,
            provider_id: None,
            failure: None,
            credential: None,
        }
    }
}

/// How one call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The provider took the message.
    Accepted,
    /// The provider provably did not take it.
    Refused,
    /// Nobody knows whether it took it.
    Ambiguous,
    /// Given back before the call began.
    NotStarted,
}

/// When each thing happened to a message. The earliest report of each wins, so that order does not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Times {
    /// The provider took it.
    #[serde(
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub accepted: Option<Timestamp>,
    /// Sent on.
    #[serde(
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub sent: Option<Timestamp>,
    /// Reached the device.
    #[serde(
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub delivered: Option<Timestamp>,
    /// Read.
    #[serde(
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub read: Option<Timestamp>,
    /// Played.
    #[serde(
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub played: Option<Timestamp>,
    /// Failed, cancelled or expired.
    #[serde(
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub ended: Option<Timestamp>,
}

impl Times {
    /// Notes that `status` was reached at `at`.
    pub fn note(&mut self, status: Status, at: Timestamp) {
        let slot = match status {
            Status::Sent => &mut self.sent,
            Status::Delivered => &mut self.delivered,
            Status::Read => &mut self.read,
            Status::Played => &mut self.played,
            Status::Failed => &mut self.ended,
        };
        *slot = Some(slot.map_or(at, |known| known.min(at)));
    }
}

/// What the provider charges for a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// The status that told it; a later one tells it better.
    pub told_by: Status,
    /// Meta's `pricing` object, as JSON.
    #[serde(with = "super::json_text")]
    pub pricing: Value,
}

/// A worker's hold on a message while it calls the provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Random; tells this claim from every other.
    pub token: String,
    /// When the hold runs out.
    #[serde(with = "millisecond::required")]
    pub lease_until: Timestamp,
}

/// A message from us to a person: one line of the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outbound {
    /// Our id.
    #[serde(rename = "list_sort")]
    pub id: MessageId,
    /// Whose.
    pub tenant: TenantId,
    /// The account the sender belongs to.
    pub account: AccountId,
    /// What it leaves from.
    pub sender: PhoneNumberId,
    /// Whom it goes to.
    pub to: Recipient,
    /// What it may not wait behind.
    pub lane: Lane,
    /// Where it stands.
    pub state: State,
    /// Changes with every write; a write names the one it read.
    pub rev: u64,
    /// What it says, if it has content of its own; a bulk recipient takes the job's.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "super::json_text::optional"
    )]
    pub content: Option<Content>,
    /// The job it is a recipient of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// What fills the job's placeholders.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "super::json_text::optional"
    )]
    pub variables: Option<Value>,
    /// The caller's own name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The caller's own facts about it.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "super::json_text::optional"
    )]
    pub metadata: Option<Value>,
    /// The caller's own `biz_opaque_callback_data`, given back as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_data: Option<String>,
    /// The person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<ContactId>,
    /// The conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationId>,
    /// When it was written down.
    #[serde(with = "millisecond::required")]
    pub created_at: Timestamp,
    /// Not to be sent before this: a schedule, or the wait before another attempt.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub not_before: Option<Timestamp>,
    /// Not to be sent after this.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub expires_at: Option<Timestamp>,
    /// What to do when a call's outcome is not known.
    #[serde(default)]
    pub on_unknown: OnUnknown,
    /// The hold of the newest attempt; kept after its lease has run out, so that a late outcome finds its attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
    /// Every call made for it, oldest first.
    #[serde(default)]
    pub attempts: Vec<Attempt>,
    /// When what happened.
    #[serde(default)]
    pub times: Times,
    /// What it costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
}

impl Outbound {
    /// The provider's id, by the newest attempt that has one.
    #[must_use]
    pub fn provider_id(&self) -> Option<&Wamid> {
        self.attempts
            .iter()
            .rev()
            .find_map(|attempt| attempt.provider_id.as_ref())
    }

    /// Why it was not delivered, by the newest attempt.
    #[must_use]
    pub fn failure(&self) -> Option<&ProviderFailure> {
        self.attempts
            .last()
            .and_then(|attempt| attempt.failure.as_ref())
    }
}

/// A message from a person to us.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inbound {
    /// Our id, derived from the provider's, so that a second delivery is the same message.
    #[serde(rename = "list_sort")]
    pub id: MessageId,
    /// Whose.
    pub tenant: TenantId,
    /// The account the sender belongs to.
    pub account: AccountId,
    /// The number it was written to.
    pub sender: PhoneNumberId,
    /// The provider's id.
    pub provider_id: Wamid,
    /// Who wrote, by every name the provider gave.
    pub from: Person,
    /// The group it was written in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupId>,
    /// Meta's `type`.
    pub kind: String,
    /// The message object as sent, whole.
    #[serde(with = "super::json_text")]
    pub object: Value,
    /// The provider's id of the message this one answers, reacts to, edits or revokes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<Wamid>,
    /// The person.
    pub contact: ContactId,
    /// The conversation.
    pub conversation: ConversationId,
    /// When, by the provider's clock.
    #[serde(with = "millisecond::required")]
    pub sent_at: Timestamp,
    /// When we had it.
    #[serde(with = "millisecond::required")]
    pub received_at: Timestamp,
}

/// One message, either way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "direction", rename_all = "snake_case")]
pub enum Message {
    /// From us.
    Outbound(Box<Outbound>),
    /// To us.
    Inbound(Box<Inbound>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_sent_does_not_hide_a_failure_and_a_failure_does_not_hide_a_delivery() {
        assert_eq!(
            advance(State::Failed, Status::Sent, OfAttempt::Latest),
            None
        );
        assert_eq!(
            advance(State::Sent, Status::Failed, OfAttempt::Latest),
            Some(State::Failed)
        );
        assert_eq!(
            advance(State::Failed, Status::Delivered, OfAttempt::Latest),
            Some(State::Delivered)
        );
        assert_eq!(
            advance(State::Read, Status::Failed, OfAttempt::Latest),
            None
        );
    }

    #[test]
    fn the_failure_of_an_earlier_attempt_changes_nothing_but_its_delivery_does() {
        assert_eq!(
            advance(State::Sending, Status::Failed, OfAttempt::Earlier),
            None
        );
        assert_eq!(
            advance(State::Sending, Status::Delivered, OfAttempt::Earlier),
            Some(State::Delivered)
        );
    }

    #[test]
    fn a_status_never_moves_a_message_that_was_not_sent_by_us() {
        for state in [State::Received, State::Cancelled, State::Expired] {
            assert_eq!(advance(state, Status::Read, OfAttempt::Latest), None);
        }
    }

    #[test]
    fn every_state_is_found_by_its_name() {
        for state in State::ALL {
            assert_eq!(State::named(state.as_str()), Some(state));
        }
    }
}
