//! What an answer of NotifAPI's means.
//!
//! Code 200 with an id means accepted, another code with a word about it not accepted; where it has no code, HTTP's own
//! counts, or a word that can only be about the key. A server's own trouble, in the HTTP status or in the code, proves
//! nothing: its word may have been lost behind the gateway. The whole list of NotifAPI's answers is not known.

use super::NOTIFAPI;
use crate::domain::failure::{Class, ProviderFailure};
use crate::domain::identity::Wamid;
use crate::domain::secret::SecretText;
use crate::provider::http::{self, Answer};
use crate::provider::{Answered, SendOutcome, shown};
use serde_json::Value;

/// The code of an answer that all went well.
const WELL: u64 = 200;

/// HTTP's codes that count where NotifAPI gives none of its own: what others mean, a server in front of it may mean as well.
const OF_HTTP: [u16; 5] = [400, 401, 402, 422, 429];

/// HTTP's own words for its codes: any server in front says them.
const WORDS_OF_HTTP: [&str; 6] = [
    "bad request",
    "unauthorized",
    "payment required",
    "forbidden",
    "not found",
    "too many requests",
];

/// How long a key rests that is paid for no more, in seconds, before one message shows whether it is again.
const NO_QUOTA_REST_S: u32 = 15 * 60;

/// Words for the key.
const KEY: [&str; 4] = ["key", "token", "licence", "license"];

/// Words that say of a key that it is no good.
const NO_GOOD: [&str; 12] = [
    "invalid",
    "wrong",
    "incorrect",
    "unknown",
    "expired",
    "revoked",
    "inactive",
    "disabled",
    "blocked",
    "suspended",
    "unauthorized",
    "unauthenticated",
];

/// Words between these that say nothing more.
const BESIDE: [&str; 16] = [
    "api",
    "your",
    "the",
    "this",
    "a",
    "is",
    "are",
    "has",
    "was",
    "been",
    "not",
    "found",
    "valid",
    "registered",
    "active",
    "or",
];

/// Judges the answer to a send.
pub(super) fn judge(answer: &Answer, key: &SecretText) -> SendOutcome {
    let status = answer.status;
    let Ok(said) = serde_json::from_slice::<Value>(&answer.body) else {
        return SendOutcome::ambiguous(format!("NotifAPI answered {status} without JSON"));
    };
    let is_well = answer.is_success() && code(&said) == Some(WELL) && !has_error(&said);
    match (id(&said), failure(status, &said, key)) {
        (Some(id), None) if is_well => SendOutcome::accepted(id),
        (None, Some(mut failure)) if status < 500 => {
            failure.retry_after_s = answer.retry_after_s.or(failure.retry_after_s);
            SendOutcome::refused(failure)
        }
        _ => SendOutcome::ambiguous(format!(
            "NotifAPI answered {status} and said neither that it took the message nor that it did not"
        )),
    }
}

/// Reads the answer to a call that sends nothing.
pub(super) fn read(answer: &Answer, key: &SecretText) -> Answered<Value> {
    let status = answer.status;
    let said: Value = serde_json::from_slice(&answer.body)
        .map_err(|_| not_understood(&format!("it answered {status} without JSON")))?;
    if let Some(failure) = failure(status, &said, key) {
        return Err(failure);
    }
    if !answer.is_success() {
        return Err(not_understood(&format!(
            "it answered {status} without a reason"
        )));
    }
    Ok(said)
}

/// Nothing is known of a call that may be repeated.
pub(super) fn not_understood(why: &str) -> ProviderFailure {
    http::not_understood(NOTIFAPI, why)
}

/// Why it was refused, if NotifAPI says so.
fn failure(status: u16, said: &Value, key: &SecretText) -> Option<ProviderFailure> {
    let words = ["message", "error"]
        .iter()
        .find_map(|name| said.get(name)?.as_str())?;
    let is_of_http = WORDS_OF_HTTP
        .iter()
        .any(|it| it.eq_ignore_ascii_case(words.trim()));
    let code = match code(said) {
        Some(code) => Some(code).filter(|code| *code != WELL && *code < 500),
        None if is_of_http => None,
        None if OF_HTTP.contains(&status) => Some(u64::from(status)),
        None => is_about_the_key(words).then_some(WELL),
    };
    Some(reason(code?, words, key))
}

fn has_error(said: &Value) -> bool {
    said.get("error")
        .is_some_and(|error| !error.is_null() && *error != Value::Bool(false))
}

fn reason(code: u64, words: &str, key: &SecretText) -> ProviderFailure {
    if code == 401 || is_about_the_key(words) {
        return ProviderFailure::without_code(
            Class::Credential,
            "NotifAPI does not take the key",
            "copy the key from NotifAPI into the account, and check that it is paid for",
        );
    }
    if is_about_the_quota(words) {
        return ProviderFailure {
            retry_after_s: Some(NO_QUOTA_REST_S),
            ..ProviderFailure::without_code(
                Class::Credential,
                "nothing is left of what the key was paid for",
                "pay at NotifAPI and put the key in again, or wait a quarter of an hour; then resume the sender",
            )
        };
    }
    let (class, text, remedy) = meaning(code, words);
    let failure = ProviderFailure::without_code(class, text, remedy);
    failure.with_words_of(NOTIFAPI, &[shown(words, key)])
}

fn is_about_the_quota(words: &str) -> bool {
    let lower = words.to_ascii_lowercase();
    let is_spent = ["insufficient", "exceeded", "not enough", "no "];
    let of = ["quota", "credit", "balance"];
    is_spent.iter().any(|it| lower.contains(it)) && of.iter().any(|it| lower.contains(it))
}

/// What is known of a refusal that is not about the key. The whole list of NotifAPI's errors is not known: what nobody has
/// told us about is permanent, and nothing is repeated on a guess.
fn meaning(code: u64, words: &str) -> (Class, &'static str, &'static str) {
    let lower = words.to_ascii_lowercase();
    let has = |known: &[&str]| known.iter().any(|known| lower.contains(known));
    if code == 429 || has(&["too many", "rate limit"]) {
        let remedy = "it is tried again, slower";
        (Class::Throttled, "NotifAPI asks to go slower", remedy)
    } else if has(&[
        "not connected",
        "disconnect",
        "not ready",
        "offline",
        "unavailable",
    ]) {
        let remedy = "it is tried again; if it lasts, look at the device at NotifAPI";
        (Class::Transient, "the device cannot send now", remedy)
    } else if has(&["not on whatsapp", "invalid number"]) {
        let remedy = "check the number, with its country code";
        (
            Class::Recipient,
            "NotifAPI cannot send to this number",
            remedy,
        )
    } else {
        let remedy = "check the number and what the message says";
        (Class::Permanent, "NotifAPI refused it", remedy)
    }
}

/// Whether this is said of the key and of nothing else. The whole list of NotifAPI's errors is not known, and a key that
/// is taken for dead is used no more: so a text that has another word in it is about something else.
fn is_about_the_key(words: &str) -> bool {
    let lower = words.to_ascii_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let has = |known: &[&str]| words.iter().any(|word| known.contains(word));
    let is_no_good = has(&NO_GOOD) || (has(&KEY) && has(&["not"]));
    let is_alone = words.iter().all(|word| {
        [&KEY[..], &NO_GOOD, &BESIDE]
            .iter()
            .any(|known| known.contains(word))
    });
    let names_it = has(&KEY) || has(&["unauthorized", "unauthenticated"]);
    is_no_good && is_alone && names_it
}

fn code(said: &Value) -> Option<u64> {
    match said.get("code")? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The message's id, in any of the places and by any of the names that callers have found it under.
fn id(said: &Value) -> Option<Wamid> {
    let places = [said.get("results"), Some(said)];
    let names = ["id_message", "message_id", "id"];
    let mut known = places
        .into_iter()
        .flatten()
        .flat_map(|place| names.map(|name| place.get(name)));
    known.find_map(|id| match id? {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.to_string().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    })
}
