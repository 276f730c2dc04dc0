//! Bulk jobs: everybody gets their own text, once, and the counts close.

use crate::id_of;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tests::{Desk, SENDER, eventually_within};

const PATIENCE: Duration = Duration::from_mins(3);

fn number(place: usize) -> String {
    format!("+15551{place:06}")
}

fn recipients(places: std::ops::Range<usize>) -> Vec<Value> {
    places
        .map(|place| json!({"to": number(place), "variables": {"name": format!("Person {place}")}}))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_gets_their_own_text_once_and_the_counts_close() {
    let desk = Desk::start().await;
    let job = desk.make_job("Hello {{name}}!").await;
    let added = desk.add(&job, &recipients(0..200)).await.with(200);
    assert_eq!(
        (&added["added"], &added["total"]),
        (&json!(200), &json!(200))
    );
    let added = desk.add(&job, &recipients(200..300)).await.with(200);
    assert_eq!(added["total"], 300);
    assert_eq!(desk.job(&job).await["status"], "ready");
    let started = desk.start_job(&job).await.with(202);
    assert_eq!(started["status"], "running");
    let job = desk.job_once_all_are(&job, &["read"], PATIENCE).await;
    assert_eq!(job["counts"]["read"], 300);
    assert!(job["finished_at"].is_string());
    let accepted = desk.accepted(None).await;
    let texts: BTreeMap<String, String> = accepted
        .iter()
        .map(|it| {
            let body = it["body"]["text"]["body"].as_str().unwrap();
            (it["to"].as_str().unwrap().to_owned(), body.to_owned())
        })
        .collect();
    assert_eq!((accepted.len(), texts.len()), (300, 300));
    for place in 0..300 {
        assert_eq!(texts[&number(place)], format!("Hello Person {place}!"));
    }
    assert_eq!(desk.stats().await["duplicates"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_for_recipients_may_be_repeated_and_adds_nothing_twice() {
    let desk = Desk::start().await;
    let job = desk.make_job("Hello {{name}}!").await;
    desk.add(&job, &recipients(0..10)).await.with(200);
    let again = desk.add(&job, &recipients(5..15)).await.with(200);
    assert_eq!(again["added"], 5);
    assert_eq!(again["duplicates"], json!([0, 1, 2, 3, 4]));
    assert_eq!(again["total"], 15);
    let twice = json!({"to": "+15551000020", "variables": {"name": "A"}});
    let spelled = json!({"to": "1 555 100 0020", "variables": {"name": "B"}});
    let added = desk.add(&job, &[twice, spelled]).await.with(200);
    assert_eq!(
        (&added["added"], &added["duplicates"]),
        (&json!(1), &json!([1]))
    );
    let listed = desk.all(&format!("/v1/bulk-jobs/{job}/recipients")).await;
    assert_eq!(listed.len(), 16);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_with_a_key_answers_again_what_it_answered() {
    let desk = Desk::start().await;
    let job = desk.make_job("Hello {{name}}!").await;
    let path = format!("/v1/bulk-jobs/{job}/recipients");
    let body = json!({"recipients": recipients(0..3)});
    let key = ("idempotency-key", "chunk-1");
    let first = desk.post_with(&path, &body, key).await;
    let again = desk.post_with(&path, &body, key).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert_eq!(first.with(200), again.with(200));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_without_its_variable_is_told_by_its_place_and_the_others_are_added() {
    let desk = Desk::start().await;
    let job = desk.make_job("Hello {{name}}, {{1}}!").await;
    let good = json!({"to": number(1), "variables": {"name": "Ada", "1": "bye"}});
    let nothing = json!({"to": number(2)});
    let national = json!({"to": "0171", "variables": {"name": "Ada", "1": "bye"}});
    let faulty = [nothing, national];
    let mut all = vec![good];
    all.extend(faulty.clone());
    let added = desk.add(&job, &all).await.with(200);
    assert_eq!(
        (&added["added"], &added["rejected"]),
        (&json!(1), &json!(2))
    );
    let errors = added["errors"].as_array().unwrap().iter();
    let places: BTreeSet<&str> = errors.map(|it| it["pointer"].as_str().unwrap()).collect();
    let expected = ["/recipients/1/variables", "/recipients/2/to"];
    assert_eq!(places, expected.into());
    assert!(added.to_string().contains("variable name"), "it is named");
    assert_eq!(desk.job(&job).await["counts"]["total"], 1);
    let answer = desk.add(&job, &faulty).await;
    let pointers: BTreeSet<String> = answer.faults().into_iter().collect();
    let expected = ["/recipients/0/variables", "/recipients/1/to"];
    assert_eq!(pointers, expected.map(str::to_owned).into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_takes_no_recipients_once_it_is_started_and_starts_as_often_as_asked() {
    let desk = Desk::start().await;
    let job = desk.make_job("Hello {{name}}!").await;
    desk.start_job(&job).await.problem(409, "job_empty");
    desk.add(&job, &recipients(0..5)).await.with(200);
    desk.start_job(&job).await.with(202);
    let late = desk.add(&job, &recipients(5..6)).await;
    late.problem(409, "job_closed");
    desk.job_once_all_are(&job, &["read"], PATIENCE).await;
    let ended = desk.start_job(&job).await.with(200);
    assert_eq!(ended["status"], "finished");
    assert_eq!(ended["counts"]["read"], 5);
    assert_eq!(desk.stats().await["accepted"], 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_start_and_a_replay_show_the_job_as_it_is_now() {
    let desk = Desk::start().await;
    let key = ("idempotency-key", "job-1");
    let body = json!({"name": "n", "from": SENDER, "type": "text", "text": {"body": "Hi"}});
    let made = desk.post_with("/v1/bulk-jobs", &body, key).await.with(201);
    assert_eq!(made["counts"]["total"], 0);
    let job = id_of(&made);
    // Refused for now three times, the last one keeps the job running for some seconds.
    desk.fault(&json!({"fault": "error:131016", "to": number(4), "times": 3}))
        .await;
    let all: Vec<Value> = (0..5).map(|place| json!({"to": number(place)})).collect();
    desk.add(&job, &all).await.with(200);
    desk.start_job(&job).await.with(202);
    let look = async || (desk.job(&job).await["counts"]["read"] == 4).then_some(());
    tests::eventually("all but one to be read", look).await;
    let again = desk.start_job(&job).await.with(202);
    let replayed = desk.post_with("/v1/bulk-jobs", &body, key).await.with(201);
    for shown in [again, replayed] {
        assert_eq!(shown["status"], "running");
        assert_eq!(shown["counts"]["read"], 4, "{shown}");
        assert_eq!(shown["counts"]["total"], 5, "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_in_a_job_fails_alone_and_can_be_listed_with_its_reason() {
    let desk = Desk::start().await;
    let job = desk.make_job("Hello!").await;
    let numbers = [
        "+15558131026",
        "+15559131047",
        "+15550011001",
        "+15550011002",
        "+15550011003",
    ];
    desk.fault(&json!({"fault": "reset_connection", "to": "+15550011003"}))
        .await;
    let all: Vec<Value> = numbers.iter().map(|it| json!({"to": it})).collect();
    desk.add(&job, &all).await.with(200);
    desk.start_job(&job).await.with(202);
    let states = ["read", "failed", "unknown"];
    let done = desk.job_once_all_are(&job, &states, PATIENCE).await;
    let counts = &done["counts"];
    assert_eq!((&counts["read"], &counts["failed"]), (&json!(2), &json!(2)));
    assert_eq!(counts["unknown"], 1);
    let path = format!("/v1/bulk-jobs/{job}/recipients?state=failed");
    let look = async || {
        let failed = desk.all(&path).await;
        (failed.len() == 2).then_some(failed)
    };
    let failed = tests::eventually("both failures in the list", look).await;
    for recipient in failed {
        assert!(recipient["error"]["provider"]["remedy"].is_string());
        assert_eq!(recipient["bulk_job_id"], job.as_str());
    }
    let read = desk
        .all(&format!("/v1/bulk-jobs/{job}/recipients?state=read"))
        .await;
    assert_eq!(read.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_with_a_template_fills_it_for_each() {
    let desk = Desk::start().await;
    let template = json!({"name": "shipped", "language": {"code": "en"}, "components": [
        {"type": "body", "parameters": [{"type": "text", "text": "{{1}}"}, {"type": "text", "text": "No. {{2}}"}]}]});
    let body = json!({"name": "n", "from": SENDER, "type": "template", "template": template});
    let job = id_of(&desk.post("/v1/bulk-jobs", &body).await.with(201));
    let recipient = json!({"to": "+15550011010", "variables": ["Ada", 7], "reference": "r-1"});
    desk.add(&job, &[recipient]).await.with(200);
    desk.start_job(&job).await.with(202);
    desk.job_once_all_are(&job, &["read"], PATIENCE).await;
    let sent = &desk.accepted(Some("+15550011010")).await[0]["body"]["template"];
    let parameters = &sent["components"][0]["parameters"];
    assert_eq!(parameters[0]["text"], "Ada");
    assert_eq!(parameters[1]["text"], "No. 7");
    let listed = desk.all(&format!("/v1/bulk-jobs/{job}/recipients")).await;
    assert_eq!(listed[0]["reference"], "r-1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_is_not_kept_waiting_by_a_bulk_job() {
    let desk = Desk::start().await;
    let job = desk.make_job("Hello {{name}}!").await;
    desk.add(&job, &recipients(0..300)).await.with(200);
    desk.latency(20).await;
    desk.start_job(&job).await.with(202);
    let answer = desk.send(&tests::text("+15550011020", "Here")).await;
    assert_eq!(answer.status, 200);
    let counts = &desk.job(&job).await["counts"];
    assert!(counts["queued"].as_u64() > Some(0), "{counts}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_told_that_a_job_is_finished_is_told_counts_that_close() {
    let desk = Desk::start().await;
    let job = desk.make_job("Hello!").await;
    let lines: Vec<Value> = (0..120)
        .map(|place| json!({"to": format!("+1555004{place:04}")}))
        .collect();
    desk.add(&job, &lines).await.with(200);
    desk.start_job(&job).await.with(202);
    let look = async || {
        let job = desk.job(&job).await;
        (job["status"] == "finished").then_some(job)
    };
    let finished = eventually_within(Duration::from_mins(1), "the job to be finished", look).await;
    let open = finished["counts"]["queued"].as_u64().unwrap()
        + finished["counts"]["sending"].as_u64().unwrap();
    assert_eq!(open, 0, "{finished}");
}
