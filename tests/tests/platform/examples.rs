//! Meta's own request bodies: each arrives as it was given, or is refused for a fault that it really has.

use serde_json::Value;
use tests::{Desk, Fixture, SENDER, fixtures};

/// The number that Meta writes in most of its examples, without its country code.
const METAS: &str = "6505551234";

const KINDS: [&str; 11] = [
    "text",
    "image",
    "video",
    "audio",
    "document",
    "sticker",
    "location",
    "contacts",
    "reaction",
    "template",
    "interactive",
];

fn kind_of(body: &Value) -> Option<&'static str> {
    KINDS.into_iter().find(|kind| body.get(kind).is_some())
}

/// The bodies that send a message: those of templates to make have a name.
fn examples() -> Vec<Fixture> {
    let mut examples = fixtures("send");
    examples.retain(|it| {
        it.name.contains("__req-") && kind_of(&it.body).is_some() && it.body.get("name").is_none()
    });
    examples
}

#[tokio::test(flavor = "multi_thread")]
async fn metas_own_examples_arrive_unchanged_save_those_that_break_its_limits() {
    let desk = Desk::start().await;
    let examples = examples();
    let mut arrived = 0;
    let count = examples.len();
    for (place, Fixture { name, mut body }) in examples.into_iter().enumerate() {
        if let Some(to) = body.get("to").and_then(Value::as_str) {
            // Most go to one number; so many to one person would wait for their turn.
            body["to"] = to.replace(METAS, &format!("650555{place:04}")).into();
        }
        let mut request = body.clone();
        request["from"] = SENDER.into();
        let answer = desk.send(&request).await;
        if answer.status == 400 {
            for pointer in answer.faults() {
                assert!(is_really_wrong(&body, &pointer), "{name}: {pointer}");
            }
            continue;
        }
        let message = answer.with(200);
        let accepted = desk.accepted(None).await;
        let accepted = accepted.last().unwrap();
        let marketing = body.get("product_policy").is_some();
        let path = ["messages", "marketing_messages"][usize::from(marketing)];
        assert_eq!(accepted["path"], path, "{name}");
        let sent = &accepted["body"];
        let kind = kind_of(&body).unwrap();
        assert_eq!(sent["biz_opaque_callback_data"], message["id"], "{name}");
        assert_eq!(sent.get(kind), body.get(kind), "{name}");
        for same in [
            "context",
            "recipient",
            "product_policy",
            "message_activity_sharing",
        ] {
            assert_eq!(sent.get(same), body.get(same), "{name}: {same}");
        }
        arrived += 1;
    }
    assert!(arrived >= count * 2 / 3, "{arrived} arrived");
}

/// Whether Meta's own documents forbid what an example holds at this place.
fn is_really_wrong(body: &Value, pointer: &str) -> bool {
    let value = body.pointer(pointer).and_then(Value::as_str).unwrap_or("");
    let name = pointer.rsplit('/').next().unwrap_or("");
    match name {
        "to" => value.chars().any(char::is_alphabetic),
        "link" => !value.starts_with("http://") && !value.starts_with("https://"),
        "title" => value.chars().count() > 24,
        _ => false,
    }
}
