//! Access tokens, at Meta.

use super::{Choice, CredentialError, Credentials, Of, account_name, soon};
use crate::domain::breaker::Stance;
use crate::domain::credential::Known;
use crate::domain::secret::Credential;
use crate::service::clock;
use crate::store::CredentialName;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::time::Instant;

/// How much of its hash tells a token from the others of its account.
const TOLD_BY: usize = 8;

impl Credentials {
    /// The account's access token. One that was refused is passed over where there is another one; the last one is given
    /// all the same, for once its sender is resumed nobody but Meta knows whether it is good again.
    pub(super) async fn token(&self, of: Of<'_>) -> Result<Choice, CredentialError> {
        let (known, token) =
            futures_util::future::join(self.known(of), self.secrets.credential(of.0, of.1)).await;
        let (known, Some(token)) = (known?, token?) else {
            return Ok(Choice::Absent);
        };
        let now = clock::now();
        let is_refused = find(&known, of, &token).is_some_and(|it| it.is_refused_token(now));
        if !is_refused || self.is_alone(of, &token).await {
            return self.unless_resting(of, &known, token, now).await;
        }
        match self.secrets.credential(of.0, of.1).await? {
            Some(other) => self.unless_resting(of, &known, other, now).await,
            None => Ok(Choice::Absent),
        }
    }

    /// Whether the account has no other access token than this one, which Meta has refused. That is asked once in a minute.
    async fn is_alone(&self, of: Of<'_>, refused: &Credential) -> bool {
        let name = account_name(of);
        if self.alone.get(&name, Instant::now()).is_some() {
            return true;
        }
        let is_alone = !self.secrets.has_other(of.0, of.1, refused).await;
        if is_alone {
            self.alone.put(&name, (), Instant::now());
        }
        is_alone
    }

    async fn unless_resting(
        &self,
        of: Of<'_>,
        known: &[Known],
        token: Credential,
        now: Timestamp,
    ) -> Result<Choice, CredentialError> {
        let Some(known) = find(known, of, &token) else {
            return Ok(Choice::Use(token));
        };
        Ok(match known.breaker.stance(now) {
            Stance::Closed => Choice::Use(token),
            Stance::Open(until) => Choice::Rests(until),
            Stance::HalfOpen => {
                let name = name(of, &token);
                if self.may_probe(&name, &known.breaker, now).await? {
                    Choice::Use(token)
                } else {
                    Choice::Rests(soon(now))
                }
            }
        })
    }
}

fn find<'a>(known: &'a [Known], of: Of<'_>, token: &Credential) -> Option<&'a Known> {
    let name = name(of, token).name;
    known.iter().find(|it| it.name == name)
}

/// Tokens that follow one another have the same alias, so each is told by a part of its hash, which nobody can turn back.
pub(super) fn name((tenant, account): Of<'_>, token: &Credential) -> CredentialName {
    let hash = Sha256::digest(token.token.expose());
    CredentialName {
        tenant: tenant.clone(),
        account: account.clone(),
        name: hex::encode(hash.get(..TOLD_BY).unwrap_or_default()),
        since: 0,
    }
}
