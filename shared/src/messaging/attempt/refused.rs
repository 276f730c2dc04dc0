//! A call that ended because the provider refused the credential: what it means depends on whether the account has another.

use super::{AttemptError, Sending};
use crate::domain::failure::{Class, ProviderFailure};
use crate::domain::id::AccountId;
use crate::domain::identity::{SenderId, TenantId};
use crate::domain::ledger::{CallResult, Event};
use crate::domain::message::Outbound;
use crate::domain::secret::Credential;
use std::time::Duration;

/// A call that ended because the provider refused the credential; its outcome is not written yet.
#[derive(Debug)]
pub struct RefusedCredential {
    message: Outbound,
    token: String,
    failure: ProviderFailure,
    took: Duration,
    credential: Credential,
}

impl RefusedCredential {
    pub(super) fn new(
        message: Outbound,
        token: &str,
        failure: ProviderFailure,
        took: Duration,
        credential: &Credential,
    ) -> Self {
        Self {
            message,
            token: token.to_owned(),
            failure,
            took,
            credential: credential.clone(),
        }
    }

    /// Whose credential it is.
    #[must_use]
    pub fn account(&self) -> (&TenantId, &AccountId) {
        (&self.message.tenant, &self.message.account)
    }

    /// What was sent from with it.
    #[must_use]
    pub fn sender(&self) -> &SenderId {
        &self.message.sender
    }

    /// The credential that was refused.
    #[must_use]
    pub fn credential(&self) -> &Credential {
        &self.credential
    }

    /// Why it was.
    #[must_use]
    pub const fn failure(&self) -> &ProviderFailure {
        &self.failure
    }
}

/// Of a message whose account has nothing to send with: no call is made.
pub(super) fn without_credential() -> ProviderFailure {
    ProviderFailure::without_code(
        Class::Credential,
        "the account has no credential to send with",
        "put one in, at Meta an access token (step 3 of the set-up), elsewhere a key of the sender's; then send the message again",
    )
}

impl Sending {
    /// The account has another credential than the one that was refused: the message is tried again with that, at once.
    pub async fn with_another(
        &self,
        refused: RefusedCredential,
    ) -> Result<Box<Outbound>, AttemptError> {
        self.record_refused(refused, CallResult::GaveWay).await
    }

    /// The credential that was refused is the account's last: its sender is paused, and the message has failed. Whoever waits
    /// for an answer can do something else.
    pub async fn with_no_other(
        &self,
        refused: RefusedCredential,
    ) -> Result<Box<Outbound>, AttemptError> {
        self.record_refused(refused, CallResult::Refused).await
    }

    /// The same where nobody waits for an answer: the message does, until there is another one.
    pub async fn with_none_yet(
        &self,
        refused: RefusedCredential,
    ) -> Result<Box<Outbound>, AttemptError> {
        self.record_refused(refused, CallResult::LastRefused).await
    }

    async fn record_refused(
        &self,
        refused: RefusedCredential,
        result: fn(ProviderFailure) -> CallResult,
    ) -> Result<Box<Outbound>, AttemptError> {
        let RefusedCredential {
            message,
            token,
            failure,
            took,
            credential,
        } = refused;
        self.record(message, &token, result(failure), took, Some(&credential))
            .await
    }

    /// The credential that was refused was named by whoever tests it: that is what became of the message, and nothing
    /// follows from it for others of its sender.
    pub async fn with_tested(
        &self,
        refused: RefusedCredential,
    ) -> Result<Box<Outbound>, AttemptError> {
        let event = Event::CallEnded {
            token: &refused.token,
            result: CallResult::Refused(refused.failure),
            duration_ms: u32::try_from(refused.took.as_millis()).unwrap_or(u32::MAX),
            credential: Some(refused.credential.alias),
            // Whatever the message could do otherwise: it is the credential that is tested.
            onward: None,
        };
        let message = self.store.apply(refused.message, &event, (self.now)());
        Ok(Box::new(message.await?))
    }
}
