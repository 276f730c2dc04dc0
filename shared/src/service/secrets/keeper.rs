//! Writes accounts' secrets. Only `accounts` and `rotate` may; whoever writes holds the account meanwhile.
//!
//! What is read here is read anew each time, since it is changed and written back.

use super::wire::{parse_inbound, parse_outbound, wire_of_inbound, wire_of_outbound};
use super::{
    AccountInSecrets, AccountOutSecrets, RotatingSecret, SecretsError, Stage, fetch, malformed,
    name_of, unavailable,
};
use crate::domain::id::AccountId;
use crate::domain::identity::TenantId;
use crate::domain::secret::SecretText;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::SdkError;
use aws_sdk_secretsmanager::operation::create_secret::CreateSecretError;
use aws_sdk_secretsmanager::types::RotationRulesType;
use serde::Serialize;

/// How many days a deleted secret can be restored by its owner; no fewer can be asked for.
const RESTORABLE_DAYS: i64 = 7;

/// A token that is exchanged is good for 60 days; half of them leave time to mend what is wrong.
const ROTATED_EACH_DAYS: i64 = 30;

/// Which of an account's secrets is rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RotatingDirection {
    /// What proves webhooks.
    In,
    /// What opens the provider.
    Out,
}

impl RotatingDirection {
    const fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// When a rotation begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// Now.
    Now,
    /// When its time has come.
    InTime,
}

/// Keeps the secrets of one stack's accounts.
#[derive(Debug, Clone)]
pub struct SecretsKeeper {
    client: Client,
    prefix: String,
}

impl SecretsKeeper {
    /// Secrets under `prefix`, the stack's name.
    pub fn new(client: Client, prefix: impl Into<String>) -> Self {
        Self {
            client,
            prefix: prefix.into(),
        }
    }

    /// What proves webhooks to be the provider's, as it is now; nothing if there is no such secret yet.
    pub async fn inbound(
        &self,
        tenant: &TenantId,
        account: &AccountId,
    ) -> Result<AccountInSecrets, SecretsError> {
        let name = name_of(&self.prefix, "in", tenant, account);
        match self.read(&name).await? {
            Some(text) => parse_inbound(&name, &text),
            None => Ok(AccountInSecrets::default()),
        }
    }

    /// What opens the provider, as it is now; nothing if there is no such secret yet.
    pub async fn outbound(
        &self,
        tenant: &TenantId,
        account: &AccountId,
    ) -> Result<AccountOutSecrets, SecretsError> {
        let name = name_of(&self.prefix, "out", tenant, account);
        match self.read(&name).await? {
            Some(text) => parse_outbound(&name, &text),
            None => Ok(AccountOutSecrets::default()),
        }
    }

    /// Writes what proves webhooks to be the provider's.
    pub async fn put_inbound(
        &self,
        tenant: &TenantId,
        account: &AccountId,
        secrets: &AccountInSecrets,
    ) -> Result<(), SecretsError> {
        let name = name_of(&self.prefix, "in", tenant, account);
        self.write(&name, &wire_of_inbound(secrets)).await
    }

    /// Writes what opens the provider.
    pub async fn put_outbound(
        &self,
        tenant: &TenantId,
        account: &AccountId,
        secrets: &AccountOutSecrets,
    ) -> Result<(), SecretsError> {
        let name = name_of(&self.prefix, "out", tenant, account);
        self.write(&name, &wire_of_outbound(secrets)).await
    }

    /// The secret of this ARN while it is rotated, to the version of id `token`.
    #[must_use]
    pub fn rotating(&self, arn: &str, token: &str) -> RotatingSecret {
        RotatingSecret::new(self.client.clone(), arn, token)
    }

    /// Has an account's secret rotated from now on: by `function`, each month, and at once if it is asked `now`. `false` if
    /// a rotation is under way.
    pub async fn rotate(
        &self,
        direction: RotatingDirection,
        (tenant, account): (&TenantId, &AccountId),
        function: &str,
        begin: Begin,
    ) -> Result<bool, SecretsError> {
        let name = name_of(&self.prefix, direction.as_str(), tenant, account);
        let rules = RotationRulesType::builder()
            .automatically_after_days(ROTATED_EACH_DAYS)
            .build();
        let asked = self
            .client
            .rotate_secret()
            .secret_id(&name)
            .rotation_lambda_arn(function)
            .rotation_rules(rules)
            .rotate_immediately(begin == Begin::Now)
            .send()
            .await;
        match asked {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(refused) if refused.is_invalid_request_exception() => Ok(false),
                _ => Err(unavailable(&name, error)),
            },
        }
    }

    /// Takes back what a rotation has begun and not ended: what was just written by hand counts, and with a version
    /// pending Secrets Manager begins no other rotation. Source: AWS, "`RotateSecret`".
    async fn drop_pending(&self, name: &str) -> Result<(), SecretsError> {
        let described = self.client.describe_secret().secret_id(name).send().await;
        let described = described.map_err(|error| unavailable(name, error))?;
        let versions = described.version_ids_to_stages.unwrap_or_default();
        let bears = |stages: &[String], stage: Stage| stages.iter().any(|it| it == stage.as_str());
        for (version, stages) in versions {
            if bears(&stages, Stage::Pending) && !bears(&stages, Stage::Current) {
                let taken = self
                    .client
                    .update_secret_version_stage()
                    .secret_id(name)
                    .version_stage(Stage::Pending.as_str())
                    .remove_from_version_id(version)
                    .send()
                    .await;
                taken.map_err(|error| unavailable(name, error))?;
            }
        }
        Ok(())
    }

    /// Deletes both secrets of an account; those that are gone are gone. Their owner can restore them for a week.
    pub async fn delete(&self, tenant: &TenantId, account: &AccountId) -> Result<(), SecretsError> {
        for direction in ["in", "out"] {
            let name = name_of(&self.prefix, direction, tenant, account);
            let deleted = self
                .client
                .delete_secret()
                .secret_id(&name)
                .recovery_window_in_days(RESTORABLE_DAYS)
                .send()
                .await;
            if let Err(error) = deleted {
                let gone = error.as_service_error().is_some_and(|it| {
                    it.is_resource_not_found_exception() || it.is_invalid_request_exception()
                });
                if !gone {
                    return Err(unavailable(&name, error));
                }
            }
        }
        Ok(())
    }

    async fn read(&self, name: &str) -> Result<Option<SecretText>, SecretsError> {
        match fetch(&self.client, name).await {
            Ok(text) => Ok(Some(text)),
            Err(SecretsError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes a new version; the one before stays as AWSPREVIOUS. What is the same already is not written, or it would push
    /// the one before out.
    async fn write(&self, name: &str, wire: &impl Serialize) -> Result<(), SecretsError> {
        let text = serde_json::to_string(wire)
            .map_err(|_| malformed(name, "it cannot be written as JSON"))?;
        let known = self.read(name).await?;
        if known.as_ref().is_some_and(|known| known.expose() == text) {
            return Ok(());
        }
        if known.is_none() {
            let created = self
                .client
                .create_secret()
                .name(name)
                .description("An account's secrets, written by Heliograph")
                .secret_string(text)
                .send()
                .await;
            return created.map(drop).map_err(|error| uncreated(name, error));
        }
        let put = self
            .client
            .put_secret_value()
            .secret_id(name)
            .secret_string(text)
            .send()
            .await;
        put.map_err(|error| unavailable(name, error))?;
        self.drop_pending(name).await
    }
}

/// The name of a secret that was deleted is free when it can be restored no more. Source: AWS, "`DeleteSecret`".
fn uncreated(name: &str, error: SdkError<CreateSecretError>) -> SecretsError {
    match error.as_service_error() {
        Some(refused) if refused.is_invalid_request_exception() => SecretsError::Deleted {
            name: name.to_owned(),
        },
        _ => unavailable(name, error),
    }
}
