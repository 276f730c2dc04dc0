//! The calls to providers that were made for a message.

use crate::domain::failure::{Class, ProviderFailure};
use crate::domain::id::AccountId;
use crate::domain::identity::{SenderId, Wamid};
use crate::domain::settlement::Settlement;
use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond;
use serde::{Deserialize, Serialize};

/// One of the senders that a message may leave from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    /// The account that it belongs to.
    pub account: AccountId,
    /// What it leaves from.
    pub sender: SenderId,
}

/// A sender of a message's route that another one took the place of, before any call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Passed {
    /// Which.
    #[schema(value_type = String)]
    pub sender: SenderId,
    /// Why.
    pub why: Unready,
}

/// Why nothing leaves a sender now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unready {
    /// It is paused.
    Paused,
    /// Its credentials rest: the provider failed too often, or their limits are reached.
    Resting,
    /// It has no credential that may be used.
    NoCredential,
    /// Its provider is disabled.
    Disabled,
}

/// What was decided when a call had not succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Decision {
    /// What comes next.
    pub then: Then,
    /// The sender that comes next, if it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub sender: Option<SenderId>,
    /// Why, for a person.
    pub why: String,
}

/// What comes after a call that did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// The same sender tries again.
    TryAgain,
    /// The next sender of the route takes over.
    FailOver,
    /// Nothing, until a status or an operator tells whether it was sent.
    Hold,
    /// Nothing: it has failed.
    GiveUp,
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
    /// What it left from, where the message may leave from several senders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leg: Option<Leg>,
    /// The senders whose turn it was before, and why they were passed over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed: Vec<Passed>,
    /// What was decided, if it did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// The alias of the credential it was made with, or is about to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// What an operator decided when nobody knew how it had ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settlement: Option<Settlement>,
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
            leg: None,
            passed: Vec::new(),
            decision: None,
            credential: None,
            settlement: None,
        }
    }

    /// Whether it was a call, or may have been: what was given back does not count, nor what a credential was refused.
    #[must_use]
    pub fn is_call(&self) -> bool {
        self.outcome != Some(Outcome::NotStarted) && !self.was_credential_refused()
    }

    /// Whether it was refused for its credential: no fault of the message's, which goes on if there is another one.
    #[must_use]
    pub fn was_credential_refused(&self) -> bool {
        let failure = self.failure.as_ref();
        self.outcome == Some(Outcome::Refused)
            && failure.is_some_and(|failure| failure.class == Class::Credential)
    }

    /// Whether it may have been accepted, and no answer has told its provider id.
    #[must_use]
    pub const fn is_unanswered(&self) -> bool {
        matches!(self.outcome, None | Some(Outcome::Ambiguous))
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
    /// No call was made: its slot had passed, or its sender or job was stopped meanwhile. The message goes in another slot,
    /// and has used up no try.
    NotStarted,
}
