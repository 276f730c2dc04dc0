//! Webhook events: pages inside records, what was sent, and replay.

use super::desk::{Desk, ids, noon, tenant};
use axum::http::{Method, StatusCode};
use heliograph::domain::id::EventId;
use heliograph::domain::provider::Provider;
use heliograph::domain::queue::{Change, WebhookBody, WebhookRecord};
use heliograph::store::EventState::{Applied, Failed, Kept, Malformed, Unmatched};
use heliograph::store::{Event, EventState, StoredRecord};
use jiff::SignedDuration;
use serde_json::json;
use serde_json::value::to_raw_value;
use std::collections::BTreeSet;

/// Keeps a record with an event in each of `states`.
async fn keep(desk: &Desk, number: i64, list: &str, states: &[EventState]) -> StoredRecord {
    let received_at = noon() + SignedDuration::from_secs(number);
    let units: Vec<_> = (0..states.len())
        .map(|place| json!({"id": format!("wamid.{place}")}))
        .collect();
    let change = Change {
        entry: "200000000000001".to_owned(),
        time: None,
        field: "messages".to_owned(),
        value: to_raw_value(&json!({"messaging_product": "whatsapp", list: units})).unwrap(),
    };
    let record = WebhookRecord {
        id: EventId::derived(received_at, &[&number.to_string()]),
        tenant: tenant(),
        account: "acct_demo".parse().unwrap(),
        provider: Provider::Meta,
        received_at,
        changes: vec![change],
    };
    let kind = if list == "statuses" {
        "messages/status/sent"
    } else {
        "messages/text"
    };
    let event = |state: &EventState| Event {
        field: "messages".to_owned(),
        kind: kind.to_owned(),
        state: *state,
        reason: None,
        message: None,
    };
    let stored = StoredRecord {
        id: record.id.clone(),
        tenant: tenant(),
        account: record.account.clone(),
        received_at,
        raw: WebhookBody::encode(&record).unwrap(),
        events: states.iter().map(event).collect(),
        tries: 1,
        try_again_at: None,
    };
    desk.store.keep_events(&stored).await.unwrap();
    stored
}

#[tokio::test]
async fn every_event_is_listed_exactly_once_also_where_a_page_ends_inside_a_record() {
    let desk = Desk::start().await;
    let mut count = 0;
    for (number, events) in (0..).zip([3, 1, 10, 2, 7, 1, 1]) {
        keep(&desk, number, "messages", &vec![Applied; events]).await;
        count += events;
    }
    for limit in [1, 4, 10, count, 100] {
        let (entries, _) = desk.read_list("/v1/webhook-events", limit).await;
        let once: BTreeSet<_> = ids(&entries).into_iter().collect();
        assert_eq!((entries.len(), once.len()), (count, count), "limit {limit}");
        let times: Vec<_> = entries
            .iter()
            .map(|entry| entry["received_at"].as_str())
            .collect();
        assert!(times.is_sorted_by(|one, next| one >= next));
    }
}

#[tokio::test]
async fn what_was_not_applied_is_found_by_its_state_also_beside_something_worse() {
    let desk = Desk::start().await;
    for (number, states) in (0..).zip([
        &[Applied, Kept][..],
        &[Malformed, Failed, Applied],
        &[Malformed, Applied],
        &[Unmatched, Unmatched],
    ]) {
        keep(&desk, number, "statuses", states).await;
    }
    for (state, count) in [
        ("malformed", 2),
        ("failed", 1),
        ("unmatched", 2),
        ("waiting", 0),
        ("not_applied", 5),
    ] {
        for limit in [1, 2, 100] {
            let path = format!("/v1/webhook-events?state={state}");
            let (entries, _) = desk.read_list(&path, limit).await;
            let once: BTreeSet<_> = ids(&entries).into_iter().collect();
            assert_eq!((entries.len(), once.len()), (count, count), "{state}");
        }
    }
    for state in ["applied", "kept", "lost"] {
        let (status, _) = desk.get(&format!("/v1/webhook-events?state={state}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{state}");
    }
}

#[tokio::test]
async fn an_event_is_shown_with_what_the_provider_sent_of_it_alone() {
    let desk = Desk::start().await;
    let record = keep(&desk, 0, "messages", &[Applied, Malformed]).await;
    let (status, event) = desk
        .get(&format!("/v1/webhook-events/{}.1", record.id))
        .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(event["state"], "malformed");
    assert_eq!(event["entry"], "200000000000001");
    assert_eq!(event["raw"]["messages"], json!([{"id": "wamid.1"}]));
    let (_, first) = desk.get(&format!("/v1/webhook-events/{}", record.id)).await;
    assert_eq!(first["id"], format!("{}.0", record.id));
    for name in [format!("{}.2", record.id), "evt_nobody.0".to_owned()] {
        let (status, _) = desk.get(&format!("/v1/webhook-events/{name}")).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }
    let path = format!("/v1/webhook-events/{}.1", record.id);
    let (status, _) = desk.call(Method::GET, &path, Some("hg_stranger")).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_replay_puts_the_record_back_on_the_queue_it_came_by() {
    let desk = Desk::start().await;
    for (number, list, queue) in [(0, "messages", "inbound"), (1, "statuses", "status")] {
        let record = keep(&desk, number, list, &[Failed]).await;
        let path = format!("/v1/webhook-events/{}/replay", record.id);
        let (status, event) = desk.call(Method::POST, &path, Some("hg_demo_admin")).await;
        assert_eq!(status, StatusCode::ACCEPTED);
        assert_eq!(event["state"], "failed");
        let (url, body) = desk.services.sent.lock().unwrap().pop().unwrap();
        assert!(url.ends_with(queue), "{url}");
        assert_eq!(body, record.raw);
    }
}

#[tokio::test]
async fn only_an_admin_of_the_same_tenant_may_replay() {
    let desk = Desk::start().await;
    let record = keep(&desk, 0, "messages", &[Failed]).await;
    let path = format!("/v1/webhook-events/{}/replay", record.id);
    for (key, expected) in [
        ("hg_viewer", StatusCode::FORBIDDEN),
        ("hg_stranger", StatusCode::NOT_FOUND),
    ] {
        let (status, _) = desk.call(Method::POST, &path, Some(key)).await;
        assert_eq!(status, expected, "{key}");
    }
    assert!(desk.services.sent.lock().unwrap().is_empty());
}
