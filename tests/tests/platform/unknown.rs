//! Messages whose outcome nobody knows: settled by an operator, or by what comes later, and said to be risky where they
//! are.

use crate::id_of;
use serde_json::{Value, json};
use std::time::Duration;
use tests::{Desk, VIEWER_KEY, read, text};

/// Sends a message whose call ends without an answer, not accepted.
async fn lost(desk: &Desk, to: &str) -> String {
    desk.fault(&json!({"fault": "http_503", "to": to})).await;
    let answer = desk.send(&text(to, "Hello")).await.with(202);
    assert_eq!(answer["state"], "unknown");
    id_of(&answer)
}

async fn settle(desk: &Desk, id: &str, verdict: &str) -> tests::Answer {
    let path = format!("/v1/messages/{id}/settle");
    desk.post(&path, &json!({"as": verdict})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_settles_a_message_and_it_says_who_and_when() {
    let desk = Desk::start().await;
    for (place, verdict) in ["sent", "failed"].into_iter().enumerate() {
        let id = lost(&desk, &format!("+1555001200{place}")).await;
        let answer = settle(&desk, &id, verdict).await.with(200);
        assert_eq!(answer["state"], verdict);
        assert_eq!(answer["settlement"]["as"], verdict);
        assert_eq!(answer["settlement"]["by"], "key_demo-admin");
        assert!(answer["settlement"]["at"].is_string());
        assert_eq!(desk.message(&id).await["settlement"], answer["settlement"]);
        let attempts = desk.all(&format!("/v1/messages/{id}/attempts")).await;
        assert_eq!(attempts[0]["settlement"], answer["settlement"]);
        settle(&desk, &id, "retry")
            .await
            .problem(409, "not_unknown");
    }
    assert_eq!(desk.stats().await["accepted"], 0, "nothing was sent for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_has_a_message_sent_again_and_is_told_that_it_may_be_sent_twice() {
    let desk = Desk::start().await;
    let id = lost(&desk, "+15550012010").await;
    let answer = settle(&desk, &id, "retry").await.with(202);
    assert_eq!(answer["warnings"], json!(["may_be_sent_twice"]));
    let message = desk.message_once(&id, "read").await;
    assert_eq!(message["attempt_count"], 2);
    assert_eq!(desk.accepted(Some("+15550012010")).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verdict_given_twice_with_one_key_settles_once() {
    let desk = Desk::start().await;
    let id = lost(&desk, "+15550012020").await;
    let path = format!("/v1/messages/{id}/settle");
    let key = ("idempotency-key", "settle-1");
    let body = json!({"as": "retry"});
    desk.post_with(&path, &body, key).await.with(202);
    desk.message_once(&id, "read").await;
    let again = desk.post_with(&path, &body, key).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.with(202)["state"], "read");
    let other = desk.post_with(&path, &json!({"as": "failed"}), key).await;
    other.problem(422, "idempotency_mismatch");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_comes_after_the_verdict_knows_better() {
    let desk = Desk::start().await;
    let to = "+15550012030";
    desk.fault(&json!({"fault": "reorder_webhooks", "to": to, "times": 3, "delay_ms": 2_500}))
        .await;
    desk.fault(&json!({"fault": "timeout_after_accept", "to": to, "delay_ms": 50}))
        .await;
    let answer = desk.send(&text(to, "Hello")).await.with(202);
    let id = id_of(&answer);
    assert_eq!(
        settle(&desk, &id, "failed").await.with(200)["state"],
        "failed"
    );
    let message = desk.message_once(&id, "read").await;
    assert_eq!(message["settlement"]["superseded"], true);
    assert!(message.get("failed_at").is_none() && message.get("error").is_none());
    assert_eq!(desk.accepted(Some(to)).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_admin_settles_and_only_what_is_its_own_and_makes_sense() {
    let desk = Desk::start().await;
    let id = lost(&desk, "+15550012040").await;
    let path = format!("/v1/messages/{id}/settle");
    let viewer = desk.with_key(VIEWER_KEY, reqwest::Method::POST, &path);
    let answer = read(viewer.json(&json!({"as": "sent"}))).await;
    answer.problem(403, "forbidden");
    for body in [json!({}), json!({"as": "lost"}), json!({"as": 1})] {
        assert_eq!(desk.post(&path, &body).await.faults(), ["/as"]);
    }
    let other = settle(&desk, "msg_019e92a7c8887000a000000000000001", "sent").await;
    other.problem(404, "not_found");
    assert_eq!(desk.message(&id).await["state"], "unknown");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_jobs_recipient_is_sent_again_and_the_counts_close() {
    let desk = Desk::start().await;
    let job = desk.make_job("Hello {{name}}!").await;
    let to = |place: usize| format!("+155500121{place:02}");
    let lines: Vec<Value> = (0..5)
        .map(|place| json!({"to": to(place), "variables": {"name": place}}))
        .collect();
    desk.add(&job, &lines).await.with(200);
    desk.fault(&json!({"fault": "http_503", "to": to(3)})).await;
    desk.start_job(&job).await.with(202);
    let patience = Duration::from_mins(1);
    let done = desk
        .job_once_all_are(&job, &["read", "unknown"], patience)
        .await;
    assert_eq!(done["counts"]["unknown"], 1);
    let path = format!("/v1/bulk-jobs/{job}/recipients?state=unknown");
    let id = id_of(&desk.all(&path).await[0]);
    let again = settle(&desk, &id, "retry").await.with(202);
    assert_eq!(again["bulk_job_id"], job.as_str());
    let done = desk.job_once_all_are(&job, &["read"], patience).await;
    assert_eq!(done["counts"]["read"], 5);
    assert_eq!(desk.stats().await["duplicates"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_for_another_attempt_by_itself_is_told_what_that_means() {
    let desk = Desk::start().await;
    let mut body = text("+15550012050", "Hello");
    body["on_unknown"] = "wait".into();
    let answer = desk.send(&body).await.with(200);
    assert_eq!(
        (&answer["on_unknown"], &answer["wait_minutes"]),
        (&json!("wait"), &json!(15))
    );
    assert_eq!(answer["warnings"], json!(["may_be_sent_twice"]));
    body["wait_minutes"] = 60.into();
    assert_eq!(desk.send(&body).await.with(200)["wait_minutes"], 60);
    for minutes in [json!(4), json!(1_441), json!("15"), json!(7.5)] {
        body["wait_minutes"] = minutes;
        assert_eq!(desk.send(&body).await.faults(), ["/wait_minutes"]);
    }
    body["on_unknown"] = "hold".into();
    body["wait_minutes"] = 15.into();
    assert_eq!(desk.send(&body).await.faults(), ["/wait_minutes"]);
}
