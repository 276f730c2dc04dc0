//! Whether an account's senders may send: they are paused and go on with it.

use super::of_account;
use heliograph::domain::failure::{Class, of_meta};
use heliograph::domain::identity::{PhoneNumberId, TenantId};
use heliograph::domain::pace::{Pause, PauseCause};
use heliograph::service::problem::Problem;
use heliograph::store::{Account, Store};
use jiff::Timestamp;

/// That nothing leaves a sender whose account is not active yet.
pub(crate) fn not_active(account: &Account, now: Timestamp) -> Pause {
    let id = &account.id;
    Pause {
        since: now,
        code: None,
        reason: "its account is not active yet".to_owned(),
        remedy: format!("finish the account's set-up, then POST /v1/accounts/{id}/activate"),
        cause: PauseCause::Account,
    }
}

/// Pauses every sender of an account.
pub(crate) async fn pause(store: &Store, account: &Account, pause: &Pause) -> Result<(), Problem> {
    for sender in of_account(store, account).await? {
        store
            .pause_sender(&account.tenant, &sender.id, pause)
            .await?;
    }
    Ok(())
}

/// Lets those senders of an account go on that its own standing had paused; what Meta said of one is not undone by it.
pub(crate) async fn resume(
    store: &Store,
    account: &Account,
    now: Timestamp,
) -> Result<(), Problem> {
    resume_where(store, account, now, |pause| {
        pause.cause == PauseCause::Account
    })
    .await
}

/// Lets those senders of an account go on whose token Meta had refused: it has another one now.
pub(crate) async fn resume_refused(
    store: &Store,
    account: &Account,
    now: Timestamp,
) -> Result<(), Problem> {
    let is_about_token = |pause: &Pause| {
        let is_so = |code: i64| of_meta(code).class == Class::Credential;
        pause.cause == PauseCause::Provider && pause.code.is_none_or(is_so)
    };
    resume_where(store, account, now, is_about_token).await
}

async fn resume_where(
    store: &Store,
    account: &Account,
    now: Timestamp,
    is_over: impl Fn(&Pause) -> bool,
) -> Result<(), Problem> {
    for sender in of_account(store, account).await? {
        resume_if(store, (&account.tenant, &sender.id), now, &is_over).await?;
    }
    Ok(())
}

/// The same for one sender, which may be one that is just being made: a number keeps its pace from one sender to the next.
pub(crate) async fn resume_one(
    store: &Store,
    account: &Account,
    id: &PhoneNumberId,
    now: Timestamp,
) -> Result<(), Problem> {
    let is_over = |pause: &Pause| pause.cause == PauseCause::Account;
    resume_if(store, (&account.tenant, id), now, is_over).await
}

async fn resume_if(
    store: &Store,
    (tenant, id): (&TenantId, &PhoneNumberId),
    now: Timestamp,
    is_over: impl Fn(&Pause) -> bool,
) -> Result<(), Problem> {
    let pace = store.pace(tenant, id).await?;
    if pace.paused.as_ref().is_some_and(is_over) {
        store.resume_sender(tenant, id, now).await?;
    }
    Ok(())
}
