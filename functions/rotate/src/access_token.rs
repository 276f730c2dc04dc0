//! The access token: one that ends is exchanged for a new one; one that does not end stays.

use crate::{Rotation, RotationError};
use heliograph::domain::failure::ProviderFailure;
use heliograph::domain::identity::{AppId, WabaId};
use heliograph::domain::secret::{Credential, SecretText};
use heliograph::provider::meta::client::management::TokenFacts;
use heliograph::service::clock;
use heliograph::service::secrets::AccountOutSecrets;

/// What Meta is asked with about tokens.
pub(crate) struct App {
    pub(crate) id: AppId,
    pub(crate) secret: SecretText,
}

pub(crate) fn refused(failure: ProviderFailure) -> RotationError {
    RotationError::Meta(failure.message)
}

impl Rotation<'_> {
    /// The account's app.
    pub(crate) async fn app(&self) -> Result<App, RotationError> {
        let account = &self.account;
        let keeper = &self.state.keeper;
        let inbound = keeper.inbound(&account.tenant, &account.id).await?;
        let app = account
            .app
            .clone()
            .zip(inbound.app_secrets.into_iter().next());
        let (id, secret) = app.ok_or(RotationError::Account("the account has no app yet"))?;
        Ok(App { id, secret })
    }

    /// The account's WABA.
    pub(crate) fn waba(&self) -> Result<&WabaId, RotationError> {
        let waba = self.account.waba.as_ref();
        waba.ok_or(RotationError::Account("the account has no WABA yet"))
    }

    /// What Meta says of a token.
    pub(crate) async fn facts(&self, token: &SecretText) -> Result<TokenFacts, RotationError> {
        let App { id, secret } = self.app().await?;
        let meta = &self.state.meta;
        meta.token(&id, &secret, token).await.map_err(refused)
    }
}

/// Makes the next token. The one before goes on until its own end, so whoever still holds it goes on, too.
pub(crate) async fn create(rotation: &Rotation<'_>) -> Result<(), RotationError> {
    if rotation.secret.has_pending().await? {
        return Ok(());
    }
    let (current, version) = rotation.secret.current_out().await?;
    let Some(before) = current.access_tokens.into_iter().next() else {
        return Err(RotationError::Account(
            "the account has no access token yet",
        ));
    };
    let token = if rotation.facts(&before.token).await?.expires_at.is_some() {
        exchange(rotation, &before.token).await?
    } else {
        before.token
    };
    let next = AccountOutSecrets {
        access_tokens: vec![Credential {
            alias: before.alias,
            token,
        }],
        ..AccountOutSecrets::default()
    };
    Ok(rotation.secret.put_pending_out(&next, &version).await?)
}

async fn exchange(
    rotation: &Rotation<'_>,
    before: &SecretText,
) -> Result<SecretText, RotationError> {
    let App { id, secret } = rotation.app().await?;
    let meta = &rotation.state.meta;
    let exchanged = meta
        .exchange_token(&id, &secret, before, clock::now())
        .await;
    Ok(exchanged.map_err(refused)?.0)
}

/// Tries the next token: it is good, and sees the WABA.
///
/// Secrets Manager tries this step alone when rotation is set up, and there may be no next token then.
pub(crate) async fn test(rotation: &Rotation<'_>) -> Result<(), RotationError> {
    if !rotation.secret.has_pending().await? {
        return Ok(());
    }
    let next = rotation.secret.pending_out().await?;
    let Some(next) = next.access_tokens.into_iter().next() else {
        return Err(RotationError::Account("the next version holds no token"));
    };
    if !rotation.facts(&next.token).await?.is_valid {
        return Err(RotationError::Meta("the new token is not valid".to_owned()));
    }
    let meta = &rotation.state.meta;
    let seen = meta.waba(&next.token, rotation.waba()?).await;
    seen.map(drop).map_err(refused)
}
