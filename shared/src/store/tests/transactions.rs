//! Transactions: a condition that does not hold is told from a neighbour who writes at the same time.

use super::*;
use crate::domain::ledger::tests::{at, queued};
use jiff::SignedDuration;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const PREFIX: &str = "com.amazonaws.dynamodb.v20120810#";

fn cancelled(codes: &[&str]) -> String {
    let reasons: Vec<_> = codes.iter().map(|code| json!({"Code": code})).collect();
    json!({
        "__type": format!("{PREFIX}TransactionCanceledException"),
        "CancellationReasons": reasons,
    })
    .to_string()
}

fn conflict() -> String {
    json!({"__type": format!("{PREFIX}TransactionConflictException")}).to_string()
}

/// A store whose database refuses so many calls in this way and then agrees, and how many calls there were.
async fn busy(times: usize, refusal: String) -> (Store, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let calls = Arc::<AtomicUsize>::default();
    let seen = calls.clone();
    let answer = move || async move {
        if seen.fetch_add(1, Ordering::SeqCst) < times {
            (StatusCode::BAD_REQUEST, refusal)
        } else {
            (StatusCode::OK, "{}".to_owned())
        }
    };
    let serving = axum::serve(listener, Router::new().fallback(answer));
    #[expect(clippy::disallowed_methods, reason = "a test's server")]
    tokio::spawn(serving.into_future());
    (store_at(&url), calls)
}

fn creation(store: &Store) -> Transaction {
    let mut transaction = Transaction::new();
    let message = Message::Outbound(Box::new(queued(at(0))));
    store.create_message(&mut transaction, &message).unwrap();
    transaction
}

#[tokio::test]
async fn a_neighbour_in_the_way_is_waited_for() {
    let (store, calls) = busy(2, cancelled(&["TransactionConflict", "None"])).await;
    store.commit(creation(&store)).await.unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_condition_that_does_not_hold_is_not_tried_again() {
    let (store, calls) = busy(9, cancelled(&["None", "ConditionalCheckFailed"])).await;
    let refused = store.commit(creation(&store)).await;
    assert!(matches!(refused, Err(StoreError::Conflict)));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_note_is_not_lost_because_a_transaction_holds_its_item() {
    let (store, calls) = busy(2, conflict()).await;
    let (tenant, id) = ("demo".parse().unwrap(), "conv_a".parse().unwrap());
    store.note_inbound(&tenant, &id, at(0)).await.unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

fn record(resource: &str, expires_at: Timestamp) -> IdempotencyRecord {
    IdempotencyRecord {
        tenant: "demo".parse().unwrap(),
        key_hash: "abc".to_owned(),
        body_hash: "def".to_owned(),
        resource: resource.to_owned(),
        answer: None,
        expires_at,
    }
}

async fn remember(store: &Store, record: &IdempotencyRecord, now: Timestamp) -> bool {
    let mut transaction = Transaction::new();
    store.remember(&mut transaction, record, now).unwrap();
    store.commit(transaction).await.is_ok()
}

#[tokio::test]
async fn a_key_is_remembered_until_it_expires_and_can_then_be_used_again() {
    let store = empty_store().await;
    let tenant = "demo".parse().unwrap();
    let first = record("msg_a", at(100));
    assert!(remember(&store, &first, at(0)).await);
    assert!(!remember(&store, &record("msg_b", at(199)), at(99)).await);
    let found = store.idempotency(&tenant, "abc", at(99)).await.unwrap();
    assert_eq!(found, Some(first));
    assert_eq!(
        store.idempotency(&tenant, "abc", at(100)).await.unwrap(),
        None
    );
    let second = record("msg_b", at(200));
    assert!(remember(&store, &second, at(100)).await);
    let later = at(100) + SignedDuration::from_secs(1);
    let found = store.idempotency(&tenant, "abc", later).await.unwrap();
    assert_eq!(found, Some(second));
}

#[tokio::test]
async fn an_answer_takes_the_place_of_its_own_reservation_alone() {
    let store = empty_store().await;
    let tenant = "demo".parse().unwrap();
    let reservation = record("", at(30));
    assert!(remember(&store, &reservation, at(0)).await);
    let answered = IdempotencyRecord {
        answer: Some("{}".to_owned()),
        ..record("", at(900))
    };
    let replaced = store.replace_idempotency(&reservation, &answered).await;
    assert!(replaced.unwrap());
    let found = store.idempotency(&tenant, "abc", at(60)).await.unwrap();
    assert_eq!(found.as_ref(), Some(&answered));
    // Whoever held the key before is late: nothing changes.
    let freed = record("", at(1));
    let replaced = store.replace_idempotency(&reservation, &freed).await;
    assert!(!replaced.unwrap());
    let found = store.idempotency(&tenant, "abc", at(60)).await.unwrap();
    assert_eq!(found, Some(answered));
}
