//! What an answer of the mock provider's means.

use crate::domain::failure::{Class, ProviderFailure};
use crate::domain::provider::Provider;
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
        (None, Some(mut failure)) => {
            failure.retry_after_s = answer.retry_after_s;
            SendOutcome::refused(failure)
        }
        _ => SendOutcome::ambiguous(format!(
            "the mock provider answered {status} with neither a message id nor an error, or with both"
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
            Err(not_understood(Provider::Mock, &why))
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
    Some(failure.with_words_of(Provider::Mock, &[shown(words, key)]))
}
