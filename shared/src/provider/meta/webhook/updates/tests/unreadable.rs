//! What no strict reader takes.

use super::*;

#[test]
fn what_cannot_be_read_in_one_update_leaves_its_neighbours_alone() {
    let mut change = change("messages", &json!({}));
    let deep = "[".repeat(200) + &"]".repeat(200);
    let text = |id: &str, body: &str| {
        format!(
            r#"{{"id":"{id}","from":"15550002001","timestamp":"1700000000","type":"text","text":{{"body":{body}}}}}"#
        )
    };
    let messages = [
        text("wamid.A", r#""whole""#),
        text("wamid.B", r#""cut \ud83d""#),
        text("wamid.C", "1e400"),
        text("wamid.D", &deep),
        text("wamid.E", r#""whole""#),
    ];
    let value = format!(
        r#"{{"contacts":[{{"profile":{{"name":"\ud83d"}},"wa_id":"15550002001"}}],"messages":[{}],"statuses":[{}]}}"#,
        messages.join(","),
        r#"{"id":"wamid.F","status":"failed","timestamp":"1700000000","recipient_id":"15550002001","errors":[{"code":131026,"title":"cut \ud83d"}]}"#,
    );
    change.value = serde_json::value::RawValue::from_string(value).unwrap();
    let facts: Vec<Fact> = updates(&change).into_iter().map(|it| it.fact).collect();
    assert_eq!(facts.len(), 6);
    for place in [0, 1, 2, 3, 4] {
        assert!(
            matches!(facts[place], Fact::Message(_)),
            "{:?}",
            facts[place]
        );
    }
    assert!(matches!(facts[5], Fact::Status(_)), "{:?}", facts[5]);
}

#[test]
fn what_is_nested_too_deeply_is_kept_as_text() {
    let text = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let mut deep = change("messages", &json!({}));
    deep.value = serde_json::value::RawValue::from_string(text.clone()).unwrap();
    let update = updates(&deep).pop().unwrap();
    assert!(matches!(update.fact, Fact::Malformed(_)));
    assert_eq!(update.raw, json!(text));
}
