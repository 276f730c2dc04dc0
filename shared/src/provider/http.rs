//! How a provider is called: one client with short timeouts that repeats nothing, and what is known without an answer.
//!
//! Knows no provider's wire.

use super::guard::{AddressError, PublicNames, was_kept_in};
use super::{Access, SendOutcome, recorded};
use crate::domain::failure::{Class, ProviderFailure};
use crate::domain::id::MessageId;
use crate::domain::network::Networks;
use crate::domain::provider::Provider;
use reqwest::header::{CONNECTION, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{
    Certificate, ClientBuilder, IntoUrl, Method, RequestBuilder, Response, Url, redirect, retry,
};
use std::error::Error;
use std::io;
use std::time::Duration;

/// A call ends within this time, so always within its message's lease.
pub(super) const TOTAL_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A thawed Lambda finds its connections dead, and each would be an unknown outcome.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);
/// Answers to a send have a few hundred bytes; what has more is not one.
pub(super) const ANSWER_LIMIT: usize = 64 * 1024;
/// A list of a thousand groups.
pub(super) const LIST_LIMIT: usize = 1024 * 1024;

/// What we call ourselves.
pub(super) const USER_AGENT: &str = concat!("heliograph/", env!("CARGO_PKG_VERSION"));

/// Our id of a message, for providers that have no place for it in theirs: they may log it, and their support find it.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What every provider is called with. To make one takes milliseconds of a cold start; to clone it takes nothing.
#[derive(Debug, Clone)]
pub struct Http(reqwest::Client);

impl Http {
    /// A client that trusts the roots of Mozilla's and nothing of the machine's.
    pub fn new() -> Result<Self, reqwest::Error> {
        Self::with_timeout(TOTAL_TIMEOUT)
    }

    /// As [`Self::new`], with another limit for a whole call.
    pub(super) fn with_timeout(total: Duration) -> Result<Self, reqwest::Error> {
        Ok(Self(Self::builder(total)?.build()?))
    }

    /// As [`Self::new`], for addresses that tenants give: none of its connections leads where those may not.
    pub(super) fn to_tenants_addresses(networks: Networks) -> Result<Self, reqwest::Error> {
        let builder = Self::builder(TOTAL_TIMEOUT)?;
        let builder = match networks {
            Networks::Public => builder.dns_resolver(PublicNames),
            Networks::Any => builder,
        };
        Ok(Self(builder.build()?))
    }

    fn builder(total: Duration) -> Result<ClientBuilder, reqwest::Error> {
        Ok(reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .tls_certs_only(bundled_roots()?)
            .http1_only()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            // Less than the whole call's, so that a connection that never stands is told from an answer that never
            // comes.
            .connect_timeout(CONNECT_TIMEOUT.min(total / 2))
            .timeout(total)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .tcp_nodelay(true))
    }

    /// A request to any address.
    pub(super) fn request(&self, method: Method, url: impl IntoUrl) -> RequestBuilder {
        self.0.request(method, url)
    }
}

impl Access<'_> {
    /// A request to a function of the provider's, within the time that its tenant allows.
    pub(super) fn call(self, method: Method, function: &str) -> RequestBuilder {
        let timeout = self.timeout.min(TOTAL_TIMEOUT);
        let address = address(self.base, function);
        self.http.request(method, address).timeout(timeout)
    }

    /// The same to send a message.
    pub(super) fn send(self, function: &str, id: &MessageId) -> RequestBuilder {
        // On a connection of its own: what a gateway writes late on an old one would be read as the answer to this.
        self.call(Method::POST, function)
            .header(REQUEST_ID, id.as_str())
            .header(CONNECTION, HeaderValue::from_static("close"))
    }
}

/// Mozilla's roots, built in: reading the system's costs eight milliseconds of every cold start.
fn bundled_roots() -> Result<Vec<Certificate>, reqwest::Error> {
    webpki_root_certs::TLS_SERVER_ROOT_CERTS
        .iter()
        .map(|root| Certificate::from_der(root))
        .collect()
}

/// The address of a function: below the base, whatever that ends in.
fn address(base: &Url, function: &str) -> Url {
    let mut address = base.clone();
    if let Ok(mut segments) = address.path_segments_mut() {
        segments.pop_if_empty().push(function);
    }
    address
}

/// The body of a form, which is written as a query is.
pub(super) fn form(base: &Url, fields: &[(&str, String)]) -> String {
    let mut form = base.clone();
    form.query_pairs_mut().clear().extend_pairs(fields);
    form.query().unwrap_or_default().to_owned()
}

/// A header that holds a secret, unless it has characters that no header can.
pub(super) fn secret_header(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// What is known of a call whose key no header can hold: it was not made.
pub(super) fn unwritable_key() -> ProviderFailure {
    ProviderFailure::without_code(
        Class::Credential,
        "the key holds characters that no key has",
        "copy the key once more, without line breaks or quotation marks",
    )
}

/// An answer, read to its end.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    pub(super) retry_after_s: Option<u32>,
}

impl Answer {
    /// Whether its HTTP status says that all went well.
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Why there is no answer that could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// The request has no form that could be sent.
    NotBuilt,
    /// Its name leads where a tenant may not have us call, so nothing was sent.
    KeptIn,
    /// No connection stood, so nothing was sent.
    NotConnected,
    /// Who was there spoke no TLS, or showed a certificate that is not to be trusted, so nothing was sent.
    NotTrusted,
    /// It did not come in time.
    TooLate,
    /// The connection broke before it began.
    Broken,
    /// It began with this HTTP status, and never ended.
    BrokenOff(u16),
    /// It began with this HTTP status, and is longer than any that is one.
    TooLong(u16),
}

/// Makes one call and reads its answer, of `most` bytes at most.
pub(super) async fn exchange(request: RequestBuilder, most: usize) -> Result<Answer, NoAnswer> {
    recorded::note_request(&request);
    // The error's own text holds the address, and that may hold a secret.
    let mut response = request.send().await.map_err(|error| match error {
        error if error.is_builder() => NoAnswer::NotBuilt,
        error if was_kept_in(&error) => NoAnswer::KeptIn,
        error if error.is_connect() && was_not_trusted(&error) => NoAnswer::NotTrusted,
        error if error.is_connect() => NoAnswer::NotConnected,
        error if error.is_timeout() => NoAnswer::TooLate,
        _ => NoAnswer::Broken,
    })?;
    recorded::note_head(&response);
    let status = response.status().as_u16();
    let retry_after_s = retry_after(&response);
    let mut body = Vec::new();
    let broken_off = |_| NoAnswer::BrokenOff(status);
    while let Some(chunk) = response.chunk().await.map_err(broken_off)? {
        if body.len() + chunk.len() > most {
            return Err(NoAnswer::TooLong(status));
        }
        recorded::note_body(&chunk);
        body.extend_from_slice(&chunk);
    }
    Ok(Answer {
        status,
        body,
        retry_after_s,
    })
}

/// Whether the other side of a connection is not who it should be: what TLS cannot take it tells as bad bytes.
fn was_not_trusted(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(cause) = next {
        if tells_bad_bytes(cause) {
            return true;
        }
        next = cause.source();
    }
    false
}

/// One error of this kind may be wrapped in another, which then does not name it as its source.
fn tells_bad_bytes(cause: &(dyn Error + 'static)) -> bool {
    cause.downcast_ref::<io::Error>().is_some_and(|cause| {
        let inner = cause.get_ref();
        cause.kind() == io::ErrorKind::InvalidData || inner.is_some_and(|it| tells_bad_bytes(it))
    })
}

fn retry_after(response: &Response) -> Option<u32> {
    let value = response.headers().get(RETRY_AFTER)?;
    value.to_str().ok()?.trim().parse().ok()
}

impl NoAnswer {
    /// What is known of a message: without a connection nothing was sent; after that, every byte may have been.
    pub(super) fn after_send(self, provider: Provider) -> SendOutcome {
        let name = provider.title();
        SendOutcome::ambiguous(match self {
            Self::NotBuilt => {
                return SendOutcome::NotAccepted(ProviderFailure::without_code(
                    Class::Transient,
                    format!("the request to {name} could not be built"),
                    "check the provider's address",
                ));
            }
            Self::KeptIn => {
                let failure = uncallable(provider, AddressError::NotPublic);
                return SendOutcome::NotAccepted(failure);
            }
            Self::NotConnected => {
                let why = format!("{name} could not be reached");
                return SendOutcome::NotAccepted(ProviderFailure::unreachable(why));
            }
            Self::NotTrusted => return SendOutcome::NotAccepted(untrusted(provider)),
            Self::TooLate => format!("{name} did not answer in time"),
            Self::Broken => format!("the connection to {name} broke before an answer"),
            Self::BrokenOff(status) => format!("{name}'s answer {status} broke off"),
            Self::TooLong(status) => format!("{name} answered {status} at great length"),
        })
    }

    /// What is known of a call that sends nothing, and may be repeated.
    pub(super) fn after_look(self, provider: Provider) -> ProviderFailure {
        let why = match self {
            Self::NotBuilt => "its address is none",
            Self::KeptIn => return uncallable(provider, AddressError::NotPublic),
            Self::NotConnected => {
                let why = format!("{} could not be reached", provider.title());
                return ProviderFailure::unreachable(why);
            }
            Self::NotTrusted => return untrusted(provider),
            Self::TooLate => "it did not answer in time",
            Self::Broken => "the connection broke before an answer",
            Self::BrokenOff(_) | Self::TooLong(_) => "its answer broke off, or is too long",
        };
        not_understood(provider, why)
    }
}

/// What is known of a call to an address where somebody else is, or nobody who can show who he is: it was not made.
fn untrusted(provider: Provider) -> ProviderFailure {
    let name = provider.title();
    ProviderFailure::without_code(
        Class::Transient,
        format!(
            "{name} could not be reached: what is at its address has no certificate that is good for it"
        ),
        "it is tried again; if it lasts, check the address, and its certificate: for this name, of a public authority, not \
         over",
    )
}

/// What is known of a call to an address of the tenant's that may not be called: it was not made, and passes when the
/// address is another one. The message is not at fault, so a route's next sender may have it.
pub(super) fn uncallable(provider: Provider, error: AddressError) -> ProviderFailure {
    let name = provider.title();
    ProviderFailure::without_code(
        Class::Transient,
        format!("{name} was not called: its base_url {error}"),
        format!(
            "change it with PUT /v1/providers/{}, or take it away; then try again",
            provider.as_str()
        ),
    )
}

/// Nothing is known of a call that may be repeated.
pub(super) fn not_understood(provider: Provider, why: &str) -> ProviderFailure {
    let name = provider.title();
    ProviderFailure::without_code(
        Class::Transient,
        format!("{name}: {why}"),
        format!("try again; if it lasts, check the address, and whether {name} is at work"),
    )
}
