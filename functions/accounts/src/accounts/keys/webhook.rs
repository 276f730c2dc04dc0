//! Whom a gateway is to call: an address that holds a token, since nothing else proves its calls.

use crate::State;
use crate::providers;
use heliograph::domain::failure::ProviderFailure;
use heliograph::domain::provider::{Ability, Gateway, Provider};
use heliograph::domain::secret::SecretText;
use heliograph::provider::webhook::address;
use heliograph::provider::{Answered, gateway};
use heliograph::service::auth::drawn;
use heliograph::service::problem::Problem;
use heliograph::service::secrets::SecretsError;
use heliograph::store::Account;

/// Draws the account's path token, if it needs one and has none.
pub(super) async fn draw_path_token(state: &State, account: &Account) -> Result<(), Problem> {
    if caller(account.provider).is_none() {
        return Ok(());
    }
    let keeper = &state.parts.keeper;
    let mut secrets = keeper.inbound(&account.tenant, &account.id).await?;
    if secrets.path_tokens.is_empty() {
        secrets.path_tokens.push(drawn());
        keeper
            .put_inbound(&account.tenant, &account.id, &secrets)
            .await?;
    }
    Ok(())
}

/// Tells the provider, with this key, whom to call. The key is good without that, so a failure is only told.
pub(super) async fn tell(state: &State, account: &Account, key: &SecretText) -> Vec<String> {
    let Some(gateway) = caller(account.provider) else {
        return Vec::new();
    };
    let why = match path_token(state, account).await {
        Ok(Some(token)) => {
            let address = address(&state.parts.webhook_url, gateway, &account.id, &token);
            match told(state, account, gateway, (key, &address)).await {
                Ok(Ok(())) => return Vec::new(),
                Ok(Err(ProviderFailure { message, .. })) => message,
                Err(problem) => problem.detail().to_owned(),
            }
        }
        Ok(None) => "the account has no path token".to_owned(),
        Err(error) => Problem::from(error).detail().to_owned(),
    };
    tracing::warn!(account.id = %account.id, error = why, "the provider was not told whom to call");
    let title = gateway.title();
    vec![format!(
        "{title} was not told whom to call ({why}), so nothing is heard of what comes in and of what becomes of \
         messages: put the key in again"
    )]
}

async fn told(
    state: &State,
    account: &Account,
    gateway: Gateway,
    (key, address): (&SecretText, &SecretText),
) -> Result<Answered<()>, Problem> {
    let way = providers::way(state, &account.tenant, account.provider).await?;
    Ok(gateway::call_at(gateway, way.with(key), address).await)
}

async fn path_token(state: &State, account: &Account) -> Result<Option<SecretText>, SecretsError> {
    let keeper = &state.parts.keeper;
    let secrets = keeper.inbound(&account.tenant, &account.id).await?;
    Ok(secrets.path_tokens.into_iter().next())
}

/// The gateway, if it calls an address that it is told with a key.
fn caller(provider: Provider) -> Option<Gateway> {
    let gateway = provider.gateway();
    gateway.filter(|it| it.can(Ability::CallUs))
}
