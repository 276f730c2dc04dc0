//! Whose account a webhook's path names, and the secrets that prove a call to be the provider's.

use crate::State;
use crate::remembered::Known;
use heliograph::domain::id::AccountId;
use heliograph::domain::identity::TenantId;
use heliograph::service::problem::Problem;
use heliograph::service::secrets::{AccountInSecrets, SecretsError};
use heliograph::service::telemetry::chain;
use std::sync::Arc;
use std::time::Instant;

/// An account that exists, with its secrets.
pub(crate) struct Account {
    pub(crate) id: AccountId,
    pub(crate) tenant: TenantId,
    pub(crate) secrets: Arc<AccountInSecrets>,
}

/// The account of this id. `None` if there is none, or none with secrets: to a stranger both look like a bad
/// signature, and both are remembered, so that a flood of them costs nothing.
pub(crate) async fn find(state: &State, id: &str) -> Result<Option<Account>, Problem> {
    let Ok(id) = id.parse::<AccountId>() else {
        return Ok(None);
    };
    let Known::Of(tenant) = known(state, &id).await? else {
        return Ok(None);
    };
    match state.0.secrets.inbound(&tenant, &id).await {
        Ok(secrets) => Ok(Some(Account {
            id,
            tenant,
            secrets,
        })),
        Err(SecretsError::Missing { .. } | SecretsError::Deleted { .. }) => {
            remember(state, &id, Known::Nobody);
            Ok(None)
        }
        Err(error @ (SecretsError::Malformed { .. } | SecretsError::Unavailable { .. })) => {
            Err(Problem::unavailable(&error))
        }
    }
}

/// What `fits` makes of the account's secrets: of those that are remembered, or else of those that may be there since.
pub(crate) async fn proven<T>(
    state: &State,
    account: &Account,
    fits: impl Fn(&AccountInSecrets) -> Option<T>,
) -> Option<T> {
    match fits(&account.secrets) {
        Some(proven) => Some(proven),
        None => fits(&*secrets_changed(state, account).await?),
    }
}

/// The account's secrets, if they may have changed since something was held against them. What is remembered of them stays
/// if they cannot be read.
async fn secrets_changed(state: &State, account: &Account) -> Option<Arc<AccountInSecrets>> {
    let Account {
        id,
        tenant,
        secrets: known,
    } = account;
    match state.0.secrets.inbound_doubted(tenant, id, known).await {
        Ok(secrets) => secrets,
        Err(error) => {
            tracing::warn!(account.id = %id, error = chain(&error), "secrets not read anew");
            None
        }
    }
}

async fn known(state: &State, id: &AccountId) -> Result<Known, Problem> {
    if let Some(known) = state.0.accounts.get(id, Instant::now()) {
        return Ok(known);
    }
    let pointer = state.0.store.account_pointer(id).await?;
    let known = pointer.map_or(Known::Nobody, |pointer| Known::Of(pointer.tenant));
    remember(state, id, known.clone());
    Ok(known)
}

fn remember(state: &State, id: &AccountId, known: Known) {
    state.0.accounts.put(id, known, Instant::now());
}
