//! Fonnte's wire, and what its answers mean.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::domain::failure::{Class, ProviderFailure};
use crate::domain::identity::{Bsuid, GroupId};
use crate::domain::secret::SecretText;
use crate::provider::gateway;
use crate::provider::tests::{
    KEY, anna, body_of, content, failure_of, group, id, ok, places, served, text, whole,
};
use serde_json::json;
use std::path::Path;

/// The form of a message, sorted, as a server reads it.
async fn form_of(to: &Recipient, content: &Content) -> Vec<(String, String)> {
    let taken = vec![ok(&json!({"status": true, "id": ["1"]}))];
    let call = async |access: Access<'_>| send(access, to, content, &id()).await;
    let (_, requests) = served(taken, call).await;
    let query = format!("http://form/?{}", body_of(requests.first().unwrap()));
    let url = reqwest::Url::parse(&query).unwrap();
    let mut fields: Vec<_> = url.query_pairs().into_owned().collect();
    fields.sort();
    fields
}

fn fields(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let always = [("connectOnly", "true"), ("countryCode", "0")];
    let all = always.iter().chain(expected);
    let mut all: Vec<_> = all
        .map(|&(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    all.sort();
    all
}

#[tokio::test]
async fn a_text_is_a_form_with_the_key_alone_in_its_header() {
    let taken = vec![ok(&json!({"status": true, "id": ["1"]}))];
    let call = async |access: Access<'_>| send(access, &anna(), &text(), &id()).await;
    let (_, requests) = served(taken, call).await;
    let request = requests.first().unwrap();
    assert!(request.starts_with("POST /base/send HTTP/1.1\r\n"));
    assert!(request.contains(&format!("authorization: {KEY}\r\n")));
    assert!(request.contains("content-type: application/x-www-form-urlencoded\r\n"));
    let expected = [("target", "15550001111"), ("message", "Hello & good-bye")];
    assert_eq!(form_of(&anna(), &text()).await, fields(&expected));
}

#[tokio::test]
async fn what_can_be_sent_is_sent_as_it_was_meant() {
    let link = "https://example.com/a.jpg";
    let target = ("target", "15550001111");
    for (body, expected) in [
        (
            json!({"type": "text", "text": {"body": "Hi {you}", "preview_url": false}}),
            vec![target, ("message", "Hi {you}"), ("preview", "false")],
        ),
        (
            json!({"type": "image", "image": {"link": link, "caption": "Look"}}),
            vec![target, ("url", link), ("message", "Look")],
        ),
        (
            json!({"type": "video", "video": {"link": link}}),
            vec![target, ("url", link)],
        ),
        (
            json!({"type": "audio", "audio": {"link": link}}),
            vec![target, ("url", link)],
        ),
        (
            json!({"type": "document", "document": {"link": link, "caption": "C", "filename": "a"}}),
            vec![target, ("url", link), ("message", "C"), ("filename", "a")],
        ),
        (
            json!({"type": "location", "location": {"latitude": "-7.98", "longitude": 112.621_391, "name": ""}}),
            vec![target, ("location", "-7.98, 112.621391")],
        ),
        (
            json!({"type": "text", "text": {"body": "Yes"}, "context": {"message_id": "inbox:123"}}),
            vec![target, ("message", "Yes"), ("inboxid", "123")],
        ),
    ] {
        assert_eq!(
            form_of(&anna(), &content(&body)).await,
            fields(&expected),
            "{body}"
        );
    }
    let to_group = [
        ("target", "120363000000000000@g.us"),
        ("message", "Hello & good-bye"),
    ];
    assert_eq!(form_of(&group(), &text()).await, fields(&to_group));
}

#[test]
fn what_would_arrive_otherwise_is_refused_where_it_stands() {
    let point = json!({"latitude": 1, "longitude": 2, "name": "HQ", "address": "1 Way"});
    for (body, expected) in [
        (
            json!({"type": "text", "text": {"body": "Hi {name}"}}),
            vec!["/text/body"],
        ),
        (
            json!({"type": "text", "text": {"body": "Hi { var12 }"}}),
            vec!["/text/body"],
        ),
        (
            json!({"type": "image", "image": {"id": "17"}}),
            vec!["/image/id"],
        ),
        (
            json!({"type": "audio", "audio": {"link": "https://example.com/a.ogg", "voice": true}}),
            vec!["/audio/voice"],
        ),
        (
            json!({"type": "location", "location": point}),
            vec!["/location/name", "/location/address"],
        ),
        (
            json!({"type": "sticker", "sticker": {"link": "https://example.com/a"}}),
            vec!["/type"],
        ),
        (
            json!({"type": "reaction", "reaction": {"message_id": "inbox:1", "emoji": ""}}),
            vec!["/type"],
        ),
        (
            json!({"type": "template", "template": {"name": "t", "language": {"code": "en"}}}),
            vec!["/type"],
        ),
        (
            json!({"type": "text", "text": {"body": "x"}, "context": {"message_id": "wamid.A"}}),
            vec!["/context/message_id"],
        ),
        (
            json!({"type": "text", "text": {"body": "x"}, "recipient_identity_key_hash": "h"}),
            vec!["/recipient_identity_key_hash"],
        ),
    ] {
        assert_eq!(places(fits(&anna(), &content(&body))), expected, "{body}");
    }
}

#[test]
fn one_message_goes_to_one_target() {
    for id in ["G1", "120363@g.us,15550002222", "1|Anna@g.us", "@g.us"] {
        let to = Recipient::Group(id.parse::<GroupId>().unwrap());
        assert_eq!(places(fits(&to, &text())), ["/to"], "{id}");
    }
    let to = Recipient::User("US.1".parse::<Bsuid>().unwrap());
    assert_eq!(places(fits(&to, &text())), ["/recipient"]);
}

async fn judged(status: &str, answer: &Value) -> SendOutcome {
    let call = async |access: Access<'_>| send(access, &anna(), &text(), &id()).await;
    served(vec![whole(status, &answer.to_string())], call)
        .await
        .0
}

async fn refused_with(answer: &str) -> ProviderFailure {
    let call = async |access: Access<'_>| send(access, &anna(), &text(), &id()).await;
    let (outcome, _) = served(vec![whole("200 OK", answer)], call).await;
    assert!(
        matches!(outcome, SendOutcome::NotAccepted(_)),
        "{outcome:?}"
    );
    failure_of(outcome)
}

#[tokio::test]
async fn a_reason_says_what_comes_next_though_the_http_status_says_that_all_is_well() {
    for (reason, class) in [
        ("too many requests", Class::Throttled),
        ("device not ready", Class::Transient),
        ("token invalid", Class::Credential),
        ("insufficient quota", Class::Credential),
        ("request invalid on disconnected device", Class::Transient),
        ("target invalid", Class::Recipient),
        ("input invalid", Class::Permanent),
        ("url invalid", Class::Permanent),
        ("file format not supported", Class::Permanent),
        ("file size must under 4MB", Class::Permanent),
        ("JSON format invalid", Class::Permanent),
        ("the moon is full", Class::Permanent),
    ] {
        for status in ["status", "Status"] {
            let answer = format!(r#"{{"{status}":false,"reason":"{reason}"}}"#);
            assert_eq!(refused_with(&answer).await.class, class, "{reason}");
        }
    }
    let unknown = refused_with(r#"{"status":false,"reason":"the moon is full"}"#).await;
    assert!(
        unknown.message.ends_with("; Fonnte: the moon is full"),
        "{}",
        unknown.message
    );
}

#[tokio::test]
async fn a_refusal_with_a_servers_own_trouble_proves_nothing_and_429_asks_to_go_slower() {
    let refusal = json!({"status": false, "reason": "the moon is full"});
    let late = judged("503 Service Unavailable", &refusal).await;
    assert!(matches!(late, SendOutcome::Ambiguous(_)), "{late:?}");
    let SendOutcome::NotAccepted(slow) = judged("429 Too Many Requests", &refusal).await else {
        unreachable!("it was no refusal");
    };
    assert_eq!(slow.class, Class::Throttled);
}

#[tokio::test]
async fn an_answer_that_says_both_proves_nothing() {
    let call = async |access: Access<'_>| send(access, &anna(), &text(), &id()).await;
    let both = ok(&json!({"status": false, "reason": "token invalid", "id": ["1"]}));
    let (outcome, _) = served(vec![both], call).await;
    assert!(matches!(outcome, SendOutcome::Ambiguous(_)), "{outcome:?}");
}

#[test]
fn every_recorded_answer_is_judged() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/providers");
    let Ok(files) = std::fs::read_dir(folder) else {
        return;
    };
    for path in files.map(|file| file.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let answer = Answer {
            status: 200,
            body: std::fs::read(&path).unwrap(),
            retry_after_s: None,
        };
        let outcome = answer::judge(&answer, &SecretText::new(KEY));
        if name.starts_with("fonnte__send-resp-ok") {
            assert_eq!(outcome, SendOutcome::accepted("80367170".parse().unwrap()));
        } else if name.starts_with("fonnte__send-resp-fail") {
            let failure = failure_of(outcome);
            assert_ne!(failure.class, Class::Ambiguous, "{name}");
            assert!(
                !failure.message.contains("do not know"),
                "{name}: {}",
                failure.message
            );
        }
    }
}

#[tokio::test]
async fn numbers_are_checked_many_at_once() {
    let numbers: Vec<PhoneNumber> = ["+15550001111", "+15550002222", "+15550003333"]
        .map(|it| it.parse().unwrap())
        .into();
    let answer = ok(&json!({"registered": ["15550001111", "15559999999"],
        "not_registered": ["15550002222"], "status": true}));
    let call = async |access: Access<'_>| check_numbers(access, &numbers).await;
    let (checked, requests) = served(vec![answer], call).await;
    let checked = checked.unwrap();
    assert_eq!(checked.registered, numbers.get(..1).unwrap());
    assert_eq!(checked.not_registered, numbers.get(1..2).unwrap());
    let request = requests.first().unwrap();
    assert!(request.starts_with("POST /base/validate "));
    let expected = "target=15550001111%2C15550002222%2C15550003333&countryCode=0";
    assert_eq!(body_of(request), expected);
    let many = vec![numbers.first().unwrap().clone(); 501];
    let (refused, _) = served(vec![], async |access| {
        gateway::check_numbers(Gateway::Fonnte, access, &many).await
    })
    .await;
    assert_eq!(refused.unwrap_err().class, Class::Permanent);
}

#[tokio::test]
async fn a_device_tells_how_it_stands() {
    let answer = json!({"device": "15550002000", "device_status": "connect", "expired": "18 November 2029",
        "messages": 16_785, "name": "Front desk", "package": "Reguler", "quota": "78", "status": true});
    let call = async |access: Access<'_>| device(access).await;
    let (device, requests) = served(vec![ok(&answer)], call).await;
    let device = device.unwrap();
    assert!(device.is_connected());
    assert_eq!(
        (device.number.as_str(), device.quota.as_deref()),
        ("15550002000", Some("78"))
    );
    assert!(requests.first().unwrap().starts_with("POST /base/device "));
    let refused = ok(&json!({"Status": false, "reason": "token invalid"}));
    let (refused, _) = served(vec![refused], call).await;
    assert_eq!(refused.unwrap_err().class, Class::Credential);
}

#[tokio::test]
async fn a_device_is_told_whom_to_call_and_keeps_its_name() {
    let device = ok(
        &json!({"device": "15550002000", "device_status": "connect", "name": "Front desk", "status": true}),
    );
    let changed = ok(&json!({"detail": "device updated", "status": true}));
    let address = SecretText::new("https://example.com/webhooks/fonnte/acct_1/token");
    let call = async |access: Access<'_>| call_at(access, &address).await;
    let (told, requests) = served(vec![device, changed], call).await;
    told.unwrap();
    let request = requests.last().unwrap();
    assert!(request.starts_with("POST /base/update-device "));
    let query = format!("http://form/?{}", body_of(request));
    let url = reqwest::Url::parse(&query).unwrap();
    let fields: Vec<_> = url.query_pairs().into_owned().collect();
    let has = |name: &str, value: &str| fields.contains(&(name.to_owned(), value.to_owned()));
    assert!(has("name", "Front desk") && has("device", "15550002000"));
    for webhook in ["webhook", "webhookstatus", "webhookconnect"] {
        assert!(has(webhook, address.expose()), "{webhook}");
    }
    for reads in ["autoread", "personal", "group"] {
        assert!(has(reads, "true"), "{reads}");
    }
}

#[tokio::test]
async fn groups_are_fetched_then_listed() {
    let fetched = ok(&json!({"detail": "update group list success", "status": true}));
    let listed = ok(
        &json!({"data": [{"id": "120363000000000000@g.us", "name": "Team"}, {"name": "?"}],
        "status": true}),
    );
    let call = async |access: Access<'_>| groups(access).await;
    let (groups, requests) = served(vec![fetched, listed], call).await;
    let expected = Group {
        id: "120363000000000000@g.us".parse().unwrap(),
        name: Some("Team".to_owned()),
    };
    assert_eq!(groups.unwrap(), [expected]);
    let paths: Vec<_> = requests
        .iter()
        .map(|it| it.split(' ').nth(1).unwrap())
        .collect();
    assert_eq!(paths, ["/base/fetch-group", "/base/get-whatsapp-group"]);
    let garbage = whole("502 Bad Gateway", "<html>");
    let (failed, _) = served(vec![garbage], call).await;
    assert_eq!(failed.unwrap_err().class, Class::Transient);
}
