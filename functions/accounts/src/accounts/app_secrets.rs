//! The secrets of an account's app: the one in force, and for a while the one before, with which webhooks still come.

use super::changing::Changing;
use super::checks;
use super::tokens::stand_at;
use crate::State;
use heliograph::domain::account::Step;
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
    let came = checks::token(state, app, &token, changing.now).await;
    let is_good = came.is_ok();
    stand_at(changing, Step::Tokens, came.map(drop))?;
    Ok(is_good.then_some(token))
}
