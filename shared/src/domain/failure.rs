//! Why a provider did not take a message, and what that means for the next step.

use serde::{Deserialize, Serialize};

/// What a failure means for what to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The provider's trouble; not accepted, worth another try.
    Transient,
    /// Too fast; not accepted, worth another try later.
    Throttled,
    /// The token or a permission; every message of the account fails alike.
    Credential,
    /// This person cannot be reached.
    Recipient,
    /// The template, its parameters or its state.
    Template,
    /// A rule of the platform: window, consent, account standing.
    Policy,
    /// The request itself; the same request fails again.
    Permanent,
    /// Nobody knows whether it was accepted.
    Ambiguous,
}

/// A provider's answer that a message was not accepted, or no answer at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ProviderFailure {
    /// What it means for the next step.
    pub class: Class,
    /// The provider's own code, if it gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    /// The provider's finer code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subcode: Option<i64>,
    /// What went wrong, in plain words.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// The provider's name for this exchange, to quote to its support.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
}
