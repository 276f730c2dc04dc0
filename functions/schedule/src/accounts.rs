//! Looks at accounts at Meta, each once an hour, and says what is wrong with them.

use crate::{State, SweepError};
use heliograph::domain::health::{Check, CheckName, Health, Standing};
use heliograph::domain::id::AccountId;
use heliograph::domain::identity::TenantId;
use heliograph::messaging::health::Looking;
use heliograph::service::clock;
use heliograph::service::telemetry::count;
use heliograph::store::Account;
use jiff::{SignedDuration, Timestamp};

/// Meta lets an app ask 200 times an hour for each WABA; a look takes some eight.
const EVERY: SignedDuration = SignedDuration::from_hours(1);

pub(crate) async fn look_at(
    state: &State,
    tenant: &TenantId,
    id: &AccountId,
    now: Timestamp,
) -> Result<(), SweepError> {
    let store = &state.store;
    if !store.take_health_check(tenant, id, now).await? {
        return Ok(());
    }
    let Some(account) = store.account(tenant, id).await? else {
        return Ok(store.stop_health_checks(tenant, id).await?);
    };
    let next = clock::now().saturating_add(EVERY).unwrap_or(now);
    if !account.may_send() {
        return Ok(store.plan_health_check(tenant, id, next).await?);
    }
    let health = Health {
        checked_at: now,
        checks: checks(state, &account, now).await?,
    };
    for check in health
        .checks
        .iter()
        .filter(|it| it.standing >= Standing::Warning)
    {
        tracing::warn!(account.id = %id, check = check.check.as_str(), "an account is not well");
        count("account_ill", check.check.as_str(), 1);
    }
    Ok(store.put_health(tenant, id, &health, next).await?)
}

async fn checks(
    state: &State,
    account: &Account,
    now: Timestamp,
) -> Result<Vec<Check>, SweepError> {
    let credential = state
        .secrets
        .credential(&account.tenant, &account.id)
        .await?;
    let Some(credential) = credential else {
        let detail = "the account has no access token: do step 3 of the set-up";
        return Ok(vec![Check::ill(
            CheckName::AccessToken,
            Standing::Failing,
            detail,
        )]);
    };
    let looking = Looking {
        store: &state.store,
        meta: &state.meta,
        token: &credential.token,
        callback: &account.callback(&state.webhook_url),
    };
    Ok(looking.look(account, now).await?)
}
