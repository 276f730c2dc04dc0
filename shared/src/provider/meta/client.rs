//! Sends a message through Meta's Cloud API and says what is known about it afterwards.
//!
//! One call, never repeated here: whether to try again is decided by `domain::retry` and the ledger.

mod answer;
pub mod management;
mod templates;

use crate::domain::content::Content;
use crate::domain::failure::{Class, ProviderFailure};
use crate::domain::identity::PhoneNumberId;
use crate::domain::provider::Provider;
use crate::domain::secret::SecretText;
use crate::provider::http::{ANSWER_LIMIT, TOTAL_TIMEOUT, exchange, secret_header};
use crate::provider::{Http, SendOutcome};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, Url};
use serde_json::{Map, Value};
use std::time::Duration;
use thiserror::Error;

/// Meta's Graph API at one address and version.
#[derive(Debug, Clone)]
pub struct MetaClient {
    http: Http,
    base: String,
    version: String,
}

/// Why there can be no client.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The address is not an `http` or `https` one.
    #[error("the Graph API's address must begin with http:// or https://")]
    Address,
    /// The version is not of Meta's form.
    #[error("the Graph API's version must look like v25.0")]
    Version,
    /// The HTTP client could not be set up.
    #[error("the HTTP client cannot be built")]
    Http(#[from] reqwest::Error),
}

/// Where Meta takes a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// Messages of any kind.
    Messages,
    /// Marketing messages alone.
    MarketingMessages,
}

impl Endpoint {
    /// Where Meta takes a message that says this.
    #[must_use]
    pub const fn of(content: &Content) -> Self {
        match content.marketing {
            Some(_) => Self::MarketingMessages,
            None => Self::Messages,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::MarketingMessages => "marketing_messages",
        }
    }
}

impl MetaClient {
    /// A client for the Graph API at `base` (`https://graph.facebook.com`, or the simulator's address).
    pub fn new(base: &str, version: &str) -> Result<Self, ClientError> {
        Self::with_http(Http::new()?, base, version)
    }

    /// As [`Self::new`], with what all providers are called with.
    pub fn with_http(http: Http, base: &str, version: &str) -> Result<Self, ClientError> {
        let base = base.trim_end_matches('/');
        let address = Url::parse(base).map_err(|_| ClientError::Address)?;
        if !matches!(address.scheme(), "http" | "https") {
            return Err(ClientError::Address);
        }
        if !is_version(version) {
            return Err(ClientError::Version);
        }
        Ok(Self {
            http,
            base: base.to_owned(),
            version: version.to_owned(),
        })
    }

    /// Sends `body` from the number `from` to this endpoint, within `timeout`.
    pub async fn send(
        &self,
        token: &SecretText,
        from: &PhoneNumberId,
        endpoint: Endpoint,
        body: &Map<String, Value>,
        timeout: Duration,
    ) -> SendOutcome {
        let Some(bearer) = bearer(token) else {
            return SendOutcome::NotAccepted(ProviderFailure::without_code(
                Class::Credential,
                "the access token holds characters that no token has",
                "put a valid access token into the account",
            ));
        };
        let endpoint = endpoint.as_str();
        let url = format!("{}/{}/{from}/{endpoint}", self.base, self.version);
        let request = self.http.request(Method::POST, url);
        let request = request.header(AUTHORIZATION, bearer).json(body);
        let request = request.timeout(timeout.min(TOTAL_TIMEOUT));
        match exchange(request, ANSWER_LIMIT).await {
            Ok(answer) => answer::judge(&answer),
            Err(none) => none.after_send(Provider::Meta),
        }
    }
}

fn is_version(version: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    version
        .strip_prefix('v')
        .and_then(|rest| rest.split_once('.'))
        .is_some_and(|(major, minor)| is_number(major) && is_number(minor))
}

fn bearer(token: &SecretText) -> Option<HeaderValue> {
    secret_header(&format!("Bearer {}", token.expose()))
}

#[cfg(test)]
mod tests;
