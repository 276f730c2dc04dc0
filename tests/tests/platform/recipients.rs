//! The limits of a call for recipients, and what its `Idempotency-Key` promises.

use serde_json::{Value, json};
use tests::Desk;

fn numbers(places: std::ops::Range<usize>) -> Vec<Value> {
    places
        .map(|place| json!({"to": format!("+15551{place:06}")}))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_takes_five_thousand_recipients_and_not_one_more() {
    let desk = Desk::start().await;
    let job = desk.make_job("Hello!").await;
    let many = numbers(0..5_001);
    let answer = desk.add(&job, &many).await;
    assert_eq!(answer.faults(), ["/recipients"]);
    let added = desk.add(&job, &many[..5_000]).await.with(200);
    assert_eq!(added["added"], 5_000);
    assert_eq!(desk.job(&job).await["counts"]["queued"], 5_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_every_recipient_is_told() {
    let desk = Desk::start().await;
    let job = desk.make_job("Hello!").await;
    let lines = [
        json!({"to": "+15551000001", "surprise": 1}),
        json!({"to": 15_551_000_002_u64}),
        json!("+15551000003"),
        json!({}),
        json!({"to": "+15551000004", "variables": "Ada"}),
    ];
    let answer = desk.add(&job, &lines).await;
    let places: Vec<String> = answer.faults();
    for place in 0..5 {
        let start = format!("/recipients/{place}");
        assert!(places.iter().any(|it| it.starts_with(&start)), "{places:?}");
    }
    desk.add(&job, &[]).await.problem(400, "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_with_one_key_at_the_same_time_are_one_call() {
    let desk = Desk::start().await;
    for round in 0..3 {
        let job = desk.make_job("Hello!").await;
        let path = format!("/v1/bulk-jobs/{job}/recipients");
        let name = format!("chunk-{round}");
        let key = ("idempotency-key", name.as_str());
        let one = json!({"recipients": numbers(0..300)});
        let other = json!({"recipients": numbers(300..700)});
        let answers = tokio::join!(
            desk.post_with(&path, &one, key),
            desk.post_with(&path, &other, key),
            desk.post_with(&path, &one, key),
        );
        let total = desk.job(&job).await["counts"]["total"].clone();
        let answers = [answers.0, answers.1, answers.2];
        for answer in &answers {
            match answer.status {
                200 => assert_eq!(answer.json()["added"], total, "{answer:?}"),
                409 => {
                    answer.problem(409, "in_progress");
                    assert!(answer.header("retry-after").is_some());
                }
                _ => _ = answer.problem(422, "idempotency_mismatch"),
            }
        }
        assert!(answers.iter().any(|it| it.status == 200), "{answers:?}");
        assert!(total == 300 || total == 400, "one of the bodies: {total}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_call_does_not_use_up_its_key() {
    let desk = Desk::start().await;
    let job = desk.make_job("Hello!").await;
    let path = format!("/v1/bulk-jobs/{job}/recipients");
    let key = ("idempotency-key", "chunk-1");
    let national = json!({"recipients": [{"to": "0171"}]});
    let refused = desk.post_with(&path, &national, key).await;
    assert_eq!(refused.faults(), ["/recipients/0/to"]);
    let mended = json!({"recipients": numbers(0..3)});
    let added = desk.post_with(&path, &mended, key).await;
    assert_eq!(added.with(200)["added"], 3);
    let other = desk.post_with(&path, &national, key).await;
    other.problem(422, "idempotency_mismatch");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_a_start_cuts_short_says_how_many_it_has_added() {
    let desk = Desk::start().await;
    let body = json!({"recipients": numbers(0..3_000)});
    for _ in 0..5 {
        let job = desk.make_job("Hello!").await;
        let path = format!("/v1/bulk-jobs/{job}/recipients");
        let start_early = async {
            let look = async || (desk.job(&job).await["status"] == "ready").then_some(());
            tests::eventually("the first recipients", look).await;
            desk.start_job(&job).await.with(202)
        };
        let (answer, _) = tokio::join!(desk.post(&path, &body), start_early);
        let total = &desk.job(&job).await["counts"]["total"];
        if answer.status == 200 {
            assert_eq!(answer.json()["added"], *total);
            continue;
        }
        let problem = answer.problem(409, "job_closed");
        let told = format!("{total} of the call's recipients were added before");
        assert!(
            problem["detail"].as_str().unwrap().contains(&told),
            "{told}: {problem}"
        );
        return;
    }
    panic!("no call was cut short");
}
