//! A tenant's messages a day: as many are taken in as its tier allows, each once, on the day it goes.

use super::*;
use crate::domain::tier::{Limits, day_of};
use crate::messaging::submit::{Origin, Submission, SubmitError, Submitted, submit};
use crate::store::{IdempotencyClaim, Tenant};
use futures_util::future::join_all;
use jiff::Timestamp;

const DAY: i64 = 86_400;

/// A store whose tenant may send so many messages a day.
async fn with_limit(messages_per_day: u64) -> Store {
    let store = store_with(WindowPolicy::Off).await;
    let tenant = Tenant {
        limits: Limits {
            messages_per_day: Some(messages_per_day),
            ..Limits::default()
        },
        ..Tenant::new("demo".parse().unwrap(), "Demo", at(0))
    };
    store.put_tenant(&tenant).await.unwrap();
    store
}

async fn message(
    store: &Store,
    number: u32,
    send_at: Option<Timestamp>,
    claim: Option<&IdempotencyClaim>,
) -> Result<Submitted<()>, SubmitError> {
    let body = json!({
        "from": "100000000000001", "to": format!("+1555{number:07}"), "type": "text",
        "text": {"body": "hello"}, "send_at": send_at,
    });
    let submission = Submission::read(&body, at(0)).unwrap();
    let tenant = "demo".parse().unwrap();
    submit(store, &tenant, submission, claim, at(0), ()).await
}

async fn used(store: &Store, time: Timestamp) -> u64 {
    let tenant = "demo".parse().unwrap();
    let room = store.day_room(&tenant, day_of(time)).await;
    room.unwrap().unwrap().used()
}

async fn written(store: &Store) -> usize {
    let listed = store.messages_by_time(&"demo".parse().unwrap(), &ALL).await;
    listed.unwrap().entries.len()
}

fn is_full(answer: &Result<Submitted<()>, SubmitError>) -> bool {
    matches!(answer, Err(SubmitError::DayFull { .. }))
}

#[tokio::test(flavor = "multi_thread")]
async fn of_messages_that_come_at_once_as_many_are_taken_as_the_day_has_room_for() {
    let store = with_limit(21).await;
    let asked = (0..40).map(|number| message(&store, number, None, None));
    let answers = join_all(asked).await;
    let taken = answers.iter().filter(|answer| answer.is_ok()).count();
    let refused = answers.iter().filter(|answer| is_full(answer)).count();
    assert_eq!((taken, refused), (21, 19));
    assert_eq!((used(&store, at(0)).await, written(&store).await), (21, 21));
}

#[tokio::test]
async fn a_scheduled_message_counts_on_the_day_it_goes() {
    let store = with_limit(2).await;
    let tomorrow = at(DAY);
    for number in 0..2 {
        message(&store, number, Some(tomorrow), None).await.unwrap();
    }
    assert_eq!(
        (used(&store, at(0)).await, used(&store, tomorrow).await),
        (0, 2)
    );
    assert!(is_full(&message(&store, 2, Some(tomorrow), None).await));
    message(&store, 3, None, None).await.unwrap();
}

#[tokio::test]
async fn a_request_that_is_repeated_counts_once_and_is_answered_though_the_day_is_full() {
    let store = with_limit(1).await;
    let claim = IdempotencyClaim {
        key_hash: "key".to_owned(),
        body_hash: "body".to_owned(),
    };
    let first = message(&store, 1, None, Some(&claim)).await.unwrap();
    assert!(is_full(&message(&store, 2, None, None).await));
    let again = message(&store, 1, None, Some(&claim)).await.unwrap();
    assert_eq!(
        (again.origin, &again.message.id),
        (Origin::Replayed, &first.message.id)
    );
    assert_eq!((used(&store, at(0)).await, written(&store).await), (1, 1));
}

#[tokio::test]
async fn a_tenant_without_the_limit_leaves_no_count() {
    let store = store_with(WindowPolicy::Off).await;
    message(&store, 1, None, None).await.unwrap();
    let tenant = "demo".parse().unwrap();
    let room = store.day_taken(&tenant, day_of(at(0)), 10).await;
    assert_eq!(room.unwrap().used(), 0);
}
