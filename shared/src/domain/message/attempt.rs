//! The calls to providers that were made for a message.

use crate::domain::failure::ProviderFailure;
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
    /// The alias of the credential it was made with.
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
            credential: None,
            settlement: None,
        }
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
    /// Given back before the call began.
    NotStarted,
}
