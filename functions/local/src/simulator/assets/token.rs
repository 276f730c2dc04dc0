//! An access token of a system user: known by its hash alone, so that no file holds the token itself.

use super::origin::Origin;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// SHA-256 of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) struct TokenHash([u8; 32]);

/// A permission the simulator asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Management,
    Messaging,
}

/// A system user's access token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Token {
    pub(crate) hash: TokenHash,
    pub(crate) app_id: String,
    pub(crate) user_id: String,
    pub(crate) scopes: Vec<String>,
    /// The WABAs it may see.
    pub(crate) wabas: Vec<String>,
    /// In seconds since 1970, as all times of tokens.
    pub(crate) issued_at: i64,
    /// `None`: never.
    pub(crate) expires_at: Option<i64>,
    pub(crate) revoked: bool,
    pub(crate) origin: Origin,
}

/// Whether a token is good for anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Validity {
    Valid,
    Expired,
    Revoked,
}

impl TokenHash {
    /// The hash of a token.
    pub(crate) fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }
}

impl From<TokenHash> for String {
    fn from(hash: TokenHash) -> Self {
        hex::encode(hash.0)
    }
}

impl TryFrom<String> for TokenHash {
    type Error = hex::FromHexError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let mut hash = [0; 32];
        hex::decode_to_slice(text, &mut hash)?;
        Ok(Self(hash))
    }
}

impl Scope {
    /// Both, as tokens carry them.
    pub(crate) const ALL: [Self; 2] = [Self::Management, Self::Messaging];

    /// Meta's name of it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Management => "whatsapp_business_management",
            Self::Messaging => "whatsapp_business_messaging",
        }
    }

    /// The names of both.
    pub(crate) fn all_names() -> Vec<String> {
        Self::ALL.map(|scope| scope.as_str().to_owned()).to_vec()
    }
}

impl Token {
    /// Whether it is good for anything at this time.
    pub(crate) fn validity(&self, now_s: i64) -> Validity {
        if self.revoked {
            Validity::Revoked
        } else if self.expires_at.is_some_and(|at| at <= now_s) {
            Validity::Expired
        } else {
            Validity::Valid
        }
    }

    /// Whether it carries this permission.
    pub(crate) fn allows(&self, scope: Scope) -> bool {
        self.scopes.iter().any(|it| it == scope.as_str())
    }

    /// Whether it may see this WABA.
    pub(crate) fn sees(&self, waba_id: &str) -> bool {
        self.wabas.iter().any(|it| it == waba_id)
    }
}
