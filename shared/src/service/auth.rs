//! Reads an API key or a session's token from a request and compares it with what is kept of it: its SHA-256.
//!
//! Looking them up is the store's part. Every way in which one does not open has the same answer.

mod session;

pub use session::{SessionToken, TokenKind};

use super::problem::Problem;
use crate::domain::secret::SecretText;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// What every key begins with, so that a leaked one is recognised.
pub const KEY_PREFIX: &str = "hg_";

/// What the operator's key begins with.
const OPERATOR_PREFIX: &str = "hg_operator_";

/// Longer than any key of ours; what is longer is not worth hashing.
const LONGEST: usize = 128;

/// An API key as a caller sent it; nothing is known about it but its form.
#[derive(Debug, Clone)]
pub struct ApiKey(SecretText);

/// What a caller proves itself with.
#[derive(Debug, Clone)]
pub enum Presented {
    /// An API key.
    Key(ApiKey),
    /// A session's access token.
    Session(SessionToken),
}

impl Presented {
    /// The key or token of an `Authorization: Bearer …` header.
    pub fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(Problem::unauthenticated());
        };
        let text = value.to_str().ok().and_then(bearer);
        text.and_then(Self::parse)
            .ok_or_else(Problem::unauthenticated)
    }

    fn parse(text: &str) -> Option<Self> {
        match SessionToken::parse(text, TokenKind::Access) {
            Some(token) => Some(Self::Session(token)),
            None => ApiKey::parse(text).map(Self::Key),
        }
    }
}

/// A secret that nobody can guess: 244 random bits.
#[must_use]
pub fn drawn() -> SecretText {
    let [one, other] = [Uuid::new_v4(), Uuid::new_v4()].map(Uuid::simple);
    SecretText::new(format!("{one}{other}"))
}

impl ApiKey {
    /// A key, if the text has the form of one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let body = text.strip_prefix(KEY_PREFIX)?;
        let valid = (1..=LONGEST).contains(&body.len())
            && body
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        valid.then(|| Self(SecretText::new(text.to_owned())))
    }

    /// A new key, which nobody can guess: 244 random bits.
    #[must_use]
    pub fn generate() -> Self {
        let drawn = drawn();
        Self(SecretText::new(format!("{KEY_PREFIX}{}", drawn.expose())))
    }

    /// The operator's key of an installation with this secret; none if it cannot be a part of a key.
    #[must_use]
    pub fn of_operator(secret: &SecretText) -> Option<Self> {
        if secret.expose().is_empty() {
            return None;
        }
        Self::parse(&format!("{OPERATOR_PREFIX}{}", secret.expose()))
    }

    /// Whether it has the form of the operator's.
    #[must_use]
    pub fn is_operators(&self) -> bool {
        self.0.expose().starts_with(OPERATOR_PREFIX)
    }

    /// The key itself, for the one answer that shows it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// SHA-256 of the whole key in hexadecimal: what is stored, and what it is looked up by.
    #[must_use]
    pub fn hash(&self) -> String {
        sha256(&self.0)
    }

    /// Whether `stored` is this key's hash, compared in constant time.
    #[must_use]
    pub fn matches(&self, stored: &str) -> bool {
        is_same(&self.hash(), stored)
    }
}

fn sha256(secret: &SecretText) -> String {
    hex::encode(Sha256::digest(secret.expose().as_bytes()))
}

fn is_same(hash: &str, stored: &str) -> bool {
    hash.as_bytes().ct_eq(stored.as_bytes()).into()
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_matches(' '))
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        clippy::panic,
        reason = "a test fails by panicking"
    )]
    use super::*;
    use axum::http::HeaderValue;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(value).unwrap())])
    }

    fn key_of(value: &str) -> ApiKey {
        match Presented::of(&headers(value)).unwrap() {
            Presented::Key(key) => key,
            Presented::Session(token) => panic!("{token:?}"),
        }
    }

    #[test]
    fn a_key_is_read_and_matches_the_sha_256_of_the_whole_of_it_and_no_other() {
        let key = key_of("Bearer hg_demo_admin");
        let hash = "feb132b0074746094fbbf922df0bd37c3dd202d4166b860ba40e44849bf25ac6";
        assert_eq!(key.hash(), hash);
        assert!(key.matches(hash));
        assert!(!key.matches(&hash.replace('6', "0")));
        assert!(!key.matches(""));
        assert_eq!(key_of("bearer  hg_demo_admin").hash(), key.hash());
    }

    #[test]
    fn every_malformed_header_has_the_same_answer() {
        let long = format!("Bearer hg_{}", "a".repeat(LONGEST + 1));
        let answers = [
            Presented::of(&HeaderMap::new()),
            Presented::of(&headers("")),
            Presented::of(&headers("Bearer")),
            Presented::of(&headers("Bearer hg_")),
            Presented::of(&headers("Bearer sk_demo")),
            Presented::of(&headers("Basic hg_demo_admin")),
            Presented::of(&headers("Bearer hg_demo admin")),
            Presented::of(&headers(&long)),
        ];
        for answer in answers {
            assert_eq!(answer.unwrap_err(), Problem::unauthenticated());
        }
    }

    #[test]
    fn two_keys_in_one_request_open_nothing() {
        let mut headers = headers("Bearer hg_demo_admin");
        headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer hg_other"));
        assert_eq!(
            Presented::of(&headers).unwrap_err(),
            Problem::unauthenticated()
        );
    }

    #[test]
    fn a_new_key_is_like_no_other_and_never_the_operators() {
        let (one, other) = (ApiKey::generate(), ApiKey::generate());
        assert_ne!(one.expose(), other.expose());
        assert!(ApiKey::parse(one.expose()).is_some_and(|it| it.hash() == one.hash()));
        assert!(!one.is_operators());
        let operators = ApiKey::of_operator(&SecretText::new("demo")).unwrap();
        assert_eq!(operators.expose(), "hg_operator_demo");
        assert!(operators.is_operators());
        for secret in ["", "a+b/c==", "two words"] {
            assert!(ApiKey::of_operator(&SecretText::new(secret)).is_none());
        }
    }

    #[test]
    fn a_key_does_not_show_when_it_is_printed() {
        let key = ApiKey::parse("hg_demo_admin").unwrap();
        assert_eq!(format!("{key:?}"), "ApiKey(***)");
    }
}
