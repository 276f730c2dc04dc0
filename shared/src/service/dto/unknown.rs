//! What callers see of unknown outcomes: what is done about them by themselves, and what an operator decided.

use crate::domain::identity::SenderId;
use crate::domain::message::{MAY_BE_SENT_TWICE, OnUnknown, Outbound};
use crate::domain::role::Who;
use crate::domain::settlement::{Settlement, Verdict};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// What to do when a call's outcome is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = OnUnknown)]
#[serde(rename_all = "snake_case")]
pub enum OnUnknownDto {
    /// Leave it `unknown` until a status or an operator settles it.
    Hold,
    /// Try again at once: for one-time codes, where a second copy does less harm than none.
    Retry,
    /// Try again after `wait_minutes` in which statuses of the sender's other messages came, and none for this one.
    Wait,
}

impl From<OnUnknown> for OnUnknownDto {
    fn from(on_unknown: OnUnknown) -> Self {
        match on_unknown {
            OnUnknown::Hold => Self::Hold,
            OnUnknown::Retry => Self::Retry,
            OnUnknown::Wait(_) => Self::Wait,
        }
    }
}

/// How long is waited for a status, if that is what is done.
pub(super) fn wait_minutes(on_unknown: OnUnknown) -> Option<u16> {
    match on_unknown {
        OnUnknown::Wait(minutes) => Some(minutes.into()),
        OnUnknown::Hold | OnUnknown::Retry => None,
    }
}

/// What whoever asks for this should know.
pub(super) fn warnings_about(on_unknown: OnUnknown) -> Vec<String> {
    on_unknown
        .warning()
        .map(str::to_owned)
        .into_iter()
        .collect()
}

/// What whoever reads this message should know.
pub(super) fn warnings_of(message: &Outbound) -> Vec<String> {
    let is_retry =
        |settlement: Option<&Settlement>| settlement.is_some_and(|it| it.verdict == Verdict::Retry);
    let mut attempts = message.attempts.iter();
    let mut warnings = if attempts.any(|attempt| is_retry(attempt.settlement.as_ref())) {
        vec![MAY_BE_SENT_TWICE.to_owned()]
    } else {
        warnings_about(message.on_unknown)
    };
    warnings.extend(no_statuses(&message.sender));
    warnings
}

/// What whoever sends from there should know: the provider tells nothing of what it took.
pub(super) fn no_statuses(sender: &SenderId) -> Option<String> {
    (!sender.provider().tells_statuses()).then(|| "no_statuses".to_owned())
}

/// What an operator decided about a message whose outcome nobody knew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Settlement)]
pub struct SettlementDto {
    /// What was decided.
    #[serde(rename = "as")]
    pub verdict: Verdict,
    /// The id of the API key, or of the person, that decided.
    #[schema(value_type = String, example = "key_demo-admin")]
    pub by: Who,
    /// When.
    pub at: Timestamp,
    /// `true` once the provider has reported after all: the message then stands by that.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub superseded: bool,
}

impl From<&Settlement> for SettlementDto {
    fn from(settlement: &Settlement) -> Self {
        Self {
            verdict: settlement.verdict,
            by: settlement.by.clone(),
            at: settlement.at,
            superseded: settlement.superseded,
        }
    }
}
