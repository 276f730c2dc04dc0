//! Drafts: what waits for its variables, what does not, and what becomes of each recipient's message.

use super::*;

#[test]
fn a_draft_is_spared_the_checks_of_what_is_filled_later_and_no_others() {
    let body =
        json!({"type": "image", "image": {"caption": "Hi {{ name }}", "link": "{{picture}}"}});
    let draft = draft(&body).unwrap();
    assert_eq!(draft.kind(), Kind::Image);
    let faults = self::draft(&json!({
        "type": "image", "image": {"link": "picture", "caption": "{{1}}".repeat(300), "{{x}}": 1},
    }))
    .unwrap_err();
    let places = places(&faults);
    assert_eq!(
        places,
        [
            ("/image/link", FaultCode::Invalid),
            ("/image/{{x}}", FaultCode::UnknownField)
        ]
    );
    let faults = read(&body).unwrap_err();
    assert_eq!(
        faults.len(),
        1,
        "a message sent at once has no placeholders"
    );
}

#[test]
fn every_format_may_wait_for_its_variable() {
    let button = json!({"type": "reply", "reply": {"id": "{{id}} ", "title": "{{title}}"}});
    let header = json!({"type": "image", "image": {"link": "{{link}}"}});
    for (kind, object) in [
        (
            "location",
            json!({"latitude": "{{lat}}", "longitude": "{{ long }}"}),
        ),
        (
            "reaction",
            json!({"message_id": "{{ id }}", "emoji": "{{emoji}}"}),
        ),
        ("sticker", json!({"id": "{{ id }}"})),
        (
            "contacts",
            json!([{"name": {"formatted_name": "{{n}}"}, "birthday": "{{b}}"}]),
        ),
        (
            "interactive",
            json!({"type": "button", "header": header, "body": {"text": "{{t}}"}, "action": {"buttons": [button]}}),
        ),
        (
            "template",
            json!({"name": "{{t}}", "language": {"code": "{{l}}"}, "components": [{
                "type": "button", "sub_type": "copy_code", "index": "{{i}}",
                "parameters": [{"type": "coupon_code", "coupon_code": "{{a_long_name_for_a_code}}"}],
            }]}),
        ),
    ] {
        let body = json!({"type": kind, kind: object, "context": {"message_id": "{{ wamid }}"}});
        assert_eq!(draft(&body).map(|draft| draft.kind().as_str()), Ok(kind));
    }
}

#[test]
fn a_filled_draft_is_checked_as_any_message() {
    let draft = draft(&json!({
        "text": {"body": "Hi {{name}}"}, "context": {"message_id": "{{ wamid }}"},
    }))
    .unwrap();
    let content = draft
        .fill(&json!({"name": "Ann", "wamid": "wamid.A"}))
        .unwrap();
    assert_eq!(content.object, json!({"body": "Hi Ann"}));
    assert_eq!(content.reply_to, Some("wamid.A".parse().unwrap()));
    let long = json!({"name": "x".repeat(4096), "wamid": "a b"});
    let FillError::Content(faults) = draft.fill(&long).unwrap_err() else {
        unreachable!("the variables are there")
    };
    assert_eq!(
        places(&faults),
        [
            ("/text/body", FaultCode::TooLong),
            ("/context/message_id", FaultCode::Invalid)
        ]
    );
}

#[test]
fn a_draft_is_refused_for_a_control_character_and_a_variable_that_leaves_it_blank_too() {
    let faults = draft(&json!({"text": {"body": "\0{{1}}"}})).unwrap_err();
    assert_eq!(places(&faults), [("/text/body", FaultCode::Invalid)]);
    let draft = draft(&json!({"text": {"body": " {{1}}"}})).unwrap();
    for variable in [" ", "\u{200b}", "a\0"] {
        let FillError::Content(faults) = draft.fill(&json!([variable])).unwrap_err() else {
            unreachable!("the variable is there")
        };
        assert_eq!(places(&faults), [("/text/body", FaultCode::Invalid)]);
    }
}

#[test]
fn a_variable_that_cannot_be_filled_in_is_told_with_its_place() {
    let named = draft(&json!({"text": {"body": "{{a}} {{b}} {{c/d}} {{e}}"}})).unwrap();
    let variables = json!({"a": [], "b": null, "e": "x".repeat(300_000)});
    let FillError::Variables(faults) = named.fill(&variables).unwrap_err() else {
        unreachable!("variables are missing")
    };
    assert_eq!(
        places(&faults),
        [
            ("/a", FaultCode::WrongType),
            ("/b", FaultCode::Required),
            ("/c~1d", FaultCode::Required),
            ("/e", FaultCode::TooLong)
        ]
    );
    let counted = draft(&json!({"text": {"body": "{{1}} {{2}}"}})).unwrap();
    let FillError::Variables(faults) = counted.fill(&json!(["x"])).unwrap_err() else {
        unreachable!("a variable is missing")
    };
    assert_eq!(places(&faults), [("/1", FaultCode::Required)]);
}

#[test]
fn a_stored_draft_is_read_back_as_itself() {
    let draft = draft(&json!({"text": {"body": "{{1}}"}})).unwrap();
    let stored = serde_json::to_string(&draft).unwrap();
    assert_eq!(serde_json::from_str::<Draft>(&stored).unwrap(), draft);
}

fn draft(body: &Value) -> Result<Draft, Vec<Fault>> {
    let faults = Faults::new();
    let mut fields = Fields::of(body, "", &faults).unwrap();
    let draft = Content::read_draft(&mut fields);
    fields.finish();
    faults.into_result(draft)
}

#[test]
fn a_message_too_large_to_keep_is_refused_though_its_texts_have_no_limit_or_wait_for_variables() {
    let long = "x".repeat(LARGEST_OBJECT);
    let place = json!({"latitude": 1, "longitude": 2, "name": long});
    refuses("location", place, "/location", FaultCode::TooLong);
    let waiting = format!("{{{{1}}}}{}", "x".repeat(10_000));
    let entry = json!({"name": {"formatted_name": waiting}});
    let faults = draft(&json!({"contacts": vec![entry; 20]})).unwrap_err();
    assert_eq!(places(&faults), [("/contacts", FaultCode::TooLong)]);
    let shorter = "x".repeat(LARGEST_OBJECT - 100);
    accepts(
        "location",
        json!({"latitude": 1, "longitude": 2, "name": shorter}),
    );
}

#[test]
fn a_draft_has_whole_placeholders_and_is_bounded_in_them_and_in_texts_that_hold_one() {
    let placeholders = |count: usize| {
        let names = (0..count).map(|name| format!("{{{{{name}}}}}"));
        names.collect::<Vec<_>>().concat()
    };
    let long = format!("{{{{{}}}}}", "x".repeat(129));
    let filled_up = format!("{{{{1}}}}{}", "x".repeat(16_384));
    for (body, pointer, code) in [
        (
            json!({"text": {"body": placeholders(101)}}),
            "/text",
            FaultCode::TooMany,
        ),
        (json!({"text": {"body": long}}), "/text", FaultCode::TooLong),
        (
            json!({"text": {"body": filled_up}}),
            "/text/body",
            FaultCode::TooLong,
        ),
        (
            json!({"text": {"body": "Hi"}, "recipient_identity_key_hash": filled_up}),
            "/recipient_identity_key_hash",
            FaultCode::TooLong,
        ),
        (
            json!({"text": {"body": "Hi"}, "context": {"message_id": filled_up}}),
            "/context/message_id",
            FaultCode::Invalid,
        ),
        (
            json!({"text": {"body": "Hi {{name}, here is {{offer}}"}}),
            "/text/body",
            FaultCode::Invalid,
        ),
    ] {
        let faults = draft(&body).unwrap_err();
        assert_eq!(places(&faults), [(pointer, code)], "{faults:?}");
    }
    draft(&json!({"text": {"body": placeholders(100)}})).unwrap();
}
