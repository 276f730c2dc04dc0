//! Calls of Fonnte's in our words.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
use super::*;
use serde_json::value::to_raw_value;

const RECEIVED: Timestamp = Timestamp::UNIX_EPOCH;

fn update(field: &str, body: &Value) -> Update {
    let change = Change {
        entry: "15550002000".to_owned(),
        time: None,
        field: field.to_owned(),
        value: to_raw_value(body).unwrap(),
    };
    updates(&change, RECEIVED).remove(0)
}

fn message_of(said: &Value) -> InboundMessage {
    let mut body = json!({"device": "15550002000", "sender": "15550001111", "name": "Anna",
        "timestamp": 1_768_200_000, "inboxid": "7"});
    for (name, value) in said.as_object().unwrap() {
        body[name] = value.clone();
    }
    match update("messages", &body).fact {
        Fact::Message(message) => *message,
        other => unreachable!("{body} was read as {other:?}"),
    }
}

#[test]
fn a_message_is_told_as_metas_object_would_tell_it() {
    let file = |extension: &str| json!({"url": "https://example.com/a", "filename": "a", "extension": extension, "message": "Look"});
    let told =
        |name: &str| json!({"url": "https://example.com/a", "filename": name, "caption": "Look"});
    for (said, kind, object) in [
        (
            json!({"message": "Hello"}),
            "text",
            json!({"body": "Hello"}),
        ),
        (file("JPG"), "image", told("a.JPG")),
        (file("mp4"), "video", told("a.mp4")),
        (file("ogg"), "audio", told("a.ogg")),
        (file("pdf"), "document", told("a.pdf")),
        (
            json!({"location": "-7.98, 112.62"}),
            "location",
            json!({"latitude": -7.98, "longitude": 112.62}),
        ),
        (
            json!({"location": "the old mill"}),
            "location",
            json!({"address": "the old mill"}),
        ),
        (
            json!({"pollname": "Lunch?", "choices": "Soup"}),
            "poll",
            json!({"name": "Lunch?", "choices": "Soup"}),
        ),
    ] {
        let message = message_of(&said);
        assert_eq!(message.kind, kind, "{said}");
        assert_eq!(message.object, json!({"type": kind, kind: object}));
        assert_eq!(message.from.name.as_deref(), Some("Anna"));
        assert_eq!(message.wamid.as_str(), "inbox:7");
    }
    let nothing = message_of(&json!({"message": "non-text message"}));
    assert_eq!(nothing.object, json!({"type": "unknown"}));
}

#[test]
fn in_a_group_its_member_wrote() {
    let said =
        json!({"sender": "120363000000000000@g.us", "member": "15550001112", "message": "Hi"});
    let message = message_of(&said);
    assert_eq!(message.from.wa_id.unwrap().as_str(), "15550001112");
    assert_eq!(message.group.unwrap().as_str(), "120363000000000000@g.us");
}

#[test]
fn a_message_without_an_id_has_one_of_who_wrote_it_when_and_what() {
    let said = |text: &str, second: i64| {
        message_of(&json!({"inboxid": "", "message": text, "timestamp": second})).wamid
    };
    assert_eq!(said("Hello", 1), said("Hello", 1));
    assert_ne!(said("Hello", 1), said("Hello", 2));
    assert_ne!(said("Hello", 1), said("Hallo", 1));
    assert!(said("Hello", 1).as_str().starts_with(WITHOUT_ID));
}

#[test]
fn a_status_is_of_the_time_at_which_we_were_told() {
    let body =
        json!({"device": "15550002000", "id": "80367170", "stateid": "3EB0", "status": "failed"});
    let Fact::DeviceStatus(status) = update("messages", &body).fact else {
        unreachable!("{body} is a status");
    };
    assert_eq!(status.at, RECEIVED);
    assert_eq!(status.failure.unwrap().class, Class::Permanent);
    assert_eq!(status.state_id.unwrap().as_str(), "3EB0");
}

#[test]
fn an_update_is_about_the_device_it_names() {
    let body = json!({"device": "15550002000", "status": "connect"});
    let update = update("connection", &body);
    assert_eq!(update.sender.unwrap().as_str(), "fonnte-15550002000");
    assert_eq!(update.raw, body);
}

#[test]
fn what_is_no_object_is_malformed_and_what_is_unknown_is_kept() {
    let no_object = update("other", &json!("name=no+json"));
    assert!(matches!(no_object.fact, Fact::Malformed(_)));
    let unknown = update("other", &json!({"device": "15550002000", "battery": 7}));
    assert_eq!(unknown.fact, Fact::Other("other".to_owned()));
}
