//! Calls that set things up and look after them: apps and tokens, WABAs, phone numbers, subscriptions.
//!
//! None sends a message, so each may be repeated; what came of one whose answer was lost is seen by looking. No error holds
//! a word of a token: Meta's own text is kept only where `domain::failure` lets it.

mod numbers;
mod profile;
mod subscriptions;
mod tokens;
mod wabas;

pub use numbers::{CodeMethod, PhoneNumberNode};
pub use profile::{PROFILE_FIELDS, Profile};
pub use subscriptions::{AppWebhook, Subscription};
pub use tokens::{AppFacts, TokenFacts, app_token};
pub use wabas::{HealthStatus, WabaFacts};

use super::{MetaClient, answer, bearer};
use crate::domain::failure::{Class, ProviderFailure};
use crate::domain::provider::Provider;
use crate::domain::secret::SecretText;
use crate::provider::Answered;
use crate::provider::http::{self, ANSWER_LIMIT, exchange};
use reqwest::header::AUTHORIZATION;
use reqwest::{Method, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// One call.
struct Call<'a> {
    method: Method,
    /// Below the version.
    path: String,
    query: &'a [(&'a str, &'a str)],
    body: Option<&'a Value>,
}

impl MetaClient {
    async fn look<T: DeserializeOwned>(
        &self,
        token: &SecretText,
        path: String,
        query: &[(&str, &str)],
    ) -> Answered<T> {
        let call = Call {
            method: Method::GET,
            path,
            query,
            body: None,
        };
        let answer = self.manage(token, call).await?;
        serde_json::from_value(answer).map_err(|_| not_understood("its answer has another form"))
    }

    async fn tell(&self, token: &SecretText, path: String, body: &Value) -> Answered<Value> {
        let call = Call {
            method: Method::POST,
            path,
            query: &[],
            body: Some(body),
        };
        self.manage(token, call).await
    }

    async fn manage(&self, token: &SecretText, call: Call<'_>) -> Answered<Value> {
        let Some(bearer) = bearer(token) else {
            return Err(ProviderFailure::without_code(
                Class::Credential,
                "it holds characters that no token has",
                "copy the token once more, without line breaks or quotation marks",
            ));
        };
        let url = format!("{}/{}/{}", self.base, self.version, call.path);
        let url = Url::parse_with_params(&url, call.query)
            .map_err(|_| not_understood("the address of the Graph API is none"))?;
        let is_read = call.method == Method::GET;
        let mut request = self.http.request(call.method, url);
        request = request.header(AUTHORIZATION, bearer);
        if let Some(body) = call.body {
            request = request.json(body);
        }
        let sent = exchange(request, ANSWER_LIMIT).await;
        let sent = sent.map_err(|none| none.after_look(Provider::Meta))?;
        let (status, is_success) = (sent.status, sent.is_success());
        let answer: Value = serde_json::from_slice(&sent.body)
            .map_err(|_| not_understood(&format!("it answered {status} without JSON")))?;
        if let Some(failure) = answer::failure(&answer) {
            return Err(if is_read { of_a_read(failure) } else { failure });
        }
        if !is_success {
            let why = format!("it answered {status} without an error object");
            return Err(not_understood(&why));
        }
        Ok(answer)
    }
}

/// A read that Meta failed at has done nothing: what leaves the outcome of a message open may simply pass here.
fn of_a_read(failure: ProviderFailure) -> ProviderFailure {
    if failure.class != Class::Ambiguous {
        return failure;
    }
    ProviderFailure {
        code: failure.code,
        trace_id: failure.trace_id,
        ..not_understood("it failed")
    }
}

/// Nothing is known; all these calls may be repeated.
fn not_understood(why: &str) -> ProviderFailure {
    http::not_understood(Provider::Meta, why)
}

#[cfg(test)]
mod tests;
