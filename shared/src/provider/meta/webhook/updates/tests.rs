//! What Meta says, in our words; the shapes are those of the recorded webhooks.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]
#![expect(
    clippy::needless_pass_by_value,
    reason = "a test reads best with its JSON in place"
)]

mod recorded;
mod unreadable;

use super::*;
use crate::domain::failure::Class;
use crate::domain::state::Status;
use crate::domain::webhook::{InboundMessage, Person, StatusUpdate};
use serde_json::json;
use serde_json::value::to_raw_value;

fn change(field: &str, value: &Value) -> Change {
    Change {
        entry: "200000000000001".to_owned(),
        time: None,
        field: field.to_owned(),
        value: to_raw_value(value).unwrap(),
    }
}

fn read(field: &str, value: &Value) -> Vec<Fact> {
    let updates = updates(&change(field, value));
    updates.into_iter().map(|update| update.fact).collect()
}

fn read_one(list: &str, unit: Value, contacts: Value) -> Fact {
    let value = json!({"contacts": contacts, list: [unit]});
    read("messages", &value).pop().unwrap()
}

fn message(mut unit: Value, contacts: Value) -> InboundMessage {
    unit["id"] = json!("wamid.A");
    unit["timestamp"] = json!("1700000000");
    let Fact::Message(message) = read_one("messages", unit, contacts) else {
        unreachable!("not a message");
    };
    *message
}

fn status(mut unit: Value) -> StatusUpdate {
    unit["id"] = json!("wamid.A");
    unit["timestamp"] = json!(1_700_000_000);
    let Fact::Status(status) = read_one("statuses", unit, json!([])) else {
        unreachable!("not a status");
    };
    *status
}

fn person(wa_id: Option<&str>, user_id: Option<&str>) -> Person {
    Person {
        wa_id: wa_id.map(|name| name.parse().unwrap()),
        user_id: user_id.map(|name| name.parse().unwrap()),
        ..Person::default()
    }
}

#[test]
fn a_person_is_known_by_every_name_that_is_given() {
    let contact = json!([{"wa_id": "15550001111", "user_id": "US.1",
        "profile": {"name": "Ann", "username": "@ann"}}]);
    let of_both = message(json!({"from": "15550001111", "type": "text"}), contact);
    let expected = Person {
        name: Some("Ann".to_owned()),
        username: Some("ann".to_owned()),
        ..person(Some("15550001111"), Some("US.1"))
    };
    assert_eq!(of_both.from, expected);
}

#[test]
fn a_person_without_a_phone_is_still_a_person() {
    let spelt_apart = json!([{"user_id": "uUS.1", "profile": {"name": "Ann"}}]);
    let told = message(
        json!({"from_user_id": "US.1", "type": "text"}),
        spelt_apart.clone(),
    );
    assert_eq!(told.from.user_id.unwrap().as_str(), "US.1");
    assert_eq!(told.from.name.as_deref(), Some("Ann"));
    let untold = message(json!({"type": "text"}), spelt_apart);
    assert_eq!(untold.from.user_id.unwrap().as_str(), "uUS.1");
}

#[test]
fn a_contact_of_somebody_else_lends_nobody_its_name() {
    let other = json!([{"wa_id": "15550002222", "profile": {"name": "Bob"}}]);
    let message = message(json!({"from": "15550001111", "type": "text"}), other);
    assert_eq!(message.from, person(Some("15550001111"), None));
}

#[test]
fn a_message_of_an_unknown_or_missing_type_is_a_message() {
    let hologram = message(
        json!({"from": "1", "type": "hologram", "hologram": {}}),
        json!([]),
    );
    assert_eq!(hologram.kind, "hologram");
    let untyped = message(
        json!({"from": "1", "location": {"latitude": 1.5}}),
        json!([]),
    );
    assert_eq!(untyped.kind, "location");
    assert_eq!(untyped.object.pointer("/location/latitude").unwrap(), 1.5);
    assert_eq!(message(json!({"from": "1"}), json!([])).kind, "unknown");
}

#[test]
fn a_message_names_the_one_it_is_about() {
    for about in [
        json!({"context": {"id": "wamid.B", "from": "1"}}),
        json!({"reaction": {"message_id": "wamid.B"}, "context": {"id": "wamid.C"}}),
        json!({"edit": {"original_message_id": "wamid.B", "message": {"context": {"id": "M0"}}}}),
        json!({"revoke": {"original_message_id": "wamid.B"}}),
    ] {
        assert_eq!(
            message(about, json!([])).context.unwrap().as_str(),
            "wamid.B"
        );
    }
    let forwarded = json!({"context": {"forwarded": true}});
    assert_eq!(message(forwarded, json!([])).context, None);
}

#[test]
fn a_person_who_changed_their_number_or_id_has_moved() {
    let system =
        |system: Value| message(json!({"from": "1", "system": system}), json!([])).moved_to;
    let number = json!({"type": "user_changed_number", "new_wa_id": "15550003333"});
    assert_eq!(system(number), Some(person(Some("15550003333"), None)));
    let both = json!({"type": "user_changed_number", "wa_id": "15550003333", "user_id": "US.2"});
    assert_eq!(
        system(both),
        Some(person(Some("15550003333"), Some("US.2")))
    );
    assert_eq!(
        system(json!({"type": "customer_identity_changed", "wa_id": "1"})),
        None
    );

    let id = json!({"type": "user_changed_user_id", "previous_user_id": "US.1", "user_id": "US.2"});
    let renamed = message(json!({"system": id}), json!([]));
    assert_eq!(renamed.from, person(None, Some("US.1")));
    assert_eq!(renamed.moved_to, Some(person(None, Some("US.2"))));
}

#[test]
fn a_status_names_its_person_however_it_is_spelt() {
    for (unit, expected) in [
        (
            json!({"recipient_id": "1", "recipient_user_id": "US.1"}),
            person(Some("1"), Some("US.1")),
        ),
        (
            json!({"recipient_user_id": "US.1", "parent_user_id": "US.9"}),
            person(None, Some("US.1")),
        ),
        (
            json!({"parent_recipient_user_id": "US.9"}),
            person(None, None),
        ),
        (
            json!({"recipient_type": "group", "recipient_id": "G", "recipient_participant_id": "1",
                "recipient_participant_user_id": "US.1"}),
            person(Some("1"), Some("US.1")),
        ),
        (
            json!({"recipient_type": "group", "recipient_id": "G"}),
            person(None, None),
        ),
        (
            json!({"recipient_type": "group", "participant_recipient_id": "1"}),
            person(Some("1"), None),
        ),
    ] {
        let mut unit = unit;
        unit["status"] = json!("read");
        assert_eq!(status(unit.clone()).recipient, expected, "{unit}");
    }
}

#[test]
fn a_status_gives_our_id_back_if_it_is_one_of_ours() {
    let id = "msg_0190a0c0000070008000000000000000";
    let ours = status(json!({"status": "sent", "biz_opaque_callback_data": id}));
    assert_eq!(ours.message.unwrap().as_str(), id);
    let theirs = status(json!({"status": "sent", "biz_opaque_callback_data": "some data"}));
    assert_eq!(theirs.message, None);
    assert_eq!(theirs.status, Status::Sent);
}

#[test]
fn a_failed_status_says_why_and_is_never_open() {
    let failed = |errors: Value| {
        status(json!({"status": "failed", "errors": errors}))
            .failure
            .unwrap()
    };
    let window = failed(json!([{"code": 131_047, "title": "Re-engagement message"}]));
    assert_eq!((window.class, window.code), (Class::Policy, Some(131_047)));
    assert!(window.message.ends_with("; Meta: Re-engagement message"));
    assert_eq!(failed(json!([{"code": 131_000}])).class, Class::Transient);
    assert_eq!(failed(json!([])).class, Class::Permanent);
    assert_eq!(
        status(json!({"status": "sent", "errors": [{"code": 1}]})).failure,
        None
    );
}

#[test]
fn what_is_not_of_its_kinds_shape_is_malformed_and_fails_alone() {
    let good = json!({"id": "wamid.A", "from": "1", "timestamp": "1700000000", "type": "text"});
    let value =
        json!({"messages": [7, good, {"from": "1"}, {"id": "wamid.B", "timestamp": "soon"}]});
    let facts = read("messages", &value);
    assert!(matches!(
        facts.as_slice(),
        [
            Fact::Malformed(_),
            Fact::Message(_),
            Fact::Malformed(_),
            Fact::Malformed(_),
        ]
    ));
    for value in [
        json!({"messages": "none"}),
        json!({"statuses": {}}),
        json!([]),
    ] {
        assert!(matches!(
            read("messages", &value).as_slice(),
            [Fact::Malformed(_)]
        ));
    }
}

#[test]
fn what_is_no_message_has_a_name_to_be_counted_by() {
    for (field, value, name) in [
        (
            "account_update",
            json!({"event": "ACCOUNT_DELETED"}),
            "account_update/ACCOUNT_DELETED",
        ),
        (
            "flows",
            json!({"event": "FLOW_STATUS_CHANGE", "errors": [{}, {}]}),
            "flows/FLOW_STATUS_CHANGE",
        ),
        (
            "security",
            json!({"event": "not a word, but a text"}),
            "security",
        ),
        (
            "phone_number_name_update",
            json!({"decision": "APPROVED"}),
            "phone_number_name_update/APPROVED",
        ),
        (
            "account_alerts",
            json!({"alert_info": {"alert_type": "OBA_APPROVED"}}),
            "account_alerts/OBA_APPROVED",
        ),
    ] {
        is_only_kept(field, &value, name);
    }
}

#[test]
fn what_is_a_list_is_named_by_what_it_lists() {
    for (field, value, name) in [
        (
            "group_lifecycle_update",
            json!({"groups": [{"type": "group_create"}]}),
            "group_lifecycle_update/group_create",
        ),
        (
            "calls",
            json!({"calls": [{"event": "connect"}]}),
            "calls/connect",
        ),
        (
            "calls",
            json!({"statuses": [{"type": "call", "status": "RINGING"}]}),
            "calls/statuses/call",
        ),
        (
            "user_preferences",
            json!({"user_preferences": [{"value": "stop"}]}),
            "user_preferences/stop",
        ),
        (
            "smb_message_echoes",
            json!({"message_echoes": [{"type": "text"}]}),
            "smb_message_echoes",
        ),
        (
            "history",
            json!({"messages": [{"id": "wamid.A"}]}),
            "history",
        ),
        (
            "some_future_field",
            json!(["anything"]),
            "some_future_field",
        ),
    ] {
        is_only_kept(field, &value, name);
    }
}

#[test]
fn what_of_messages_is_neither_message_nor_status_has_a_name_to_be_counted_by() {
    for (value, name) in [
        (json!({"errors": [{"code": 131_035}]}), "messages/errors"),
        (json!({"user_actions": [{}]}), "messages/user_actions"),
        (
            json!({"statuses": [{"status": "deleted"}]}),
            "messages/statuses/deleted",
        ),
        (
            json!({"statuses": [{"type": "payment", "status": "captured"}]}),
            "messages/statuses/payment",
        ),
    ] {
        is_only_kept("messages", &value, name);
    }
}

fn is_only_kept(field: &str, value: &Value, name: &str) {
    let expected = [Fact::Other(name.to_owned())];
    assert_eq!(read(field, value), expected, "{field} {value}");
}

#[test]
fn an_update_is_kept_with_nothing_but_itself_in_its_lists() {
    let contact = |number: usize| json!({"wa_id": number.to_string()});
    let message =
        |number: usize| json!({"id": format!("wamid.{number}"), "from": number.to_string()});
    let metadata = json!({"phone_number_id": "100000000000001"});
    let value = json!({"metadata": metadata, "contacts": [contact(1), contact(2), contact(9)],
        "messages": [message(1), message(2)], "new": 1});
    let updates = updates(&change("messages", &value));
    let raws: Vec<Value> = updates.iter().map(|update| update.raw.clone()).collect();
    assert_eq!(
        raws,
        [
            json!({"metadata": metadata, "contacts": [contact(1), contact(2), contact(9)],
                "messages": [message(1)], "new": 1}),
            json!({"metadata": metadata, "contacts": [contact(2)], "messages": [message(2)]}),
        ]
    );
    assert!(updates.iter().all(|update| update.sender.is_some()));
}
