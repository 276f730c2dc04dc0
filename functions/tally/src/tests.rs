//! Batches of the stream over an embedded DynamoDB: however often they come and however they are cut, the counters of calls
//! equal the attempts of the messages.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use crate::change::Change;
use crate::count::count;
use crate::happened::Happened;
use heliograph::domain::calls::{CallCounts, CalledWith};
use heliograph::domain::failure::{Class, ProviderFailure};
use heliograph::domain::id::MessageId;
use heliograph::domain::identity::{Recipient, TenantId};
use heliograph::domain::message::{Attempt, Lane, Message, Outbound, Outcome};
use heliograph::domain::provider::{Gateway, Provider};
use heliograph::domain::state::State;
use heliograph::service::aws::{Aws, Endpoints};
use heliograph::store::{KeyCalls, Store};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::collections::BTreeMap;
use tokio::net::TcpListener;

fn noon() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

fn tenant() -> TenantId {
    "demo".parse().unwrap()
}

async fn empty_store() -> Store {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let database = dynoxide::Database::memory().unwrap();
    let serving = dynoxide::server::serve_with_shutdown(listener, database, std::future::pending());
    #[expect(clippy::disallowed_methods, reason = "a test's server")]
    tokio::spawn(serving);
    let aws = Aws::at(&Endpoints {
        aws: url,
        dynamodb: None,
    });
    let store = Store::new(aws.dynamodb(), "messages", "logs");
    store.create_tables().await.unwrap();
    store
}

fn queued(number: i64) -> Outbound {
    let id = MessageId::derived(noon(), &[&number.to_string()]);
    let sender = "mock-15550004000".parse().unwrap();
    let from = (tenant(), "acct_demo-mock".parse().unwrap(), sender);
    let to = Recipient::Phone("+15550001111".parse().unwrap());
    let created_at = noon() + SignedDuration::from_mins(20 * number);
    Outbound::queued(id, from, to, Lane::Single, created_at)
}

fn attempt(message: &Outbound, ended: Option<Outcome>, key: &str) -> Attempt {
    let failure = ProviderFailure::without_code(Class::Transient, "it was busy", "wait");
    Attempt {
        outcome: ended,
        duration_ms: ended.map(|_| 120),
        credential: ended.map(|_| key.to_owned()),
        failure: (ended == Some(Outcome::Refused)).then_some(failure),
        ..Attempt::starting(message.created_at)
    }
}

/// How a message came to be as it is at the end: refused once, then lost, and accepted as was learnt later.
fn life(number: i64) -> Vec<Outbound> {
    let message = queued(number);
    let with = |state, ends: &[(Option<Outcome>, &str)]| Outbound {
        state,
        attempts: ends
            .iter()
            .map(|(ended, key)| attempt(&message, *ended, key))
            .collect(),
        ..message.clone()
    };
    let refused = (Some(Outcome::Refused), "first");
    vec![
        message.clone(),
        with(State::Sending, &[(None, "")]),
        with(State::Queued, &[(Some(Outcome::NotStarted), "")]),
        with(State::Queued, &[refused]),
        with(State::Sending, &[refused, (None, "")]),
        with(
            State::Unknown,
            &[refused, (Some(Outcome::Ambiguous), "second")],
        ),
        with(
            State::Accepted,
            &[refused, (Some(Outcome::Accepted), "second")],
        ),
        with(State::Read, &[refused, (Some(Outcome::Accepted), "second")]),
    ]
}

fn change(sequence: usize, old: Option<&Outbound>, new: &Outbound) -> Change {
    let image = |message: &Outbound| {
        let message = Message::Outbound(Box::new(message.clone()));
        let mut item: serde_dynamo::Item = serde_dynamo::to_item(message).unwrap();
        let kind = serde_dynamo::AttributeValue::S("message".to_owned());
        item.insert("type".to_owned(), kind);
        serde_json::to_value(item).unwrap()
    };
    let change = json!({
        "SequenceNumber": sequence.to_string(), "OldImage": old.map(image), "NewImage": image(new),
    });
    serde_json::from_value(change).unwrap()
}

/// The lives of some messages, side by side.
fn history(messages: i64) -> Vec<Change> {
    let lives: Vec<Vec<Outbound>> = (0..messages).map(life).collect();
    let steps = lives.iter().map(Vec::len).max().unwrap_or(0);
    let mut changes = Vec::new();
    for step in 0..steps {
        for life in &lives {
            let old = step.checked_sub(1).and_then(|before| life.get(before));
            if let Some(new) = life.get(step) {
                changes.push(change(changes.len() + 100, old, new));
            }
        }
    }
    changes
}

fn with(key: &str) -> CalledWith {
    CalledWith {
        provider: Provider::Gateway(Gateway::Mock),
        account: "acct_demo-mock".parse().unwrap(),
        key: Some(key.to_owned()),
    }
}

#[tokio::test]
async fn calls_are_counted_once_however_often_and_in_whatever_batches_they_come() {
    let store = empty_store().await;
    let changes = history(9);
    for (from, to) in [(0, 5), (0, 5), (3, 40), (10, 41), (30, 72), (0, 72)] {
        let batch = changes.get(from..to).unwrap();
        count(&store, "shard-1", batch).await.unwrap();
    }
    let of = (Provider::Gateway(Gateway::Mock), None);
    let hours = store
        .calls_of(&tenant(), of, "2026-11-20".parse().unwrap())
        .await
        .unwrap();
    let mut by_key: BTreeMap<CalledWith, CallCounts> = BTreeMap::new();
    for (with, hour, counts) in &hours {
        assert!((12..15).contains(hour));
        assert_eq!((counts.all(), counts.latencies.within(500)), (3, Some(134)));
        by_key.entry(with.clone()).or_default().merge(counts);
    }
    assert_eq!(by_key[&with("first")].refused["transient"], 9);
    assert_eq!(
        (
            by_key[&with("second")].accepted,
            by_key[&with("second")].ambiguous
        ),
        (9, 0)
    );

    let keys = store.keys_called(&tenant(), of).await.unwrap();
    let KeyCalls { counts, last } = &keys[&with("first")];
    assert_eq!(counts.all_refused(), 9);
    let last = last.as_ref().unwrap();
    assert_eq!(last.last_used, noon() + SignedDuration::from_mins(160));
    let error = last.last_error.as_ref().unwrap();
    assert_eq!(
        (error.class, error.message.as_str()),
        (Class::Transient, "it was busy")
    );
    assert_eq!(keys[&with("second")].counts.all(), 9);
}

#[tokio::test]
async fn a_call_whose_worker_died_counts_once_for_its_key_also_if_the_worker_speaks_later() {
    let store = empty_store().await;
    let before = queued(0);
    let with = |state, outcome, failure| Outbound {
        state,
        attempts: vec![Attempt {
            credential: Some("first".to_owned()),
            failure,
            ..attempt(&before, outcome, "first")
        }],
        ..before.clone()
    };
    let died = Some(ProviderFailure::worker_died());
    let life = [
        before.clone(),
        with(State::Sending, None, None),
        with(State::Unknown, None, died),
        with(State::Accepted, Some(Outcome::Accepted), None),
    ];
    let of = (Provider::Gateway(Gateway::Mock), None);
    let mut told = Vec::new();
    for (place, new) in life.iter().enumerate() {
        let old = place.checked_sub(1).and_then(|before| life.get(before));
        let change = [change(place + 100, old, new)];
        count(&store, "shard-1", &change).await.unwrap();
        count(&store, "shard-1", &change).await.unwrap();
        let keys = store.keys_called(&tenant(), of).await.unwrap();
        let counts = keys.values().map(|calls| &calls.counts);
        told.push(counts.fold((0, 0), |(accepted, ambiguous), counts| {
            (accepted + counts.accepted, ambiguous + counts.ambiguous)
        }));
    }
    assert_eq!(told, [(0, 0), (0, 0), (0, 1), (1, 0)]);
}

#[test]
fn what_says_nothing_new_of_calls_moves_none_of_their_counters() {
    let life = life(0);
    let moved = |old: usize, new: usize| change(1, life.get(old), &life[new]).moved();
    let of_calls = |old, new| {
        let moved = moved(old, new);
        let counters = moved.counters.keys();
        let count = counters.filter(|it| it.of.starts_with("calls")).count();
        (count, moved.uses.len())
    };
    assert_eq!(of_calls(0, 1), (0, 0), "a call that runs is none yet");
    assert_eq!(of_calls(1, 2), (0, 0), "one that was given back is none");
    assert_eq!(
        of_calls(2, 3),
        (3, 1),
        "of its key, in its hour, and its duration"
    );
    assert_eq!(
        of_calls(5, 6),
        (4, 1),
        "what is learnt later moves it, not its duration"
    );
    assert_eq!(of_calls(6, 7), (0, 0), "a status is no call");
}

#[test]
fn the_metrics_are_told_each_state_and_each_call_once() {
    let life = life(0);
    let mut told = Happened::default();
    for (place, new) in life.iter().enumerate() {
        let old = place.checked_sub(1).and_then(|before| life.get(before));
        told.add(change(1, old, new).moved().happened);
        // A write that changes nothing that is counted.
        told.add(change(1, Some(new), new).moved().happened);
    }
    let mut expected = Happened::default();
    for state in [State::Queued, State::Unknown, State::Accepted, State::Read] {
        expected.became(state, None);
    }
    for _ in 0..2 {
        expected.called(Provider::Gateway(Gateway::Mock), 120);
    }
    assert_eq!(told, expected);
}

#[test]
fn a_failure_is_told_with_its_class() {
    let before = queued(1);
    let failed = Outbound {
        state: State::Failed,
        attempts: vec![attempt(&before, Some(Outcome::Refused), "first")],
        ..before.clone()
    };
    let mut expected = Happened::default();
    expected.became(State::Failed, Some(Class::Transient));
    expected.called(Provider::Gateway(Gateway::Mock), 120);
    let told = change(1, Some(&before), &failed).moved().happened;
    assert_eq!(told, expected);
}
