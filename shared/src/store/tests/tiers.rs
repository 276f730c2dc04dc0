//! A tier's limits: held however many use them up at once.

use super::*;
use crate::domain::tier::{LimitChanges, Limits};
use futures_util::future::join_all;

fn id() -> crate::domain::identity::TenantId {
    "acme".parse().unwrap()
}

async fn tenant(store: &Store) -> Tenant {
    store.tenant(&id()).await.unwrap().unwrap()
}

async fn with(store: &Store, limits: Limits) {
    let tenant = Tenant {
        limits,
        tier: Some("starter".to_owned()),
        ..Tenant::new(id(), "Acme", at(0))
    };
    store.put_tenant(&tenant).await.unwrap();
}

async fn change(store: &Store, limits: LimitChanges) {
    let changes = TenantChanges {
        limits,
        ..TenantChanges::default()
    };
    let mut transaction = Transaction::new();
    store
        .change_tenant(&mut transaction, &id(), &changes)
        .unwrap();
    store.commit(transaction).await.unwrap();
}

async fn add(store: &Store) -> bool {
    let mut transaction = Transaction::new();
    store.take_sender_place(&mut transaction, &id()).unwrap();
    let added = store.commit(transaction).await;
    assert!(matches!(added, Ok(()) | Err(StoreError::Conflict)));
    added.is_ok()
}

#[tokio::test]
async fn no_more_senders_are_added_than_the_tier_allows_however_many_at_once() {
    let store = empty_store().await;
    let limits = Limits {
        senders: Some(3),
        ..Limits::default()
    };
    with(&store, limits).await;
    let added = join_all((0..10).map(|_| add(&store))).await;
    assert_eq!(added.into_iter().filter(|added| *added).count(), 3);
    assert_eq!(tenant(&store).await.sender_limit_reached(), Some(3));
    let mut transaction = Transaction::new();
    store
        .give_back_sender_places(&mut transaction, &id(), 1)
        .unwrap();
    store.commit(transaction).await.unwrap();
    assert_eq!(tenant(&store).await.sender_limit_reached(), None);
    assert!(add(&store).await && !add(&store).await);
    let none = Some(None);
    let unlimited = LimitChanges {
        senders: none,
        ..LimitChanges::default()
    };
    change(&store, unlimited).await;
    assert!(add(&store).await);
    assert_eq!(tenant(&store).await.sender_count, 4);
}

#[tokio::test]
async fn nobody_adds_a_sender_to_a_tenant_that_may_have_none_is_disabled_or_not_there() {
    let store = empty_store().await;
    assert!(!add(&store).await);
    with(&store, Limits::default()).await;
    assert!(add(&store).await);
    let zero = LimitChanges {
        senders: Some(Some(0)),
        ..LimitChanges::default()
    };
    change(&store, zero).await;
    assert!(!add(&store).await);
    let mut transaction = Transaction::new();
    let changes = TenantChanges {
        disabled_at: Some(Some(at(1))),
        limits: LimitChanges {
            senders: Some(None),
            ..LimitChanges::default()
        },
        ..TenantChanges::default()
    };
    store
        .change_tenant(&mut transaction, &id(), &changes)
        .unwrap();
    store.commit(transaction).await.unwrap();
    assert!(!add(&store).await);
}

#[tokio::test]
async fn a_tenants_limits_are_read_as_they_were_written() {
    let store = empty_store().await;
    let limits = Limits {
        requests_per_minute: Some(600),
        messages_per_day: Some(10_000),
        senders: None,
    };
    with(&store, limits).await;
    assert_eq!(tenant(&store).await.limits, limits);
    assert_eq!(store.standing(&id()).await.unwrap().limits, limits);
    let changes = LimitChanges {
        messages_per_day: Some(None),
        ..LimitChanges::default()
    };
    change(&store, changes).await;
    let after = Limits {
        messages_per_day: None,
        ..limits
    };
    assert_eq!(tenant(&store).await.limits, after);
    assert_eq!(
        store.standing(&id()).await.unwrap().limits,
        limits,
        "for half a minute"
    );
    store.forget_standing(&id());
    assert_eq!(store.standing(&id()).await.unwrap().limits, after);
}

#[tokio::test]
async fn no_more_requests_are_let_through_in_a_minute_than_the_tier_allows() {
    let (store, url) = empty_store_and_url().await;
    // Others do not know what this one remembers.
    let stores = [store.clone(), store_at(&url)];
    let tenant = id();
    let count = |place: usize, second| {
        let store = stores.get(place % stores.len()).unwrap();
        let tenant = &tenant;
        async move { store.count_request(tenant, 7, at(second)).await.unwrap() }
    };
    // This second is the 20th of its minute.
    let through = join_all((0..20).map(|place| count(place, 0))).await;
    assert_eq!(through.into_iter().filter(|through| *through).count(), 7);
    assert_eq!(store.requests(&tenant, 7, at(0)).await.unwrap(), 7);
    assert!(!count(0, 19).await && !count(1, 19).await);
    assert!(count(0, 60).await && count(1, 60).await, "a minute later");
    assert!(
        stores[0]
            .count_request(&"other".parse().unwrap(), 7, at(0))
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn a_limit_over_several_shards_lets_all_of_it_through() {
    let store = empty_store().await;
    let limit = 12_001;
    for (shard, part) in crate::domain::tier::MinuteShards::of(limit).starting_at(0) {
        assert!(part >= 6_000, "{shard}");
    }
    for _ in 0..30 {
        assert!(store.count_request(&id(), limit, at(0)).await.unwrap());
    }
    assert_eq!(store.requests(&id(), limit, at(0)).await.unwrap(), 30);
}
