//! Webhooks as Fonnte writes them, and anything else.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]
use super::*;
use proptest::prelude::*;
use serde_json::json;
use std::path::Path;

fn inbound(body: &Value) -> Inbound {
    match read(body.to_string().as_bytes()).event {
        Event::Message(inbound) => *inbound,
        other => unreachable!("{body} was read as {other:?}"),
    }
}

fn status_of(body: &Value) -> StatusEvent {
    match read(body.to_string().as_bytes()).event {
        Event::Status(status) => status,
        other => unreachable!("{body} was read as {other:?}"),
    }
}

#[test]
fn a_text_has_its_writer_its_time_and_an_id_to_answer_it_by() {
    let body = json!({"device": "15550002000", "sender": "15550001111", "message": "Hello", "text": "",
        "member": "", "name": "Anna", "location": "", "pollname": "", "choices": "", "url": "",
        "filename": "", "extension": "", "timestamp": 1_768_200_000, "inboxid": "12345678"});
    assert_eq!(
        inbound(&body),
        Inbound {
            id: Some("inbox:12345678".parse().unwrap()),
            from: "15550001111".parse().unwrap(),
            group: None,
            name: Some("Anna".to_owned()),
            sent_at: Some(Timestamp::from_second(1_768_200_000).unwrap()),
            said: Said::Text("Hello".to_owned()),
        }
    );
    let webhook = read(body.to_string().as_bytes());
    assert_eq!(webhook.device, Some("15550002000".parse().unwrap()));
    assert_eq!(webhook.raw, body);
}

#[test]
fn each_kind_of_message_is_told_by_what_stands_in_it() {
    for (said, expected) in [
        (
            json!({"message": "non-text message", "url": "https://example.com/a.jpg", "filename": "a",
                "extension": "jpg"}),
            Said::File {
                url: "https://example.com/a.jpg".to_owned(),
                filename: Some("a".to_owned()),
                extension: Some("jpg".to_owned()),
                caption: None,
            },
        ),
        (
            json!({"message": "Look", "url": "https://example.com/a.pdf"}),
            Said::File {
                url: "https://example.com/a.pdf".to_owned(),
                filename: None,
                extension: None,
                caption: Some("Look".to_owned()),
            },
        ),
        (
            json!({"message": "non-text message", "location": "37.48, -122.14"}),
            Said::Location("37.48, -122.14".to_owned()),
        ),
        (
            json!({"message": "non-text message", "pollname": "Lunch?", "choices": "Soup"}),
            Said::Choice {
                poll: "Lunch?".to_owned(),
                choices: "Soup".to_owned(),
            },
        ),
        (json!({"text": "Yes"}), Said::Text("Yes".to_owned())),
        (json!({"message": 17}), Said::Text("17".to_owned())),
        (json!({"message": "non-text message"}), Said::Nothing),
    ] {
        let mut body = said;
        body["sender"] = "15550001111".into();
        assert_eq!(inbound(&body).said, expected);
    }
}

#[test]
fn in_a_group_the_member_wrote_and_the_group_is_where() {
    let body =
        json!({"sender": "120363000000000000@g.us", "member": "15550001111", "message": "Hello"});
    let message = inbound(&body);
    assert_eq!(message.from, "15550001111".parse().unwrap());
    assert_eq!(
        message.group,
        Some("120363000000000000@g.us".parse().unwrap())
    );
    let nobody = json!({"sender": "120363000000000000@g.us", "message": "Hello"});
    assert_eq!(read(nobody.to_string().as_bytes()).event, Event::Other);
}

#[test]
fn a_status_names_its_message_by_either_id_and_tells_the_further_of_two_words() {
    let both = json!({"device": "15550002000", "id": "80367170", "stateid": "3EB0C5A2", "status": "sent",
        "state": "delivered"});
    let expected = StatusEvent {
        id: Some("80367170".parse().unwrap()),
        state_id: Some("3EB0C5A2".parse().unwrap()),
        status: Some(Status::Delivered),
    };
    assert_eq!(status_of(&both), expected);
    let later = json!({"device": "15550002000", "stateid": "3EB0C5A2", "state": "read"});
    let later = status_of(&later);
    assert_eq!((later.id, later.status), (None, Some(Status::Read)));
    let number = status_of(&json!({"id": 80_367_170, "status": "invalid"}));
    assert_eq!(number.id, Some("80367170".parse().unwrap()));
    assert_eq!(number.status, Some(Status::Failed));
    let unheard_of = status_of(&json!({"id": "80367170", "status": "pondering"}));
    assert_eq!(unheard_of.status, None);
}

#[test]
fn a_device_is_connected_or_lost() {
    for (word, expected) in [
        ("connect", Event::Connection(Connection::Connected)),
        ("disconnect", Event::Connection(Connection::Lost)),
        ("dancing", Event::Other),
    ] {
        let body = json!({"device": "15550002000", "status": word, "timestamp": 1_768_200_000});
        assert_eq!(read(body.to_string().as_bytes()).event, expected);
    }
}

#[test]
fn a_name_that_was_cut_inside_a_character_hides_nothing() {
    let body = br#"{"sender": "15550001111", "name": "Anna \ud83d", "message": "Hello"}"#;
    let Event::Message(message) = read(body).event else {
        unreachable!("half a character hid the message");
    };
    assert_eq!(message.name.as_deref(), Some("Anna \u{fffd}"));
}

#[test]
fn every_recorded_webhook_is_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/providers");
    let Ok(files) = std::fs::read_dir(folder) else {
        return;
    };
    for path in files.map(|file| file.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.starts_with("fonnte__webhook-") {
            continue;
        }
        let webhook = read(&std::fs::read(&path).unwrap());
        assert!(webhook.device.is_some(), "{name}");
        let is_status = matches!(
            webhook.event,
            Event::Status(StatusEvent {
                status: Some(_),
                ..
            })
        );
        let is_message = matches!(&webhook.event, Event::Message(it) if it.said != Said::Nothing);
        assert_eq!(is_status, name.contains("-status-"), "{name}");
        assert_eq!(is_message, name.contains("-incoming"), "{name}");
    }
}

/// Any JSON, with Fonnte's own names among its members.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[ -~é]{0,12}".prop_map(Value::from),
        Just(json!("120363000000000000@g.us")),
        Just(json!("sent")),
    ];
    leaf.prop_recursive(3, 32, 8, |inner| {
        let names = prop::sample::select(vec![
            "device",
            "sender",
            "member",
            "message",
            "id",
            "stateid",
            "status",
            "state",
            "url",
            "location",
            "pollname",
            "timestamp",
            "inboxid",
            "anything",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(names, inner, 0..8).prop_map(|members| {
                let members = members.into_iter();
                members
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect()
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_read_and_kept(body in any_json()) {
        prop_assert_eq!(read(body.to_string().as_bytes()).raw, body);
    }

    #[test]
    fn any_bytes_are_read(body in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = read(&body);
    }
}
