//! Nothing is refused for its size: every record fits the queue, and the database's item.

use super::*;
use crate::domain::queue::LARGEST_RECORD;

/// A text no compression makes smaller than three quarters.
fn noise(bytes: usize) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut state: u64 = 7;
    let letter = |_| {
        // Knuth's linear congruential generator.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let place = usize::try_from(state >> 58).unwrap();
        char::from(*LETTERS.get(place).unwrap())
    };
    (0..bytes).map(letter).collect()
}

fn call(field: &str, value: &Value) -> Value {
    let ordinary = json!({"messages": [{"id": "wamid.ORDINARY", "type": "text"}]});
    json!({"entry": [
        {"id": "1", "changes": [{"field": field, "value": value}]},
        {"id": "2", "changes": [{"field": "messages", "value": ordinary}]},
    ]})
}

/// Every record in a form the queue takes, and small enough for an item of 400 KB.
fn assert_small(split: &Split) {
    for record in split.inbound.iter().chain(&split.status) {
        let body = WebhookBody::encode(record).unwrap();
        assert!(body.len() <= LARGEST_RECORD, "{}", body.len());
    }
}

fn assert_has_the_ordinary_message(split: &Split) {
    let ordinary = |change: &Change| change.value.get().contains("wamid.ORDINARY");
    assert_eq!(all(split).filter(|change| ordinary(change)).count(), 1);
}

fn history(threads: usize, messages: usize, text: &str) -> Value {
    let message = |thread: usize, place: usize| {
        json!({"id": format!("wamid.H{thread}-{place}"), "type": "text", "text": {"body": text},
            "history_context": {"status": "READ"}})
    };
    let thread = |thread: usize| {
        let messages: Vec<Value> = (0..messages).map(|place| message(thread, place)).collect();
        json!({"id": format!("1555{thread:07}"), "context": {"seen": thread}, "messages": messages})
    };
    json!({
        "messaging_product": "whatsapp",
        "metadata": {"phone_number_id": "100000000000001"},
        "history": [{
            "metadata": {"phase": 0, "chunk_order": 1, "progress": 55},
            "threads": (0..threads).map(thread).collect::<Vec<_>>(),
        }],
    })
}

#[test]
fn a_long_history_is_cut_into_small_pieces_each_with_its_thread_and_metadata() {
    for (threads, messages) in [(1, 9_000), (9_000, 1), (30, 300), (3, 3_000)] {
        let value = history(threads, messages, &noise(160));
        let split = split_json(&call("history", &value));
        assert_small(&split);
        assert_has_the_ordinary_message(&split);
        let mut found = Vec::new();
        for change in all(&split).filter(|change| change.field == "history") {
            assert!(change.value.get().len() < 210_000);
            let value: Value = serde_json::from_str(change.value.get()).unwrap();
            assert!(value.pointer("/metadata/phone_number_id").is_some());
            assert_eq!(
                value.pointer("/history/0/metadata/progress"),
                Some(&json!(55))
            );
            for thread in value
                .pointer("/history/0/threads")
                .unwrap()
                .as_array()
                .unwrap()
            {
                let id = thread.get("id").unwrap().as_str().unwrap();
                for message in thread.get("messages").unwrap().as_array().unwrap() {
                    found.push((id.to_owned(), message.get("id").unwrap().to_string()));
                }
            }
        }
        let expected: Vec<(String, String)> = (0..threads)
            .flat_map(|thread| (0..messages).map(move |place| (thread, place)))
            .map(|(thread, place)| {
                (
                    format!("1555{thread:07}"),
                    format!("\"wamid.H{thread}-{place}\""),
                )
            })
            .collect();
        assert_eq!(found, expected);
        assert!(all(&split).count() < 30, "{}", all(&split).count());
    }
}

#[test]
fn what_stands_beside_a_long_history_is_kept_once() {
    let mut value = history(2, 2_000, "hello hello hello hello hello hello hello");
    *value.pointer_mut("/history/0/threads/1").unwrap() = json!({"id": "odd"});
    let members = value.as_object_mut().unwrap();
    members.insert("unheard_of".to_owned(), json!({"one": 1}));
    members.insert(
        "statuses".to_owned(),
        json!([{"id": "wamid.S", "status": "read"}]),
    );
    let chunks = members.get_mut("history").unwrap().as_array_mut().unwrap();
    chunks.push(json!({"errors": [{"code": 2_593_109}]}));
    chunks.push(json!(7));
    let split = split_json(&call("history", &value));
    let ordinary = |change: &&Change| change.entry == "1";
    let cut: Vec<Value> = all(&split)
        .filter(ordinary)
        .map(|change| serde_json::from_str(change.value.get()).unwrap())
        .collect();
    let mut before = leaves_of(std::iter::once(&value));
    let mut after = leaves_of(cut.iter());
    // What travels with each piece is there more often than it came.
    let is_own = |leaf: &str| {
        !leaf.contains("metadata/")
            && !leaf.starts_with("/messaging_product")
            && !leaf.contains("/threads/id=")
    };
    assert!(before.keys().all(|leaf| after.contains_key(leaf)));
    before.retain(|leaf, _| is_own(leaf));
    after.retain(|leaf, _| is_own(leaf));
    assert_eq!(before, after);
}

#[test]
fn what_no_record_can_hold_is_kept_in_numbered_parts_that_give_the_whole_again() {
    let noise = format!("{}\u{e9}\"\\{}", noise(900_000), noise(1_900_001));
    let quotes = "\"".repeat(150_000);
    let message = json!({"messages": [{"id": "wamid.L", "text": {"body": noise}}]});
    let status = json!({"statuses": [{"id": "wamid.L", "blob": format!("{noise}{quotes}")}]});
    let thread = json!({"history": [{"threads": [{"id": "1", "messages": [{"blob": noise}]}]}]});
    for (field, value) in [
        ("messages", message),
        ("messages", status),
        ("a_future_field", json!({"blob": noise})),
        ("history", thread),
        ("x", json!(noise)),
    ] {
        let split = split_json(&call(field, &value));
        assert_small(&split);
        assert_has_the_ordinary_message(&split);
        let mut text = String::new();
        for (number, change) in (1..).zip(all(&split).filter(|change| change.entry == "1")) {
            assert_eq!(change.field, UNPARSED);
            let part: Value = serde_json::from_str(change.value.get()).unwrap();
            assert_eq!(part.get("part"), Some(&json!(number)));
            assert_eq!(part.get("field"), Some(&json!(field)));
            text.push_str(part.get("text").unwrap().as_str().unwrap());
            let kept = updates(change);
            let fact = &kept.first().unwrap().fact;
            assert!(
                format!("{fact:?}").contains("a part of its text"),
                "{fact:?}"
            );
        }
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}

#[test]
fn a_long_body_that_is_no_webhook_and_a_long_name_are_kept_too() {
    let noise = noise(2_000_000);
    assert_small(&split_bytes(noise.as_bytes()));
    assert_small(&split_bytes(&vec![0xff; 2_000_000]));
    assert_small(&split_json(
        &json!({"entry": [{"id": noise, "changes": [{"field": "x", "value": 1}]}]}),
    ));
    let split = split_json(&call(&noise, &json!(1)));
    assert_small(&split);
    assert_has_the_ordinary_message(&split);
}

#[test]
fn what_is_long_but_packs_small_stays_one_update() {
    let value = json!({"messages": [{"id": "wamid.L", "text": {"body": "hello ".repeat(80_000)}}]});
    let split = split_json(&call("messages", &value));
    assert_small(&split);
    assert!(all(&split).all(|change| change.field == "messages"));
}
