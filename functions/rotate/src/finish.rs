//! The last step: what was pending becomes current, and the account says so, while nobody else changes either.

use crate::request::Direction;
use crate::{Rotation, RotationError};
use heliograph::domain::account::{CredentialKind, CredentialRecord};
use heliograph::domain::audit::{Action, Author};
use heliograph::domain::secret::SecretText;
use heliograph::service::clock;
use heliograph::service::telemetry::chain;
use heliograph::store::{Account, Held, Transaction};
use jiff::Timestamp;
use serde_json::json;
use std::time::Duration;

/// How often, and how long apart, it is tried to hold the account.
const HOLD_TRIES: usize = 20;
const HOLD_WAIT: Duration = Duration::from_secs(2);

/// Puts the next access token into force.
pub(crate) async fn access_token(rotation: &Rotation<'_>) -> Result<(), RotationError> {
    let next = rotation.secret.pending_out().await?;
    let Some(next) = next.access_tokens.into_iter().next() else {
        return Err(RotationError::Account("the next version holds no token"));
    };
    let expires_at = rotation.facts(&next.token).await?.expires_at;
    let record = record(
        CredentialKind::AccessToken,
        &next.alias,
        &next.token,
        expires_at,
    );
    put_in_force(rotation, record).await
}

/// Makes up for what a process that died has left undone after the version became current: that no version is pending,
/// and that the account and its trail say so.
pub(crate) async fn make_up(rotation: &Rotation<'_>) -> Result<(), RotationError> {
    let record = match rotation.request.direction {
        Direction::Out => current_access_token(rotation).await?,
        Direction::In => current_verify_token(rotation).await?,
    };
    let Some(record) = record else {
        return end(rotation).await;
    };
    let account = hold(rotation).await?;
    let noted = async {
        end(rotation).await?;
        note(rotation, account, record).await
    };
    or_let_go(rotation, noted.await).await
}

/// What there is to be noted of the access token that is in force, if it is not noted.
async fn current_access_token(
    rotation: &Rotation<'_>,
) -> Result<Option<CredentialRecord>, RotationError> {
    const KIND: CredentialKind = CredentialKind::AccessToken;
    let (current, _) = rotation.secret.current_out().await?;
    let Some(current) = current.access_tokens.into_iter().next() else {
        return Ok(None);
    };
    if is_noted(rotation, KIND, &current.token) {
        return Ok(None);
    }
    let expires_at = rotation.facts(&current.token).await?.expires_at;
    Ok(Some(record(
        KIND,
        &current.alias,
        &current.token,
        expires_at,
    )))
}

/// The same of the verify token.
async fn current_verify_token(
    rotation: &Rotation<'_>,
) -> Result<Option<CredentialRecord>, RotationError> {
    const KIND: CredentialKind = CredentialKind::VerifyToken;
    let (current, _) = rotation.secret.current_in().await?;
    let current = current.verify_tokens.first();
    let current = current.filter(|it| !is_noted(rotation, KIND, it));
    Ok(current.map(|it| record(KIND, "main", it, None)))
}

fn is_noted(rotation: &Rotation<'_>, kind: CredentialKind, secret: &SecretText) -> bool {
    let known = rotation.account.credential(kind);
    known.is_some_and(|it| it.mask == secret.masked())
}

async fn end(rotation: &Rotation<'_>) -> Result<(), RotationError> {
    if rotation.secret.has_pending().await? {
        rotation.secret.end().await?;
    }
    Ok(())
}

/// Puts the next verify token into force.
pub(crate) async fn verify_token(rotation: &Rotation<'_>) -> Result<(), RotationError> {
    let next = rotation.secret.pending_in().await?;
    let Some(next) = next.verify_tokens.first() else {
        return Err(RotationError::Account(
            "the next version holds no verify token",
        ));
    };
    let record = record(CredentialKind::VerifyToken, "main", next, None);
    put_in_force(rotation, record).await
}

fn record(
    kind: CredentialKind,
    alias: &str,
    secret: &SecretText,
    expires_at: Option<Timestamp>,
) -> CredentialRecord {
    CredentialRecord {
        kind,
        alias: alias.to_owned(),
        mask: secret.masked(),
        since: clock::now(),
        expires_at,
    }
}

/// The secret first: a crash after it leaves an account that shows the mask of the one before, until the step is done again.
async fn put_in_force(
    rotation: &Rotation<'_>,
    record: CredentialRecord,
) -> Result<(), RotationError> {
    let account = hold(rotation).await?;
    let written = write(rotation, account, record).await;
    or_let_go(rotation, written).await
}

async fn or_let_go(
    rotation: &Rotation<'_>,
    written: Result<(), RotationError>,
) -> Result<(), RotationError> {
    let (store, token) = (&rotation.state.store, rotation.secret.token());
    let Account { tenant, id, .. } = &rotation.account;
    if written.is_err()
        && let Err(error) = store.let_account_go(tenant, id, token).await
    {
        tracing::warn!(account.id = %id, error = chain(&error), "an account stays held for a while");
    }
    written
}

/// A person who changes the account is waited for: a change lasts seconds.
async fn hold(rotation: &Rotation<'_>) -> Result<Account, RotationError> {
    let (store, token) = (&rotation.state.store, rotation.secret.token());
    let Account { tenant, id, .. } = &rotation.account;
    for _ in 0..HOLD_TRIES {
        match store.hold_account(tenant, id, token, clock::now()).await? {
            Held::Yes(account) => return Ok(*account),
            Held::Busy => tokio::time::sleep(HOLD_WAIT).await,
            Held::Missing => return Err(RotationError::Account("the secret's account is gone")),
        }
    }
    Err(RotationError::Busy)
}

async fn write(
    rotation: &Rotation<'_>,
    account: Account,
    record: CredentialRecord,
) -> Result<(), RotationError> {
    let is_in_force = rotation.secret.promote().await?;
    rotation.secret.end().await?;
    if !is_in_force {
        return Err(RotationError::Overtaken);
    }
    note(rotation, account, record).await
}

async fn note(
    rotation: &Rotation<'_>,
    mut account: Account,
    record: CredentialRecord,
) -> Result<(), RotationError> {
    let store = &rotation.state.store;
    let changes =
        json!({"kind": record.kind, "mask": record.mask, "expires_at": record.expires_at});
    let (tenant, id) = (&account.tenant, account.id.as_str());
    let entry =
        Author::platform().entry(tenant, Action::CredentialRotated, id, changes, clock::now());
    account.note_credential(record);
    let mut transaction = Transaction::new();
    store.change_account(&mut transaction, &account, rotation.secret.token())?;
    store.note_audit(&mut transaction, &entry)?;
    Ok(store.commit(transaction).await?)
}
