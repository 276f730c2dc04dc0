//! What webhooks bring: each update alone, as often as it comes, in any order.

mod devices;
mod repeats;
mod senders;

use super::*;
use crate::domain::id::EventId;
use crate::domain::ledger::tests::{accepted, ended, queued};
use crate::domain::message::{Attempt, Message, Outbound};
use crate::domain::provider::Provider;
use crate::domain::queue::{Change, WebhookRecord};
use crate::domain::state::State;
use crate::messaging::receive::Receiving;
use crate::store::tests::{asks_for, store_behind, write};
use crate::store::{ConversationState, EventState, Sender, StoreError, StoredRecord};
use axum::http::HeaderMap;
use serde_json::value::to_raw_value;

fn record(waba: &str, value: &Value) -> WebhookRecord {
    WebhookRecord {
        id: EventId::at(at(0)),
        tenant: "demo".parse().unwrap(),
        account: "acct_demo".parse().unwrap(),
        provider: Provider::Meta,
        received_at: at(0),
        changes: vec![Change {
            entry: waba.to_owned(),
            time: None,
            field: "messages".to_owned(),
            value: to_raw_value(value).unwrap(),
        }],
    }
}

fn value(list: &str, units: &[Value]) -> Value {
    json!({
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550001000", "phone_number_id": "100000000000001"},
        "contacts": [{"profile": {"name": "Ada"}, "wa_id": "15550001111"}],
        list: units,
    })
}

fn text(wamid: &str, second: i64) -> Value {
    let timestamp = at(second).as_second().to_string();
    json!({"from": "15550001111", "id": wamid, "timestamp": timestamp, "type": "text", "text": {"body": "hi"}})
}

fn status(wamid: &str, status: &str, callback: Option<&Outbound>) -> Value {
    let timestamp = at(9).as_second().to_string();
    let mut unit = json!({"id": wamid, "status": status, "timestamp": timestamp, "recipient_id": "15550001111"});
    if let (Some(message), Some(unit)) = (callback, unit.as_object_mut()) {
        unit.insert("biz_opaque_callback_data".to_owned(), json!(message.id));
    }
    unit
}

async fn receive(store: &Store, record: &WebhookRecord, tries: u32) -> StoredRecord {
    let receiving = Receiving::new(store.clone());
    receiving.receive(record, "{}", tries, at(1)).await.unwrap()
}

fn states(record: &StoredRecord) -> Vec<EventState> {
    record.events.iter().map(|event| event.state).collect()
}

async fn held(store: &Store) -> Outbound {
    let message = queued(at(0));
    write(store, &message).await;
    let held = store
        .claim(
            &message.tenant,
            &message.id,
            "one",
            Attempt::starting(at(0)),
        )
        .await;
    held.unwrap()
}

#[tokio::test]
async fn a_status_with_our_id_settles_a_message_whose_answer_was_lost() {
    let store = store_with(WindowPolicy::Off).await;
    let message = held(&store).await;
    let units = [
        status("wamid.A", "delivered", Some(&message)),
        status("wamid.A", "sent", None),
    ];
    let stored = receive(
        &store,
        &record("200000000000001", &value("statuses", &units)),
        0,
    )
    .await;
    assert_eq!(states(&stored), [EventState::Applied; 2]);
    let read = store
        .outbound(&message.tenant, &message.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(read.state, State::Delivered);
    assert_eq!(
        (read.times.sent, read.times.delivered),
        (Some(at(9)), Some(at(9)))
    );
}

#[tokio::test]
async fn a_message_that_was_said_to_be_refused_is_not_sent_again_once_a_status_names_it() {
    const BUSY: &str = r#"{"error":{"code":131016,"message":"Service unavailable"}}"#;
    let store = store_with(WindowPolicy::Off).await;
    let meta = Meta::answering(503, BUSY).await;
    let message = queued(at(0));
    write(&store, &message).await;
    let sending = Sending::new(store.clone(), meta.client.clone(), || at(0));
    attempt(&sending, &message).await;
    let units = [status("wamid.A", "sent", Some(&message))];
    let record = record("200000000000001", &value("statuses", &units));
    let told = receive(&store, &record, 0).await;
    assert_eq!(states(&told), [EventState::Applied]);
    let sending = Sending::new(store.clone(), meta.client.clone(), || at(600));
    let again = attempt(&sending, &message).await;
    assert!(matches!(again, Attempted::NotNow(Some(known)) if known.state == State::Sent));
    assert_eq!(meta.bodies().len(), 1);
}

#[tokio::test]
async fn a_status_that_is_faster_than_the_answer_waits_for_its_message() {
    let store = store_with(WindowPolicy::Off).await;
    let message = held(&store).await;
    let record = record(
        "200000000000001",
        &value("statuses", &[status("wamid.A", "read", None)]),
    );
    let stored = receive(&store, &record, 0).await;
    assert_eq!(states(&stored), [EventState::Waiting]);
    assert_eq!(stored.try_again_at, Some(at(3)));
    let call = ended("one", accepted("wamid.A"));
    store.apply(message.clone(), &call, at(2)).await.unwrap();
    let stored = receive(&store, &record, 1).await;
    assert_eq!(states(&stored), [EventState::Applied]);
    assert_eq!(stored.try_again_at, None);
    let read = store.outbound(&message.tenant, &message.id).await.unwrap();
    assert_eq!(read.unwrap().state, State::Read);
}

#[tokio::test]
async fn what_failed_is_tried_again_by_the_sweeper_until_it_is_applied() {
    let (store, url) = store_and_url_with(WindowPolicy::Off).await;
    let message = held(&store).await;
    let record = record(
        "200000000000001",
        &value("statuses", &[status("wamid.A", "read", Some(&message))]),
    );
    // A refusal that says nothing about the next try, as when a transaction holds the item.
    let is_write = |headers: &HeaderMap| asks_for(headers, "PutItem");
    let busy = store_behind(&url, "TransactionConflictException", is_write).await;
    let failed = Receiving::new(busy).receive(&record, "{}", 1, at(3)).await;
    assert!(matches!(failed, Err(StoreError::Throttled(_))));
    let due = store.events_to_try(at(14), 10).await.unwrap();
    let due_states: Vec<_> = due.iter().map(states).collect();
    assert_eq!(due_states, [[EventState::Failed]]);
    let stored = receive(&store, &record, 2).await;
    assert_eq!(states(&stored), [EventState::Applied]);
    assert_eq!(store.events_to_try(at(999), 10).await.unwrap(), []);
}

#[tokio::test]
async fn what_is_only_kept_is_counted_by_kind_once_however_often_it_comes() {
    let store = store_with(WindowPolicy::Off).await;
    let units = [json!({"id": "wamid.IN1"}), text("wamid.IN2", 5)];
    let first = record("200000000000001", &value("messages", &units));
    let mut second = record("200000000000001", &json!({"event": "X"}));
    for change in &mut second.changes {
        change.field = "telepathy".to_owned();
    }
    for tries in 0..3 {
        receive(&store, &first, tries).await;
        receive(&store, &second, 0).await;
    }
    let foreign = record("999", &value("messages", &[text("wamid.IN3", 6)]));
    receive(&store, &foreign, 0).await;
    // Known by now, and its arrival stays counted.
    let known = record(
        "200000000000001",
        &value("messages", &[text("wamid.IN3", 6)]),
    );
    let known = WebhookRecord {
        id: foreign.id,
        ..known
    };
    receive(&store, &known, 0).await;
    assert_eq!(
        kept(&store).await,
        [
            "messages malformed 1",
            "messages/text unknown_account 1",
            "telepathy/X kept 1"
        ]
    );
}

#[tokio::test]
async fn what_is_only_kept_is_counted_when_the_rest_of_its_record_is_decided() {
    let store = store_with(WindowPolicy::Off).await;
    let message = held(&store).await;
    let units = [status("wamid.A", "read", None), json!({"id": "wamid.A"})];
    let record = record("200000000000001", &value("statuses", &units));
    let stored = receive(&store, &record, 0).await;
    assert_eq!(
        states(&stored),
        [EventState::Waiting, EventState::Malformed]
    );
    assert_eq!(kept(&store).await, Vec::<String>::new());
    let call = ended("one", accepted("wamid.A"));
    store.apply(message, &call, at(2)).await.unwrap();
    for tries in 1..3 {
        receive(&store, &record, tries).await;
        assert_eq!(kept(&store).await, ["messages malformed 1"]);
    }
}

#[tokio::test]
async fn a_record_is_kept_and_counted_though_every_transaction_gives_way_to_another() {
    let (store, url) = store_and_url_with(WindowPolicy::Off).await;
    let foreign = record("999", &value("messages", &[text("wamid.IN3", 6)]));
    let alone = |headers: &HeaderMap| !asks_for(headers, "TransactWriteItems");
    let busy = store_behind(&url, "TransactionConflictException", alone).await;
    for tries in 0..2 {
        let receiving = Receiving::new(busy.clone());
        receiving
            .receive(&foreign, "{}", tries, at(3))
            .await
            .unwrap();
        assert_eq!(kept(&store).await, ["messages/text unknown_account 1"]);
    }
}

/// What the counters say of a day's kept events.
async fn kept(store: &Store) -> Vec<String> {
    let day = at(0).to_zoned(jiff::tz::TimeZone::UTC).date();
    let kinds = store.kept_events(&"demo".parse().unwrap(), day).await;
    let line = |kind: &str, name: &str, number: i64| format!("{kind} {name} {number}");
    let lines = kinds.unwrap().into_iter().flat_map(|(kind, numbers)| {
        numbers
            .into_iter()
            .map(move |(name, number)| line(&kind, &name, number))
    });
    lines.collect()
}

#[tokio::test]
async fn what_never_finds_its_message_ends_where_people_see_it() {
    let store = store_with(WindowPolicy::Off).await;
    let record = record(
        "200000000000001",
        &value("statuses", &[status("wamid.X", "read", None)]),
    );
    let stored = receive(&store, &record, 8).await;
    assert_eq!(
        (states(&stored), stored.try_again_at),
        (vec![EventState::Unmatched], None)
    );
    let listed = store
        .events_by_state(&stored.tenant, EventState::Unmatched, &ALL)
        .await;
    assert_eq!(listed.unwrap().entries, [stored]);
}

#[tokio::test]
async fn one_bad_update_fails_alone() {
    let store = store_with(WindowPolicy::Off).await;
    let units = [json!({"id": "wamid.IN1"}), text("wamid.IN2", 5), json!(7)];
    let stored = receive(
        &store,
        &record("200000000000001", &value("messages", &units)),
        0,
    )
    .await;
    let wanted = [
        EventState::Malformed,
        EventState::Applied,
        EventState::Malformed,
    ];
    assert_eq!(states(&stored), wanted);
}

#[tokio::test]
async fn what_is_about_another_tenants_number_is_kept_and_changes_nothing() {
    let store = store_with(WindowPolicy::Off).await;
    let message = held(&store).await;
    let mut elsewhere = value("statuses", &[status("wamid.A", "read", Some(&message))]);
    let foreign = record("999", &elsewhere);
    assert_eq!(
        states(&receive(&store, &foreign, 0).await),
        [EventState::UnknownAccount]
    );
    if let Some(id) = elsewhere.pointer_mut("/metadata/phone_number_id") {
        *id = json!("100000000000009");
    }
    let foreign = record("200000000000001", &elsewhere);
    assert_eq!(
        states(&receive(&store, &foreign, 0).await),
        [EventState::UnknownAccount]
    );
    let read = store.outbound(&message.tenant, &message.id).await.unwrap();
    assert_eq!(read, Some(message));
}

#[tokio::test]
async fn a_message_too_large_for_an_item_is_kept_clipped_and_its_neighbour_whole() {
    let store = store_with(WindowPolicy::Enforce).await;
    let mut large = text("wamid.LARGE", 10);
    *large.pointer_mut("/text/body").unwrap() = json!("x".repeat(500_000));
    let units = [large, text("wamid.SMALL", 11)];
    let stored = receive(
        &store,
        &record("200000000000001", &value("messages", &units)),
        0,
    )
    .await;
    assert_eq!(states(&stored), [EventState::Applied; 2]);
}

#[tokio::test]
async fn what_the_database_will_never_take_is_not_tried_again() {
    let store = store_with(WindowPolicy::Enforce).await;
    let mut strange = text("wamid.STRANGE", 10);
    *strange.pointer_mut("/type").unwrap() = json!("x".repeat(450_000));
    let units = [strange, text("wamid.GOOD", 11)];
    let stored = receive(
        &store,
        &record("200000000000001", &value("messages", &units)),
        0,
    )
    .await;
    assert_eq!(
        states(&stored),
        [EventState::Malformed, EventState::Applied]
    );
    let reason = stored.events.first().unwrap().reason.as_deref();
    assert_eq!(reason, Some("the database refuses this item"));
}

#[tokio::test]
async fn a_limit_is_noted_for_the_portfolio_that_owns_the_waba_and_kept_where_none_is_known() {
    let store = store_with(WindowPolicy::Warn).await;
    let sender = crate::store::tests::sender(WindowPolicy::Warn);
    let told = |people: u64, time: i64| {
        let mut record = record(
            sender.waba.as_ref().unwrap().as_str(),
            &json!({"max_daily_conversations_per_business": people}),
        );
        for change in &mut record.changes {
            change.field = "business_capability_update".to_owned();
            change.time = Some(at(time).as_second());
        }
        record
    };
    let kept = receive(&store, &told(250, 10), 0).await;
    assert_eq!(states(&kept), [EventState::Kept]);
    let portfolio: crate::domain::identity::PortfolioId = "300000000000001".parse().unwrap();
    let account = Account {
        waba: sender.waba.clone(),
        portfolio: Some(portfolio.clone()),
        ..Account::new(
            sender.account.clone(),
            sender.tenant.clone(),
            "Demo".to_owned(),
            Timestamp::UNIX_EPOCH,
        )
    };
    store.put_account(&account).await.unwrap();
    for (people, time) in [(2_000, 30), (250, 20), (2_000, 30)] {
        let applied = receive(&store, &told(people, time), 0).await;
        assert_eq!(states(&applied), [EventState::Applied]);
    }
    let limited = Sender {
        portfolio: Some(portfolio),
        ..sender
    };
    let room = store.room(&limited).await.unwrap().unwrap();
    assert_eq!(room.people_per_day, 2_000);
}
