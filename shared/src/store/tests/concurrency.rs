//! Many writers at once: one claim, no lost write, no slot twice, every count once.

use super::*;
use crate::domain::ledger::Event;
use crate::domain::ledger::tests::{accepted, at, ended, queued, status};
use crate::domain::message::{Attempt, Outcome};
use crate::domain::state::{State, Status};
use futures_util::future::join_all;
use std::collections::BTreeMap;

#[tokio::test(flavor = "multi_thread")]
async fn of_many_workers_one_gets_the_message() {
    let store = empty_store().await;
    let message = queued(at(0));
    write(&store, &message).await;
    let tokens: Vec<String> = (0..20).map(|number| format!("worker {number}")).collect();
    let claims = tokens.iter().map(|token| {
        store.claim(
            &message.tenant,
            &message.id,
            token,
            Attempt::starting(at(0)),
        )
    });
    let won = join_all(claims).await.into_iter().flatten();
    assert_eq!(won.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_of_two_writers_undoes_the_other() {
    let store = empty_store().await;
    for _ in 0..10 {
        let message = queued(at(0));
        write(&store, &message).await;
        let held = store
            .claim(
                &message.tenant,
                &message.id,
                "one",
                Attempt::starting(at(0)),
            )
            .await;
        let held = held.unwrap();
        let reports =
            [Status::Sent, Status::Delivered, Status::Read].map(|of| status("wamid.A", of, at(3)));
        let events: Vec<Event<'_>> = reports
            .iter()
            .map(Event::StatusCame)
            .chain([ended("one", accepted("wamid.A"))])
            .collect();
        let writes = events
            .iter()
            .map(|event| store.apply(held.clone(), event, at(1)));
        for written in join_all(writes).await {
            written.unwrap();
        }
        let read = store.outbound(&message.tenant, &message.id).await.unwrap();
        let read = read.unwrap();
        assert_eq!((read.state, read.rev), (State::Read, 5));
        assert_eq!(read.times.accepted, Some(at(1)));
        assert_eq!(read.times.delivered, Some(at(3)));
        let outcome = read.attempts.last().unwrap().outcome;
        assert_eq!(outcome, Some(Outcome::Accepted));
    }
}

fn delta(tenant: &str, by: i64) -> CounterDelta {
    let counter = |of: &str, part: &str, name: &str| Counter {
        tenant: tenant.parse().unwrap(),
        of: of.to_owned(),
        part: part.to_owned(),
        name: name.to_owned(),
    };
    BTreeMap::from([
        (counter("job:a", "-", "queued"), -by),
        (counter("job:a", "-", "accepted"), by),
        (counter("job:a", "-", "read"), 0),
        (counter("day:2026-11-20", "100000000000001", "accepted"), by),
    ])
}

#[tokio::test]
async fn counters_move_with_their_position_and_only_once() {
    let store = empty_store().await;
    let tenant = "demo".parse().unwrap();
    let start = store.position("shard-1").await.unwrap();
    assert_eq!(start.sequence, None);
    assert!(store.count(&delta("demo", 3), &start, "100").await.unwrap());
    assert!(!store.count(&delta("demo", 3), &start, "100").await.unwrap());
    let next = store.position("shard-1").await.unwrap();
    assert_eq!(next.sequence.as_deref(), Some("100"));
    assert!(store.count(&delta("demo", 4), &next, "200").await.unwrap());
    assert!(!store.count(&delta("demo", 4), &next, "200").await.unwrap());
    let numbers = store.numbers(&tenant, "job:a", "-").await.unwrap();
    let wanted = BTreeMap::from([("queued".to_owned(), -7), ("accepted".to_owned(), 7)]);
    assert_eq!(numbers, wanted);
    let parts = store.parts(&tenant, "day:2026-11-20").await.unwrap();
    let wanted = BTreeMap::from([("accepted".to_owned(), 7)]);
    assert_eq!(
        parts,
        BTreeMap::from([("100000000000001".to_owned(), wanted)])
    );
}
