//! The secrets of an account's app: the one in force, and for a while the one before, with which webhooks still come.

use super::changing::Changing;
use super::checks;
use super::trouble::Trouble;
use crate::State;
use heliograph::domain::account::Step;
use heliograph::domain::failure::Class;
use heliograph::domain::identity::AppId;
use heliograph::domain::secret::SecretText;
use heliograph::service::problem::Problem;
use heliograph::service::secrets::AccountInSecrets;

/// How many are good at once: the one that is being replaced works until Meta has taken the other.
const MOST: usize = 2;

/// Puts a secret in force; the one before stays beside it.
pub(super) fn put(secrets: &mut AccountInSecrets, secret: &SecretText) {
    secrets.app_secrets.retain(|known| known != secret);
    secrets.app_secrets.insert(0, secret.clone());
    secrets.app_secrets.truncate(MOST);
}

/// Takes out those before that Meta does not take for the app any more: whoever had got hold of one could go on to write
/// webhooks. What Meta does not say stays.
pub(super) async fn let_dead_ones_go(state: &State, app: &AppId, secrets: &mut AccountInSecrets) {
    let mut kept: Vec<SecretText> = secrets.app_secrets.iter().take(1).cloned().collect();
    for secret in secrets.app_secrets.iter().skip(1) {
        let asked = state.parts.meta.app(app, secret).await;
        if !asked.is_err_and(|failure| failure.class == Class::Credential) {
            kept.push(secret.clone());
        }
    }
    secrets.app_secrets = kept;
}

/// The access token there is, if Meta takes it and it is this app's. If not, that stands at its step: with the next token
/// all is checked.
pub(super) async fn good_token(
    state: &State,
    changing: &mut Changing<'_>,
    app: (&AppId, &SecretText),
) -> Result<Option<SecretText>, Problem> {
    let Some(token) = checks::access_token(state, &changing.account).await? else {
        return Ok(None);
    };
    match checks::token(state, app, &token, changing.now).await {
        Ok(_) => Ok(Some(token)),
        Err(Trouble::Refused { fault, .. }) => {
            let now = changing.now;
            changing.account.setup.note_fault(Step::Tokens, fault, now);
            Ok(None)
        }
        Err(Trouble::Problem(problem)) => Err(*problem),
    }
}
