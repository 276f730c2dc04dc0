//! The trail of what was done to jobs, messages, senders and webhook events: once each, and by whom.

use crate::id_of;
use crate::neighbour;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tests::{ADMIN_KEY, Desk, SENDER, eventually, in_seconds, read, recipients, text};

const PATIENCE: Duration = Duration::from_mins(1);

/// What the trail tells of a thing, oldest first: each what was done and what it was changed to.
async fn told(desk: &Desk, target: &str) -> Vec<(String, Value)> {
    let trail = desk.all("/v1/audit").await;
    let of_target = trail.iter().rev().filter(|it| it["target"] == target);
    let told = of_target.map(|it| {
        let action = it["action"].as_str().unwrap();
        (action.to_owned(), it["changes"].clone())
    });
    told.collect()
}

fn done(action: &str, changes: Value) -> (String, Value) {
    (action.to_owned(), changes)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_of_a_job_stands_once_in_the_trail_however_often_it_is_asked() {
    let desk = Desk::start().await;
    let begins = in_seconds(3_600);
    let body = json!({"name": "Offer", "from": SENDER, "type": "text", "text": {"body": "Hi"}, "send_at": begins});
    let key = ("idempotency-key", "offer");
    let make = async || desk.post_with("/v1/bulk-jobs", &body, key).await.with(201);
    let job = id_of(&make().await);
    assert_eq!(id_of(&make().await), job);
    let path = format!("/v1/bulk-jobs/{job}");
    let change = async |body: &Value| {
        let request = desk.with_key(ADMIN_KEY, Method::PATCH, &path).json(body);
        read(request).await
    };
    let renamed = json!({"name": "Better offer"});
    desk.add(&job, &recipients(3)).await.with(200);
    for _ in 0..2 {
        change(&renamed).await.with(200);
    }
    for order in ["start", "pause", "resume", "cancel"] {
        for _ in 0..2 {
            let order = format!("{path}/{order}");
            let answer = desk.post(&order, &Value::Null).await;
            assert!(matches!(answer.status, 200 | 202), "{order}: {answer:?}");
        }
    }
    let late = desk.post(&format!("{path}/resume"), &Value::Null).await;
    late.problem(409, "job_ended");
    let paused = json!({"reason": "asked for by key_demo-admin"});
    let expected = [
        done("bulk_job.created", json!({"name": "Offer", "from": SENDER})),
        done("bulk_job.changed", renamed),
        done("bulk_job.started", Value::Null),
        done("bulk_job.paused", paused),
        done("bulk_job.resumed", Value::Null),
        done("bulk_job.cancelled", Value::Null),
    ];
    assert_eq!(told(&desk, &job).await, expected);
    for entry in desk.all("/v1/audit").await {
        let actor = json!({"kind": "api_key", "id": "key_demo-admin"});
        assert_eq!(entry["actor"], actor, "{entry}");
        assert_eq!(entry["address"], "127.0.0.1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_retry_of_a_jobs_failures_is_one_entry_also_for_requests_at_the_same_time() {
    let desk = Desk::start().await;
    let job = desk.make_job("Hello!").await;
    let nobody = json!({"to": "+15559131026"});
    desk.add(&job, &[nobody]).await.with(200);
    desk.start_job(&job).await.with(202);
    desk.job_once_all_are(&job, &["failed"], PATIENCE).await;
    let path = format!("/v1/bulk-jobs/{job}/retry-failed");
    let ask = || desk.post_with(&path, &Value::Null, ("idempotency-key", "once"));
    let answers = tokio::join!(ask(), ask(), ask());
    for answer in [answers.0, answers.1, answers.2] {
        answer.with(202);
    }
    let told = told(&desk, &job).await;
    let retried = told
        .iter()
        .filter(|(action, _)| action == "bulk_job.retried");
    assert_eq!(retried.count(), 1, "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_pauses_itself_is_the_platforms_doing() {
    let desk = Desk::start().await;
    // Slow enough that counts follow it.
    neighbour::set_rate(&desk, 50).await;
    desk.fault(&json!({"fault": "error:131026", "times": 1_000}))
        .await;
    let job = desk.make_job("Hello!").await;
    desk.add(&job, &recipients(1_000)).await.with(200);
    desk.start_job(&job).await.with(202);
    let look = async || {
        let trail = desk.all("/v1/audit").await;
        trail
            .into_iter()
            .find(|it| it["action"] == "bulk_job.paused")
    };
    let entry = eventually("the job to pause itself", look).await;
    assert_eq!(entry["actor"], json!({"kind": "platform"}));
    assert_eq!(entry["target"], job.as_str());
    assert_eq!(entry["changes"]["reason"], desk.job(&job).await["reason"]);
    assert!(entry.get("address").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_taken_back_or_settled_is_told_of_and_one_that_is_sent_is_not() {
    let desk = Desk::start().await;
    let sent = id_of(&desk.send(&text("+15550041001", "Hello")).await.with(200));
    let mut later = text("+15550041002", "Hello");
    later["send_at"] = json!(in_seconds(3_600));
    let taken_back = id_of(&desk.send(&later).await.with(202));
    desk.fault(&json!({"fault": "http_503", "to": "+15550041003"}))
        .await;
    let lost = desk.send(&text("+15550041003", "Hello")).await;
    let lost = id_of(&lost.with(202));
    let order = async |id: &str, order: &str, body: Value| {
        let path = format!("/v1/messages/{id}/{order}");
        let key = ("idempotency-key", "once");
        desk.post_with(&path, &body, key).await
    };
    let verdict = json!({"as": "failed"});
    for _ in 0..2 {
        order(&taken_back, "cancel", Value::Null).await.with(200);
        order(&lost, "settle", verdict.clone()).await.with(200);
    }
    let late = order(&sent, "cancel", Value::Null).await;
    late.problem(409, "not_cancellable");
    let known = order(&sent, "settle", verdict.clone()).await;
    known.problem(409, "not_unknown");
    let taken = [done("message.cancelled", Value::Null)];
    assert_eq!(told(&desk, &taken_back).await, taken);
    let settled = [done("message.settled", verdict)];
    assert_eq!(told(&desk, &lost).await, settled);
    assert_eq!(told(&desk, &sent).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_is_resumed_is_told_of_with_the_pause_that_it_ends() {
    let desk = Desk::start().await;
    desk.fault(&json!({"fault": "error:131048", "to": "+15550041010"}))
        .await;
    desk.send(&text("+15550041010", "Hello"))
        .await
        .problem(422, "provider_policy");
    let sender = desk.get(&format!("/v1/senders/{SENDER}")).await.with(200);
    for _ in 0..2 {
        let path = format!("/v1/senders/{SENDER}/resume");
        desk.post(&path, &Value::Null).await.with(200);
    }
    let pause = json!({"paused_at": sender["paused"]["since"], "code": 131_048});
    let expected = [done("sender.resumed", pause)];
    assert_eq!(told(&desk, SENDER).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_event_that_is_replayed_is_told_of() {
    let desk = Desk::start().await;
    desk.inbound(&json!({"from": "+15550041020", "text": "Hello"}))
        .await;
    let look = async || desk.all("/v1/webhook-events").await.first().map(id_of);
    let event = eventually("the event", look).await;
    let path = format!("/v1/webhook-events/{event}/replay");
    desk.post(&path, &Value::Null).await.with(202);
    let expected = [done("webhook_event.replayed", Value::Null)];
    assert_eq!(told(&desk, &event).await, expected);
}
