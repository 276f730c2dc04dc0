//! The verify token: drawn anew, told to Meta, and good beside the one before until the next rotation.

use crate::access_token::{App, refused};
use crate::{Rotation, RotationError};
use heliograph::domain::account::{Step, StepState};
use heliograph::domain::secret::SecretText;
use heliograph::service::auth::drawn;

/// The new one and the one before.
const TOKENS: usize = 2;

impl Rotation<'_> {
    fn callback(&self) -> String {
        self.account.callback(&self.state.webhook_url)
    }

    /// Whether Meta calls the account's webhook; before that, there is nobody to tell.
    fn is_subscribed(&self) -> bool {
        self.account.setup.state(Step::Webhook) == StepState::Done
    }

    async fn access_token(&self) -> Result<SecretText, RotationError> {
        let account = &self.account;
        let keeper = &self.state.keeper;
        let outbound = keeper.outbound(&account.tenant, &account.id).await?;
        let token = outbound.access_tokens.into_iter().next().map(|it| it.token);
        token.ok_or(RotationError::Account(
            "the account has no access token yet",
        ))
    }
}

/// Draws the next token.
pub(crate) async fn create(rotation: &Rotation<'_>) -> Result<(), RotationError> {
    if rotation.secret.has_pending().await? {
        return Ok(());
    }
    let (mut next, version) = rotation.secret.current_in().await?;
    let App { id, .. } = rotation.app().await?;
    let meta = &rotation.state.meta;
    next.app_secrets = meta.good_secrets(&id, next.app_secrets).await;
    next.verify_tokens.insert(0, drawn());
    next.verify_tokens.truncate(TOKENS);
    Ok(rotation.secret.put_pending_in(&next, &version).await?)
}

/// Tells Meta, which calls the webhook with it at once: the webhook takes what is pending, too.
pub(crate) async fn set(rotation: &Rotation<'_>) -> Result<(), RotationError> {
    if !rotation.is_subscribed() {
        return Ok(());
    }
    let next = rotation.secret.pending_in().await?;
    let Some(verify_token) = next.verify_tokens.first() else {
        return Err(RotationError::Account(
            "the next version holds no verify token",
        ));
    };
    let token = rotation.access_token().await?;
    let meta = &rotation.state.meta;
    let told = meta
        .subscribe(&token, rotation.waba()?, &rotation.callback(), verify_token)
        .await;
    told.map_err(refused)
}

/// Sees whether Meta goes on to call the webhook.
pub(crate) async fn test(rotation: &Rotation<'_>) -> Result<(), RotationError> {
    if !rotation.is_subscribed() {
        return Ok(());
    }
    let token = rotation.access_token().await?;
    let meta = &rotation.state.meta;
    let known = meta.subscriptions(&token, rotation.waba()?).await;
    let callback = rotation.callback();
    let is_ours = known
        .map_err(refused)?
        .iter()
        .any(|it| it.callback.as_deref() == Some(&callback));
    if is_ours {
        Ok(())
    } else {
        Err(RotationError::Meta(
            "it does not call this account's webhook".to_owned(),
        ))
    }
}
