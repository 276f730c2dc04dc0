//! What Meta's answer to a send means.
//!
//! Meta's error object, whatever its HTTP status, means not accepted (two codes excepted); a message id means
//! accepted; everything else proves nothing.

use crate::domain::failure::{ProviderFailure, is_known};
use crate::domain::webhook::Person;
use crate::provider::http::Answer;
use crate::provider::{Acceptance, SendOutcome};
use serde_json::Value;

/// Judges the answer to a send.
pub(super) fn judge(answer: &Answer) -> SendOutcome {
    let (status, is_success) = (answer.status, answer.is_success());
    let retry_after_s = answer.retry_after_s;
    let Ok(answer) = serde_json::from_slice::<Value>(&answer.body) else {
        return SendOutcome::ambiguous(format!("Meta answered {status} without JSON"));
    };
    let acceptance = acceptance(&answer);
    if let Some(mut failure) = failure(&answer) {
        if acceptance.is_some() {
            return SendOutcome::ambiguous(format!(
                "Meta answered {status} with an error and a message id"
            ));
        }
        failure.retry_after_s = retry_after_s;
        return SendOutcome::refused(failure);
    }
    if !is_success {
        let why = format!("Meta answered {status} without an error object");
        return SendOutcome::ambiguous(why);
    }
    match acceptance {
        Some(acceptance) => SendOutcome::Accepted(Box::new(acceptance)),
        None => SendOutcome::ambiguous(format!("Meta answered {status} without a message id")),
    }
}

/// Meta's error object is known by its code; `{"error": "Bad Gateway"}` is somebody else's, and so is one with a code that
/// Meta does not have and without anything else of Meta's.
pub(super) fn failure(answer: &Value) -> Option<ProviderFailure> {
    let error = answer.get("error")?;
    let code = number(error.get("code")?)?;
    let is_metas = ["type", "fbtrace_id", "error_subcode", "error_data"];
    if !is_known(code) && is_metas.iter().all(|name| error.get(name).is_none()) {
        return None;
    }
    let text = |pointer: &str| error.pointer(pointer).and_then(Value::as_str);
    let title = text("/message").map(|title| without_code(title, code));
    let details = text("/error_data/details").or_else(|| text("/error_data"));
    // Where people set things up, Meta says it to them once more.
    let to_people = text("/error_user_msg").unwrap_or_default();
    let said = [
        title.unwrap_or_default(),
        details.unwrap_or_default(),
        to_people,
    ];
    let subcode = error.get("error_subcode").and_then(Value::as_i64);
    let mut failure = ProviderFailure::with_subcode(code, subcode, &said);
    failure.trace_id = text("/fbtrace_id").map(str::to_owned);
    Some(failure)
}

/// Meta writes `(#131026) Message undeliverable`; the code has a field of its own.
fn without_code(title: &str, code: i64) -> &str {
    title.strip_prefix(&format!("(#{code})")).unwrap_or(title)
}

/// A code is a number; some who stand between us and Meta write it as text.
fn number(code: &Value) -> Option<i64> {
    let text = match code {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    text.strip_suffix(".0").unwrap_or(&text).parse().ok()
}

/// The first message's id is what counts; what else is there may have any form.
fn acceptance(answer: &Value) -> Option<Acceptance> {
    let text = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str);
    Some(Acceptance {
        provider_id: text("/messages/0/id")?.parse().ok()?,
        recipient: Person {
            wa_id: text("/contacts/0/wa_id").and_then(|name| name.parse().ok()),
            user_id: text("/contacts/0/user_id").and_then(|name| name.parse().ok()),
            ..Person::default()
        },
    })
}
