//! The mock provider: takes everything, reaches nobody. To try routes, keys and failover with, at a desk and in tests.
//!
//! Its wire is ours. `POST messages` takes Meta's own message object and answers `{"id"}`, `GET me` tells whether the
//! key is good, and a refusal, with an HTTP status below 500, is `{"error": {"class", "message"}}` with one of our classes.

mod answer;

#[cfg(test)]
mod tests;

pub use super::without::{call_at, check_numbers, groups, heard, updates};

use super::gateway::GoodKey;
use super::http::{ANSWER_LIMIT, exchange, secret_header, unwritable_key};
use super::{Access, Answered, SendOutcome, Unfit};
use crate::domain::content::{Content, Kind};
use crate::domain::id::MessageId;
use crate::domain::identity::Recipient;
use crate::domain::provider::{Gateway, Provider};
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderValue};

const MOCK: Provider = Provider::Gateway(Gateway::Mock);

/// The kinds that it takes: a message object is Meta's own, and it takes that as it is.
pub const KINDS: [Kind; Kind::ALL.len()] = Kind::ALL;

/// Whatever it is, it can be sent.
pub const fn fits(_: &Recipient, _: &Content) -> Result<(), Unfit> {
    Ok(())
}

/// Sends a message: one call, never repeated here.
pub async fn send(
    access: Access<'_>,
    to: &Recipient,
    content: &Content,
    id: &MessageId,
) -> SendOutcome {
    let Some(bearer) = bearer(access) else {
        return SendOutcome::NotAccepted(unwritable_key());
    };
    let request = access.send("messages", id);
    let request = request.header(AUTHORIZATION, bearer);
    let request = request.json(&content.wire(to, id.as_str()));
    match exchange(request, ANSWER_LIMIT).await {
        Ok(answer) => answer::judge(&answer, access.key),
        Err(none) => none.after_send(MOCK),
    }
}

/// Asks whether the key is good. It is good for any number.
pub async fn check_key(access: Access<'_>, _: Option<&str>) -> Answered<GoodKey> {
    let bearer = bearer(access).ok_or_else(unwritable_key)?;
    let request = access.call(Method::GET, "me");
    let answer = exchange(request.header(AUTHORIZATION, bearer), ANSWER_LIMIT).await;
    let answer = answer.map_err(|none| none.after_look(MOCK))?;
    answer::read(&answer, access.key)?;
    Ok(GoodKey {
        number: None,
        said: "the mock provider takes the key".to_owned(),
    })
}

fn bearer(access: Access<'_>) -> Option<HeaderValue> {
    secret_header(&format!("Bearer {}", access.key.expose()))
}
