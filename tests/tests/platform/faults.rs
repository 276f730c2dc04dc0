//! What the provider does to us, and what becomes of the message: refused, tried again, or not known and never guessed.

use crate::id_of;
use serde_json::{Value, json};
use tests::{Desk, SENDER, text};

async fn attempts(desk: &Desk, id: &str) -> Vec<Value> {
    desk.all(&format!("/v1/messages/{id}/attempts")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_the_providers_is_told_with_its_class_and_remedy() {
    let desk = Desk::start().await;
    desk.fault(&json!({"fault": "error:131026"})).await;
    let answer = desk.send(&text("+15550008001", "Hello")).await;
    let problem = answer.problem(422, "provider_recipient");
    let provider = &problem["provider"];
    assert_eq!(provider["name"], "meta");
    assert_eq!(provider["code"], 131_026);
    assert_eq!(provider["class"], "recipient");
    assert!(provider["remedy"].as_str().unwrap().len() > 10);
    let message = desk.message(problem["message_id"].as_str().unwrap()).await;
    assert_eq!(message["state"], "failed");
    assert_eq!(message["error"]["provider"]["code"], 131_026);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_hears_the_same_refusal_and_sends_nothing() {
    let desk = Desk::start().await;
    let key = ("idempotency-key", "order-1");
    let body = text("+15558131047", "Hello");
    let first = desk.post_with("/v1/messages", &body, key).await;
    let again = desk.post_with("/v1/messages", &body, key).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!((first.status, first.text), (again.status, again.text));
    assert_eq!(desk.stats().await["refused"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_provably_not_accepted_is_tried_again_and_arrives() {
    let desk = Desk::start().await;
    desk.fault(&json!({"fault": "error:131016"})).await;
    let answer = desk.send(&text("+15550008002", "Hello")).await.with(202);
    let id = id_of(&answer);
    let message = desk.message_once(&id, "read").await;
    assert_eq!(message["attempt_count"], 2);
    assert!(message.get("error").is_none(), "{message}");
    let attempts = attempts(&desk, &id).await;
    assert_eq!(attempts[0]["provider"]["code"], 131_016);
    assert_eq!(attempts[1]["provider_id"], message["provider_id"]);
    assert_eq!(desk.accepted(Some("+15550008002")).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_have_been_accepted_is_not_repeated() {
    let desk = Desk::start().await;
    for (place, fault) in ["http_503", "http_500", "reset_connection", "error:131000"]
        .into_iter()
        .enumerate()
    {
        desk.fault(&json!({"fault": fault})).await;
        let to = format!("+1555000810{place}");
        let answer = desk.send(&text(&to, "Hello")).await.with(202);
        assert_eq!(answer["state"], "unknown", "{fault}");
        let attempts = attempts(&desk, &id_of(&answer)).await;
        assert_eq!(attempts.len(), 1);
        assert_eq!(attempts[0]["outcome"], "ambiguous", "{fault}: {attempts:?}");
    }
    let unknown = desk.all("/v1/messages?state=unknown").await;
    assert_eq!(unknown.len(), 4);
    // Whatever would repeat one has had its chance when a message sent later has been read.
    let later = desk.send(&text("+15550008109", "Hello")).await.with(200);
    desk.message_once(&id_of(&later), "read").await;
    assert_eq!(desk.stats().await["accepted"], 1);
    for message in unknown {
        assert_eq!(desk.message(&id_of(&message)).await["state"], "unknown");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_made_up_for_by_the_status() {
    let desk = Desk::start().await;
    for round in 0..5 {
        let order = json!({"fault": "timeout_after_accept", "delay_ms": 100 * round});
        desk.fault(&order).await;
        let to = format!("+1555000820{round}");
        let answer = desk.send(&text(&to, "Hello")).await;
        assert!(matches!(answer.status, 200 | 202), "{answer:?}");
        let message = desk.message_once(&id_of(&answer.json()), "read").await;
        assert_eq!(message["attempt_count"], 1);
        let accepted = desk.accepted(Some(&to)).await;
        assert_eq!(accepted.len(), 1);
        assert_eq!(message["provider_id"], accepted[0]["id"]);
    }
    assert_eq!(desk.stats().await["duplicates"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_without_a_status_stays_unknown() {
    let desk = Desk::start().await;
    desk.fault(&json!({"fault": "timeout_after_accept", "delay_ms": 50}))
        .await;
    desk.fault(&json!({"fault": "drop_webhook", "share": 1.0}))
        .await;
    let answer = desk.send(&text("+15550008301", "Hello")).await.with(202);
    desk.all_statuses_delivered().await;
    let message = desk.message(&id_of(&answer)).await;
    assert_eq!(message["state"], "unknown");
    assert_eq!(message["error"]["provider"]["class"], "ambiguous");
    assert_eq!(desk.stats().await["accepted"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_for_it_has_an_unknown_outcome_tried_again() {
    let desk = Desk::start().await;
    desk.fault(&json!({"fault": "reset_connection"})).await;
    let mut body = text("+15550008401", "Your code is 123456");
    body["on_unknown"] = "retry".into();
    body["lane"] = "otp".into();
    let answer = desk.send(&body).await;
    assert!(matches!(answer.status, 200 | 202), "{answer:?}");
    let message = desk.message_once(&id_of(&answer.json()), "read").await;
    assert_eq!(message["attempt_count"], 2);
    assert_eq!(message["lane"], "otp");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_for_that_is_warned_that_it_may_be_sent_twice() {
    let desk = Desk::start().await;
    let warned = json!(["may_be_sent_twice"]);
    let mut body = text("+15550008402", "Your code is 123456");
    body["on_unknown"] = "retry".into();
    assert_eq!(desk.send(&body).await.with(200)["warnings"], warned);
    let held = desk.send(&text("+15550008403", "Hello")).await.with(200);
    assert!(held.get("warnings").is_none(), "{held}");
    let mut job = json!({"name": "n", "from": SENDER, "text": {"body": "Hi"}});
    let made = desk.post("/v1/bulk-jobs", &job).await.with(201);
    assert!(made.get("warnings").is_none(), "{made}");
    job["on_unknown"] = "retry".into();
    let made = desk.post("/v1/bulk-jobs", &job).await.with(201);
    assert_eq!(made["warnings"], warned);
    assert_eq!(desk.job(&id_of(&made)).await["warnings"], warned);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_asks_to_slow_down_is_asked_again_later() {
    let desk = Desk::start().await;
    desk.fault(&json!({"fault": "error:130429"})).await;
    let answer = desk.send(&text("+15550008501", "Hello")).await;
    assert!(matches!(answer.status, 200 | 202), "{answer:?}");
    let message = desk.message_once(&id_of(&answer.json()), "read").await;
    assert_eq!(message["attempt_count"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn statuses_that_come_twice_and_in_any_order_end_alike() {
    let desk = Desk::start().await;
    for (place, fault) in ["duplicate_webhook", "reorder_webhooks"]
        .into_iter()
        .enumerate()
    {
        let to = format!("+1555000860{place}");
        desk.fault(&json!({"fault": fault, "to": to, "times": 2, "delay_ms": 200}))
            .await;
        let answer = desk.send(&text(&to, "Hello")).await.with(200);
        let id = id_of(&answer);
        desk.message_once(&id, "read").await;
        desk.all_statuses_delivered().await;
        let look = async || {
            let message = desk.message(&id).await;
            assert_eq!(message["state"], "read", "never backwards");
            let times = ["sent_at", "delivered_at", "read_at"];
            times
                .iter()
                .all(|it| message[*it].is_string())
                .then_some(())
        };
        tests::eventually("every time of the message", look).await;
    }
}
