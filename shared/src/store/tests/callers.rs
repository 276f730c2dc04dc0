//! What judges a caller is checked again where it is written: whatever was changed since it was read undoes the write.

use super::*;
use crate::domain::ledger::tests::at;
use crate::domain::role::{Right, Role, Scopes};
use crate::store::{ApiKey, ApiKeyChanges, Session, Tenant, User, UserChanges};
use serde_json::json;

async fn store_with_tenant() -> Store {
    let store = store_at(&serve(&engine()).await);
    store.create_tables().await.unwrap();
    let tenant: Tenant =
        serde_json::from_value(json!({"list_sort": "demo", "name": "Demo", "created_at": 0}))
            .unwrap();
    store.put_tenant(&tenant).await.unwrap();
    store
}

fn key(id: &str) -> ApiKey {
    let (tenant, hash) = ("demo".parse().unwrap(), format!("hash-of-{id}"));
    ApiKey::new(id.parse().unwrap(), tenant, Role::Admin, hash, at(0))
}

fn user() -> User {
    serde_json::from_value(json!({
        "sk": "usr_1", "tenant": "demo", "email": "ada@example.com", "name": "Ada", "role": "agent", "created_at": 0,
        "sessions_era": 0, "password": "$argon2id$one",
    }))
    .unwrap()
}

async fn change_key(
    store: &Store,
    known: &ApiKey,
    changes: &ApiKeyChanges,
) -> Result<(), StoreError> {
    let mut transaction = Transaction::new();
    store.change_api_key(&mut transaction, known, changes)?;
    store.commit(transaction).await
}

async fn change_user(store: &Store, known: &User, changes: &UserChanges) -> Result<(), StoreError> {
    let mut transaction = Transaction::new();
    store.change_user(&mut transaction, known, changes, None)?;
    store.commit(transaction).await
}

fn is_conflict(result: &Result<(), StoreError>) -> bool {
    matches!(result, Err(StoreError::Conflict))
}

#[tokio::test]
async fn a_key_is_changed_as_it_was_read_or_not_at_all_and_always_revoked() {
    let store = store_with_tenant().await;
    let changes = |change: fn(&mut ApiKeyChanges)| {
        let mut changes = ApiKeyChanges::default();
        change(&mut changes);
        changes
    };
    for (place, before) in [
        changes(|it| it.role = Some(Role::Viewer)),
        changes(|it| it.scopes = Some(Scopes::only([Right::Read]))),
        changes(|it| it.expires_at = Some(Some(at(60)))),
    ]
    .into_iter()
    .enumerate()
    {
        let known = key(&format!("key_{place}"));
        store.put_api_key(&known).await.unwrap();
        change_key(&store, &known, &before).await.unwrap();
        let renamed = changes(|it| it.name = Some("New".to_owned()));
        assert!(
            is_conflict(&change_key(&store, &known, &renamed).await),
            "{before:?}"
        );
        let mut beside = Transaction::new();
        store.check_api_key(&mut beside, &known).unwrap();
        store.add_api_key(&mut beside, &key("key_late")).unwrap();
        assert!(is_conflict(&store.commit(beside).await), "{before:?}");
        let read = store.api_key(&known.hash).await.unwrap().unwrap();
        assert!(!known.opens_as(&read) && read.opens_as(&read));
        change_key(&store, &read, &renamed).await.unwrap();
        let revoked = changes(|it| it.revoked_at = Some(at(1)));
        change_key(&store, &known, &revoked).await.unwrap();
        assert!(is_conflict(&change_key(&store, &read, &renamed).await));
    }
}

/// One that begins by a clock that goes ahead of whoever ends it.
fn session() -> Session {
    serde_json::from_value(json!({
        "id": "ses_1", "tenant": "demo", "user": "usr_1", "era": 0, "began_at": 5, "ends_at": 9, "access": "a", "access_until": 9,
        "refresh": "b", "refreshed_at": 5,
    }))
    .unwrap()
}

#[tokio::test]
async fn a_session_that_was_written_before_all_were_ended_is_over_whatever_the_clocks_said() {
    let store = store_with_tenant().await;
    let mut transaction = Transaction::new();
    store.add_user(&mut transaction, &user()).unwrap();
    store.commit(transaction).await.unwrap();
    assert!(store.begin_session(&session(), &user()).await.unwrap());
    let read = async || store.user(&user().tenant, &user().id).await.unwrap();
    assert!(read().await.unwrap().is_signed_in_by(&session()));
    let ending = UserChanges {
        ends_sessions: true,
        ..UserChanges::default()
    };
    // Both by somebody who knows nothing of the other.
    for _ in 0..2 {
        change_user(&store, &user(), &ending).await.unwrap();
        let known = read().await.unwrap();
        assert!(!known.is_signed_in_by(&session()), "{known:?}");
    }
    assert_eq!(read().await.unwrap().sessions_era, 2);
}

#[tokio::test]
async fn who_was_changed_since_begins_no_session_and_does_nothing_more() {
    let session = session();
    for (changes, undoes_others) in [
        (
            UserChanges {
                role: Some(Role::Viewer),
                ..UserChanges::default()
            },
            true,
        ),
        (
            UserChanges {
                disabled_at: Some(Some(at(1))),
                ..UserChanges::default()
            },
            true,
        ),
        (
            UserChanges {
                password: Some("$argon2id$two".to_owned()),
                ..UserChanges::default()
            },
            false,
        ),
        (
            UserChanges {
                ends_sessions: true,
                ..UserChanges::default()
            },
            false,
        ),
    ] {
        let store = store_with_tenant().await;
        let mut transaction = Transaction::new();
        store.add_user(&mut transaction, &user()).unwrap();
        store.commit(transaction).await.unwrap();
        change_user(&store, &user(), &changes).await.unwrap();
        assert!(
            !store.begin_session(&session, &user()).await.unwrap(),
            "{changes:?}"
        );
        assert!(store.session(&session.id).await.unwrap().is_none());
        let mut beside = Transaction::new();
        store.check_user(&mut beside, &user()).unwrap();
        store.add_api_key(&mut beside, &key("key_late")).unwrap();
        assert_eq!(
            is_conflict(&store.commit(beside).await),
            undoes_others,
            "{changes:?}"
        );
    }
}

#[tokio::test]
async fn a_password_that_was_chosen_meanwhile_is_not_written_over() {
    let store = store_with_tenant().await;
    let mut transaction = Transaction::new();
    store.add_user(&mut transaction, &user()).unwrap();
    store.commit(transaction).await.unwrap();
    let chosen = |password: &str| UserChanges {
        password: Some(password.to_owned()),
        ..UserChanges::default()
    };
    change_user(&store, &user(), &chosen("$argon2id$reset"))
        .await
        .unwrap();
    assert!(is_conflict(
        &change_user(&store, &user(), &chosen("$argon2id$late")).await
    ));
}
