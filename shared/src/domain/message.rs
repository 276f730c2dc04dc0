//! A message, either way, and the attempts to send it.

mod attempt;

pub use attempt::{Attempt, Decision, Leg, Outcome, Passed, Then, Unready};

use super::content::Content;
use super::failure::ProviderFailure;
use super::id::{AccountId, ContactId, ConversationId, JobId, MessageId};
use super::identity::{GroupId, Identity, Recipient, SenderId, TenantId, Wamid};
use super::provider::Provider;
use super::route::Way;
use super::settlement::Settlement;
use super::state::{State, Status};
use super::times::Times;
use super::waiting::{WaitMinutes, Waiting};
use super::webhook::Person;
use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond;
use serde::{Deserialize, Serialize};
use serde_json::Value;

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

/// The warning on a message that may be attempted again though nobody knows whether an attempt succeeded.
pub const MAY_BE_SENT_TWICE: &str = "may_be_sent_twice";

/// What to do when a call's outcome is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnknown {
    /// Leave it `unknown` until a status or an operator settles it.
    #[default]
    Hold,
    /// Try again at once: for one-time codes, where a second copy does less harm than none.
    Retry,
    /// Try again after so many minutes in which statuses of the sender's other messages came, and none for this one.
    Wait(WaitMinutes),
}

impl OnUnknown {
    /// What whoever chose it should be told.
    #[must_use]
    pub const fn warning(self) -> Option<&'static str> {
        match self {
            Self::Hold => None,
            Self::Retry | Self::Wait(_) => Some(MAY_BE_SENT_TWICE),
        }
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
    /// What it leaves from; over a route, what it left from last, or leaves from next.
    pub sender: SenderId,
    /// Whom it goes to.
    pub to: Recipient,
    /// What it may not wait behind.
    pub lane: Lane,
    /// The senders it may leave from, if it has a choice; a bulk recipient has its job's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub way: Option<Box<Way>>,
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
    /// How far it has waited for another attempt; only while `unknown`, with [`OnUnknown::Wait`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
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
    /// The provider's own name for the person, where it is not the one the message went to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_as: Option<Identity>,
}

impl Outbound {
    /// A message that waits to be sent, of which no more is known than this.
    #[must_use]
    pub fn queued(
        id: MessageId,
        (tenant, account, sender): (TenantId, AccountId, SenderId),
        to: Recipient,
        lane: Lane,
        created_at: Timestamp,
    ) -> Self {
        Self {
            id,
            tenant,
            account,
            sender,
            to,
            lane,
            way: None,
            state: State::Queued,
            rev: 0,
            content: None,
            job: None,
            variables: None,
            reference: None,
            metadata: None,
            callback_data: None,
            contact: None,
            conversation: None,
            created_at,
            not_before: None,
            expires_at: None,
            on_unknown: OnUnknown::default(),
            waiting: None,
            claim: None,
            attempts: Vec::new(),
            times: Times::default(),
            price: None,
            known_as: None,
        }
    }

    /// What it leaves from.
    #[must_use]
    pub fn leg(&self) -> Leg {
        Leg {
            account: self.account.clone(),
            sender: self.sender.clone(),
        }
    }

    /// What one of its attempts left from.
    #[must_use]
    pub fn leg_of(&self, attempt: &Attempt) -> Leg {
        attempt.leg.clone().unwrap_or_else(|| self.leg())
    }

    /// Whether it leaves from this sender, or one of its attempts did.
    #[must_use]
    pub fn left_from(&self, sender: &SenderId) -> bool {
        let legs = self
            .attempts
            .iter()
            .filter_map(|attempt| attempt.leg.as_ref());
        self.sender == *sender || legs.map(|leg| &leg.sender).any(|it| it == sender)
    }

    /// Lets it leave from there. What it says stands in the thread of its sender; a conversation that it opened
    /// elsewhere is not its own any more.
    pub fn leave_from(&mut self, leg: &Leg) {
        if self.sender != leg.sender {
            self.conversation = None;
        }
        self.account.clone_from(&leg.account);
        self.sender.clone_from(&leg.sender);
    }

    /// The provider's id, by the newest attempt that has one.
    #[must_use]
    pub fn provider_id(&self) -> Option<&Wamid> {
        self.attempts
            .iter()
            .rev()
            .find_map(|attempt| attempt.provider_id.as_ref())
    }

    /// The newest decision of an operator about it.
    #[must_use]
    pub fn settlement(&self) -> Option<&Settlement> {
        self.attempts
            .iter()
            .rev()
            .find_map(|attempt| attempt.settlement.as_ref())
    }

    /// The name it is threaded by. A message that opened a conversation stays in the thread it has there; any other
    /// goes to the thread that the person's answer will have.
    #[must_use]
    pub fn thread(&self) -> String {
        match (&self.conversation, &self.known_as) {
            (None, Some(identity)) => identity.canonical(),
            (Some(_), _) | (None, None) => self.to.canonical(),
        }
    }

    /// Why it was not delivered: by the newest attempt or, if it has failed by a status that may be about any of several,
    /// by the one that has the reason.
    #[must_use]
    pub fn failure(&self) -> Option<&ProviderFailure> {
        let searched = if self.state == State::Failed {
            self.attempts.len()
        } else {
            1
        };
        let mut newest_first = self.attempts.iter().rev().take(searched);
        newest_first.find_map(|attempt| attempt.failure.as_ref())
    }

    /// The provider that last refused it, or failed to answer.
    #[must_use]
    pub fn refused_by(&self) -> Provider {
        let failed = |attempt: &&Attempt| attempt.failure.is_some();
        let newest = self.attempts.iter().rev().find(failed);
        let leg = newest.map_or_else(|| self.leg(), |attempt| self.leg_of(attempt));
        leg.sender.provider()
    }

    /// The same as people are told it: once the message has failed, with what they can do then.
    #[must_use]
    pub fn told_failure(&self) -> Option<ProviderFailure> {
        let failure = self.failure()?.clone();
        let is_over = self.state == State::Failed;
        Some(if is_over {
            failure.once_over()
        } else {
            failure.told_by(self.refused_by())
        })
    }
}

/// A message from a person to us.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inbound {
    /// Our id, derived from the provider's and from what the message says: a second delivery is the same message.
    #[serde(rename = "list_sort")]
    pub id: MessageId,
    /// Whose.
    pub tenant: TenantId,
    /// The account the sender belongs to.
    pub account: AccountId,
    /// The number it was written to.
    pub sender: SenderId,
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
