//! What a caller sees of a message, whatever it has been through.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::domain::failure::{Class, ProviderFailure};
use crate::domain::message::{Attempt, Outcome};
use serde_json::json;

fn outbound(state: State) -> Outbound {
    let created_at: Timestamp = "2026-11-20T12:00:00.5Z".parse().unwrap();
    let id = MessageId::derived(created_at, &["1"]);
    let from = (
        "demo".parse().unwrap(),
        "acct_demo".parse().unwrap(),
        "100000000000001".parse().unwrap(),
    );
    let to = Recipient::Phone("+15550001111".parse().unwrap());
    Outbound {
        state,
        rev: 3,
        content: Some(Content {
            kind: Kind::Text,
            object: json!({"body": "hello"}),
            reply_to: Some("wamid.1".parse().unwrap()),
            recipient_identity_key_hash: None,
            marketing: None,
        }),
        reference: Some("order-1".to_owned()),
        metadata: Some(json!({"campaign": 7})),
        callback_data: Some("theirs".to_owned()),
        ..Outbound::queued(id, from, to, Lane::Single, created_at)
    }
}

fn shown(message: &Outbound) -> Value {
    serde_json::to_value(MessageDto::from(message)).unwrap()
}

#[test]
fn a_message_is_shown_in_metas_words_and_what_is_absent_is_left_out() {
    let message = outbound(State::Queued);
    let expected = json!({
        "id": message.id,
        "direction": "outbound",
        "state": "queued",
        "from": "100000000000001",
        "to": "+15550001111",
        "lane": "single",
        "type": "text",
        "text": {"body": "hello"},
        "context": {"message_id": "wamid.1"},
        "reference": "order-1",
        "metadata": {"campaign": 7},
        "biz_opaque_callback_data": "theirs",
        "on_unknown": "hold",
        "created_at": "2026-11-20T12:00:00.5Z",
        "attempt_count": 0,
    });
    assert_eq!(shown(&message), expected);
}

#[test]
fn a_user_id_is_a_recipient_and_no_number() {
    let mut message = outbound(State::Queued);
    message.to = Recipient::User("US.1349120".parse().unwrap());
    let shown = shown(&message);
    assert_eq!(shown.get("recipient"), Some(&json!("US.1349120")));
    assert_eq!(shown.get("to"), None);
}

#[test]
fn a_failure_is_told_with_its_remedy_until_the_message_arrives_after_all() {
    let mut message = outbound(State::Failed);
    let mut attempt = Attempt::starting(message.created_at);
    attempt.outcome = Some(Outcome::Refused);
    attempt.failure = Some(ProviderFailure::without_code(
        Class::Recipient,
        "cannot be reached",
        "ask the person",
    ));
    message.attempts.push(attempt);
    message.times.ended = Some(message.created_at);
    let failed = shown(&message);
    let expected = json!({"provider": {
        "name": "meta", "class": "recipient", "message": "cannot be reached", "remedy": "ask the person",
    }});
    assert_eq!(failed.get("error"), Some(&expected));
    assert_eq!(failed.get("attempt_count"), Some(&json!(1)));
    assert!(failed.get("failed_at").is_some());
    message.state = State::Delivered;
    let delivered = shown(&message);
    assert_eq!(delivered.get("error"), None);
    assert!(delivered.get("failed_at").is_some());
}

#[test]
fn each_way_of_not_being_sent_has_a_time_of_its_own() {
    let names = ["failed_at", "cancelled_at", "expired_at"];
    for (state, name) in [
        (State::Failed, "failed_at"),
        (State::Cancelled, "cancelled_at"),
        (State::Expired, "expired_at"),
    ] {
        let mut message = outbound(state);
        message.times.ended = Some(message.created_at);
        let shown = shown(&message);
        let there: Vec<_> = names
            .into_iter()
            .filter(|name| shown.get(name).is_some())
            .collect();
        assert_eq!(there, [name]);
    }
}

#[test]
fn an_inbound_message_of_an_unknown_type_cannot_overwrite_a_field_of_ours() {
    let at: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
    let inbound = |kind: &str| Inbound {
        id: MessageId::derived(at, &["1"]),
        tenant: "demo".parse().unwrap(),
        account: "acct_demo".parse().unwrap(),
        sender: "100000000000001".parse().unwrap(),
        provider_id: "wamid.2".parse().unwrap(),
        from: crate::domain::webhook::Person {
            wa_id: Some("15550001111".parse().unwrap()),
            name: Some("Ann".to_owned()),
            ..Default::default()
        },
        group: None,
        kind: kind.to_owned(),
        object: json!({"type": kind, kind: {"body": "hi"}}),
        context: None,
        contact: ContactId::at(at),
        conversation: ConversationId::at(at),
        sent_at: at,
        received_at: at,
    };
    let shown = |kind| serde_json::to_value(MessageDto::from(&inbound(kind))).unwrap();
    assert_eq!(shown("text").get("text"), Some(&json!({"body": "hi"})));
    assert_eq!(shown("text").get("from"), Some(&json!("15550001111")));
    assert_eq!(shown("text").pointer("/profile/name"), Some(&json!("Ann")));
    let strange = shown("state");
    assert_eq!(strange.get("state"), Some(&json!("received")));
    assert_eq!(
        strange.pointer("/provider_object/state/body"),
        Some(&json!("hi"))
    );
}
