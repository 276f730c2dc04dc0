//! Credentials that the provider has refused: they are not given any more, and others take their place.

use super::wire::parse_outbound;
use super::{AccountOutSecrets, SecretsCache, SecretsError, Stage, fetch_stage};
use crate::domain::id::AccountId;
use crate::domain::identity::TenantId;
use crate::domain::provider_key::KeySecret;
use crate::domain::secret::{Credential, SecretText};
use crate::service::telemetry::chain;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Instant;

impl SecretsCache {
    /// Whether the account has another credential than `refused`, which the provider has just refused: another one in
    /// its secret as that is now, or the one before (AWSPREVIOUS). From now on the first that has not been refused is
    /// given. What cannot be read now may hold another one.
    pub async fn has_other(
        &self,
        tenant: &TenantId,
        account: &AccountId,
        refused: &Credential,
    ) -> bool {
        let (name, dead) = self.refuse(tenant, account, refused);
        for stage in [Stage::Current, Stage::Previous] {
            match self.alive(&name, stage, &dead).await {
                Ok(Some(secrets)) => {
                    self.outbound.put(&name, Arc::new(secrets), Instant::now());
                    return true;
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(account.id = %account, error = chain(&error), "no other credential could be read");
                    return matches!(error, SecretsError::Unavailable { .. });
                }
            }
        }
        false
    }

    /// Notes that the provider has refused a credential: it is not given any more, and the secret is read anew. Gives the
    /// secret's name, and all that is refused of it.
    fn refuse(
        &self,
        tenant: &TenantId,
        account: &AccountId,
        refused: &Credential,
    ) -> (String, Vec<SecretText>) {
        let name = self.name("out", tenant, account);
        self.outbound.remove(&name);
        let mut dead = self.dead.get(&name, Instant::now()).unwrap_or_default();
        if !dead.contains(&refused.token) {
            dead.push(refused.token.clone());
        }
        self.dead.put(&name, dead.clone(), Instant::now());
        (name, dead)
    }

    /// The keys of an account at any other provider than Meta. One that was put in after `newest` is read when it is asked
    /// for with its time.
    pub(in crate::service) async fn provider_keys(
        &self,
        tenant: &TenantId,
        account: &AccountId,
        newest: Timestamp,
    ) -> Result<Vec<KeySecret>, SecretsError> {
        let name = self.name("out", tenant, account);
        let read_as = format!("{name}@{newest}");
        let secrets = self.read_outbound(&name, &read_as).await?;
        Ok(secrets.provider_keys.clone())
    }

    /// Those credentials of a secret's version that have not been refused, if there is one.
    async fn alive(
        &self,
        name: &str,
        stage: Stage,
        dead: &[SecretText],
    ) -> Result<Option<AccountOutSecrets>, SecretsError> {
        let text = match fetch_stage(&self.client, name, stage).await {
            Ok(text) => text,
            // A secret that was written once has no version before.
            Err(SecretsError::Missing { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut secrets = parse_outbound(name, &text)?;
        secrets.access_tokens.retain(|it| !dead.contains(&it.token));
        Ok((!secrets.access_tokens.is_empty()).then_some(secrets))
    }
}
