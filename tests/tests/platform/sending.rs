//! One message of every kind, to every kind of recipient, and what becomes of it.

use crate::id_of;
use serde_json::{Value, json};
use tests::{Desk, SENDER, text};

/// An object of every kind the provider takes.
fn kinds() -> Vec<(&'static str, Value)> {
    let media = |link: &str| json!({"link": link});
    vec![
        ("text", json!({"body": "Hello, 世界", "preview_url": true})),
        ("image", json!({"id": "1234567890", "caption": "A cat"})),
        ("image", media("https://example.com/cat.jpg")),
        ("video", json!({"id": "1234567891", "caption": "A dog"})),
        ("video", media("https://example.com/dog.mp4")),
        ("audio", json!({"id": "1234567892"})),
        ("audio", media("https://example.com/bird.ogg")),
        ("document", json!({"id": "1234567893", "filename": "a.pdf"})),
        ("document", media("https://example.com/a.pdf")),
        ("sticker", json!({"id": "1234567894"})),
        ("sticker", media("https://example.com/s.webp")),
        (
            "location",
            json!({"latitude": 37.44, "longitude": -122.16, "name": "Quay", "address": "1 Pier Road"}),
        ),
        (
            "contacts",
            json!([{"name": {"formatted_name": "Ada Lovelace", "first_name": "Ada"},
                    "phones": [{"phone": "+15550002001", "type": "HOME"}]}]),
        ),
        (
            "reaction",
            json!({"message_id": "wamid.HBgL", "emoji": "👍"}),
        ),
        (
            "template",
            json!({"name": "order_shipped", "language": {"code": "en_US"}, "components": [
                {"type": "body", "parameters": [{"type": "text", "text": "Ada"}]}]}),
        ),
        (
            "interactive",
            json!({"type": "button", "body": {"text": "Shall we?"}, "action": {"buttons": [
                {"type": "reply", "reply": {"id": "yes", "title": "Yes"}},
                {"type": "reply", "reply": {"id": "no", "title": "No"}}]}}),
        ),
        (
            "interactive",
            json!({"type": "list", "body": {"text": "Choose"}, "action": {"button": "Colours", "sections": [
                {"title": "Cold", "rows": [{"id": "blue", "title": "Blue", "description": "Like the sea"}]}]}}),
        ),
        (
            "interactive",
            json!({"type": "cta_url", "body": {"text": "Look"}, "action": {"name": "cta_url",
                "parameters": {"display_text": "See", "url": "https://example.com/offer"}}}),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_reaches_the_provider_unchanged() {
    let desk = Desk::start().await;
    for (place, (kind, object)) in kinds().into_iter().enumerate() {
        let to = format!("+1555000{:04}", 3_000 + place);
        let body = json!({"from": SENDER, "to": to, "type": kind, kind: object});
        let answer = desk.send(&body).await.with(200);
        let accepted = desk.accepted(Some(&to)).await;
        assert_eq!(accepted.len(), 1, "{kind}");
        let sent = &accepted[0]["body"];
        assert_eq!(sent[kind], object);
        assert_eq!(sent["type"], kind);
        assert_eq!(sent["to"], to);
        assert_eq!(sent["messaging_product"], "whatsapp");
        assert_eq!(sent["biz_opaque_callback_data"], answer["id"]);
        assert_eq!(answer["provider_id"], accepted[0]["id"]);
        assert_eq!(answer[kind], object);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_a_message_names_it_at_the_provider() {
    let desk = Desk::start().await;
    let mut body = text("+15550003100", "Yes, we do");
    body["context"] = json!({"message_id": "wamid.QUESTION"});
    let answer = desk.send(&body).await.with(200);
    assert_eq!(answer["context"]["message_id"], "wamid.QUESTION");
    let accepted = desk.accepted(Some("+15550003100")).await;
    let context = &accepted[0]["body"]["context"];
    assert_eq!(context, &json!({"message_id": "wamid.QUESTION"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_ours_stays_with_us() {
    let desk = Desk::start().await;
    let mut body = text("+15550003101", "Hello");
    body["reference"] = "order-7".into();
    body["metadata"] = json!({"campaign": "november"});
    body["biz_opaque_callback_data"] = "my own".into();
    let answer = desk.send(&body).await.with(200);
    for name in ["reference", "metadata", "biz_opaque_callback_data"] {
        assert_eq!(answer[name], body[name]);
    }
    let accepted = desk.accepted(Some("+15550003101")).await;
    let sent = accepted[0]["body"].as_object().unwrap();
    assert_eq!(sent["biz_opaque_callback_data"], answer["id"]);
    assert!(!sent.contains_key("reference") && !sent.contains_key("metadata"));
    assert!(!sent.contains_key("from"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_with_a_one_time_code_goes_by_the_lane_of_codes_unless_told() {
    let desk = Desk::start().await;
    let code = json!([{"type": "text", "text": "J$FpnYnP"}]);
    let template = json!({"name": "verification_code", "language": {"code": "en_US"}, "components": [
        {"type": "body", "parameters": code},
        {"type": "button", "sub_type": "url", "index": "0", "parameters": code},
    ]});
    let body =
        json!({"from": SENDER, "to": "+15550003103", "type": "template", "template": template});
    assert_eq!(desk.send(&body).await.with(200)["lane"], "otp");
    let mut told = body;
    told["lane"] = "single".into();
    assert_eq!(desk.send(&told).await.with(200)["lane"], "single");
    let text = desk.send(&text("+15550003103", "Hello")).await.with(200);
    assert_eq!(text["lane"], "single");
}

#[tokio::test(flavor = "multi_thread")]
async fn statuses_take_a_message_to_read_with_every_time_and_the_price() {
    let desk = Desk::start().await;
    let answer = desk.send(&text("+15550003102", "Hello")).await.with(200);
    let id = id_of(&answer);
    // The statuses come in any order: one that is read may not be delivered yet.
    let look = async || {
        let message = desk.message(&id).await;
        let times = [
            "created_at",
            "accepted_at",
            "sent_at",
            "delivered_at",
            "read_at",
        ];
        let has_all = times.iter().all(|time| message[*time].is_string());
        has_all.then_some(message)
    };
    let message = tests::eventually("a message with every time", look).await;
    assert_eq!(message["state"], "read");
    assert_eq!(message["pricing"]["category"], "service");
    assert!(message.get("error").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_fails_later_says_why_and_what_to_do() {
    let desk = Desk::start().await;
    let answer = desk.send(&text("+15559131026", "Hello")).await.with(200);
    let message = desk.message_once(&id_of(&answer), "failed").await;
    let provider = &message["error"]["provider"];
    assert_eq!(provider["code"], 131_026);
    assert_eq!(provider["class"], "recipient");
    assert!(provider["remedy"].as_str().unwrap().len() > 10);
    assert!(message["failed_at"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_does_not_wait_is_answered_at_once_and_the_message_follows() {
    let desk = Desk::start().await;
    desk.latency(300).await;
    let body = text("+15550003105", "Hello");
    let answer = desk
        .post_with("/v1/messages", &body, ("prefer", "respond-async"))
        .await;
    let accepted = answer.with(202);
    assert_eq!(accepted["state"], "queued");
    let id = id_of(&accepted);
    assert_eq!(
        answer.header("location"),
        Some(format!("/v1/messages/{id}").as_str())
    );
    desk.message_once(&id, "read").await;
    assert_eq!(desk.accepted(Some("+15550003105")).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_without_a_number_is_reached_by_user_id() {
    let desk = Desk::start().await;
    let user = "US.13491208655302741918";
    let body =
        json!({"from": SENDER, "recipient": user, "type": "text", "text": {"body": "Hello"}});
    let answer = desk.send(&body).await.with(200);
    assert_eq!(answer["recipient"], user);
    let accepted = desk.accepted(Some(user)).await;
    assert_eq!(accepted[0]["body"]["recipient"], user);
    assert!(accepted[0]["body"].get("to").is_none());
    desk.message_once(&id_of(&answer), "read").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_leaves_with_its_plus_however_it_was_written() {
    let desk = Desk::start().await;
    for written in ["15550003104", "+15550003104", "+1 (555) 000-3104"] {
        let answer = desk.send(&text(written, "Hello")).await.with(200);
        assert_eq!(answer["to"], "+15550003104", "{written}");
    }
    let accepted = desk.accepted(Some("+15550003104")).await;
    assert_eq!(accepted.len(), 3);
    assert!(accepted.iter().all(|it| it["body"]["to"] == "+15550003104"));
}
