//! Reads accounts' secrets from Secrets Manager and remembers them for some minutes.
//!
//! What `webhook` needs (`in`) and what sends (`out`) stand in different secrets, so that neither function may read
//! the other's. No error holds anything of a secret but its name.

mod keeper;
mod refused;
mod rotating;
mod wire;

pub use keeper::{Begin, RotatingDirection, SecretsKeeper};
pub use rotating::RotatingSecret;

use super::problem::Problem;
use super::telemetry::chain;
use crate::domain::id::AccountId;
use crate::domain::identity::TenantId;
use crate::domain::provider_key::{KeySecret, ProviderKey};
use crate::domain::secret::{Credential, SecretText};
use crate::store::Expiring;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::SdkError;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use std::error::Error as StdError;
use std::sync::Arc;
use std::time::{Duration, Instant};
use thiserror::Error;
use tokio::sync::Mutex;
use wire::{OperatorV1, parse_inbound, parse_outbound, parse_v1};

/// How long a warm function may go on with a secret that has been changed.
const LIFETIME: Duration = Duration::from_mins(5);
/// How long what did not fit is not read again.
const DOUBTED_FOR: Duration = Duration::from_secs(10);
/// How long verify tokens that were read are good to compare with, and not read again if they were read in vain. Whoever
/// sets an account up tries again soon.
const HANDSHAKE_LIFETIME: Duration = Duration::from_secs(2);
/// How long the operator's key opens after it was changed. Its reads are few.
const OPERATOR_LIFETIME: Duration = Duration::from_mins(1);
/// Accounts of one direction.
const CAPACITY: usize = 1_000;

/// What proves that a webhook is the provider's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountInSecrets {
    /// The current app secret, then those that are still good.
    pub app_secrets: Vec<SecretText>,
    /// What the handshake's `hub.verify_token` may be.
    pub verify_tokens: Vec<SecretText>,
    /// What may stand in the path that is called, where nothing is signed.
    pub path_tokens: Vec<SecretText>,
}

/// What opens the provider to us.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountOutSecrets {
    /// The access tokens, the preferred one first.
    pub access_tokens: Vec<Credential>,
    /// The keys, at any other provider than Meta.
    pub provider_keys: Vec<KeySecret>,
}

impl AccountOutSecrets {
    /// The secret of a key that the account lists.
    #[must_use]
    pub fn of_key(&self, key: &ProviderKey) -> Option<&KeySecret> {
        self.provider_keys.iter().find(|it| it.is_of(key))
    }
}

/// Why a secret could not be read.
#[derive(Debug, Error)]
pub enum SecretsError {
    /// There is no such secret; asking again will not help.
    #[error("there is no secret {name}")]
    Missing {
        /// Its name.
        name: String,
    },
    /// It was deleted, and its name is kept until it can be restored no more.
    #[error("the secret {name} was deleted and can still be restored")]
    Deleted {
        /// Its name.
        name: String,
    },
    /// It is not of the form it must have; somebody must mend it.
    #[error("the secret {name} is malformed: {wrong}")]
    Malformed {
        /// Its name.
        name: String,
        /// What is wrong, without a word of it.
        wrong: String,
    },
    /// Secrets Manager does not answer or does not let us; try again.
    #[error("the secret {name} cannot be reached now")]
    Unavailable {
        /// Its name.
        name: String,
        /// What Secrets Manager said.
        source: Box<dyn StdError + Send + Sync>,
    },
}

impl From<SecretsError> for Problem {
    fn from(error: SecretsError) -> Self {
        match error {
            SecretsError::Unavailable { .. } => Self::unavailable(&error),
            SecretsError::Deleted { .. } => Self::conflict(
                "secrets_deleted",
                "an account of this id was deleted, and its secrets can be restored for seven days, in AWS by their owner: until then give this one another id",
            ),
            SecretsError::Missing { .. } | SecretsError::Malformed { .. } => Self::internal(&error),
        }
    }
}

/// The secrets of one stack's accounts.
#[derive(Debug)]
pub struct SecretsCache {
    client: Client,
    prefix: String,
    inbound: Expiring<Arc<AccountInSecrets>>,
    doubted: Expiring<()>,
    doubting: Mutex<()>,
    verify_tokens: Expiring<Arc<Vec<SecretText>>>,
    /// Where the last reading did not hold the token that was presented.
    read_in_vain: Expiring<()>,
    outbound: Expiring<Arc<AccountOutSecrets>>,
    /// Credentials that the provider has refused.
    dead: Expiring<Vec<SecretText>>,
    operator: Expiring<SecretText>,
}

impl SecretsCache {
    /// Secrets under `prefix`, the stack's name.
    pub fn new(client: Client, prefix: impl Into<String>) -> Self {
        Self {
            client,
            prefix: prefix.into(),
            inbound: Expiring::new(CAPACITY, LIFETIME),
            doubted: Expiring::new(CAPACITY, DOUBTED_FOR),
            doubting: Mutex::new(()),
            verify_tokens: Expiring::new(CAPACITY, HANDSHAKE_LIFETIME),
            read_in_vain: Expiring::new(CAPACITY, HANDSHAKE_LIFETIME),
            outbound: Expiring::new(CAPACITY, LIFETIME),
            dead: Expiring::new(CAPACITY, LIFETIME),
            operator: Expiring::new(1, OPERATOR_LIFETIME),
        }
    }

    /// The random part of the operator's key.
    pub async fn operator(&self) -> Result<SecretText, SecretsError> {
        let name = format!("{}/operator", self.prefix);
        if let Some(known) = self.operator.get(&name, Instant::now()) {
            return Ok(known);
        }
        let wire: OperatorV1 = parse_v1(&name, &self.fetch(&name).await?)?;
        let key = SecretText::new(wire.key);
        self.operator.put(&name, key.clone(), Instant::now());
        Ok(key)
    }

    /// What proves that a webhook for `account` is the provider's.
    pub async fn inbound(
        &self,
        tenant: &TenantId,
        account: &AccountId,
    ) -> Result<Arc<AccountInSecrets>, SecretsError> {
        let name = self.name("in", tenant, account);
        if let Some(secrets) = self.inbound.get(&name, Instant::now()) {
            return Ok(secrets);
        }
        self.read_inbound(&name).await
    }

    /// The same, read anew because a signature did not fit `known`: somebody may have changed the secret. `None` if it
    /// was read within the last seconds and is the same, so that a flood of bad signatures reads hardly anything.
    pub async fn inbound_doubted(
        &self,
        tenant: &TenantId,
        account: &AccountId,
        known: &Arc<AccountInSecrets>,
    ) -> Result<Option<Arc<AccountInSecrets>>, SecretsError> {
        let name = self.name("in", tenant, account);
        // Calls that come together after a change wait for the one that reads it.
        let _one_at_a_time = self.doubting.lock().await;
        let remembered = self.inbound.get(&name, Instant::now());
        if let Some(newer) = remembered.filter(|it| !Arc::ptr_eq(it, known)) {
            return Ok(Some(newer));
        }
        if self.doubted.get(&name, Instant::now()).is_some() {
            return Ok(None);
        }
        self.doubted.put(&name, (), Instant::now());
        self.read_inbound(&name).await.map(Some)
    }

    /// Whether a handshake `fits` the verify tokens that are good at this moment, because none of those remembered does:
    /// somebody may have changed the secret, or it is being rotated, and Meta calls with the next one before that is in
    /// force. What was read in vain is not read again for two seconds, so that a flood reads hardly anything. A handshake
    /// that fits is none of a flood, and the one after it may bring a token that is newer still.
    pub async fn handshake_fits(
        &self,
        tenant: &TenantId,
        account: &AccountId,
        fits: impl Fn(&[SecretText]) -> bool,
    ) -> Result<bool, SecretsError> {
        let name = self.name("in", tenant, account);
        let _one_at_a_time = self.doubting.lock().await;
        let known = self.verify_tokens.get(&name, Instant::now());
        if known.is_some_and(|known| fits(&known)) {
            return Ok(true);
        }
        if self.read_in_vain.get(&name, Instant::now()).is_some() {
            return Ok(false);
        }
        let tokens = Arc::new(self.read_verify_tokens(&name).await?);
        let fit = fits(&tokens);
        self.verify_tokens.put(&name, tokens, Instant::now());
        if !fit {
            self.read_in_vain.put(&name, (), Instant::now());
        }
        Ok(fit)
    }

    /// Those in force, and those that are to follow.
    async fn read_verify_tokens(&self, name: &str) -> Result<Vec<SecretText>, SecretsError> {
        let mut tokens = self.read_inbound(name).await?.verify_tokens.clone();
        match fetch_stage(&self.client, name, Stage::Pending).await {
            Ok(text) => tokens.extend(parse_inbound(name, &text)?.verify_tokens),
            Err(SecretsError::Missing { .. }) => {}
            Err(error) => return Err(error),
        }
        Ok(tokens)
    }

    async fn read_inbound(&self, name: &str) -> Result<Arc<AccountInSecrets>, SecretsError> {
        let secrets = Arc::new(parse_inbound(name, &self.fetch(name).await?)?);
        self.inbound.put(name, secrets.clone(), Instant::now());
        Ok(secrets)
    }

    /// What opens the provider for `account`.
    pub async fn outbound(
        &self,
        tenant: &TenantId,
        account: &AccountId,
    ) -> Result<Arc<AccountOutSecrets>, SecretsError> {
        let name = self.name("out", tenant, account);
        self.read_outbound(&name, &name).await
    }

    /// The same as it is at this moment: with what was put in just now, and with what the provider has refused.
    pub(in crate::service) async fn outbound_anew(
        &self,
        tenant: &TenantId,
        account: &AccountId,
    ) -> Result<AccountOutSecrets, SecretsError> {
        let name = self.name("out", tenant, account);
        parse_outbound(&name, &self.fetch(&name).await?)
    }

    /// The secret of this name, as it was first read under `read_as`.
    async fn read_outbound(
        &self,
        name: &str,
        read_as: &str,
    ) -> Result<Arc<AccountOutSecrets>, SecretsError> {
        if let Some(secrets) = self.outbound.get(read_as, Instant::now()) {
            return Ok(secrets);
        }
        let secrets = Arc::new(parse_outbound(name, &self.fetch(name).await?)?);
        self.outbound.put(read_as, secrets.clone(), Instant::now());
        Ok(secrets)
    }

    /// The credential to send with, if the account has one.
    pub async fn credential(
        &self,
        tenant: &TenantId,
        account: &AccountId,
    ) -> Result<Option<Credential>, SecretsError> {
        let secrets = self.outbound(tenant, account).await;
        or_none(secrets.map(|secrets| secrets.access_tokens.first().cloned()))
    }

    fn name(&self, direction: &str, tenant: &TenantId, account: &AccountId) -> String {
        name_of(&self.prefix, direction, tenant, account)
    }

    async fn fetch(&self, name: &str) -> Result<SecretText, SecretsError> {
        fetch(&self.client, name).await
    }
}

/// What is to be sent with. A secret that somebody must mend has nothing: until then the account's messages are refused,
/// not kept waiting.
pub(super) fn or_none<T>(read: Result<Option<T>, SecretsError>) -> Result<Option<T>, SecretsError> {
    match read {
        Err(
            error @ (SecretsError::Missing { .. }
            | SecretsError::Deleted { .. }
            | SecretsError::Malformed { .. }),
        ) => {
            tracing::error!(error = chain(&error), "an account has no usable credential");
            Ok(None)
        }
        Ok(_) | Err(SecretsError::Unavailable { .. }) => read,
    }
}

fn name_of(prefix: &str, direction: &str, tenant: &TenantId, account: &AccountId) -> String {
    format!("{prefix}/{direction}/{tenant}/{account}")
}

/// Which version of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Current,
    /// The one that was current before.
    Previous,
    /// The one that is to follow. Source: AWS, "Lambda rotation functions".
    Pending,
}

impl Stage {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Current => "AWSCURRENT",
            Self::Previous => "AWSPREVIOUS",
            Self::Pending => "AWSPENDING",
        }
    }
}

async fn fetch(client: &Client, name: &str) -> Result<SecretText, SecretsError> {
    fetch_stage(client, name, Stage::Current).await
}

async fn fetch_stage(
    client: &Client,
    name: &str,
    stage: Stage,
) -> Result<SecretText, SecretsError> {
    let mut request = client.get_secret_value().secret_id(name);
    if stage != Stage::Current {
        request = request.version_stage(stage.as_str());
    }
    let answer = request.send().await;
    let value = answer.map_err(|error| refused(name, error))?;
    let text = value.secret_string.map(SecretText::new);
    text.ok_or_else(|| malformed(name, "it is not a text"))
}

fn refused(name: &str, error: SdkError<GetSecretValueError>) -> SecretsError {
    match error.as_service_error() {
        // The latter is what Secrets Manager says of a secret that is marked for deletion.
        Some(
            GetSecretValueError::ResourceNotFoundException(_)
            | GetSecretValueError::InvalidRequestException(_),
        ) => SecretsError::Missing {
            name: name.to_owned(),
        },
        _ => unavailable(name, error),
    }
}

fn unavailable(name: &str, source: impl Into<Box<dyn StdError + Send + Sync>>) -> SecretsError {
    SecretsError::Unavailable {
        name: name.to_owned(),
        source: source.into(),
    }
}

fn malformed(name: &str, wrong: &str) -> SecretsError {
    SecretsError::Malformed {
        name: name.to_owned(),
        wrong: wrong.to_owned(),
    }
}

#[cfg(test)]
mod tests;
