//! What Fonnte's devices tell: two ids for one message, in any order, by whoever knows the address.

use super::*;
use crate::domain::message::{Attempt, Outbound};
use crate::domain::provider::Gateway;
use crate::store::{Account, StateBucket};

const ACCOUNT: &str = "acct_fonnte";
const DEVICE: &str = "15550002000";

/// A store in which Meta's sender and a device of Fonnte's are.
async fn store_with_device() -> Store {
    let store = store_with(WindowPolicy::Off).await;
    let account = Account::new(
        ACCOUNT.parse().unwrap(),
        "demo".parse().unwrap(),
        "Fonnte".to_owned(),
        at(0),
    );
    let account = account.at(Provider::Gateway(Gateway::Fonnte));
    let device = format!("fonnte-{DEVICE}").parse().unwrap();
    store.put_account(&account).await.unwrap();
    let sender = Sender::at_gateway(&account, device);
    store.put_sender(&sender).await.unwrap();
    store
}

/// A message of this sender's, which its provider took under this id.
async fn taken(store: &Store, sender: &str, id: &str) -> Outbound {
    let message = Outbound {
        sender: sender.parse().unwrap(),
        ..queued(at(0))
    };
    write(store, &message).await;
    let (tenant, id_of) = (&message.tenant, &message.id);
    let held = store
        .claim(tenant, id_of, "one", Attempt::starting(at(0)))
        .await
        .unwrap();
    let call = ended("one", accepted(id));
    store.apply(held, &call, at(1)).await.unwrap()
}

fn called_at(account: &str, body: &Value) -> WebhookRecord {
    let device = body.get("device").and_then(Value::as_str);
    WebhookRecord {
        id: EventId::at(at(0)),
        tenant: "demo".parse().unwrap(),
        account: account.parse().unwrap(),
        provider: Provider::Gateway(Gateway::Fonnte),
        received_at: at(9),
        changes: vec![Change {
            entry: device.unwrap_or_default().to_owned(),
            time: None,
            field: "messages".to_owned(),
            value: to_raw_value(body).unwrap(),
        }],
    }
}

/// What becomes of a call to the device's account.
async fn told(store: &Store, body: &Value) -> EventState {
    let stored = receive(store, &called_at(ACCOUNT, body), 0).await;
    stored.worst()
}

async fn state_of(store: &Store, message: &Outbound) -> State {
    let read = store.outbound(&message.tenant, &message.id).await;
    read.unwrap().unwrap().state
}

fn first(id: &str, state_id: &str) -> Value {
    json!({"device": DEVICE, "id": id, "stateid": state_id, "status": "sent", "state": "sent"})
}

fn later(state_id: &str, state: &str) -> Value {
    json!({"device": DEVICE, "stateid": state_id, "state": state})
}

#[tokio::test]
async fn a_status_by_whatsapps_id_alone_is_of_the_message_that_the_first_one_named() {
    let store = store_with_device().await;
    let message = taken(&store, "fonnte-15550002000", "80367170").await;
    for (body, state) in [
        (first("80367170", "3EB0A"), State::Sent),
        (later("3EB0A", "delivered"), State::Delivered),
        (later("3EB0A", "delivered"), State::Delivered),
        (later("3EB0A", "read"), State::Read),
        (later("3EB0A", "delivered"), State::Read),
        (first("80367170", "3EB0A"), State::Read),
    ] {
        assert_eq!(told(&store, &body).await, EventState::Applied, "{body}");
        assert_eq!(state_of(&store, &message).await, state, "{body}");
    }
}

#[tokio::test]
async fn one_that_overtakes_the_first_waits_for_it() {
    let store = store_with_device().await;
    let message = taken(&store, "fonnte-15550002000", "80367170").await;
    let overtaking = called_at(ACCOUNT, &later("3EB0A", "read"));
    let stored = receive(&store, &overtaking, 0).await;
    assert_eq!(states(&stored), [EventState::Waiting]);
    assert!(stored.try_again_at.is_some());
    let named = told(&store, &first("80367170", "3EB0A")).await;
    assert_eq!(named, EventState::Applied);
    let stored = receive(&store, &overtaking, 1).await;
    assert_eq!(states(&stored), [EventState::Applied]);
    assert_eq!(state_of(&store, &message).await, State::Read);
}

#[tokio::test]
async fn an_id_that_several_providers_have_given_is_of_the_device_that_calls() {
    let store = store_with_device().await;
    let others = taken(&store, "100000000000001", "80367170").await;
    let not_yet = told(&store, &first("80367170", "3EB0A")).await;
    assert_eq!(not_yet, EventState::Waiting);
    let own = taken(&store, "fonnte-15550002000", "80367170").await;
    let found = told(&store, &first("80367170", "3EB0A")).await;
    assert_eq!(found, EventState::Applied);
    assert_eq!(state_of(&store, &own).await, State::Sent);
    assert_eq!(state_of(&store, &others).await, State::Accepted);
}

#[tokio::test]
async fn a_device_speaks_for_its_own_account_alone() {
    let store = store_with_device().await;
    let message = taken(&store, "fonnte-15550002000", "80367170").await;
    let status = first("80367170", "3EB0A");
    for record in [
        called_at("acct_other", &status),
        called_at(
            ACCOUNT,
            &json!({"device": "15550002009", "id": "80367170", "status": "sent"}),
        ),
        called_at(ACCOUNT, &json!({"id": "80367170", "status": "sent"})),
    ] {
        let stored = receive(&store, &record, 0).await;
        assert_eq!(states(&stored), [EventState::UnknownAccount]);
    }
    assert_eq!(state_of(&store, &message).await, State::Accepted);
}

#[tokio::test]
async fn a_failure_that_a_device_tells_ends_its_message_with_a_reason() {
    let store = store_with_device().await;
    let message = taken(&store, "fonnte-15550002000", "80367170").await;
    let failed =
        json!({"device": DEVICE, "id": "80367170", "stateid": "3EB0A", "status": "failed"});
    assert_eq!(told(&store, &failed).await, EventState::Applied);
    let tenant = &message.tenant;
    let bucket = StateBucket::Problem(State::Failed);
    let failed = store.messages_by_state(tenant, bucket, &ALL).await;
    assert_eq!(failed.unwrap().entries.len(), 1);
}

#[tokio::test]
async fn a_message_without_an_id_that_is_told_twice_is_one_message() {
    let store = store_with_device().await;
    let text = json!({"device": DEVICE, "sender": "15550001111", "message": "Hello", "timestamp": 1_768_200_000});
    assert_eq!(told(&store, &text).await, EventState::Applied);
    assert_eq!(told(&store, &text).await, EventState::Applied);
    let tenant = "demo".parse().unwrap();
    let messages = store.messages_by_time(&tenant, &ALL).await.unwrap();
    assert_eq!(messages.entries.len(), 1);
}
