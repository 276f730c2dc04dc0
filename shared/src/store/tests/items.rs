//! Every item says what it is: `type` and `v` stand on each, whichever write made it.

use super::*;
use crate::domain::audit::AuditEntry;
use crate::domain::id::{ContactId, EventId};
use crate::domain::identity::Identity;
use crate::domain::ledger::tests::{at, queued};
use crate::domain::message::Attempt;
use crate::domain::pace::{InboundRate, Portfolio, Speed};
use crate::domain::role::Role;
use crate::messaging::pace::{Leave, Pacer};
use crate::store::events::{Event, EventState, StoredRecord};
use dynoxide::Database;
use dynoxide::actions::scan::ScanRequest;
use dynoxide::types::AttributeValue;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// The types of a table's items, by its whole content. Every item must have its type and its version.
fn types(engine: &Database, table: &str) -> BTreeSet<String> {
    let everything = ScanRequest {
        table_name: table.to_owned(),
        ..ScanRequest::default()
    };
    let items = engine.scan(everything).unwrap().items.unwrap();
    let kind_of = |item: &std::collections::HashMap<String, AttributeValue>| {
        let version = item.get("v");
        assert_eq!(version, Some(&AttributeValue::N("1".into())), "{item:?}");
        match item.get("type") {
            Some(AttributeValue::S(kind)) => kind.clone(),
            other => unreachable!("{other:?} is no type: {item:?}"),
        }
    };
    items.iter().map(kind_of).collect()
}

async fn write_who_calls_and_what_sends(store: &Store) {
    let sender = sender(WindowPolicy::Off);
    let account = Account {
        waba: sender.waba.clone(),
        ..Account::new(
            sender.account.clone(),
            sender.tenant.clone(),
            "Demo".to_owned(),
            Timestamp::UNIX_EPOCH,
        )
    };
    store.put_account(&account).await.unwrap();
    store.put_sender(&sender).await.unwrap();
    let portfolio = Portfolio {
        id: "300000000000001".parse().unwrap(),
        people_per_day: Some(250),
    };
    store
        .put_portfolio(&sender.tenant, &portfolio)
        .await
        .unwrap();
    let limited = Sender {
        portfolio: Some(portfolio.id),
        ..sender.clone()
    };
    let room = store.room(&limited).await.unwrap().unwrap();
    assert!(
        store
            .take_room(&limited.tenant, &room, 1, at(0))
            .await
            .unwrap()
    );
    let (id, tenant) = ("key_a".parse().unwrap(), sender.tenant.clone());
    let key = ApiKey::new(id, tenant, Role::Admin, "abc".to_owned(), at(0));
    store.put_api_key(&key).await.unwrap();
    store.note_use(&key, at(0)).await.unwrap();
}

async fn write_a_conversation(store: &Store) {
    let contact = Contact {
        id: ContactId::at(at(0)),
        ..people::ada()
    };
    let identity = Identity::Phone("15550001111".parse().unwrap());
    assert!(store.create_contact(&contact, &[identity]).await.unwrap());
    let message = people::inbound(&contact, "wamid.A", 5);
    let received = store.receive(&message, &contact).await.unwrap();
    assert_eq!(received, Received::Written);
    let mut transaction = Transaction::new();
    let answer = queued(at(9));
    store
        .open_thread(&mut transaction, &contact, &answer, None)
        .unwrap();
    let record = IdempotencyRecord {
        tenant: "demo".parse().unwrap(),
        key_hash: "abc".to_owned(),
        body_hash: "def".to_owned(),
        resource: answer.id.to_string(),
        answer: None,
        expires_at: at(100),
    };
    store.remember(&mut transaction, &record, at(9)).unwrap();
    let boxed = Message::Outbound(Box::new(answer.clone()));
    store.create_message(&mut transaction, &boxed).unwrap();
    store.commit(transaction).await.unwrap();
    let claimed = store
        .claim(&answer.tenant, &answer.id, "one", Attempt::starting(at(9)))
        .await;
    assert!(claimed.is_ok());
    let worker = Pacer::new(store.clone(), || at(9));
    let leave = worker.leave(&answer.tenant, &answer.sender, Lane::Single, None);
    assert!(matches!(leave.await.unwrap(), Leave::At(_)));
}

async fn write_a_job(store: &Store) {
    let job = running_job(store).await;
    let noted = store.note_status(&job.tenant, &job.sender, at(0));
    noted.await.unwrap();
    let slice = Slice {
        limit: 1,
        after: None,
    };
    for chunk in store.chunks(&job, &slice).await.unwrap().entries {
        store.mark_chunk(&job, &chunk).await.unwrap();
    }
    let pace = store.pace(&job.tenant, &job.sender).await.unwrap();
    let lease = Lease {
        tick: "tick".to_owned(),
        taken: pace.rows().take_bulk(72, 72, at(0)),
        now: at(0),
        next_run: at(1),
        speed: Speed::first(72),
        inbound: InboundRate::after(None, 0, at(0)),
    };
    let leased = store.lease_bulk(&job.tenant, &job.sender, &pace, &lease);
    assert!(leased.await.unwrap());
    happens(store, &job, &JobEvent::AllEnded, at(7)).await;
    let counter = Counter {
        tenant: job.tenant.clone(),
        of: format!("job:{}", job.id),
        part: "-".to_owned(),
        name: "queued".to_owned(),
    };
    let delta = BTreeMap::from([(counter, 1)]);
    let start = store.position("shard-1").await.unwrap();
    assert!(store.count(&delta, &start, "100").await.unwrap());
}

async fn write_an_event(store: &Store) {
    let event = Event {
        field: "messages".to_owned(),
        kind: "messages/text".to_owned(),
        state: EventState::Waiting,
        reason: None,
        message: None,
    };
    let record = StoredRecord {
        id: EventId::at(at(0)),
        tenant: "demo".parse().unwrap(),
        account: "acct_demo".parse().unwrap(),
        received_at: at(0),
        raw: "{}".to_owned(),
        events: vec![event],
        tries: 1,
        try_again_at: Some(at(2)),
    };
    store.keep_events(&record).await.unwrap();
}

fn from<T: DeserializeOwned>(body: serde_json::Value) -> T {
    serde_json::from_value(body).unwrap()
}

async fn write_people(store: &Store) {
    let tenant: Tenant = from(json!({"list_sort": "demo", "name": "Demo", "created_at": 0}));
    let user: User = from(json!({
        "sk": "usr_1", "tenant": "demo", "email": "ada@example.com", "name": "Ada", "role": "agent", "created_at": 0,
        "sessions_era": 0,
    }));
    let session: Session = from(json!({
        "id": "ses_1", "tenant": "demo", "user": "usr_1", "era": 0, "began_at": 0, "ends_at": 1, "access": "a", "access_until": 1,
        "refresh": "b", "refreshed_at": 0,
    }));
    let invitation: Invitation =
        from(json!({"hash": "c", "tenant": "demo", "user": "usr_1", "until": 1}));
    let entry: AuditEntry = from(json!({
        "sk": "aud_1", "tenant": "demo", "at": 0, "actor": {"kind": "operator"}, "action": "user.created", "target": "usr_1",
        "changes": null,
    }));
    store.put_tenant(&tenant).await.unwrap();
    let mut transaction = Transaction::new();
    store.add_user(&mut transaction, &user).unwrap();
    store.note_audit(&mut transaction, &entry).unwrap();
    store.commit(transaction).await.unwrap();
    assert!(store.begin_session(&session, &user).await.unwrap());
    store.put_invitation(&invitation).await.unwrap();
    assert_eq!(store.count_try("ada", at(60)).await.unwrap(), 1);
    assert_eq!(store.count_try("ada", at(60)).await.unwrap(), 2);
}

#[tokio::test]
async fn every_item_bears_its_type_and_its_version() {
    let engine = engine();
    let store = store_at(&serve(&engine).await);
    store.create_tables().await.unwrap();
    write_who_calls_and_what_sends(&store).await;
    write_a_conversation(&store).await;
    write_a_job(&store).await;
    write_an_event(&store).await;
    write_people(&store).await;
    let wanted = [
        "account",
        "account_pointer",
        "api_key",
        "api_key_pointer",
        "chunk",
        "contact",
        "conversation",
        "counters",
        "idempotency",
        "identity",
        "invitation",
        "job",
        "message",
        "open_chunk",
        "pace",
        "portfolio",
        "position",
        "reached",
        "sender",
        "session",
        "statuses",
        "tenant",
        "tries",
        "user",
        "user_address",
        "waba",
    ];
    assert_eq!(types(&engine, "messages"), wanted.map(Into::into).into());
    let wanted = ["audit", "webhook_record"];
    assert_eq!(types(&engine, "logs"), wanted.map(Into::into).into());
}
