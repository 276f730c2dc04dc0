//! The credential that a message is sent with: its account's access token at Meta, one of its sender's keys at any other
//! provider.
//!
//! What is known of each stands in the store and is the same for every environment: that the provider has refused it,
//! that its calls fail, that its limits are reached. Each environment reads that anew after a second or two.

mod keys;
mod learning;
mod places;
mod tokens;

pub use crate::domain::breaker::Learnt;
pub use places::Place;

use super::clock;
use super::secrets::{SecretsCache, SecretsError, or_none};
use super::telemetry::{chain, count};
use crate::domain::breaker::Breaker;
use crate::domain::credential::{Known, Refusal};
use crate::domain::failure::ProviderFailure;
use crate::domain::id::AccountId;
use crate::domain::identity::{KeyAlias, SenderId, TenantId};
use crate::domain::provider::Provider;
use crate::domain::provider_key::Uses;
use crate::domain::secret::Credential;
use crate::store::{Account, CredentialName, Expiring, Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use learning::Learning;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use thiserror::Error;
use uuid::Uuid;

/// How long what is known of an account's credentials is gone by: one that was disabled or refused elsewhere is used so
/// much longer.
const LIFETIME: Duration = Duration::from_secs(2);

/// Accounts remembered at most.
const CAPACITY: usize = 100;

/// How long a refused key is not used here, if others could not be told of it.
const REFUSED_HERE_FOR: Duration = Duration::from_mins(1);

/// Whoever finds that somebody else makes the one call looks again after this.
const SOON: SignedDuration = SignedDuration::from_secs(2);

/// Chooses credentials.
#[derive(Debug)]
pub struct Credentials {
    store: Store,
    secrets: SecretsCache,
    accounts: Expiring<Arc<Account>>,
    known: Expiring<Arc<Vec<Known>>>,
    /// Keys that were refused here, of which nobody else knows yet.
    refused: Expiring<()>,
    /// Accounts at Meta whose refused token is the only one.
    alone: Expiring<()>,
    /// How often each sender's keys were used here.
    uses: Mutex<HashMap<String, Uses>>,
    learning: Learning,
}

/// What a message may be sent with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// This.
    Use(Credential),
    /// Nothing before this time: every credential that there is rests, or has reached a limit.
    Rests(Timestamp),
    /// There is nothing.
    Absent,
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

/// Whose credentials.
type Of<'a> = (&'a TenantId, &'a AccountId);

impl Credentials {
    /// Credentials of the accounts in `store`, out of `secrets`.
    #[must_use]
    pub fn new(store: Store, secrets: SecretsCache) -> Self {
        Self {
            store,
            secrets,
            accounts: Expiring::new(CAPACITY, LIFETIME),
            known: Expiring::new(CAPACITY, LIFETIME),
            refused: Expiring::new(CAPACITY, REFUSED_HERE_FOR),
            alone: Expiring::new(CAPACITY, REFUSED_HERE_FOR),
            uses: Mutex::default(),
            learning: Learning::default(),
        }
    }

    /// The secrets themselves.
    #[must_use]
    pub const fn secrets(&self) -> &SecretsCache {
        &self.secrets
    }

    /// The credential to send with from a sender of an account, if there is one that may be used now.
    pub async fn of(&self, of: Of<'_>, sender: &SenderId) -> Result<Choice, CredentialError> {
        match sender.provider() {
            Provider::Meta => self.token(of).await,
            Provider::Gateway(_) => self.key(of, sender).await,
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
                return secrets.of_key(key).map(keys::credential);
            }
            let mut tokens = secrets.access_tokens.into_iter();
            tokens.find(|it| it.alias == alias.as_str())
        });
        Ok(or_none(of_alias)?)
    }

    /// Whether there is another credential than the one that the provider has just refused so. From now on that one is not
    /// given any more, by any environment; where the provider told when it may be good again, until then.
    pub async fn has_other(
        &self,
        of: Of<'_>,
        sender: &SenderId,
        refused: &Credential,
        failure: &ProviderFailure,
    ) -> bool {
        let name = self.name(of, sender, refused).await;
        let noted = match &name {
            Some(name) => self.note_refused(name, failure, clock::now()).await,
            // It has given way to another one already.
            None => Ok(false),
        };
        let is_first = noted.unwrap_or_else(|error| {
            let (error, alias) = (chain(&error), &refused.alias);
            tracing::warn!(account.id = %of.1, credential.alias = alias, error, "others do not know yet that a credential is refused");
            true
        });
        self.known.remove(&account_name(of));
        let has_other = match sender.provider() {
            Provider::Meta => self.secrets.has_other(of.0, of.1, refused).await,
            Provider::Gateway(_) => self.has_other_key(of, sender).await,
        };
        tell_refused(of.1, refused, (is_first, has_other));
        has_other
    }

    /// Has everybody know that a credential was refused. `false` if they did.
    async fn note_refused(
        &self,
        name: &CredentialName,
        failure: &ProviderFailure,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let Some(seconds) = failure.retry_after_s else {
            let learnt = learnt_of(name);
            self.refused.put(&learnt, (), Instant::now());
            let refusal = Refusal {
                at: now,
                message: failure.message.clone(),
            };
            let is_first = self.store.refuse_credential(name, &refusal).await?;
            // What everybody knows says it from now on, and takes it back once the key is good again.
            self.refused.remove(&learnt);
            return Ok(is_first);
        };
        let wait = SignedDuration::from_secs(seconds.into());
        let breaker = self.read_known(name).await?.breaker;
        let resting = breaker.asked_to_rest(&failure.message, wait, now);
        // If somebody else has turned it, most likely the same happened there.
        self.store.turn_breaker(name, &resting, now).await
    }

    /// What is known of a credential at this moment.
    async fn read_known(&self, name: &CredentialName) -> Result<Known, StoreError> {
        let all = self
            .store
            .known_credentials(&name.tenant, &name.account)
            .await?;
        let is_it = |known: &Known| known.name == name.name && known.since == name.since;
        Ok(all.into_iter().find(is_it).unwrap_or_default())
    }

    /// What the store calls a credential that was given.
    async fn name(
        &self,
        of: Of<'_>,
        sender: &SenderId,
        credential: &Credential,
    ) -> Option<CredentialName> {
        match sender.provider() {
            Provider::Meta => Some(tokens::name(of, credential)),
            Provider::Gateway(_) => self.name_of_key(of, credential).await,
        }
    }

    /// What is known of an account's credentials, as it was within the last seconds.
    async fn known(&self, of: Of<'_>) -> Result<Arc<Vec<Known>>, StoreError> {
        let name = account_name(of);
        if let Some(known) = self.known.get(&name, Instant::now()) {
            return Ok(known);
        }
        let read = Arc::new(self.store.known_credentials(of.0, of.1).await?);
        self.known.put(&name, read.clone(), Instant::now());
        Ok(read)
    }

    async fn account(&self, of: Of<'_>) -> Result<Option<Arc<Account>>, StoreError> {
        let name = account_name(of);
        if let Some(known) = self.accounts.get(&name, Instant::now()) {
            return Ok(Some(known));
        }
        let read = self.store.account(of.0, of.1).await?.map(Arc::new);
        if let Some(account) = &read {
            self.accounts.put(&name, account.clone(), Instant::now());
        }
        Ok(read)
    }

    /// Asks for the right to the one call that shows whether a rested credential is good again.
    async fn may_probe(
        &self,
        name: &CredentialName,
        breaker: &Breaker,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let token = Uuid::new_v4().simple().to_string();
        let Some(probing) = breaker.probing(&token, now) else {
            return Ok(false);
        };
        let is_mine = self.store.turn_breaker(name, &probing, now).await?;
        self.known
            .remove(&account_name((&name.tenant, &name.account)));
        if is_mine {
            self.learning.probes(&learnt_of(name), token);
        }
        Ok(is_mine)
    }
}

fn account_name((tenant, account): Of<'_>) -> String {
    format!("{tenant}/{account}")
}

/// What an environment remembers a credential by.
fn learnt_of(name: &CredentialName) -> String {
    let CredentialName {
        tenant,
        account,
        name,
        since,
    } = name;
    format!("{tenant}/{account}/{name}@{since}")
}

/// When somebody else's call shows how it is.
fn soon(now: Timestamp) -> Timestamp {
    now.saturating_add(SOON).unwrap_or(Timestamp::MAX)
}

/// Says that a credential was refused, for the alarms. The log says it once: of the calls that were under way when it was,
/// each is counted, for whoever was first may have died before it could say so.
fn tell_refused(account: &AccountId, refused: &Credential, (is_first, has_other): (bool, bool)) {
    let alias = &refused.alias;
    if !is_first {
        tracing::info!(account.id = %account, credential.alias = alias, "a credential was refused again that is known to be");
    } else if has_other {
        tracing::warn!(account.id = %account, credential.alias = alias, "a refused credential was replaced");
    } else {
        tracing::error!(account.id = %account, credential.alias = alias, "the last credential of an account was refused");
    }
    if has_other {
        count("credential_refused", "replaced", 1);
    } else {
        count("account_paused", "credential", 1);
    }
}
