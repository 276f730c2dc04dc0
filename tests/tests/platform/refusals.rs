//! What is refused before anything is kept, and how precisely the refusal says why.

use serde_json::{Value, json};
use tests::{Desk, SENDER, text};

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_body_is_told_in_one_answer() {
    let desk = Desk::start().await;
    let body = json!({
        "from": "no sender", "to": "0171 1234567", "type": "interactive", "surprise": 1,
        "interactive": {"type": "button", "body": {"text": ""}, "action": {"buttons": [
            {"type": "reply", "reply": {"id": "a", "title": "A title of more than twenty characters"}}]}},
        "on_unknown": "panic", "send_at": "tomorrow", "metadata": [1],
    });
    let answer = desk.send(&body).await;
    let expected = [
        "/from",
        "/interactive/action/buttons/0/reply/title",
        "/interactive/body/text",
        "/metadata",
        "/on_unknown",
        "/send_at",
        "/surprise",
        "/to",
    ];
    assert_eq!(answer.faults(), expected);
    let problem = answer.json();
    for fault in problem["errors"].as_array().unwrap() {
        assert!(fault["code"].is_string() && fault["detail"].is_string());
    }
    assert!(!answer.text.contains("0171"), "a number is not repeated");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_is_not_yours_is_told_together_with_the_other_faults() {
    let desk = Desk::start().await;
    let mut body = text("0171 1234567", "Hello");
    body["from"] = "100000000000999".into();
    assert_eq!(desk.send(&body).await.faults(), ["/from", "/to"]);
    let job = json!({"name": "", "from": "100000000000999", "text": {"body": "Hi"}});
    let answer = desk.post("/v1/bulk-jobs", &job).await;
    assert_eq!(answer.faults(), ["/from", "/name"]);
    body["from"] = SENDER.into();
    assert_eq!(desk.send(&body).await.faults(), ["/to"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_takes_metas_message_object_as_it_is() {
    let desk = Desk::start().await;
    let mut job = json!({
        "name": "n", "from": SENDER, "messaging_product": "whatsapp", "recipient_type": "individual",
        "type": "text", "text": {"body": "Hi"},
    });
    desk.post("/v1/bulk-jobs", &job).await.with(201);
    job["recipient_type"] = "group".into();
    let answer = desk.post("/v1/bulk-jobs", &job).await;
    assert_eq!(answer.faults(), ["/recipient_type"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_national_number_is_refused_with_the_remedy_and_never_guessed() {
    let desk = Desk::start().await;
    for number in ["0171 1234567", "08123456789", "+0015550001111", "bob", ""] {
        let answer = desk.send(&text(number, "Hello")).await;
        assert_eq!(answer.faults(), ["/to"], "{number}");
    }
    let answer = desk.send(&text("08123456789", "Hello")).await.json();
    let detail = answer["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("country code"), "{detail}");
    assert_eq!(desk.stats().await["accepted"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_field_is_refused_by_its_name() {
    let desk = Desk::start().await;
    let mut body = text("+15550005001", "Hello");
    body["text"]["bodyy"] = "typo".into();
    body["refrence"] = "typo".into();
    let answer = desk.send(&body).await;
    assert_eq!(answer.faults(), ["/refrence", "/text/bodyy"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_may_carry_what_metas_carry() {
    let desk = Desk::start().await;
    let mut body = text("+15550005002", "Hello");
    body["messaging_product"] = "whatsapp".into();
    body["recipient_type"] = "individual".into();
    assert_eq!(desk.send(&body).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_metas_is_kept_before_the_provider_is_called() {
    let desk = Desk::start().await;
    let button = |title: &str| json!({"type": "reply", "reply": {"id": title, "title": title}});
    let buttons = |count: usize| {
        let all: Vec<Value> = (0..count).map(|place| button(&place.to_string())).collect();
        json!({"type": "button", "body": {"text": "?"}, "action": {"buttons": all}})
    };
    let cases = [
        ("text", json!({"body": "x".repeat(4_097)}), "/text/body"),
        ("text", json!({"body": " \n\u{200b}"}), "/text/body"),
        ("text", json!({"body": "a\0b"}), "/text/body"),
        (
            "image",
            json!({"id": "1", "caption": "a\u{1b}[1mb"}),
            "/image/caption",
        ),
        (
            "image",
            json!({"link": "ftp://example.com/a.jpg"}),
            "/image/link",
        ),
        (
            "image",
            json!({"id": "1", "caption": "x".repeat(1_025)}),
            "/image/caption",
        ),
        ("interactive", buttons(4), "/interactive/action/buttons"),
        (
            "location",
            json!({"latitude": 91, "longitude": 0}),
            "/location/latitude",
        ),
        (
            "template",
            json!({"language": {"code": "en"}}),
            "/template/name",
        ),
        ("reaction", json!({"emoji": "👍"}), "/reaction/message_id"),
    ];
    for (kind, object, pointer) in cases {
        let body = json!({"from": SENDER, "to": "+15550005003", "type": kind, kind: object});
        assert_eq!(desk.send(&body).await.faults(), [pointer], "{body}");
    }
    let counts = desk.stats().await;
    assert_eq!(
        (&counts["accepted"], &counts["refused"]),
        (&json!(0), &json!(0))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_kept_of_a_refused_message() {
    let desk = Desk::start().await;
    let before = desk.all("/v1/messages").await.len();
    assert_eq!(desk.send(&text("bob", "Hello")).await.status, 400);
    assert_eq!(desk.all("/v1/messages").await.len(), before);
}
