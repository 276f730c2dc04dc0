//! What an HTTP caller hears when something is wrong: `application/problem+json` (RFC 9457).
//!
//! One type for every error answer. A cause of ours is logged here, once and whole, and never shown.

mod limits;

use self::limits::Quota;
use super::telemetry::chain;
use crate::domain::failure::{Class, ProviderFailure};
use crate::domain::fault::Fault;
use crate::domain::role::{Right, Role};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::error::Error;
use std::num::NonZeroU32;
use utoipa::ToSchema;

/// The media type of every error answer.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// How long a caller should wait when we do not know better, in seconds.
const SOON: u32 = 2;

/// What is wrong, for a program (`code`) and for a person (`title`, `detail`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// `urn:heliograph:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(value_type = String, example = "urn:heliograph:problem:not_found")]
    kind: Box<str>,
    /// The kind of problem in words; the same for every problem of this status.
    #[schema(value_type = String)]
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// Stable name of the problem, for programs.
    #[schema(value_type = String, example = "not_found")]
    code: &'static str,
    /// What is wrong this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    detail: Option<Box<str>>,
    /// Every fault of the request, each with its place.
    #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
    #[schema(value_type = Vec<Fault>)]
    errors: Box<[Fault]>,
    /// What the provider said, if it was the provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<Box<ProviderProblem>>,
    /// Our id of the message it is about, where one was written down.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    message_id: Option<Box<str>>,
    /// After how many seconds another try makes sense.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>)]
    retry_after: Option<NonZeroU32>,
    /// Which limit of ours is reached, for the headers.
    #[serde(skip)]
    quota: Option<Box<Quota>>,
}

/// What a provider said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProviderProblem {
    /// Which provider.
    pub name: String,
    /// What it said.
    #[serde(flatten)]
    pub failure: ProviderFailure,
}

impl Problem {
    /// 400: the request has these faults.
    #[must_use]
    pub fn validation(faults: Vec<Fault>) -> Self {
        let detail = match faults.len() {
            1 => "one field is not as it must be: see errors".to_owned(),
            count => format!("{count} fields are not as they must be: see errors"),
        };
        let mut problem = Self::bad_request("invalid_request", detail);
        problem.errors = faults.into_boxed_slice();
        problem
    }

    /// 400: the request as a whole is not as it must be.
    #[must_use]
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code).because(detail)
    }

    /// 401: one answer for every key that does not open, so that it tells nothing about the key.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated").because(
            "a valid API key, or the token of a session, is needed: Authorization: Bearer hg_...",
        )
    }

    /// 403: the key is good, its role is not enough for what it asked.
    #[must_use]
    pub fn forbidden(needed: Right) -> Self {
        let roles: Vec<_> = Role::ALL
            .into_iter()
            .filter(|role| role.may(needed))
            .map(Role::as_str)
            .collect();
        Self::new(StatusCode::FORBIDDEN, "forbidden")
            .because(format!("this needs a key of role {}", roles.join(" or ")))
    }

    /// 401: one answer for whoever is not known, has another password, or may not sign in.
    #[must_use]
    pub fn not_signed_in() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "not_signed_in")
            .because("no such tenant, address and password")
    }

    /// 401: the invitation, or the token that refreshes, opens nothing any more.
    #[must_use]
    pub fn token_over() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "token_over")
            .because("this token is not known, was used before, or its time has passed")
    }

    /// 429: tried too often.
    #[must_use]
    pub fn too_many_tries(retry_after: u32) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_tries")
            .because("tried too often; wait")
            .after(retry_after)
    }

    /// 403: the role is enough, and the key is narrowed to less.
    #[must_use]
    pub fn out_of_scope(needed: Right) -> Self {
        let needed = needed.as_str();
        Self::new(StatusCode::FORBIDDEN, "out_of_scope")
            .because(format!("this needs a key whose scopes hold {needed}"))
    }

    /// 403: nobody gives away what he has not.
    #[must_use]
    pub fn not_yours_to_give() -> Self {
        Self::new(StatusCode::FORBIDDEN, "not_yours_to_give")
            .because("nobody can give, change or take away rights that he has not himself, or give them for longer")
    }

    /// 403: a tenant's keys do not run the installation.
    #[must_use]
    pub fn operator_only() -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden").because("this needs the operator's key")
    }

    /// 403: the tenant's keys open nothing for now.
    #[must_use]
    pub fn tenant_disabled() -> Self {
        Self::new(StatusCode::FORBIDDEN, "tenant_disabled")
            .because("this tenant is disabled; ask whoever runs this installation")
    }

    /// 404: it is not there, or it is another tenant's, which is the same.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found")
    }

    /// 405: there is something at this path, but not for this method.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed")
    }

    /// 409: not in the state it is in.
    #[must_use]
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code).because(detail)
    }

    /// 409: the first request with this `Idempotency-Key` still runs.
    #[must_use]
    pub fn in_progress(retry_after: u32) -> Self {
        Self::new(StatusCode::CONFLICT, "in_progress")
            .because("a request with this Idempotency-Key is still running")
            .after(retry_after)
    }

    /// 422: this `Idempotency-Key` belongs to a request with another body.
    #[must_use]
    pub fn idempotency_mismatch() -> Self {
        Self::unprocessable(
            "idempotency_mismatch",
            "this Idempotency-Key was used with another body; use a new key for a new request",
        )
    }

    /// 422: well formed, but a rule forbids it.
    #[must_use]
    pub fn unprocessable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code).because(detail)
    }

    /// 413: more than `limit` bytes.
    #[must_use]
    pub fn too_large(limit: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large")
            .because(format!("the body may have {limit} bytes at most"))
    }

    /// 415: not JSON.
    #[must_use]
    pub fn unsupported_media_type() -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type")
            .because("the body must be JSON, with Content-Type: application/json")
    }

    /// 503: something we stand on does not answer. Logs the cause.
    #[must_use]
    pub fn unavailable(cause: &(dyn Error + 'static)) -> Self {
        tracing::warn!(error = chain(cause), "answered 503");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable")
            .because(
                "not available just now; try again, with the same Idempotency-Key if there is one",
            )
            .after(SOON)
    }

    /// 500: a mistake of ours. Logs the cause; the answer does not name it.
    #[must_use]
    pub fn internal(cause: &(dyn Error + 'static)) -> Self {
        tracing::error!(error = chain(cause), "answered 500");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal")
    }

    /// The provider did not take it: 429, 502 or 422 by what the caller can do about it.
    #[must_use]
    pub fn provider(name: &str, failure: ProviderFailure) -> Self {
        let (status, code) = match failure.class {
            Class::Transient => (StatusCode::BAD_GATEWAY, "provider_transient"),
            Class::Ambiguous => (StatusCode::BAD_GATEWAY, "provider_ambiguous"),
            Class::Credential => (StatusCode::BAD_GATEWAY, "provider_credential"),
            Class::Throttled => (StatusCode::TOO_MANY_REQUESTS, "provider_throttled"),
            Class::Recipient => (StatusCode::UNPROCESSABLE_ENTITY, "provider_recipient"),
            Class::Template => (StatusCode::UNPROCESSABLE_ENTITY, "provider_template"),
            Class::Policy => (StatusCode::UNPROCESSABLE_ENTITY, "provider_policy"),
            Class::Permanent => (StatusCode::UNPROCESSABLE_ENTITY, "provider_permanent"),
        };
        let mut problem = Self::new(status, code).because(failure.message.clone());
        problem.retry_after = NonZeroU32::new(SOON).filter(|_| failure.class == Class::Throttled);
        problem.provider = Some(Box::new(ProviderProblem {
            name: name.to_owned(),
            failure,
        }));
        problem
    }

    /// 422: the provider was asked about what the request says, and found this fault.
    #[must_use]
    pub fn refused_by_provider(name: &str, fault: Fault, failure: Option<ProviderFailure>) -> Self {
        let detail = fault.detail.clone();
        let mut problem = Self::unprocessable("refused_by_provider", detail);
        problem.errors = Box::new([fault]);
        problem.provider = failure.map(|failure| {
            let name = name.to_owned();
            Box::new(ProviderProblem { name, failure })
        });
        problem
    }

    /// 409: somebody else changes the same just now.
    #[must_use]
    pub fn busy() -> Self {
        Self::conflict("busy", "somebody else changes this just now; try again").after(SOON)
    }

    /// A webhook call that cannot be shown to be the provider's.
    #[must_use]
    pub fn unproven() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalid_signature")
            .because("the signature is missing or not the one of this body")
    }

    /// 403: the handshake does not come from whoever holds the verify token; one answer for every account.
    #[must_use]
    pub fn unverified() -> Self {
        Self::new(StatusCode::FORBIDDEN, "invalid_verify_token")
            .because("the verify token is missing or not the one of this webhook")
    }

    /// The problem that a bare status stands for: what a framework refused before any code of ours ran.
    #[must_use]
    pub fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::not_found(),
            StatusCode::METHOD_NOT_ALLOWED => Self::method_not_allowed(),
            StatusCode::UNAUTHORIZED => Self::unauthenticated(),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::unsupported_media_type(),
            StatusCode::PAYLOAD_TOO_LARGE => Self::new(status, "too_large"),
            _ if status.is_client_error() => Self::new(status, "invalid_request"),
            _ => Self::new(status, "internal"),
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// What is wrong this time; the kind of problem, if that says it all.
    #[must_use]
    pub fn detail(&self) -> &str {
        self.detail.as_deref().unwrap_or(self.title)
    }

    /// Says what is wrong this time.
    #[must_use]
    pub fn because(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into().into_boxed_str());
        self
    }

    /// Says what else is to be known this time.
    #[must_use]
    pub fn besides(self, detail: impl AsRef<str>) -> Self {
        let detail = match &self.detail {
            Some(known) => format!("{known}; {}", detail.as_ref()),
            None => detail.as_ref().to_owned(),
        };
        self.because(detail)
    }

    /// Says which message it is about.
    #[must_use]
    pub fn about(mut self, message_id: &str) -> Self {
        self.message_id = Some(message_id.into());
        self
    }

    /// Says after how many seconds another try makes sense.
    #[must_use]
    pub fn after(mut self, seconds: u32) -> Self {
        self.retry_after = NonZeroU32::new(seconds.max(1));
        self
    }

    fn new(status: StatusCode, code: &'static str) -> Self {
        Self {
            kind: format!("urn:heliograph:problem:{code}").into(),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code,
            detail: None,
            errors: Box::default(),
            provider: None,
            message_id: None,
            retry_after: None,
            quota: None,
        }
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if self.status() == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds.get()));
        }
        if self.status() == StatusCode::TOO_MANY_REQUESTS {
            self.tell_limit(&mut headers);
        }
        headers
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).unwrap_or_default();
        (self.status(), self.headers(), body).into_response()
    }
}

#[cfg(test)]
mod tests;
