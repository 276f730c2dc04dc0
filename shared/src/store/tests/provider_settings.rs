//! What tenants say of providers: nobody overwrites what he has not read.

use super::*;
use crate::domain::provider::{Gateway, Provider};
use crate::domain::provider_settings::ProviderSettings;

fn tenant() -> crate::domain::identity::TenantId {
    "acme".parse().unwrap()
}

async fn put(
    store: &Store,
    settings: &ProviderSettings,
    second: i64,
) -> Result<ProviderSettings, StoreError> {
    let mut transaction = Transaction::new();
    let (settings, now) = (settings.clone(), at(second));
    let put = store.put_provider_settings(&mut transaction, &tenant(), settings, now)?;
    store.commit(transaction).await.map(|()| put)
}

#[tokio::test]
async fn settings_are_read_as_they_were_written_and_as_usual_where_nothing_was() {
    let store = empty_store().await;
    let every = store.every_provider_settings(&tenant()).await.unwrap();
    let usual: Vec<_> = Provider::ALL
        .into_iter()
        .map(ProviderSettings::of)
        .collect();
    assert_eq!(every, usual);
    let said = ProviderSettings {
        base_url: Some("https://gateway.example.com".to_owned()),
        enabled: false,
        priority: 7,
        timeout_ms: 3_000,
        ..ProviderSettings::of(Provider::Gateway(Gateway::Fonnte))
    };
    let written = put(&store, &said, 5).await.unwrap();
    assert_eq!((written.rev, written.changed_at), (1, Some(at(5))));
    assert!(written.say_the_same(&said));
    let read = store
        .provider_settings(&tenant(), Provider::Gateway(Gateway::Fonnte))
        .await;
    assert_eq!(read.unwrap(), written);
    let other = "other".parse().unwrap();
    let theirs = store
        .provider_settings(&other, Provider::Gateway(Gateway::Fonnte))
        .await;
    assert_eq!(
        theirs.unwrap(),
        ProviderSettings::of(Provider::Gateway(Gateway::Fonnte))
    );
}

#[tokio::test]
async fn what_was_said_since_it_was_read_is_not_overwritten() {
    let store = empty_store().await;
    let usual = ProviderSettings::of(Provider::Gateway(Gateway::Mock));
    let first = put(&store, &usual, 1).await.unwrap();
    let late = put(&store, &usual, 2).await;
    assert!(matches!(late, Err(StoreError::Conflict)), "{late:?}");
    let second = put(&store, &first, 3).await.unwrap();
    let late = put(&store, &first, 4).await;
    assert!(matches!(late, Err(StoreError::Conflict)), "{late:?}");
    let read = store
        .provider_settings(&tenant(), Provider::Gateway(Gateway::Mock))
        .await;
    assert_eq!(read.unwrap(), second);
}
