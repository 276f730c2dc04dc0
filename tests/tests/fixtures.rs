//! Webhooks as they really travel, and as no honest provider sends them: what is proven is kept, nothing is lost.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "fixtures/leaves.rs"]
mod leaves;
#[path = "fixtures/proof.rs"]
mod proof;
#[path = "fixtures/size.rs"]
mod size;

use leaves::{Leaf, leaves_of};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::collections::HashMap;
use tests::{Desk, Fixture, SENDER, WABA, eventually, fixtures};

/// The webhooks, addressed to the demo tenant.
fn addressed() -> Vec<Fixture> {
    let mut fixtures = fixtures("webhooks");
    for fixture in &mut fixtures {
        for entry in fixture.body["entry"].as_array_mut().unwrap() {
            entry["id"] = WABA.into();
            for change in entry["changes"].as_array_mut().into_iter().flatten() {
                address(&mut change["value"]);
            }
        }
    }
    fixtures
}

fn address(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if let Some(metadata) = members.get_mut("metadata")
                && metadata.get("phone_number_id").is_some()
            {
                metadata["phone_number_id"] = SENDER.into();
            }
            members.values_mut().for_each(address);
        }
        Value::Array(values) => values.iter_mut().for_each(address),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The changes of a webhook: field and value.
fn changes(body: &Value) -> Vec<(String, Value)> {
    let entries = body["entry"].as_array().unwrap().iter();
    let changes = entries.flat_map(|entry| entry["changes"].as_array().into_iter().flatten());
    let change = |change: &Value| {
        let field = change["field"].as_str().unwrap_or_default();
        (field.to_owned(), change["value"].clone())
    };
    changes.map(change).collect()
}

/// A member that Meta does not have: it says which recording a kept event is from.
const MARK: &str = "recording";

/// The recordings, each marked in every change: what one loses must not stand in for what another kept.
fn marked(mut fixtures: Vec<Fixture>) -> Vec<Fixture> {
    for fixture in &mut fixtures {
        for entry in fixture.body["entry"].as_array_mut().unwrap() {
            for change in entry["changes"].as_array_mut().into_iter().flatten() {
                let value = &mut change["value"];
                let place = if value["metadata"].is_object() {
                    &mut value["metadata"]
                } else {
                    value
                };
                place[MARK] = fixture.name.as_str().into();
            }
        }
    }
    fixtures
}

/// The recording that a change, or a part of one, is from. Every part of a change that is cut has its `metadata`.
fn mark_of(value: &Value) -> String {
    let place = if value["metadata"].is_object() {
        &value["metadata"]
    } else {
        value
    };
    place[MARK].to_string()
}

/// The least events a webhook makes: one a message or status, one at least a change.
fn least_events(body: &Value) -> usize {
    let of_list = |value: &Value, name: &str| value[name].as_array().map_or(0, Vec::len);
    let of_change = |(_, value): &(String, Value)| {
        (of_list(value, "messages") + of_list(value, "statuses")).max(1)
    };
    changes(body).iter().map(of_change).sum()
}

async fn post_all(desk: &Desk, fixtures: &[Fixture]) {
    for Fixture { name, body } in fixtures {
        let answer = desk.webhook(body.to_string().as_bytes()).await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
    }
}

/// Every event, once there are so many.
async fn events_once(desk: &Desk, least: usize) -> Vec<Value> {
    let look = async || {
        let events = desk.all("/v1/webhook-events").await;
        (events.len() >= least).then_some(events)
    };
    eventually("every event", look).await
}

/// What of the recordings no event keeps.
async fn lost_of(desk: &Desk, fixtures: &[Fixture], events: &[Value]) -> Vec<String> {
    let mut kept: HashMap<String, BTreeSet<Leaf>> = HashMap::new();
    for event in events {
        let path = format!("/v1/webhook-events/{}", event["id"].as_str().unwrap());
        let raw = &desk.get(&path).await.with(200)["raw"];
        let of_file = kept.entry(mark_of(raw)).or_default();
        of_file.extend(leaves_of(raw));
    }
    let mut lost = Vec::new();
    for Fixture { name, body } in fixtures {
        for (_, value) in changes(body) {
            let of_file = kept.get(&mark_of(&value));
            for leaf in leaves_of(&value) {
                if of_file.is_none_or(|of_file| !of_file.contains(&leaf)) {
                    lost.push(format!("{name}: {leaf:?}"));
                }
            }
        }
    }
    lost
}

/// The demo's own history.
const HISTORY: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn every_recorded_webhook_is_taken_and_nothing_of_it_is_lost() {
    let fixtures = marked(addressed());
    let desk = Desk::start().await;
    post_all(&desk, &fixtures).await;
    let least: usize = fixtures.iter().map(|it| least_events(&it.body)).sum();
    events_once(&desk, HISTORY + least).await;
    let everything = async || {
        let events = desk.all("/v1/webhook-events").await;
        let lost = lost_of(&desk, &fixtures, &events).await;
        // The least is not all: the last may still be on their way.
        for lost in &lost {
            eprintln!("not there yet: {lost}");
        }
        lost.is_empty().then_some(events)
    };
    let events = eventually("everything of every recording", everything).await;
    for event in &events {
        let state = event["state"].as_str().unwrap();
        let known = ["applied", "kept", "waiting", "unmatched", "malformed"];
        assert!(known.contains(&state), "{event}");
        assert!(
            state != "malformed" || event["reason"].is_string(),
            "{event}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recorded_message_of_a_person_can_be_read() {
    let fixtures = addressed();
    let desk = Desk::start().await;
    post_all(&desk, &fixtures).await;
    let least: usize = fixtures.iter().map(|it| least_events(&it.body)).sum();
    events_once(&desk, HISTORY + least).await;
    let messages = desk.all("/v1/messages").await;
    let kept: BTreeSet<&str> = messages
        .iter()
        .filter_map(|it| it["provider_id"].as_str())
        .collect();
    for Fixture { name, body } in &fixtures {
        for (field, value) in changes(body) {
            for message in value["messages"].as_array().into_iter().flatten() {
                let id = message["id"].as_str().unwrap_or_default();
                assert!(field != "messages" || kept.contains(id), "{name}: {id}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_about_somebody_elses_account_is_kept_and_changes_nothing() {
    let fixtures = fixtures("webhooks");
    let desk = Desk::start().await;
    let before = everything(&desk).await;
    post_all(&desk, &fixtures).await;
    let least: usize = fixtures.iter().map(|it| least_events(&it.body)).sum();
    let events = events_once(&desk, HISTORY + least).await;
    for event in events.iter().take(events.len() - HISTORY) {
        let state = event["state"].as_str().unwrap();
        assert!(matches!(state, "unknown_account" | "malformed"), "{event}");
    }
    assert_eq!(everything(&desk).await, before);
}

/// What people see, without our ids: contacts, conversations and messages. The demo's history is younger at each desk.
async fn everything(desk: &Desk) -> Value {
    let contacts = desk.all("/v1/contacts").await;
    let messages = desk.all("/v1/messages").await;
    // A contact that turned out to be another one is not listed, but leads there.
    let mut known = HashMap::new();
    for id in contacts
        .iter()
        .map(|it| &it["id"])
        .chain(messages.iter().map(|it| &it["contact_id"]))
    {
        if let Some(id) = id.as_str().filter(|id| !known.contains_key(*id)) {
            let it = desk.get(&format!("/v1/contacts/{id}")).await.with(200);
            known.insert(id.to_owned(), json!([it["wa_id"], it["user_id"]]));
        }
    }
    let person = |id: &Value| {
        let id = id.as_str().unwrap_or_default();
        known.get(id).cloned().unwrap_or_default()
    };
    let conversations = desk.all("/v1/conversations").await;
    let conversations: Vec<Value> = conversations
        .iter()
        .map(|it| {
            let person = person(&it["contact_id"]);
            let is_demos = person.to_string().contains("1555000200");
            let last = Some(&it["last_inbound_at"]).filter(|_| !is_demos);
            json!([person, it["unread"], last])
        })
        .collect();
    let is_recorded = |it: &&Value| !it["provider_id"].to_string().contains("wamid.DEMO");
    let messages: Vec<Value> = messages
        .iter()
        .filter(is_recorded)
        .map(|it| {
            let object = it["provider_object"].clone();
            json!([
                it["provider_id"],
                it["state"],
                it["type"],
                it["sent_at"],
                [&it["from"], &it["from_user_id"], &it["profile"]],
                object,
                person(&it["contact_id"])
            ])
        })
        .collect();
    let people = contacts
        .iter()
        .map(|it| json!([person(&it["id"]), it["name"], it["username"]]))
        .collect();
    let all = [people, conversations, messages].map(sorted);
    json!({"contacts": all[0], "conversations": all[1], "messages": all[2]})
}

fn sorted(mut values: Vec<Value>) -> Vec<Value> {
    values.sort_by_key(Value::to_string);
    values
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_webhooks_twice_and_shuffled_end_alike() {
    let fixtures = addressed();
    let least: usize = fixtures.iter().map(|it| least_events(&it.body)).sum();
    let straight = Desk::start().await;
    post_all(&straight, &fixtures).await;
    events_once(&straight, HISTORY + least).await;
    let expected = everything_once_still(&straight).await;
    for seed in [1, 2] {
        let twice: Vec<Fixture> = fixtures.iter().chain(&fixtures).cloned().collect();
        let desk = Desk::start().await;
        post_all(&desk, &shuffled(twice, seed)).await;
        events_once(&desk, HISTORY + 2 * least).await;
        let found = everything_once_still(&desk).await;
        for part in ["contacts", "messages", "conversations"] {
            assert_eq!(found[part], expected[part], "{part} of seed {seed}");
        }
    }
}

async fn everything_once_still(desk: &Desk) -> Value {
    let mut last = Value::Null;
    let look = async || {
        let now = everything(desk).await;
        if now == last {
            return Some(now);
        }
        last = now;
        None
    };
    eventually("everything to be still", look).await
}

/// The same in another order, the same for each seed.
fn shuffled(mut fixtures: Vec<Fixture>, seed: u64) -> Vec<Fixture> {
    let mut state = seed;
    for last in (1..fixtures.len()).rev() {
        // Knuth's linear congruential generator.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let other = usize::try_from(state >> 33).unwrap() % (last + 1);
        fixtures.swap(last, other);
    }
    fixtures
}
