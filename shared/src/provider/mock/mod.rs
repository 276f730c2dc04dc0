//! The mock provider: takes everything, reaches nobody. To try routes, keys and failover with, at a desk and in tests.
//!
//! Its wire is ours. `POST messages` takes Meta's own message object and answers `{"id"}`, `GET me` tells whether the
//! key is good, and a refusal, whatever its HTTP status, is `{"error": {"class", "message"}}` with one of our classes.

mod answer;

#[cfg(test)]
mod tests;

use super::http::{ANSWER_LIMIT, exchange, secret_header, unwritable_key};
use super::{Access, Answered, Http, SendOutcome};
use crate::domain::content::Content;
use crate::domain::id::MessageId;
use crate::domain::identity::Recipient;
use crate::domain::provider::Provider;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderValue};

/// The mock provider, wherever a tenant says that it is.
#[derive(Debug, Clone)]
pub struct MockClient {
    http: Http,
}

impl MockClient {
    /// A client that calls by `http`.
    #[must_use]
    pub const fn new(http: Http) -> Self {
        Self { http }
    }

    /// Sends a message: one call, never repeated here.
    pub async fn send(
        &self,
        access: Access<'_>,
        to: &Recipient,
        content: &Content,
        id: &MessageId,
    ) -> SendOutcome {
        let Some(bearer) = bearer(access) else {
            return SendOutcome::NotAccepted(unwritable_key());
        };
        let request = self.http.send(access, "messages", id);
        let request = request.header(AUTHORIZATION, bearer);
        let request = request.json(&content.wire(to, id.as_str()));
        match exchange(request, ANSWER_LIMIT).await {
            Ok(answer) => answer::judge(&answer, access.key),
            Err(none) => none.after_send(Provider::Mock),
        }
    }

    /// Asks whether the key is good.
    pub async fn check(&self, access: Access<'_>) -> Answered<()> {
        let bearer = bearer(access).ok_or_else(unwritable_key)?;
        let request = self.http.call(Method::GET, access, "me");
        let answer = exchange(request.header(AUTHORIZATION, bearer), ANSWER_LIMIT).await;
        let answer = answer.map_err(|none| none.after_look(Provider::Mock))?;
        answer::read(&answer, access.key)
    }
}

fn bearer(access: Access<'_>) -> Option<HeaderValue> {
    secret_header(&format!("Bearer {}", access.key.expose()))
}
