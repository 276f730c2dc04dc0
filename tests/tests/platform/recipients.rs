//! The limits of a call for recipients.

use serde_json::{Value, json};
use tests::Desk;

#[tokio::test(flavor = "multi_thread")]
async fn a_call_takes_five_thousand_recipients_and_not_one_more() {
    let desk = Desk::start().await;
    let job = desk.make_job("Hello!").await;
    let many: Vec<Value> = (0..5_001)
        .map(|place| json!({"to": format!("+15551{place:06}")}))
        .collect();
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
