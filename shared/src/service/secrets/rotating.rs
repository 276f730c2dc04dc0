//! One secret while it is rotated: the version in force, and the one that is to follow it.
//!
//! The one that is to follow knows which version it was made from, so that it never takes the place of a value that
//! somebody has put in meanwhile.

use super::wire::{parse_inbound, parse_json, parse_outbound, wire_of_inbound, wire_of_outbound};
use super::{
    AccountInSecrets, AccountOutSecrets, SecretsError, Stage, malformed, refused, unavailable,
};
use crate::domain::secret::SecretText;
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::SdkError;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use serde::{Deserialize, Serialize};

/// A secret that is being rotated.
#[derive(Debug)]
pub struct RotatingSecret {
    client: Client,
    /// Its ARN, or its name.
    id: String,
    /// The id of the version that is to follow.
    token: String,
}

/// A pending version, with the version it was made from.
#[derive(Serialize, Deserialize)]
struct Pending<W> {
    #[serde(flatten)]
    wire: W,
    after: String,
}

#[derive(Deserialize)]
struct MadeFrom {
    after: String,
}

impl RotatingSecret {
    pub(super) fn new(client: Client, id: &str, token: &str) -> Self {
        Self {
            client,
            id: id.to_owned(),
            token: token.to_owned(),
        }
    }

    /// The id of the version that is to follow: nobody else has drawn it.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Whether the version that was to follow is in force.
    pub async fn is_current(&self) -> Result<bool, SecretsError> {
        let (_, version) = self.in_force().await?;
        Ok(version == self.token)
    }

    /// Whether the version that is to follow is there.
    pub async fn has_pending(&self) -> Result<bool, SecretsError> {
        match self.pending().await {
            Ok(_) => Ok(true),
            Err(SecretsError::Missing { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether the version that was to follow was taken back, because somebody has put another value in meanwhile.
    pub async fn is_overtaken(&self) -> Result<bool, SecretsError> {
        let request = self.client.get_secret_value().secret_id(&self.id);
        match request.version_id(&self.token).send().await {
            Ok(version) => {
                let stages = [Stage::Pending.as_str(), Stage::Current.as_str()];
                let mut has = version.version_stages().iter();
                Ok(!has.any(|it| stages.contains(&it.as_str())))
            }
            Err(error) => match self.not_read(error) {
                SecretsError::Missing { .. } => Ok(false),
                error => Err(error),
            },
        }
    }

    /// What proves webhooks now, and its version.
    pub async fn current_in(&self) -> Result<(AccountInSecrets, String), SecretsError> {
        let (text, version) = self.in_force().await?;
        Ok((parse_inbound(&self.id, &text)?, version))
    }

    /// What opens the provider now, and its version.
    pub async fn current_out(&self) -> Result<(AccountOutSecrets, String), SecretsError> {
        let (text, version) = self.in_force().await?;
        Ok((parse_outbound(&self.id, &text)?, version))
    }

    /// What is to prove webhooks.
    pub async fn pending_in(&self) -> Result<AccountInSecrets, SecretsError> {
        parse_inbound(&self.id, &self.pending().await?)
    }

    /// What is to open the provider.
    pub async fn pending_out(&self) -> Result<AccountOutSecrets, SecretsError> {
        parse_outbound(&self.id, &self.pending().await?)
    }

    /// Writes what is to prove webhooks after version `after`.
    pub async fn put_pending_in(
        &self,
        secrets: &AccountInSecrets,
        after: &str,
    ) -> Result<(), SecretsError> {
        self.put_pending(wire_of_inbound(secrets), after).await
    }

    /// Writes what is to open the provider after version `after`.
    pub async fn put_pending_out(
        &self,
        secrets: &AccountOutSecrets,
        after: &str,
    ) -> Result<(), SecretsError> {
        self.put_pending(wire_of_outbound(secrets), after).await
    }

    /// Puts the version that is to follow into force, if the one it was made from is still in force. `false` if it is not.
    pub async fn promote(&self) -> Result<bool, SecretsError> {
        let pending = self.pending().await?;
        let MadeFrom { after } = parse_json(&self.id, &pending)?;
        let (_, current) = self.in_force().await?;
        if current == self.token {
            return Ok(true);
        }
        if current != after {
            return Ok(false);
        }
        let moved = self
            .client
            .update_secret_version_stage()
            .secret_id(&self.id)
            .version_stage(Stage::Current.as_str())
            .move_to_version_id(&self.token)
            .remove_from_version_id(current)
            .send()
            .await;
        match moved {
            Ok(_) => Ok(true),
            Err(error) => Err(unavailable(&self.id, error)),
        }
    }

    /// Ends the rotation: with a version pending, Secrets Manager begins no other. Source: AWS, "`RotateSecret`".
    pub async fn end(&self) -> Result<(), SecretsError> {
        let taken = self
            .client
            .update_secret_version_stage()
            .secret_id(&self.id)
            .version_stage(Stage::Pending.as_str())
            .remove_from_version_id(&self.token)
            .send()
            .await;
        taken
            .map(drop)
            .map_err(|error| unavailable(&self.id, error))
    }

    async fn put_pending(&self, wire: impl Serialize, after: &str) -> Result<(), SecretsError> {
        let pending = Pending {
            wire,
            after: after.to_owned(),
        };
        let text = serde_json::to_string(&pending)
            .map_err(|_| malformed(&self.id, "it cannot be written as JSON"))?;
        let put = self
            .client
            .put_secret_value()
            .secret_id(&self.id)
            .client_request_token(&self.token)
            .version_stages(Stage::Pending.as_str())
            .secret_string(text)
            .send()
            .await;
        put.map(drop).map_err(|error| unavailable(&self.id, error))
    }

    async fn in_force(&self) -> Result<(SecretText, String), SecretsError> {
        let request = self.client.get_secret_value().secret_id(&self.id);
        let answer = request.send().await.map_err(|error| self.not_read(error))?;
        let text = answer.secret_string.map(SecretText::new);
        let found = text.zip(answer.version_id);
        found.ok_or_else(|| malformed(&self.id, "it is not a text with a version"))
    }

    async fn pending(&self) -> Result<SecretText, SecretsError> {
        let request = self.client.get_secret_value().secret_id(&self.id);
        let request = request
            .version_id(&self.token)
            .version_stage(Stage::Pending.as_str());
        let answer = request.send().await.map_err(|error| self.not_read(error))?;
        let text = answer.secret_string.map(SecretText::new);
        text.ok_or_else(|| malformed(&self.id, "it is not a text"))
    }

    fn not_read(&self, error: SdkError<GetSecretValueError>) -> SecretsError {
        refused(&self.id, error)
    }
}
