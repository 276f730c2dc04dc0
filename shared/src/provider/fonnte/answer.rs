//! What an answer of Fonnte's means.
//!
//! `status` false with a reason means not accepted, `status` true with an id accepted, whatever else it says; everything
//! else proves nothing, nor does a refusal that comes with a server's own trouble.

use super::{FONNTE, reasons};
use crate::domain::failure::ProviderFailure;
use crate::domain::identity::Wamid;
use crate::domain::secret::SecretText;
use crate::provider::http::{self, Answer};
use crate::provider::{Answered, SendOutcome};
use serde_json::{Map, Value};

/// Judges the answer to a send.
pub(super) fn judge(answer: &Answer, key: &SecretText) -> SendOutcome {
    let status = answer.status;
    let Ok(said) = serde_json::from_slice::<Map<String, Value>>(&answer.body) else {
        return SendOutcome::ambiguous(format!("Fonnte answered {status} without a JSON object"));
    };
    let id = id(&said);
    if let Some(mut failure) = failure(&said, status, key) {
        if id.is_some() || status >= 500 {
            let why = format!("Fonnte answered {status} with a refusal that proves nothing");
            return SendOutcome::ambiguous(why);
        }
        failure.retry_after_s = answer.retry_after_s.or(failure.retry_after_s);
        return SendOutcome::refused(failure);
    }
    match id {
        Some(id) if answer.is_success() && is(&said, true) => SendOutcome::accepted(id),
        Some(_) | None => SendOutcome::ambiguous(format!(
            "Fonnte answered {status} with neither a message id nor a reason"
        )),
    }
}

/// Reads the answer to a call that sends nothing.
pub(super) fn read(answer: &Answer, key: &SecretText) -> Answered<Map<String, Value>> {
    let status = answer.status;
    let said = serde_json::from_slice::<Map<String, Value>>(&answer.body)
        .map_err(|_| not_understood(&format!("it answered {status} without a JSON object")))?;
    if let Some(failure) = failure(&said, status, key) {
        return Err(failure);
    }
    if !answer.is_success() || !is(&said, true) {
        return Err(not_understood(&format!(
            "it answered {status} without a reason"
        )));
    }
    Ok(said)
}

/// Nothing is known of a call that may be repeated.
pub(super) fn not_understood(why: &str) -> ProviderFailure {
    http::not_understood(FONNTE, why)
}

/// Why it was refused, if Fonnte says so.
fn failure(said: &Map<String, Value>, status: u16, key: &SecretText) -> Option<ProviderFailure> {
    let reason = member(said, "reason").and_then(Value::as_str)?;
    is(said, false).then(|| reasons::failure(reason, status, key))
}

fn is(said: &Map<String, Value>, status: bool) -> bool {
    member(said, "status").and_then(Value::as_bool) == Some(status)
}

/// A member however its name is written: Fonnte has `Status` as well as `status`.
fn member<'a>(said: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let mut members = said.iter();
    let found = members.find(|(other, _)| other.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value)
}

/// The id of the one message there was: a list with one for each target.
fn id(said: &Map<String, Value>) -> Option<Wamid> {
    let id = match member(said, "id")? {
        Value::Array(ids) => ids.first()?,
        id => id,
    };
    match id {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.to_string().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}
