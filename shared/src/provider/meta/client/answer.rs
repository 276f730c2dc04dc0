//! What Meta's answer to a send means.
//!
//! Meta's error object, whatever its HTTP status, means not accepted (two codes excepted); a message id means
//! accepted; everything else proves nothing.

use super::{Acceptance, SendOutcome, ambiguous};
use crate::domain::failure::{Class, ProviderFailure};
use crate::domain::webhook::Person;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    contacts: Vec<Contact>,
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Contact {
    wa_id: Option<String>,
    user_id: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    id: String,
}

/// Judges an answer with HTTP status `status` and body `body`.
pub(super) fn judge(status: u16, body: &[u8], retry_after_s: Option<u32>) -> SendOutcome {
    let Ok(answer) = serde_json::from_slice::<Value>(body) else {
        return ambiguous(format!("Meta answered {status} without JSON"));
    };
    if let Some(mut failure) = failure(&answer) {
        failure.retry_after_s = retry_after_s;
        return if failure.class == Class::Ambiguous {
            SendOutcome::Ambiguous(failure)
        } else {
            SendOutcome::NotAccepted(failure)
        };
    }
    if !(200..300).contains(&status) {
        return ambiguous(format!("Meta answered {status} without an error object"));
    }
    match acceptance(answer) {
        Some(acceptance) => SendOutcome::Accepted(Box::new(acceptance)),
        None => ambiguous(format!("Meta answered {status} without a message id")),
    }
}

/// Meta's error object is known by its numeric code; `{"error": "Bad Gateway"}` is somebody else's.
fn failure(answer: &Value) -> Option<ProviderFailure> {
    let error = answer.get("error")?;
    let code = error.get("code")?.as_i64()?;
    let text = |pointer: &str| error.pointer(pointer).and_then(Value::as_str);
    let title = text("/message").map(|title| without_code(title, code));
    let details = text("/error_data/details").or_else(|| text("/error_data"));
    let said = [title.unwrap_or_default(), details.unwrap_or_default()];
    let mut failure = ProviderFailure::from_meta(code, &said);
    failure.subcode = error.get("error_subcode").and_then(Value::as_i64);
    failure.trace_id = text("/fbtrace_id").map(str::to_owned);
    Some(failure)
}

/// Meta writes `(#131026) Message undeliverable`; the code has a field of its own.
fn without_code(title: &str, code: i64) -> &str {
    title.strip_prefix(&format!("(#{code})")).unwrap_or(title)
}

fn acceptance(answer: Value) -> Option<Acceptance> {
    let answer: Answer = serde_json::from_value(answer).ok()?;
    let message = answer.messages.into_iter().next()?;
    let contact = answer.contacts.into_iter().next();
    let (wa_id, user_id) = contact.map_or((None, None), |who| (who.wa_id, who.user_id));
    Some(Acceptance {
        provider_id: message.id.parse().ok()?,
        recipient: Person {
            wa_id: wa_id.and_then(|name| name.parse().ok()),
            user_id: user_id.and_then(|name| name.parse().ok()),
            ..Person::default()
        },
    })
}
