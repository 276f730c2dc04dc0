//! A bulk job's life: paused, resumed, cancelled, scheduled, expired, tried again, and told of.

use crate::id_of;
use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tests::{
    ADMIN_KEY, Answer, Desk, SENDER, WABA, eventually, eventually_within, in_seconds, neighbour,
    read, recipients,
};

const PATIENCE: Duration = Duration::from_mins(1);

async fn ask(desk: &Desk, job: &str, what: &str) -> Answer {
    desk.post(&format!("/v1/bulk-jobs/{job}/{what}"), &Value::Null)
        .await
}

async fn change(desk: &Desk, job: &str, changes: &Value) -> Answer {
    let path = format!("/v1/bulk-jobs/{job}");
    read(desk.with_key(ADMIN_KEY, Method::PATCH, &path).json(changes)).await
}

/// A running job of which some recipients were sent to and many were not.
async fn half_way(desk: &Desk, count: usize) -> String {
    let job = desk.make_job("Hello!").await;
    for some in recipients(count).chunks(2_000) {
        desk.add(&job, some).await.with(200);
    }
    desk.latency(50).await;
    desk.start_job(&job).await.with(202);
    let look = async || (desk.stats().await["accepted"].as_u64() > Some(20)).then_some(());
    eventually("the first recipients", look).await;
    job
}

/// How many the simulator has accepted once no more come in.
async fn accepted_at_rest(desk: &Desk) -> u64 {
    let mut last = None;
    let look = async || {
        let now = desk.stats().await["accepted"].as_u64().unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
        (last.replace(now) == Some(now)).then_some(now)
    };
    eventually("the simulator to rest", look).await
}

async fn job_once(desk: &Desk, job: &str, status: &str) -> Value {
    let look = async || {
        let job = desk.job(job).await;
        (job["status"] == status).then_some(job)
    };
    eventually_within(PATIENCE, &format!("the job to be {status}"), look).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_job_sends_nothing_and_a_resumed_one_sends_everything_once() {
    let desk = Desk::start().await;
    let job = half_way(&desk, 600).await;
    let paused = ask(&desk, &job, "pause").await.with(202);
    assert_eq!(
        (&paused["status"], &paused["paused_by"]),
        (&json!("paused"), &json!("user"))
    );
    assert!(paused["reason"].is_string() && paused["paused_at"].is_string());
    assert_eq!(
        ask(&desk, &job, "pause").await.with(202)["status"],
        "paused"
    );
    let asked = ask(&desk, &job, "start").await.with(200);
    assert_eq!(asked["status"], "paused", "a start resumes nothing");
    let accepted = accepted_at_rest(&desk).await;
    assert!(
        accepted < 600,
        "{accepted} were sent to: nothing was left to pause"
    );
    let resumed = ask(&desk, &job, "resume").await.with(202);
    assert_eq!(resumed["status"], "running");
    assert!(resumed.get("paused_at").is_none());
    ask(&desk, &job, "resume").await.with(202);
    desk.latency(0).await;
    desk.job_once_all_are(&job, &["read"], PATIENCE).await;
    let stats = desk.stats().await;
    assert_eq!(
        (&stats["accepted"], &stats["duplicates"]),
        (&json!(600), &json!(0))
    );
    ask(&desk, &job, "pause").await.problem(409, "job_ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_takes_back_everybody_it_has_not_sent_to_and_its_counts_close() {
    let desk = Desk::start().await;
    let job = half_way(&desk, 600).await;
    let cancelled = ask(&desk, &job, "cancel").await.with(202);
    assert_eq!(cancelled["status"], "cancelling");
    ask(&desk, &job, "resume").await.problem(409, "job_ended");
    let done = job_once(&desk, &job, "cancelled").await;
    assert!(done["finished_at"].is_string());
    let look = async || {
        let counts = desk.job(&job).await["counts"].clone();
        let closed = counts["cancelled"].as_u64()? + counts["read"].as_u64()? == 600;
        closed.then_some(counts)
    };
    let counts = eventually("the counts to close", look).await;
    assert_eq!(
        (&counts["queued"], &counts["sending"]),
        (&json!(0), &json!(0))
    );
    let stats = desk.stats().await;
    assert_eq!(
        (&stats["accepted"], &stats["duplicates"]),
        (&counts["read"], &json!(0))
    );
    ask(&desk, &job, "cancel").await.with(202);
    let asked = ask(&desk, &job, "start").await.with(200);
    assert_eq!(asked["status"], "cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_cancelled_before_it_begins_and_while_it_is_paused() {
    let desk = Desk::start().await;
    let draft = desk.make_job("Hello!").await;
    ask(&desk, &draft, "pause")
        .await
        .problem(409, "job_not_started");
    assert_eq!(
        ask(&desk, &draft, "cancel").await.with(202)["status"],
        "cancelled"
    );
    let ready = desk.make_job("Hello!").await;
    desk.add(&ready, &recipients(150)).await.with(200);
    ask(&desk, &ready, "cancel").await.with(202);
    job_once(&desk, &ready, "cancelled").await;
    let late = desk.add(&ready, &recipients(1)).await;
    late.problem(409, "job_closed");
    let path = format!("/v1/bulk-jobs/{ready}/recipients?state=cancelled");
    let look = async || (desk.all(&path).await.len() == 150).then_some(());
    eventually("all to be listed as cancelled", look).await;
    assert_eq!(desk.stats().await["accepted"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_job_begins_at_its_time_and_takes_recipients_until_then() {
    let desk = Desk::start().await;
    let begins = in_seconds(3);
    let body = json!({"name": "n", "from": SENDER, "type": "text", "text": {"body": "Hi"}, "send_at": begins});
    let job = id_of(&desk.post("/v1/bulk-jobs", &body).await.with(201));
    desk.add(&job, &recipients(5)).await.with(200);
    let waiting = desk.start_job(&job).await.with(202);
    assert_eq!(
        (&waiting["status"], &waiting["starts_at"]),
        (&json!("ready"), &waiting["send_at"])
    );
    let more = json!({"to": "+15551000005"});
    desk.add(&job, &[more]).await.with(200);
    let done = desk.job_once_all_are(&job, &["read"], PATIENCE).await;
    assert_eq!(done["counts"]["total"], 6);
    for message in desk.accepted(None).await {
        let at: Timestamp = message["at"].as_str().unwrap().parse().unwrap();
        assert!(at >= begins, "{at} is before {begins}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jobs_times_can_be_changed_before_it_goes() {
    let desk = Desk::start().await;
    let job = desk.make_job("Hello!").await;
    desk.add(&job, &recipients(3)).await.with(200);
    let crossed = json!({"send_at": in_seconds(3_600), "expires_at": in_seconds(60)});
    assert_eq!(
        change(&desk, &job, &crossed).await.faults(),
        ["/expires_at"]
    );
    let later = json!({"send_at": in_seconds(3_600), "name": "later"});
    let changed = change(&desk, &job, &later).await.with(200);
    assert_eq!(changed["name"], "later");
    assert!(desk.start_job(&job).await.with(202)["starts_at"].is_string());
    let sooner = json!({"send_at": in_seconds(-1)});
    change(&desk, &job, &sooner).await.with(200);
    desk.job_once_all_are(&job, &["read"], PATIENCE).await;
    change(&desk, &job, &later).await.problem(409, "job_ended");
    assert_eq!(change(&desk, &job, &json!({})).await.faults(), [""]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_still_queued_when_a_job_expires_is_not_sent_to() {
    let desk = Desk::start().await;
    desk.fault(&json!({"fault": "error:131016", "times": 100}))
        .await;
    let body = json!({"name": "n", "from": SENDER, "type": "text", "text": {"body": "Hi"}, "expires_at": in_seconds(3)});
    let job = id_of(&desk.post("/v1/bulk-jobs", &body).await.with(201));
    desk.add(&job, &recipients(20)).await.with(200);
    desk.start_job(&job).await.with(202);
    let waiting = id_of(&desk.post("/v1/bulk-jobs", &body).await.with(201));
    desk.add(&waiting, &recipients(20)).await.with(200);
    for job in [job, waiting] {
        desk.job_once_all_are(&job, &["expired"], PATIENCE).await;
    }
    assert_eq!(desk.stats().await["accepted"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_fails_too_often_pauses_itself_and_says_why() {
    let desk = Desk::start().await;
    // Slow enough that counts follow it: what has been called before they tell of failures cannot be held back.
    neighbour::set_rate(&desk, 50).await;
    let job = desk.make_job("Hello!").await;
    change(&desk, &job, &json!({"pause_at_failure_share": 0.2}))
        .await
        .with(200);
    desk.fault(&json!({"fault": "error:131026", "times": 1_000}))
        .await;
    desk.add(&job, &recipients(1_000)).await.with(200);
    desk.latency(20).await;
    desk.start_job(&job).await.with(202);
    let paused = job_once(&desk, &job, "paused").await;
    assert_eq!(paused["paused_by"], "platform");
    let reason = paused["reason"].as_str().unwrap();
    assert!(reason.contains("recipients failed"), "{reason}");
    let failures = &paused["failures"][0];
    assert_eq!(
        (&failures["code"], &failures["class"]),
        (&json!(131_026), &json!("recipient"))
    );
    assert!(failures["remedy"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_failed_for_a_passing_reason_and_was_never_taken_is_tried_again() {
    let desk = Desk::start().await;
    let job = desk.make_job("Hello!").await;
    change(&desk, &job, &json!({"pause_at_failure_share": 1}))
        .await
        .with(200);
    desk.add(&job, &recipients(30)).await.with(200);
    desk.add(&job, &[json!({"to": "+15558131026"})])
        .await
        .with(200);
    // Each of them as often as it is tried by itself.
    desk.fault(&json!({"fault": "error:130429", "times": 31 * 5}))
        .await;
    ask(&desk, &job, "retry-failed")
        .await
        .problem(409, "job_not_started");
    desk.start_job(&job).await.with(202);
    let done = desk.job_once_all_are(&job, &["failed"], 2 * PATIENCE).await;
    assert_eq!(done["counts"]["failed"], 31);
    let failures = &done["failures"][0];
    assert_eq!(
        (&failures["code"], &failures["retryable"]),
        (&json!(130_429), &json!(31))
    );
    let answer = ask(&desk, &job, "retry-failed").await.with(202);
    assert_eq!(
        (&answer["retried"], &answer["left"]),
        (&json!(31), &json!(0))
    );
    let done = desk
        .job_once_all_are(&job, &["read", "failed"], PATIENCE)
        .await;
    assert_eq!(done["counts"]["failed"], 1);
    let answer = ask(&desk, &job, "retry-failed").await.with(202);
    assert_eq!(
        (&answer["retried"], &answer["left"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(answer["reasons"][0]["code"], 131_026);
    let done = desk
        .job_once_all_are(&job, &["read", "failed"], PATIENCE)
        .await;
    assert_eq!(done["counts"]["failed"], 1);
    let stats = desk.stats().await;
    assert_eq!(
        (&stats["accepted"], &stats["duplicates"]),
        (&json!(30), &json!(0))
    );
    let listed = desk.all(&format!("/v1/bulk-jobs/{job}/recipients")).await;
    assert_eq!(listed.len(), 31, "each is listed once");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_is_one_retry_also_for_requests_at_the_same_time() {
    let desk = Desk::start().await;
    let job = desk.make_job("Hello!").await;
    desk.add(&job, &[json!({"to": "+15559131026"})])
        .await
        .with(200);
    desk.start_job(&job).await.with(202);
    desk.job_once_all_are(&job, &["failed"], PATIENCE).await;
    let path = format!("/v1/bulk-jobs/{job}/retry-failed");
    let ask = || desk.post_with(&path, &Value::Null, ("idempotency-key", "once"));
    let answers = tokio::join!(ask(), ask(), ask());
    let answers = [answers.0, answers.1, answers.2];
    let first = answers
        .iter()
        .filter(|it| it.header("idempotent-replayed").is_none());
    assert_eq!(first.count(), 1);
    for answer in &answers {
        assert_eq!(answer.with(202), answers[0].json());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_found_by_its_key_also_when_its_time_has_passed() {
    let desk = Desk::start().await;
    let expires = in_seconds(2);
    let body = json!({"name": "n", "from": SENDER, "type": "text", "text": {"body": "Hi"}, "expires_at": expires});
    let key = ("idempotency-key", "november");
    let made = desk.post_with("/v1/bulk-jobs", &body, key).await.with(201);
    let look = async || (in_seconds(0) > expires).then_some(());
    eventually("its time to pass", look).await;
    let again = desk.post_with("/v1/bulk-jobs", &body, key).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(again.with(201)["id"], made["id"]);
    desk.post("/v1/bulk-jobs", &body)
        .await
        .problem(400, "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_tells_what_a_job_will_do_before_it_is_started() {
    let desk = Desk::start().await;
    let job = desk.make_job("Hello!").await;
    desk.add(&job, &recipients(900)).await.with(200);
    let path = format!("/v1/bulk-jobs/{job}/plan");
    let plan = desk.get(&path).await.with(200);
    assert_eq!(
        (&plan["to_send"], &plan["skipped"]),
        (&json!(900), &json!([]))
    );
    assert_eq!(
        (&plan["limited_by"], &plan["rate"]),
        (&json!("sender_rate"), &json!(900.0))
    );
    assert_eq!(plan["price_categories"], json!({"service": 900}));
    assert!(plan["eta"].is_string());
    let soon = json!({"send_at": in_seconds(60), "expires_at": in_seconds(61)});
    change(&desk, &job, &soon).await.with(200);
    let plan = desk.get(&path).await.with(200);
    let sum = plan["to_send"].as_u64().unwrap() + plan["skipped"][0]["count"].as_u64().unwrap_or(0);
    assert_eq!(sum, 900);
    ask(&desk, &job, "cancel").await.with(202);
    let plan = desk.get(&path).await.with(200);
    assert_eq!(
        (&plan["to_send"], &plan["skipped"][0]),
        (&json!(0), &json!({"reason": "cancelled", "count": 900}))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_tells_what_a_template_is_charged_as_where_meta_says_so() {
    let desk = Desk::start().await;
    let known =
        json!({"waba_id": WABA, "name": "spring_sale", "language": "de", "category": "MARKETING"});
    desk.put_template(&known).await;
    for (name, language, category) in [
        ("spring_sale", "de", "marketing"),
        ("hello_world", "en_US", "utility"),
        // Of this language, or of exactly this name, Meta lists none.
        ("spring_sale", "fr", "unknown"),
        ("spring", "de", "unknown"),
        ("{{1}}", "de", "unknown"),
    ] {
        let template = json!({"name": name, "language": {"code": language}});
        let body = json!({"name": "n", "from": SENDER, "type": "template", "template": template});
        let job = id_of(&desk.post("/v1/bulk-jobs", &body).await.with(201));
        let line = json!({"to": "+15550044001", "variables": ["spring_sale"]});
        desk.add(&job, &[line]).await.with(200);
        let plan = desk
            .get(&format!("/v1/bulk-jobs/{job}/plan"))
            .await
            .with(200);
        assert_eq!(
            plan["price_categories"],
            json!({category: 1}),
            "{name} {language}"
        );
    }
}
