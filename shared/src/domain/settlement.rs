//! An operator's word about a call whose outcome nobody knows.

use super::role::Who;
use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond;
use serde::{Deserialize, Serialize};

/// What an operator says about a message that is `unknown`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was sent.
    Sent,
    /// It was not sent, and is not to be.
    Failed,
    /// Send it again: the person may get it twice.
    Retry,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 3] = [Self::Sent, Self::Failed, Self::Retry];

    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Retry => "retry",
        }
    }

    /// The verdict of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|verdict| verdict.as_str() == name)
    }
}

/// Who settled an attempt, when, and how: kept for ever beside what it settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// What was decided.
    #[serde(rename = "as")]
    pub verdict: Verdict,
    /// Who it was: an API key or a person.
    pub by: Who,
    /// When.
    #[serde(with = "millisecond::required")]
    pub at: Timestamp,
    /// SHA-256 of the request's `Idempotency-Key`, if it had one: the same request again settles nothing more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// Whether the provider has reported since: then the message stands by that, not by the verdict.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub superseded: bool,
}
