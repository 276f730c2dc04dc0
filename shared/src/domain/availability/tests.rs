//! What is believed of a person, and for how long.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::domain::failure::ProviderFailure;
use crate::domain::id::{ContactId, ConversationId};
use crate::domain::message::{Lane, Leg};
use crate::domain::webhook::Person;
use serde_json::json;

fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn ago(hours: i64) -> Timestamp {
    now() - SignedDuration::from_hours(hours)
}

fn sender() -> SenderId {
    "100000000000001".parse().unwrap()
}

fn seen(sign: Sign, hours: i64) -> Evidence {
    Evidence {
        sign,
        at: ago(hours),
        message: None,
        sender: sender(),
    }
}

const UNDELIVERABLE: Sign = Sign::Undeliverable(Some(131_026));
const DAY: i64 = 24;

fn judged(found: &[Evidence]) -> (Availability, Option<Sign>) {
    let evidence = judge(found.to_vec(), now());
    let sign = evidence.map(|evidence| evidence.sign);
    (sign.map_or(Availability::Unknown, Sign::tells), sign)
}

#[test]
fn the_newest_sign_wins_in_whatever_order_it_is_found() {
    for (newer, older) in [
        (Sign::Delivered, UNDELIVERABLE),
        (UNDELIVERABLE, Sign::Delivered),
        (Sign::Inbound, UNDELIVERABLE),
        (Sign::NotOnWhatsapp(Gateway::Fonnte), Sign::Read),
        (Sign::OnWhatsapp(Gateway::Notifapi), UNDELIVERABLE),
    ] {
        let (newer, older) = (seen(newer, 1), seen(older, 2));
        let expected = (newer.sign.tells(), Some(newer.sign));
        assert_eq!(judged(&[newer.clone(), older.clone()]), expected);
        assert_eq!(judged(&[older, newer]), expected);
    }
    let mut together = [seen(Sign::Delivered, 1), seen(UNDELIVERABLE, 1)];
    together[1].at += SignedDuration::from_millis(900);
    assert_eq!(judged(&together).0, Availability::Likely, "in one second");
    assert_eq!(judged(&[]), (Availability::Unknown, None));
}

#[test]
fn each_sign_is_believed_for_its_time_and_not_longer() {
    for (sign, hours) in [
        (Sign::Delivered, 30 * DAY),
        (Sign::Read, 30 * DAY),
        (Sign::Inbound, 30 * DAY),
        (UNDELIVERABLE, 7 * DAY),
        (Sign::OnWhatsapp(Gateway::Fonnte), DAY),
        (Sign::NotOnWhatsapp(Gateway::Notifapi), DAY),
    ] {
        assert_eq!(judged(&[seen(sign, hours - 1)]).1, Some(sign));
        assert_eq!(judged(&[seen(sign, hours)]).1, None, "{sign:?}");
    }
}

#[test]
fn what_is_older_than_a_sign_to_the_contrary_is_believed_no_more() {
    let over = [seen(UNDELIVERABLE, 8 * DAY), seen(Sign::Delivered, 9 * DAY)];
    assert_eq!(judged(&over).0, Availability::Unknown);
    let agreeing = [
        seen(Sign::OnWhatsapp(Gateway::Fonnte), 2 * DAY),
        seen(Sign::Read, 3 * DAY),
    ];
    assert_eq!(judged(&agreeing).1, Some(Sign::Read));
}

#[test]
fn a_sign_from_a_clock_ahead_of_ours_is_of_now() {
    let evidence = judge(vec![seen(Sign::Inbound, -5)], now()).unwrap();
    assert_eq!(evidence.at, now());
    assert_eq!(evidence.expires_at(), now() + SEEN);
}

fn outbound(to: Recipient) -> Outbound {
    let whose = (
        "acme".parse().unwrap(),
        "acct_demo".parse().unwrap(),
        sender(),
    );
    let id = MessageId::at(ago(3));
    Outbound::queued(id, whose, to, Lane::Single, ago(3))
}

fn to_anna() -> Outbound {
    outbound(Recipient::Phone("+15550001111".parse().unwrap()))
}

fn attempt(outcome: Outcome, code: i64) -> Attempt {
    Attempt {
        duration_ms: Some(1_500),
        outcome: Some(outcome),
        failure: Some(ProviderFailure::from_meta(code, &[])),
        ..Attempt::starting(ago(3))
    }
}

fn signs(message: Outbound) -> Vec<(Sign, Timestamp)> {
    let found = Evidence::of_message(&Message::Outbound(Box::new(message)));
    found.iter().map(|it| (it.sign, it.at)).collect()
}

#[test]
fn a_message_tells_what_its_statuses_and_its_refusals_told() {
    let mut read = to_anna();
    (read.times.sent, read.times.delivered) = (Some(ago(3)), Some(ago(2)));
    (read.times.read, read.times.played) = (Some(ago(1)), Some(ago(0)));
    let expected = [
        (Sign::Read, ago(0)),
        (Sign::Read, ago(1)),
        (Sign::Delivered, ago(2)),
    ];
    assert_eq!(signs(read), expected);

    let mut refused = to_anna();
    refused.attempts.push(attempt(Outcome::Refused, 131_026));
    let answered = ago(3) + SignedDuration::from_millis(1_500);
    assert_eq!(signs(refused), [(UNDELIVERABLE, answered)]);

    let mut failed = to_anna();
    failed.attempts.push(attempt(Outcome::Accepted, 131_026));
    failed.times.ended = Some(ago(1));
    assert_eq!(signs(failed), [(UNDELIVERABLE, ago(1))]);
}

#[test]
fn what_says_nothing_of_the_person_is_no_sign() {
    let mut limited = to_anna();
    limited.times.accepted = Some(ago(3));
    limited.times.sent = Some(ago(3));
    limited.attempts.push(attempt(Outcome::Refused, 131_049));
    limited.attempts.push(attempt(Outcome::Refused, 131_000));
    assert_eq!(signs(limited), []);

    let mut to_group = outbound(Recipient::Group("120363000000000000@g.us".parse().unwrap()));
    to_group.times.delivered = Some(ago(2));
    assert_eq!(signs(to_group), []);
}

#[test]
fn a_failure_is_of_the_sender_that_its_attempt_left_from() {
    let mut message = to_anna();
    let other: SenderId = "fonnte-15550002000".parse().unwrap();
    message.attempts.push(Attempt {
        leg: Some(Leg {
            account: "acct_fonnte".parse().unwrap(),
            sender: other.clone(),
        }),
        ..attempt(Outcome::Refused, 131_026)
    });
    let found = Evidence::of_message(&Message::Outbound(Box::new(message)));
    assert_eq!(found.first().unwrap().sender, other);
}

#[test]
fn who_wrote_can_be_reached_and_what_whatsapp_tells_was_written_by_nobody() {
    let inbound = |kind: &str, group: Option<&str>| {
        Message::Inbound(Box::new(Inbound {
            id: MessageId::at(ago(1)),
            tenant: "acme".parse().unwrap(),
            account: "acct_demo".parse().unwrap(),
            sender: sender(),
            provider_id: "wamid.A".parse().unwrap(),
            from: Person::default(),
            group: group.map(|group| group.parse().unwrap()),
            kind: kind.to_owned(),
            object: json!({}),
            context: None,
            contact: ContactId::at(ago(1)),
            conversation: ConversationId::at(ago(1)),
            sent_at: ago(1),
            received_at: ago(0),
        }))
    };
    let written = Evidence::of_message(&inbound("text", None));
    let written = written.first().unwrap();
    assert_eq!((written.sign, written.at), (Sign::Inbound, ago(1)));
    assert_eq!(Evidence::of_message(&inbound("system", None)), []);
    assert_eq!(Evidence::of_message(&inbound("text", Some("1@g.us"))), []);
}

#[test]
fn only_gateways_are_asked_about_numbers() {
    for (sender, expected) in [
        ("100000000000001", None),
        ("fonnte-15550002000", Some(Gateway::Fonnte)),
        ("notifapi-15550003000", Some(Gateway::Notifapi)),
        ("mock-15550004000", None),
    ] {
        let asked = checker(&sender.parse().unwrap()).map(|(gateway, _)| gateway);
        assert_eq!(asked, expected, "{sender}");
    }
}
