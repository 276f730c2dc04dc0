//! Promises of whole messages: the frame, the wire, Meta's own examples, drafts, and bodies nobody would write.

#![expect(
    clippy::needless_pass_by_value,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and rows of a table read better by value"
)]

mod drafts;
mod examples;

use super::*;
use crate::domain::fault::{Fault, Faults};
use proptest::prelude::*;
use serde_json::json;

/// A body of this type and object is accepted and kept as it was written.
#[track_caller]
pub(super) fn accepts(kind: &str, object: Value) {
    let content = read(&json!({"type": kind, kind: object.clone()}));
    assert_eq!(content.map(|content| content.object), Ok(object));
}

/// A body of this type and object has exactly this fault.
#[track_caller]
pub(super) fn refuses(kind: &str, object: Value, pointer: &str, code: FaultCode) {
    let faults = read(&json!({"type": kind, kind: object})).unwrap_err();
    assert_eq!(places(&faults), [(pointer, code)], "{faults:?}");
}

/// Where the faults are, and which.
pub(super) fn places(faults: &[Fault]) -> Vec<(&str, FaultCode)> {
    faults
        .iter()
        .map(|fault| (fault.pointer.as_str(), fault.code))
        .collect()
}

/// What a body says, or every fault of it.
pub(super) fn read(body: &Value) -> Result<Content, Vec<Fault>> {
    let faults = Faults::new();
    let mut fields = Fields::of(body, "", &faults).unwrap();
    let content = Content::read(&mut fields);
    fields.finish();
    faults.into_result(content)
}

#[test]
fn a_body_without_a_type_is_what_its_object_says() {
    let content = read(&json!({"text": {"body": "Hi"}})).unwrap();
    assert_eq!(content.kind, Kind::Text);
    let content = read(&json!({"type": null, "image": {"id": "1"}})).unwrap();
    assert_eq!(content.kind, Kind::Image);
}

#[test]
fn what_stands_around_the_object_is_checked() {
    let text = json!({"body": "Hi"});
    for (body, pointer, code) in [
        (json!({}), "/type", FaultCode::Required),
        (
            json!({"type": "pin", "text": text}),
            "/type",
            FaultCode::Invalid,
        ),
        (
            json!({"type": 1, "text": text}),
            "/type",
            FaultCode::WrongType,
        ),
        (
            json!({"text": text, "image": {"id": "1"}}),
            "/image",
            FaultCode::UnknownField,
        ),
        (
            json!({"text": text, "messaging_product": "sms"}),
            "/messaging_product",
            FaultCode::Invalid,
        ),
        (
            json!({"text": text, "context": {}}),
            "/context/message_id",
            FaultCode::Required,
        ),
        (
            json!({"text": text, "context": {"message_id": "a b"}}),
            "/context/message_id",
            FaultCode::Invalid,
        ),
        (
            json!({"text": text, "context": {"message_id": "wamid.A", "from": "1"}}),
            "/context/from",
            FaultCode::UnknownField,
        ),
        (
            json!({"text": text, "recipient_identity_key_hash": ""}),
            "/recipient_identity_key_hash",
            FaultCode::TooShort,
        ),
    ] {
        let faults = read(&body).unwrap_err();
        assert_eq!(places(&faults), [(pointer, code)], "{body}");
    }
}

#[test]
fn every_fault_of_a_body_is_told_at_once() {
    let body = json!({
        "messaging_product": "sms", "type": "image", "image": {"link": "x", "caption": 1, "size": 2},
        "context": {"message_id": ""}, "colour": "red",
    });
    let faults = read(&body).unwrap_err();
    let mut pointers: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    pointers.sort_unstable();
    assert_eq!(
        pointers,
        [
            "/colour",
            "/context/message_id",
            "/image/caption",
            "/image/link",
            "/image/size",
            "/messaging_product"
        ]
    );
}

#[test]
fn a_control_character_is_refused_where_it_stands_and_a_line_break_is_not() {
    let object = json!({"type": "button", "body": {"text": "a\u{7}"}, "footer": {"text": "\u{3164}"},
        "action": {"buttons": [{"type": "reply", "reply": {"id": "a", "title": "b\0"}}]}});
    let faults = read(&json!({"interactive": object})).unwrap_err();
    let mut places = places(&faults);
    places.sort_unstable_by_key(|(pointer, _)| *pointer);
    assert_eq!(
        places,
        [
            (
                "/interactive/action/buttons/0/reply/title",
                FaultCode::Invalid
            ),
            ("/interactive/body/text", FaultCode::Invalid),
            ("/interactive/footer/text", FaultCode::Invalid),
        ]
    );
    accepts(
        "text",
        json!({"body": "Dear Ann,\r\n\n\tyour order is ready."}),
    );
}

#[test]
fn a_body_of_nothing_but_faults_is_refused_in_bounds() {
    let fields: Map<String, Value> = (0..20_000).map(|n| (n.to_string(), json!(n))).collect();
    let faults = read(&Value::Object(fields)).unwrap_err();
    assert_eq!(faults.len(), 10_000);
}

#[test]
fn the_wire_names_each_recipient_as_meta_does() {
    let content = read(&json!({
        "type": "text", "text": {"body": "Hi"}, "context": {"message_id": "wamid.A"},
        "recipient_identity_key_hash": "DF2lS5v2W6x=",
    }))
    .unwrap();
    let to = Recipient::Phone("1 555 000 1111".parse().unwrap());
    assert_eq!(
        Value::Object(content.wire(&to, "msg_1")),
        json!({
            "messaging_product": "whatsapp", "recipient_type": "individual", "to": "+15550001111",
            "type": "text", "text": {"body": "Hi"}, "context": {"message_id": "wamid.A"},
            "recipient_identity_key_hash": "DF2lS5v2W6x=", "biz_opaque_callback_data": "msg_1",
        })
    );
    let user = content.wire(&Recipient::User("US.1".parse().unwrap()), "msg_1");
    assert_eq!(user.get("recipient"), Some(&json!("US.1")));
    assert_eq!(user.get("to"), None);
    let group = content.wire(&Recipient::Group("G1".parse().unwrap()), "msg_1");
    assert_eq!(group.get("recipient_type"), Some(&json!("group")));
    assert_eq!(group.get("to"), Some(&json!("G1")));
}

#[test]
fn a_kind_has_one_name_everywhere() {
    for kind in Kind::ALL {
        assert_eq!(Kind::named(kind.as_str()), Some(kind));
        assert_eq!(serde_json::to_value(kind).unwrap(), json!(kind.as_str()));
    }
}

/// Any JSON, with keys and texts that Meta's objects have, so that the readers are entered.
fn any_json() -> impl Strategy<Value = Value> {
    let words = [
        "type",
        "text",
        "body",
        "template",
        "components",
        "parameters",
        "interactive",
        "action",
        "buttons",
        "list",
        "sections",
        "rows",
        "header",
        "image",
        "link",
        "id",
        "contacts",
        "name",
        "location",
        "latitude",
        "reaction",
        "emoji",
        "context",
        "button",
        "{{1}}",
        "https://a.b",
    ];
    let word = proptest::sample::select(words.to_vec());
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
        "\\PC{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map(word.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_body_yields_either_content_or_a_fault(
        kind in proptest::sample::select(Kind::ALL.to_vec()),
        object in any_json(),
        context in any_json(),
    ) {
        let body = json!({"type": kind.as_str(), kind.as_str(): object, "context": context});
        let faults = Faults::new();
        let mut fields = Fields::of(&body, "", &faults).unwrap();
        let content = Content::read(&mut fields);
        prop_assert_eq!(content.is_some(), faults.count() == 0);
        let faults = Faults::new();
        let mut fields = Fields::of(&body, "", &faults).unwrap();
        let draft = Content::read_draft(&mut fields);
        prop_assert_eq!(draft.is_some(), faults.count() == 0);
        prop_assert!(content.is_none() || draft.is_some());
    }

    #[test]
    fn any_recipient_yields_either_a_recipient_or_a_fault(
        to in any_json(), recipient in any_json(), recipient_type in any_json(),
    ) {
        let body = json!({"to": to, "recipient": recipient, "recipient_type": recipient_type});
        let faults = Faults::new();
        let mut fields = Fields::of(&body, "", &faults).unwrap();
        let read = read_recipient(&mut fields);
        prop_assert_eq!(read.is_some(), faults.count() == 0);
    }
}
