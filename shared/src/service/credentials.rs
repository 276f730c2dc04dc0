//! The credential that a message is sent with: its account's access token at Meta, one of its sender's keys at any other
//! provider.

use super::clock;
use super::secrets::{self, SecretsCache, SecretsError, tell_refused};
use crate::domain::id::AccountId;
use crate::domain::identity::{KeyAlias, SenderId, TenantId};
use crate::domain::provider::Provider;
use crate::domain::provider_key::{KeySecret, ProviderKey, choose};
use crate::domain::secret::Credential;
use crate::store::{Account, Expiring, Store, StoreError};
use std::sync::Arc;
use std::time::{Duration, Instant};
use thiserror::Error;
use uuid::Uuid;

/// How long what is known of an account's keys is gone by: one that was disabled is used so much longer.
const LIFETIME: Duration = Duration::from_secs(2);

/// Accounts remembered at most.
const CAPACITY: usize = 100;

/// Chooses credentials.
#[derive(Debug)]
pub struct Credentials {
    store: Store,
    secrets: SecretsCache,
    accounts: Expiring<Arc<Account>>,
}

/// Why it is not known whether there is a credential: try again.
#[derive(Debug, Error)]
pub enum CredentialError {
    /// The secret cannot be read.
    #[error("the account's secret cannot be read")]
    Secrets(#[from] SecretsError),
    /// The account cannot be read.
    #[error("the account cannot be read")]
    Store(#[from] StoreError),
}

impl Credentials {
    /// Credentials of the accounts in `store`, out of `secrets`.
    #[must_use]
    pub fn new(store: Store, secrets: SecretsCache) -> Self {
        Self {
            store,
            secrets,
            accounts: Expiring::new(CAPACITY, LIFETIME),
        }
    }

    /// The secrets themselves.
    #[must_use]
    pub const fn secrets(&self) -> &SecretsCache {
        &self.secrets
    }

    /// The credential to send with from a sender of an account, if there is one.
    pub async fn of(
        &self,
        (tenant, account): (&TenantId, &AccountId),
        sender: &SenderId,
    ) -> Result<Option<Credential>, CredentialError> {
        match sender.provider() {
            Provider::Meta => Ok(self.secrets.credential(tenant, account).await?),
            Provider::Notifapi | Provider::Fonnte | Provider::Mock => {
                self.key((tenant, account), sender).await
            }
        }
    }

    /// The credential of an account's that has this alias, be it used at this time or not.
    pub async fn pinned(
        &self,
        account: &Account,
        alias: &KeyAlias,
    ) -> Result<Option<Credential>, CredentialError> {
        let secrets = self.secrets.outbound_anew(&account.tenant, &account.id);
        let of_alias = secrets.await.map(|secrets| {
            if let Some(key) = account.key(alias) {
                return secrets.of_key(key).map(credential_of);
            }
            let mut tokens = secrets.access_tokens.into_iter();
            tokens.find(|it| it.alias == alias.as_str())
        });
        Ok(secrets::usable(of_alias)?)
    }

    /// Whether there is another credential than the one that the provider has just refused. From now on that one is not
    /// given any more.
    pub async fn has_other(
        &self,
        (tenant, account): (&TenantId, &AccountId),
        sender: &SenderId,
        refused: &Credential,
    ) -> bool {
        match sender.provider() {
            Provider::Meta => self.secrets.has_other(tenant, account, refused).await,
            Provider::Notifapi | Provider::Fonnte | Provider::Mock => {
                self.refuse_key((tenant, account), refused).await;
                let other = self.key((tenant, account), sender).await;
                // What cannot be read now may hold another one.
                let has_other = other.is_err() || other.is_ok_and(|key| key.is_some());
                tell_refused(account, has_other);
                has_other
            }
        }
    }

    /// The refused key is the one that is known by its alias, unless that has given way to another one meanwhile.
    async fn refuse_key(&self, (tenant, id): (&TenantId, &AccountId), refused: &Credential) {
        let Ok(Some(account)) = self.account(tenant, id).await else {
            return;
        };
        let Some(newest) = account.keys.iter().map(|key| key.since).max() else {
            return;
        };
        let known = self.secrets.provider_keys(tenant, id, newest).await;
        let is_it =
            |key: &&KeySecret| key.alias.as_str() == refused.alias && key.key == refused.token;
        for key in known.iter().flatten().filter(is_it) {
            self.secrets.refuse_key(tenant, id, key);
        }
        self.accounts.remove(&name(tenant, id));
    }

    async fn key(
        &self,
        (tenant, account): (&TenantId, &AccountId),
        sender: &SenderId,
    ) -> Result<Option<Credential>, CredentialError> {
        let known = self.account(tenant, account).await?;
        if let Some(key) = self.key_of(known.as_deref(), sender).await? {
            return Ok(Some(key));
        }
        // None that is known may be used: somebody may have put another one in.
        self.accounts.remove(&name(tenant, account));
        let now = self.account(tenant, account).await?;
        Ok(self.key_of(now.as_deref(), sender).await?)
    }

    async fn key_of(
        &self,
        account: Option<&Account>,
        sender: &SenderId,
    ) -> Result<Option<Credential>, SecretsError> {
        let Some(account) = account else {
            return Ok(None);
        };
        let usable = account.usable_keys(sender, clock::now());
        let newest = account.keys.iter().map(|key| key.since).max();
        let Some(newest) = newest.filter(|_| !usable.is_empty()) else {
            return Ok(None);
        };
        let (tenant, id) = (&account.tenant, &account.id);
        let secrets = self.secrets.provider_keys(tenant, id, newest).await;
        secrets::usable(secrets.map(|secrets| chosen(&usable, &secrets)))
    }

    async fn account(
        &self,
        tenant: &TenantId,
        id: &AccountId,
    ) -> Result<Option<Arc<Account>>, StoreError> {
        let name = name(tenant, id);
        if let Some(known) = self.accounts.get(&name, Instant::now()) {
            return Ok(Some(known));
        }
        let read = self.store.account(tenant, id).await?.map(Arc::new);
        if let Some(account) = &read {
            self.accounts.put(&name, account.clone(), Instant::now());
        }
        Ok(read)
    }
}

/// One of the usable keys, if its secret is there.
fn chosen(usable: &[&ProviderKey], secrets: &[KeySecret]) -> Option<Credential> {
    let secret = |key: &ProviderKey| secrets.iter().find(|it| it.is_of(key));
    let there: Vec<&ProviderKey> = usable
        .iter()
        .copied()
        .filter(|key| secret(key).is_some())
        .collect();
    let chosen = choose(&there, Uuid::new_v4().as_u64_pair().1);
    chosen.and_then(secret).map(credential_of)
}

fn credential_of(key: &KeySecret) -> Credential {
    Credential {
        alias: key.alias.to_string(),
        token: key.key.clone(),
    }
}

fn name(tenant: &TenantId, account: &AccountId) -> String {
    format!("{tenant}/{account}")
}
