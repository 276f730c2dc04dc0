//! Sends a message through Meta's Cloud API and says what is known about it afterwards.
//!
//! One call, never repeated here: whether to try again is decided by `domain::retry` and the ledger.

mod answer;
pub mod management;
mod templates;

use crate::domain::content::Content;
use crate::domain::failure::{Class, ProviderFailure};
use crate::domain::identity::{PhoneNumberId, Wamid};
use crate::domain::secret::SecretText;
use crate::domain::webhook::Person;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Certificate, Response, Url, redirect, retry};
use serde_json::{Map, Value};
use std::time::Duration;
use thiserror::Error;

/// A call ends within this time, so always within its message's lease.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A thawed Lambda finds its connections dead, and each would be an unknown outcome.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);
/// Meta's answers have a few hundred bytes; what has more is not one.
const ANSWER_LIMIT: usize = 64 * 1024;

/// Meta's Graph API at one address and version.
#[derive(Debug, Clone)]
pub struct MetaClient {
    http: reqwest::Client,
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

/// What is known after a call.
#[derive(Debug, Clone, PartialEq)]
pub enum SendOutcome {
    /// Meta took the message.
    Accepted(Box<Acceptance>),
    /// Meta provably did not take it.
    NotAccepted(ProviderFailure),
    /// Nobody knows.
    Ambiguous(ProviderFailure),
}

/// What Meta says about a message it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// Meta's id of the message.
    pub provider_id: Wamid,
    /// The person, by Meta's own names.
    pub recipient: Person,
}

impl MetaClient {
    /// A client for the Graph API at `base` (`https://graph.facebook.com`, or the simulator's address).
    pub fn new(base: &str, version: &str) -> Result<Self, ClientError> {
        Self::with_timeout(base, version, TOTAL_TIMEOUT)
    }

    /// As [`Self::new`], with another limit for a whole call.
    fn with_timeout(base: &str, version: &str, total: Duration) -> Result<Self, ClientError> {
        let base = base.trim_end_matches('/');
        let address = Url::parse(base).map_err(|_| ClientError::Address)?;
        if !matches!(address.scheme(), "http" | "https") {
            return Err(ClientError::Address);
        }
        if !is_version(version) {
            return Err(ClientError::Version);
        }
        Ok(Self {
            http: http_client(total)?,
            base: base.to_owned(),
            version: version.to_owned(),
        })
    }

    /// Sends `body` from the number `from` to this endpoint.
    pub async fn send(
        &self,
        token: &SecretText,
        from: &PhoneNumberId,
        endpoint: Endpoint,
        body: &Map<String, Value>,
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
        let request = self.http.post(url).header(AUTHORIZATION, bearer).json(body);
        match request.send().await {
            Ok(response) => read(response).await,
            Err(error) => without_answer(&error),
        }
    }
}

fn http_client(total: Duration) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .user_agent(concat!("heliograph/", env!("CARGO_PKG_VERSION")))
        .tls_certs_only(bundled_roots()?)
        .http1_only()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        // Less than the whole call's, so that a connection that never stands is told from an answer that never comes.
        .connect_timeout(CONNECT_TIMEOUT.min(total / 2))
        .timeout(total)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .tcp_nodelay(true)
        .build()
}

/// Mozilla's roots, built in: reading the system's costs eight milliseconds of every cold start.
fn bundled_roots() -> Result<Vec<Certificate>, reqwest::Error> {
    webpki_root_certs::TLS_SERVER_ROOT_CERTS
        .iter()
        .map(|root| Certificate::from_der(root))
        .collect()
}

fn is_version(version: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    version
        .strip_prefix('v')
        .and_then(|rest| rest.split_once('.'))
        .is_some_and(|(major, minor)| is_number(major) && is_number(minor))
}

fn bearer(token: &SecretText) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose())).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Reads an answer. Whatever goes wrong from here on, Meta has had the whole request.
async fn read(mut response: Response) -> SendOutcome {
    let status = response.status().as_u16();
    let retry_after_s = retry_after(&response);
    match body_of(&mut response).await {
        Ok(body) => answer::judge(status, &body, retry_after_s),
        Err(Unread::TooLong) => ambiguous(format!("Meta answered {status} at great length")),
        Err(Unread::BrokenOff) => ambiguous(format!("Meta's answer {status} broke off")),
    }
}

/// Why an answer's body is not known.
enum Unread {
    TooLong,
    BrokenOff,
}

async fn body_of(response: &mut Response) -> Result<Vec<u8>, Unread> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| Unread::BrokenOff)? {
        if body.len() + chunk.len() > ANSWER_LIMIT {
            return Err(Unread::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn retry_after(response: &Response) -> Option<u32> {
    let value = response.headers().get(reqwest::header::RETRY_AFTER)?;
    value.to_str().ok()?.trim().parse().ok()
}

/// Without a connection nothing was sent; after that, every byte may have been.
fn without_answer(error: &reqwest::Error) -> SendOutcome {
    if error.is_builder() {
        return SendOutcome::NotAccepted(ProviderFailure::without_code(
            Class::Permanent,
            "the request to Meta could not be built",
            "check the address of the Graph API",
        ));
    }
    if error.is_connect() {
        return SendOutcome::NotAccepted(ProviderFailure::unreachable("Meta could not be reached"));
    }
    if error.is_timeout() {
        return ambiguous("Meta did not answer in time");
    }
    ambiguous("the connection to Meta broke before an answer")
}

fn ambiguous(why: impl Into<String>) -> SendOutcome {
    SendOutcome::Ambiguous(ProviderFailure::ambiguous(why))
}

#[cfg(test)]
mod tests;
