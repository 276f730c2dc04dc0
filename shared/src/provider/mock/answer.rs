//! What an answer of the mock provider's means.
//!
//! An id means accepted, an error not accepted; but nothing is proven by an error that comes with a server's own trouble.

use super::MOCK;
use crate::domain::failure::{Class, ProviderFailure};
use crate::domain::secret::SecretText;
use crate::provider::http::{Answer, not_understood};
use crate::provider::{Answered, SendOutcome, shown};
use serde_json::Value;

/// Judges the answer to a send.
pub(super) fn judge(answer: &Answer, key: &SecretText) -> SendOutcome {
    let status = answer.status;
    let said: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let id = said
        .as_ref()
        .and_then(|said| said.get("id")?.as_str()?.parse().ok());
    match (id, said.and_then(|said| failure(&said, key))) {
        (Some(id), None) if answer.is_success() => SendOutcome::accepted(id),
        (None, Some(mut failure)) if status < 500 => {
            failure.retry_after_s = answer.retry_after_s;
            SendOutcome::refused(failure)
        }
        _ => SendOutcome::ambiguous(format!(
            "the mock provider answered {status} and said neither that it took the message nor that it did not"
        )),
    }
}

/// Reads the answer to a call that sends nothing.
pub(super) fn read(answer: &Answer, key: &SecretText) -> Answered<()> {
    let said: Option<Value> = serde_json::from_slice(&answer.body).ok();
    match said.and_then(|said| failure(&said, key)) {
        Some(failure) => Err(failure),
        None if answer.is_success() => Ok(()),
        None => {
            let why = format!("it answered {} without an error", answer.status);
            Err(not_understood(MOCK, &why))
        }
    }
}

fn failure(said: &Value, key: &SecretText) -> Option<ProviderFailure> {
    let error = said.get("error")?;
    let class = Class::named(error.get("class")?.as_str()?)?;
    let words = error
        .get("message")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let failure = ProviderFailure::without_code(
        class,
        "the mock provider was told to refuse it",
        "tell the mock provider otherwise",
    );
    Some(failure.with_words_of(MOCK, &[shown(words, key)]))
}
