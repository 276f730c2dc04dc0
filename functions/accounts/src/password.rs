//! Passwords: what one may be, and how it is kept. Hashing takes tens of milliseconds of a core, on purpose, and is done
//! beside what else the process does.

use crate::authority::{Authority, Changed};
use crate::hashing::{self, OF_NOBODY};
use heliograph::domain::audit::Action;
use heliograph::domain::email::EmailAddress;
use heliograph::domain::fault::{FaultCode, Faults};
use heliograph::domain::fields::Fields;
use heliograph::domain::secret::SecretText;
use heliograph::service::clock;
use heliograph::service::problem::Problem;
use heliograph::store::{Store, StoreError, Transaction, User, UserChanges};
use serde_json::Value;
use tokio::task::spawn_blocking;

/// Source: NIST SP 800-63B-4, 3.1.1.2 asks for 15 characters of a password that is all there is to prove oneself with,
/// and 8 of one among others; no rule of what kinds of characters it holds, and at least 64 must be possible.
const SHORTEST: usize = 12;
const LONGEST: usize = 128;

/// A password as somebody typed it.
#[derive(Debug)]
pub(crate) struct Password(SecretText);

impl Password {
    /// Reads one that was chosen before.
    pub(crate) fn read(fields: &mut Fields<'_>, name: &'static str) -> Option<Self> {
        let text = fields.required_text(name, 1..=LONGEST)?;
        Some(Self(SecretText::new(text)))
    }

    /// Reads one that is chosen now.
    pub(crate) fn read_new(fields: &mut Fields<'_>, name: &'static str) -> Option<Self> {
        let text = fields.required_text(name, SHORTEST..=LONGEST)?;
        let first = text.chars().next();
        if text.chars().all(|it| Some(it) == first) {
            let detail = "must be more than one character over and over";
            fields.fault(name, FaultCode::Invalid, detail);
            return None;
        }
        Some(Self(SecretText::new(text)))
    }

    /// A fault at `place` if it holds the address that goes with it.
    pub(crate) fn is_not_of(&self, email: &EmailAddress, place: &str) -> Result<(), Problem> {
        let faults = Faults::new();
        if self.0.expose().to_lowercase().contains(email.as_str()) {
            faults.add(
                place,
                FaultCode::Invalid,
                "must not hold the e-mail address",
            );
        }
        faults.into_result(Some(())).map_err(Problem::validation)
    }
}

/// What is kept of a password.
async fn hash(password: Password) -> Result<String, Problem> {
    match spawn_blocking(move || hashing::hashed(&password.0)).await {
        Ok(Ok(hashed)) => Ok(hashed),
        Ok(Err(error)) => Err(Problem::internal(&error)),
        Err(error) => Err(Problem::internal(&error)),
    }
}

/// Whether this is the password of which that is kept. Takes as long if nothing is.
pub(crate) async fn is(kept: Option<String>, password: Password) -> bool {
    let checking = spawn_blocking(move || {
        let text = kept.as_deref().unwrap_or(OF_NOBODY);
        let fits = hashing::fits(&password.0, text).unwrap_or(false);
        kept.is_some() && fits
    });
    checking.await.unwrap_or(false)
}

/// Keeps a new password and ends every session there was, by somebody's authority: of the person, or of the invitation with
/// this hash. The person as it is then; `None` if something of it has been changed meanwhile.
pub(crate) async fn choose(
    store: &Store,
    authority: &Authority,
    user: User,
    password: Password,
    invitation: Option<&str>,
) -> Result<Option<User>, Problem> {
    let hashed = hash(password).await?;
    let now = clock::now();
    let changes = UserChanges {
        password: Some(hashed.clone()),
        invitation: Some(None),
        ends_sessions: true,
        ..UserChanges::default()
    };
    let mut transaction = Transaction::new();
    store.change_user(&mut transaction, &user, &changes, invitation)?;
    let entry = authority.entry(Action::UserPasswordSet, user.id.as_str(), Value::Null, now);
    authority.answers_for(store, &mut transaction, &Changed::User(&user), &entry)?;
    match store.commit(transaction).await {
        Ok(()) => Ok(Some(User {
            password: Some(hashed),
            invitation: None,
            sessions_era: user.sessions_era + 1,
            ..user
        })),
        Err(StoreError::Conflict) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use serde_json::json;

    fn password(text: &str) -> Password {
        Password(SecretText::new(text))
    }

    #[tokio::test]
    async fn what_was_hashed_is_known_again_and_nothing_else() {
        let kept = hash(password("correct horse battery")).await.unwrap();
        assert!(is(Some(kept.clone()), password("correct horse battery")).await);
        assert!(!is(Some(kept), password("correct horse batterY")).await);
        assert!(!is(None, password("correct horse battery")).await);
    }

    #[test]
    fn a_password_that_is_easily_guessed_is_refused() {
        let taken = |text: &str| {
            let faults = Faults::new();
            let body = json!({"password": text});
            let mut fields = Fields::of(&body, "", &faults).unwrap();
            Password::read_new(&mut fields, "password").is_some()
        };
        assert!(taken("correct horse battery"));
        for text in ["short", "eleven char", "zzzzzzzzzzzzzzz"] {
            assert!(!taken(text), "{text}");
        }
        let email = "ada@example.com".parse().unwrap();
        assert!(
            password("correct horse battery")
                .is_not_of(&email, "/password")
                .is_ok()
        );
        assert!(
            password("Ada@Example.com1")
                .is_not_of(&email, "/password")
                .is_err()
        );
    }
}
