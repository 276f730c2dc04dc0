//! Whatever comes in goes out again, in pieces the queues can take.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod large;

use super::*;
use crate::domain::queue::WebhookBody;
use crate::domain::secret::SecretText;
use crate::provider::meta::signature::{sign, verify};
use crate::provider::meta::webhook::updates;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

fn split_bytes(body: &[u8]) -> Split {
    let secrets = [SecretText::new("demo-app-secret")];
    let header = sign(&secrets[0], body);
    let payload = verify(Some(&header), body, &secrets).unwrap();
    let (tenant, account) = ("demo".parse().unwrap(), "acct_demo".parse().unwrap());
    split(&payload, &tenant, &account, Timestamp::UNIX_EPOCH).unwrap()
}

fn split_json(body: &Value) -> Split {
    split_bytes(body.to_string().as_bytes())
}

fn all(split: &Split) -> impl Iterator<Item = &Change> {
    let records = split.inbound.iter().chain(&split.status);
    records.flat_map(|record| &record.changes)
}

/// Every scalar with the path that leads to it, places in arrays left out, and how often it is there.
fn leaves(value: &Value, path: &str, found: &mut BTreeMap<String, usize>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                leaves(member, &format!("{path}/{name}"), found);
            }
        }
        Value::Array(elements) => {
            for element in elements {
                leaves(element, path, found);
            }
        }
        scalar => *found.entry(format!("{path}={scalar}")).or_default() += 1,
    }
}

fn leaves_of<'a>(values: impl Iterator<Item = &'a Value>) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for value in values {
        leaves(value, "", &mut found);
    }
    found
}

/// What is repeated beside each piece may be there more often than it came.
fn assert_nothing_lost(
    name: &str,
    before: &BTreeMap<String, usize>,
    after: &BTreeMap<String, usize>,
) {
    for (leaf, count) in before {
        let kept = after.get(leaf).copied().unwrap_or_default();
        let is_shared = ["/metadata/", "/messaging_product=", "/contacts/"]
            .iter()
            .any(|shared| leaf.starts_with(shared));
        let is_kept = if is_shared { kept >= 1 } else { kept == *count };
        assert!(
            is_kept,
            "{name}: {leaf} came {count} times and is kept {kept} times"
        );
    }
    assert!(
        after.keys().all(|leaf| before.contains_key(leaf)),
        "{name}: something was made up"
    );
}

fn values_of(body: &Value) -> Vec<Value> {
    let entries = body.get("entry").unwrap().as_array().unwrap();
    let changes = entries
        .iter()
        .flat_map(|entry| entry.get("changes").unwrap().as_array().unwrap());
    let kept = |change: &Value| change.get("value").unwrap().clone();
    changes.map(kept).collect()
}

fn raw_updates(split: &Split) -> Vec<Value> {
    all(split)
        .flat_map(updates)
        .map(|update| update.raw)
        .collect()
}

#[test]
fn every_recorded_webhook_is_cut_and_read_without_loss() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/webhooks");
    let Ok(files) = std::fs::read_dir(folder) else {
        return;
    };
    for path in files.map(|file| file.unwrap().path()) {
        let name = path.display().to_string();
        let bytes = std::fs::read(&path).unwrap();
        let body: Value = serde_json::from_slice(&bytes).unwrap();
        let split = split_bytes(&bytes);
        let before = leaves_of(values_of(&body).iter());
        let cut: Vec<Value> = all(&split)
            .map(|change| serde_json::from_str(change.value.get()).unwrap())
            .collect();
        assert_nothing_lost(&name, &before, &leaves_of(cut.iter()));
        assert_nothing_lost(&name, &before, &leaves_of(raw_updates(&split).iter()));
    }
}

fn many(messages: usize, statuses: usize) -> Value {
    let person = |number: usize| (15_550_000_000 + number).to_string();
    let contact =
        |number| json!({"wa_id": person(number), "profile": {"name": format!("P{number}")}});
    let message = |number| {
        json!({"id": format!("wamid.M{number}"), "from": person(number), "timestamp": "1700000000",
            "type": "text", "text": {"body": "hello ".repeat(300)}})
    };
    let status = |number| {
        json!({"id": format!("wamid.S{number}"), "recipient_id": person(number), "status": "sent",
            "timestamp": "1700000000"})
    };
    json!({"object": "whatsapp_business_account", "entry": [{"id": "200000000000001", "changes": [{
        "field": "messages",
        "value": {
            "messaging_product": "whatsapp",
            "metadata": {"phone_number_id": "100000000000001"},
            "contacts": (0..messages.max(statuses)).map(contact).collect::<Vec<_>>(),
            "messages": (0..messages).map(message).collect::<Vec<_>>(),
            "statuses": (0..statuses).map(status).collect::<Vec<_>>(),
            "unheard_of": [1, 2, 3],
        },
    }]}]})
}

#[test]
fn a_thousand_updates_become_records_of_at_most_ten_that_fit_a_queue() {
    let body = many(700, 300);
    let split = split_json(&body);
    assert_eq!((split.inbound.len(), split.status.len()), (70, 30));
    for record in split.inbound.iter().chain(&split.status) {
        assert_eq!(update_count(record), UPDATES_PER_RECORD);
        assert!(WebhookBody::encode(record).unwrap().len() < 1024 * 1024);
        for change in &record.changes {
            let value: Value = serde_json::from_str(change.value.get()).unwrap();
            assert_eq!(
                value.pointer("/metadata/phone_number_id").unwrap(),
                "100000000000001"
            );
            assert_eq!(value.get("contacts").unwrap().as_array().unwrap().len(), 10);
        }
    }
    let before = leaves_of(values_of(&body).iter());
    assert_nothing_lost("many", &before, &leaves_of(raw_updates(&split).iter()));
}

#[test]
fn of_a_list_that_stands_twice_the_one_is_cut_that_is_read() {
    let messages = |count| json!((0..count).collect::<Vec<_>>());
    let value = format!(
        r#"{{"messages":{},"messages":{}}}"#,
        messages(1),
        messages(25)
    );
    let body =
        format!(r#"{{"entry":[{{"id":"1","changes":[{{"field":"messages","value":{value}}}]}}]}}"#);
    let split = split_bytes(body.as_bytes());
    let counts: Vec<usize> = split.inbound.iter().map(update_count).collect();
    assert_eq!(counts, [10, 10, 5]);
    assert!(all(&split).all(|change| updates(change).len() <= UPDATES_PER_RECORD));
}

#[test]
fn updates_of_many_entries_share_records() {
    let entry = |number: usize| {
        let mut body = many(1, 0);
        let entry = body.pointer_mut("/entry/0").unwrap();
        *entry.get_mut("id").unwrap() = json!(number.to_string());
        entry.clone()
    };
    let split = split_json(&json!({"entry": (0..25).map(entry).collect::<Vec<_>>()}));
    let counts: Vec<usize> = split.inbound.iter().map(update_count).collect();
    assert_eq!(counts, [10, 10, 5]);
    assert!(split.status.is_empty());
    let entries: Vec<&str> = all(&split).map(|change| change.entry.as_str()).collect();
    assert_eq!(entries.len(), 25);
    assert_eq!(entries.last(), Some(&"24"));
}

#[test]
fn a_change_with_messages_and_statuses_goes_to_both_queues() {
    let split = split_json(&many(1, 1));
    let [inbound, status] = [&split.inbound, &split.status].map(|records| {
        let change = records.first().unwrap().changes.first().unwrap();
        serde_json::from_str::<Value>(change.value.get()).unwrap()
    });
    assert!(inbound.get("messages").is_some() && inbound.get("statuses").is_none());
    assert!(status.get("statuses").is_some() && status.get("messages").is_none());
    assert!(inbound.get("contacts").is_some() && status.get("contacts").is_some());
    assert!(inbound.get("unheard_of").is_some() && status.get("unheard_of").is_none());
}

#[test]
fn what_is_not_cut_passes_byte_for_byte() {
    let value =
        r#"{ "messages" : [ { "id":"wamid.A",  "text":{"body":"\u00e9\/"} } ], "n": 1.50 }"#;
    let body = format!(
        r#"{{"entry":[{{"id":"1","time":5,"changes":[{{"value":{value},"field":"messages"}}]}}]}}"#
    );
    let split = split_bytes(body.as_bytes());
    let change = all(&split).next().unwrap();
    assert_eq!(change.value.get(), value);
    assert_eq!(change.time, Some(5));
}

#[test]
fn large_updates_are_cut_apart_though_they_are_few() {
    let message = json!({"id": "wamid.A", "text": {"body": "x".repeat(90_000)}});
    let value = json!({"messages": vec![message; 9]});
    let body = json!({"entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}]});
    let split = split_json(&body);
    let counts: Vec<usize> = split.inbound.iter().map(update_count).collect();
    assert_eq!(counts, [2, 2, 2, 2, 1]);
}

#[test]
fn a_signed_body_that_is_no_webhook_is_kept_whole() {
    for body in [
        "",
        "hello",
        "[]",
        "{}",
        r#"{"entry":[]}"#,
        r#"{"entry":[{"id"#,
        r#"{"entry":7}"#,
    ] {
        let split = split_bytes(body.as_bytes());
        let change = all(&split).next().unwrap();
        assert_eq!(change.field, UNPARSED);
        let value: Value = serde_json::from_str(change.value.get()).unwrap();
        assert_eq!(value, json!({"unparsed": body}));
    }
    let split = split_bytes(&[0xff, 0xfe]);
    let change = all(&split).next().unwrap();
    assert_eq!(change.value.get(), r#"{"unparsed_base64":"//4="}"#);
}

#[test]
fn a_change_may_leave_its_field_to_its_entry() {
    let changes = json!([{"value": {"event": "A"}}, {"field": "flows", "value": {"event": "B"}}]);
    let body = json!({"entry": [{"id": "1", "field": "account_update", "changes": changes}]});
    let split = split_json(&body);
    let fields: Vec<&str> = all(&split).map(|change| change.field.as_str()).collect();
    assert_eq!(fields, ["account_update", "flows"]);
}

#[test]
fn what_stands_where_nobody_expects_it_is_kept_beside_the_rest() {
    let body = json!({"entry": [
        7,
        {"id": "1"},
        {"id": "2", "standby": [1], "changes": [{"field": "messages"}, {"value": {"a": 1}}]},
        {"id": "3", "changes": [{"field": "x", "value": 5, "extra": true}]},
    ], "more": {"b": 2}});
    let split = split_json(&body);
    let kept: Vec<(&str, &str, &str)> = all(&split)
        .map(|change| {
            (
                change.entry.as_str(),
                change.field.as_str(),
                change.value.get(),
            )
        })
        .collect();
    assert_eq!(
        kept,
        [
            ("", UNPARSED, "7"),
            ("1", UNPARSED, r#"{"id":"1"}"#),
            ("2", UNPARSED, r#"{"field":"messages"}"#),
            ("2", UNPARSED, r#"{"value":{"a":1}}"#),
            ("2", UNPARSED, r#"{"standby":[1]}"#),
            ("3", "x", "5"),
            ("3", UNPARSED, r#"{"extra":true}"#),
            ("", UNPARSED, r#"{"more":{"b":2}}"#),
        ]
    );
}
