//! Looks at accounts at Meta, each once an hour, and says what is wrong with them: also with those that may not send, for
//! whoever mends one wants to see that it is mended.

use crate::{State, SweepError};
use heliograph::domain::account::CredentialKind;
use heliograph::domain::health::{Check, Health, Standing};
use heliograph::domain::id::AccountId;
use heliograph::domain::identity::TenantId;
use heliograph::domain::secret::SecretText;
use heliograph::messaging::health::{Looking, without_token};
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
    let health = Health {
        checked_at: now,
        checks: checks(state, &account, now).await?,
    };
    for check in alarming(&account, &health) {
        tracing::warn!(account.id = %id, check = check.check.as_str(), "an account is not well");
        count("account_ill", check.check.as_str(), 1);
    }
    Ok(store.put_health(tenant, id, &health, next).await?)
}

/// What somebody is called for. Nobody is for an account that is to send nothing: its set-up is under way, or a person has
/// disabled it.
fn alarming<'a>(account: &Account, health: &'a Health) -> impl Iterator<Item = &'a Check> {
    let may_send = account.may_send();
    let checks = health.checks.iter();
    checks.filter(move |check| may_send && check.standing >= Standing::Warning)
}

async fn checks(
    state: &State,
    account: &Account,
    now: Timestamp,
) -> Result<Vec<Check>, SweepError> {
    let Some(token) = access_token(state, account).await? else {
        return Ok(without_token(account));
    };
    let looking = Looking {
        store: &state.store,
        meta: &state.meta,
        token: &token,
        callback: &account.callback(&state.webhook_url),
    };
    Ok(looking.look(account, now).await?)
}

/// One that was never put in is not asked for: a secret that is not there is somebody's mistake.
async fn access_token(state: &State, account: &Account) -> Result<Option<SecretText>, SweepError> {
    if account.credential(CredentialKind::AccessToken).is_none() {
        return Ok(None);
    }
    let secrets = &state.secrets;
    let credential = secrets.credential(&account.tenant, &account.id).await?;
    Ok(credential.map(|it| it.token))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use heliograph::domain::health::CheckName;

    #[test]
    fn nobody_is_called_for_an_account_that_is_to_send_nothing() {
        let now = Timestamp::UNIX_EPOCH;
        let (id, tenant) = ("acct_demo".parse().unwrap(), "demo".parse().unwrap());
        let draft = Account::new(id, tenant, "Shop".to_owned(), now);
        let active = Account {
            active_since: Some(now),
            ..draft.clone()
        };
        let disabled = Account {
            disabled_at: Some(now),
            ..active.clone()
        };
        let health = Health {
            checked_at: now,
            checks: vec![
                Check::well(CheckName::Waba),
                Check::ill(CheckName::AccessToken, Standing::Failing, "told"),
            ],
        };
        let called = |account| alarming(account, &health).count();
        assert_eq!([&draft, &active, &disabled].map(called), [0, 1, 0]);
    }
}
