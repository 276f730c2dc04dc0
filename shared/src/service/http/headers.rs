//! The request headers that change what a route does: `Prefer` and `Idempotency-Key`.

use crate::service::problem::Problem;
use axum::http::HeaderMap;

/// Whether the caller wants to wait for the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preference {
    /// Answer when it is done.
    Wait,
    /// Answer as soon as it is safely kept (`Prefer: respond-async`, RFC 7240).
    RespondAsync,
}

impl Preference {
    /// What the request prefers; waiting, unless it says otherwise.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let values = headers.get_all("prefer").iter();
        let asynchronous = values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|preference| preference.split([';', '=']).next())
            .any(|name| name.trim().eq_ignore_ascii_case("respond-async"));
        if asynchronous {
            Self::RespondAsync
        } else {
            Self::Wait
        }
    }
}

/// The caller's own name for a request, by which a repetition is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The request's key, if it has one.
    pub fn of(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        let mut values = headers.get_all("idempotency-key").iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        let text = value.to_str().unwrap_or_default();
        let valid =
            (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !valid || values.next().is_some() {
            return Err(Problem::bad_request(
                "invalid_idempotency_key",
                "Idempotency-Key must stand once and have 1 to 255 visible ASCII characters",
            ));
        }
        Ok(Some(Self(text.to_owned())))
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn headers(name: &'static str, values: &[&str]) -> HeaderMap {
        let pairs = values.iter().map(|value| {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            (HeaderName::from_static(name), value)
        });
        let mut headers = HeaderMap::new();
        pairs.for_each(|(name, value)| {
            headers.append(name, value);
        });
        headers
    }

    #[test]
    fn respond_async_is_heard_among_other_preferences() {
        for values in [
            &["respond-async"][..],
            &["Respond-Async, wait=10"],
            &["return=minimal", "respond-async; foo=1"],
        ] {
            assert_eq!(
                Preference::of(&headers("prefer", values)),
                Preference::RespondAsync
            );
        }
        for values in [&[][..], &["wait=10"], &["respond-asynchronously"]] {
            assert_eq!(Preference::of(&headers("prefer", values)), Preference::Wait);
        }
    }

    #[test]
    fn an_idempotency_key_is_taken_as_it_is_or_refused() {
        let key = |values: &[&str]| IdempotencyKey::of(&headers("idempotency-key", values));
        assert_eq!(key(&[]), Ok(None));
        assert_eq!(key(&["order-1"]).unwrap().unwrap().as_str(), "order-1");
        assert!(key(&[&"k".repeat(255)]).is_ok());
        let long = "k".repeat(256);
        for wrong in [&[""][..], &["two words"], &["naïve"], &[&long], &["a", "b"]] {
            assert_eq!(key(wrong).unwrap_err().code(), "invalid_idempotency_key");
        }
    }
}
