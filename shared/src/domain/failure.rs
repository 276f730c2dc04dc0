//! Why a provider did not take a message, and what that means for the next step.
//!
//! What Meta's codes mean stands in `failure/meta_codes.rs`; this file must not know a single one of them.

mod meta_codes;

pub use meta_codes::{Diagnosis, Reach, is_known, of_meta};

use super::provider::Provider;
use meta_codes::{telling, tells_unreachable};

use serde::{Deserialize, Serialize};

/// What a failure means for what to do next.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
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

impl Class {
    /// Every class.
    pub const ALL: [Self; 8] = [
        Self::Transient,
        Self::Throttled,
        Self::Credential,
        Self::Recipient,
        Self::Template,
        Self::Policy,
        Self::Permanent,
        Self::Ambiguous,
    ];

    /// Its name on the wire and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Throttled => "throttled",
            Self::Credential => "credential",
            Self::Recipient => "recipient",
            Self::Template => "template",
            Self::Policy => "policy",
            Self::Permanent => "permanent",
            Self::Ambiguous => "ambiguous",
        }
    }

    /// What to do about a message that has failed for a reason that may pass; `None` where the reason itself says it.
    #[must_use]
    pub const fn remedy_once_over(self) -> Option<&'static str> {
        match self {
            Self::Transient | Self::Throttled => Some(
                "nothing tries it any more: send it again in a while, or have its job try again what may be",
            ),
            Self::Ambiguous => Some("it was not delivered: send it again if it is still wanted"),
            Self::Credential
            | Self::Recipient
            | Self::Template
            | Self::Policy
            | Self::Permanent => None,
        }
    }

    /// The class of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == name)
    }
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
    /// How long the provider asks us to wait, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u32>,
}

impl ProviderFailure {
    /// The call went out and its outcome is not known.
    #[must_use]
    pub fn ambiguous(why: impl Into<String>) -> Self {
        let remedy = "wait for a status to settle it, or settle it by hand; sending again may \
                      deliver it twice";
        Self::without_code(Class::Ambiguous, why, remedy)
    }

    /// The worker that was about to call, or had called, is gone.
    #[must_use]
    pub fn worker_died() -> Self {
        Self::ambiguous("the worker died; what became of the call is not known")
    }

    /// The provider was not reached at all, so it provably accepted nothing.
    #[must_use]
    pub fn unreachable(why: impl Into<String>) -> Self {
        let remedy = "it is tried again; if it lasts, check the network and the provider's status";
        Self::without_code(Class::Transient, why, remedy)
    }

    /// The same at this provider: where it tells no statuses, nobody else will settle a call of unknown outcome.
    #[must_use]
    pub fn told_by(self, provider: Provider) -> Self {
        if self.class != Class::Ambiguous || provider.tells_statuses() {
            return self;
        }
        let remedy = "its provider tells no statuses: find out whether it arrived and settle it by hand; sending again may \
                      deliver it twice";
        Self {
            remedy: remedy.to_owned(),
            ..self
        }
    }

    /// What to do about it once the message has failed: nothing is tried by itself any more, and nothing left to settle.
    #[must_use]
    pub fn once_over(self) -> Self {
        Self {
            remedy: self
                .class
                .remedy_once_over()
                .map_or(self.remedy, str::to_owned),
            ..self
        }
    }

    /// A failure for which the provider gave no code.
    #[must_use]
    pub fn without_code(
        class: Class,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            class,
            code: None,
            subcode: None,
            message: message.into(),
            remedy: remedy.into(),
            trace_id: None,
            retry_after_s: None,
        }
    }

    /// What Meta's `code` means, in our words; `said` is what Meta wrote beside it and is kept only where it
    /// names nobody.
    #[must_use]
    pub fn from_meta(code: i64, said: &[&str]) -> Self {
        Self::with_subcode(code, None, said)
    }

    /// The same with Meta's finer code, which may say what the code hides.
    #[must_use]
    pub fn with_subcode(code: i64, subcode: Option<i64>, said: &[&str]) -> Self {
        let diagnosis = of_meta(telling(code, subcode));
        let mut failure = Self::without_code(diagnosis.class, diagnosis.text, diagnosis.remedy);
        (failure.code, failure.subcode) = (Some(code), subcode);
        failure.with_words_of(Provider::Meta, said)
    }

    /// The same with what the provider wrote about it, where that names nobody.
    #[must_use]
    pub fn with_words_of(mut self, provider: Provider, said: &[&str]) -> Self {
        // Meta repeats a malformed token in the text about it, and others may do as much.
        if self.class != Class::Credential {
            self.message = with_their_words(self.message, provider, said);
        }
        self
    }

    /// Whether the same request may be tried again without a person's help: not accepted, and it may pass.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self.class, Class::Transient | Class::Throttled)
    }

    /// Whether it is about all that the sender sends: anything else would be refused as well, or make things worse.
    #[must_use]
    pub fn stops_the_sender(&self) -> bool {
        match self.reach() {
            Reach::Sender | Reach::Account => true,
            Reach::Message => self.class == Class::Credential,
        }
    }

    /// Whether the same request may succeed later: by itself, or once somebody has looked after the sender.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        self.is_retryable() || self.stops_the_sender()
    }

    /// Whether it says that the person cannot be reached, whoever writes whatever. A provider that has no codes means
    /// nothing else by its word about the recipient.
    #[must_use]
    pub fn tells_unreachable(&self) -> bool {
        self.class == Class::Recipient && self.telling_code().is_none_or(tells_unreachable)
    }

    /// How far the trouble reaches beyond this one message.
    #[must_use]
    pub fn reach(&self) -> Reach {
        let code = self.telling_code();
        code.map_or(Reach::Message, |code| of_meta(code).reach)
    }

    /// The provider's code, or the one that would have told it better.
    #[must_use]
    pub fn telling_code(&self) -> Option<i64> {
        self.code.map(|code| telling(code, self.subcode))
    }
}

fn with_their_words(mut message: String, provider: Provider, said: &[&str]) -> String {
    let mut told: Vec<&str> = Vec::new();
    for words in said.iter().map(|words| words.trim()) {
        let repeats = told.iter().any(|other| other.eq_ignore_ascii_case(words));
        if !words.is_empty() && !repeats && names_nobody(words) {
            if told.is_empty() {
                message.push_str("; ");
                message.push_str(provider.title());
            }
            message.push_str(": ");
            message.push_str(words);
            told.push(words);
        }
    }
    message
}

/// Whether a provider's text may be shown: no run of seven digits or more, however they are set apart, for that
/// may be a phone number; no long unbroken word, for that may be a token.
fn names_nobody(text: &str) -> bool {
    let mut digits = 0;
    let mut word = 0;
    for character in text.chars() {
        match character {
            '0'..='9' => digits += 1,
            ' ' | '-' | '.' | '(' | ')' | '+' | '/' => {}
            _ => digits = 0,
        }
        word = if character.is_alphanumeric() {
            word + 1
        } else {
            0
        };
        if digits >= 7 || word >= 32 {
            return false;
        }
    }
    text.len() <= 400
}

#[cfg(test)]
mod tests;
