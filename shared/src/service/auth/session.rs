//! The tokens of a session: one that opens for minutes, one that refreshes it for days. Each leads to its session.

use super::{is_same, sha256};
use crate::domain::id::SessionId;
use crate::domain::secret::SecretText;
use uuid::Uuid;

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// It opens.
    Access,
    /// It refreshes its session, and opens nothing.
    Refresh,
    /// It lets somebody choose a password.
    Invitation,
}

impl TokenKind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Access => "hgs_",
            Self::Refresh => "hgr_",
            Self::Invitation => "hgi_",
        }
    }
}

/// A session's token as a caller sent it; nothing is known about it but its form.
#[derive(Debug, Clone)]
pub struct SessionToken {
    /// The session it leads to.
    pub session: SessionId,
    text: SecretText,
}

impl SessionToken {
    /// A new token, which nobody can guess: 244 random bits.
    #[must_use]
    pub fn generate(session: &SessionId, kind: TokenKind) -> Self {
        let [one, other] = [Uuid::new_v4(), Uuid::new_v4()].map(Uuid::simple);
        let body = session.as_str().trim_start_matches(SessionId::PREFIX);
        let body = body.trim_start_matches('_');
        Self {
            session: session.clone(),
            text: SecretText::new(format!("{}{body}_{one}{other}", kind.prefix())),
        }
    }

    /// A token, if the text has the form of one of this kind.
    #[must_use]
    pub fn parse(text: &str, kind: TokenKind) -> Option<Self> {
        let (body, secret) = text.strip_prefix(kind.prefix())?.split_once('_')?;
        let is_hex = |part: &str, length: usize| {
            part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        if !is_hex(body, 32) || !is_hex(secret, 64) {
            return None;
        }
        Some(Self {
            session: format!("{}_{body}", SessionId::PREFIX).parse().ok()?,
            text: SecretText::new(text),
        })
    }

    /// SHA-256 of the whole token in hexadecimal: what is stored.
    #[must_use]
    pub fn hash(&self) -> String {
        sha256(&self.text)
    }

    /// Whether `stored` is this token's hash, compared in constant time.
    #[must_use]
    pub fn matches(&self, stored: &str) -> bool {
        is_same(&self.hash(), stored)
    }

    /// The token itself, for the one answer that shows it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.text.expose()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use jiff::Timestamp;

    #[test]
    fn a_token_leads_to_its_session_and_is_of_one_kind() {
        let session = SessionId::at(Timestamp::UNIX_EPOCH);
        let token = SessionToken::generate(&session, TokenKind::Access);
        let read = SessionToken::parse(token.expose(), TokenKind::Access).unwrap();
        assert_eq!(read.session, session);
        assert!(read.matches(&token.hash()));
        assert!(SessionToken::parse(token.expose(), TokenKind::Refresh).is_none());
        let another = SessionToken::generate(&session, TokenKind::Access);
        assert!(!another.matches(&token.hash()));
        assert!(!format!("{token:?}").contains(token.expose()));
    }

    #[test]
    fn what_has_not_the_form_of_a_token_is_none() {
        for text in ["", "hgs_", "hgs_1_2", "hg_demo_admin", "hgs_\u{e9}_"] {
            assert!(
                SessionToken::parse(text, TokenKind::Access).is_none(),
                "{text}"
            );
        }
    }
}
