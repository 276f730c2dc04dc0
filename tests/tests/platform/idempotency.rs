//! One intent, one message: what an `Idempotency-Key` promises.

use crate::id_of;
use serde_json::json;
use tests::{Desk, SENDER, in_seconds, text};

const PATH: &str = "/v1/messages";

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_finds_its_message_and_sends_nothing() {
    let desk = Desk::start().await;
    let key = ("idempotency-key", "order-1");
    let body = text("+15550004001", "Hello");
    let first = desk.post_with(PATH, &body, key).await;
    assert_eq!(first.header("idempotent-replayed"), None);
    let id = id_of(&first.with(200));
    desk.message_once(&id, "read").await;
    let again = desk.post_with(PATH, &body, key).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let message = again.with(200);
    assert_eq!(id_of(&message), id);
    assert_eq!(message["state"], "read", "the message as it is now");
    assert_eq!(desk.stats().await["accepted"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_finds_its_message_though_its_time_has_passed_since() {
    let desk = Desk::start().await;
    let key = ("idempotency-key", "order-1");
    let mut body = text("+15550004011", "Hello");
    let expires_at = in_seconds(3);
    body["expires_at"] = expires_at.to_string().into();
    let id = id_of(&desk.post_with(PATH, &body, key).await.with(200));
    loop {
        let has_passed = expires_at < in_seconds(0);
        let again = desk.post_with(PATH, &body, key).await;
        assert_eq!(id_of(&again.with(200)), id);
        if has_passed {
            break;
        }
    }
    assert_eq!(desk.stats().await["accepted"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_body_written_otherwise_is_the_same_body() {
    let desk = Desk::start().await;
    let key = ("idempotency-key", "order-1");
    let body = text("+15550004002", "Hello");
    let id = id_of(&desk.post_with(PATH, &body, key).await.with(200));
    let pretty = serde_json::to_string_pretty(&body).unwrap();
    let request = desk
        .with_key(tests::ADMIN_KEY, reqwest::Method::POST, PATH)
        .header(key.0, key.1)
        .header("content-type", "application/json; charset=utf-8")
        .body(pretty);
    assert_eq!(id_of(&tests::read(request).await.with(200)), id);
    assert_eq!(desk.stats().await["accepted"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_used_with_another_body_is_refused() {
    let desk = Desk::start().await;
    let key = ("idempotency-key", "order-1");
    let first = desk
        .post_with(PATH, &text("+15550004003", "Hello"), key)
        .await;
    assert_eq!(first.status, 200);
    let other = desk
        .post_with(PATH, &text("+15550004003", "Bye"), key)
        .await;
    other.problem(422, "idempotency_mismatch");
    assert_eq!(desk.stats().await["accepted"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_does_not_use_up_its_key() {
    let desk = Desk::start().await;
    let key = ("idempotency-key", "order-1");
    let refused = desk.post_with(PATH, &text("0555", "Hello"), key).await;
    assert_eq!(refused.faults(), ["/to"]);
    let mended = desk
        .post_with(PATH, &text("+15550004004", "Hello"), key)
        .await;
    assert_eq!(mended.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_the_provider_refused_is_told_of_again_and_not_sent_again() {
    let desk = Desk::start().await;
    let key = ("idempotency-key", "order-1");
    let body = text("+15558131026", "Hello");
    let first = desk.post_with(PATH, &body, key).await;
    let refused = first.problem(422, "provider_recipient");
    let again = desk.post_with(PATH, &body, key).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let told = again.problem(422, "provider_recipient");
    assert_eq!(told["message_id"], refused["message_id"]);
    assert_eq!(told["provider"], refused["provider"]);
    let message = desk.message(told["message_id"].as_str().unwrap()).await;
    assert_eq!(message["state"], "failed");
    assert_eq!(desk.stats().await["refused"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_failed_after_it_was_accepted_keeps_the_status_of_its_first_answer() {
    let desk = Desk::start().await;
    let key = ("idempotency-key", "order-1");
    let body = text("+15559131026", "Hello");
    let first = desk.post_with(PATH, &body, key).await.with(200);
    desk.message_once(&id_of(&first), "failed").await;
    let again = desk.post_with(PATH, &body, key).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let message = again.with(200);
    assert_eq!(id_of(&message), id_of(&first));
    assert_eq!(message["state"], "failed", "the message as it is now");
    assert_eq!(message["error"]["provider"]["code"], 131_026);
    assert_eq!(desk.stats().await["accepted"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_with_one_key_at_the_same_time_are_one_message() {
    let desk = Desk::start().await;
    desk.latency(150).await;
    for round in 0..5 {
        let to = format!("+155500041{round:02}");
        let key = format!("order-{round}");
        let body = text(&to, "Hello");
        let send = || desk.post_with(PATH, &body, ("idempotency-key", &key));
        let answers = tokio::join!(send(), send(), send());
        let answers = [answers.0, answers.1, answers.2];
        assert!(answers.iter().any(|it| it.status == 200));
        for answer in &answers {
            match answer.status {
                200 | 202 => {}
                409 => assert!(answer.header("retry-after").is_some()),
                _ => panic!("{answer:?}"),
            }
        }
        assert_eq!(desk.accepted(Some(&to)).await.len(), 1);
    }
    assert_eq!(desk.stats().await["duplicates"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_cannot_be_one_is_refused() {
    let desk = Desk::start().await;
    let long = "k".repeat(256);
    for key in ["", "two words", &long] {
        let header = ("idempotency-key", key);
        let answer = desk
            .post_with(PATH, &text("+15550004005", "Hello"), header)
            .await;
        answer.problem(400, "invalid_idempotency_key");
    }
    assert_eq!(desk.stats().await["accepted"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_job_made_twice_with_one_key_is_one_job() {
    let desk = Desk::start().await;
    let key = ("idempotency-key", "job-1");
    let body = json!({"name": "n", "from": SENDER, "type": "text", "text": {"body": "Hi"}});
    let first = desk.post_with("/v1/bulk-jobs", &body, key).await.with(201);
    let again = desk.post_with("/v1/bulk-jobs", &body, key).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.with(201)["id"], first["id"]);
    assert_eq!(desk.all("/v1/bulk-jobs").await.len(), 1);
}
