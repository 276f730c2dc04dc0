//! What waits for its time, while the platform is killed.

use super::process::{Folder, Process, free_ports};
use super::{PATIENCE, TURN};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tests::{Desk, SENDER, eventually, in_seconds, text};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_scheduled_goes_at_its_time_or_not_at_all_though_its_platform_was_killed_before() {
    let _turn = TURN.lock().await;
    let folder = Folder::new("scheduled");
    let ports = free_ports();
    let process = Process::start(&folder, ports).await;
    let expires = in_seconds(8);
    let begins = in_seconds(14);
    let message = scheduled(&process.desk, "+15550020040", &json!({"send_at": begins})).await;
    let too_late =
        json!({"send_at": expires - SignedDuration::from_secs(1), "expires_at": expires});
    let too_late = scheduled(&process.desk, "+15550020041", &too_late).await;
    let job = scheduled_job(&process.desk, begins).await;
    process.kill().await;
    let look = async || (in_seconds(0) > expires).then_some(());
    eventually("one of them to be too late", look).await;

    let process = Process::start(&folder, ports).await;
    let desk = &process.desk;
    desk.message_once(&message, "read").await;
    desk.message_once(&too_late, "expired").await;
    let done = desk.job_once_all_are(&job, &["read"], PATIENCE).await;
    assert_eq!(done["counts"]["total"], 3);
    let accepted = desk.accepted(None).await;
    assert_eq!(accepted.len(), 4);
    for message in accepted {
        let at: Timestamp = message["at"].as_str().unwrap().parse().unwrap();
        assert!(at >= begins, "{at} is before {begins}");
    }
    process.end("TERM").await;
}

async fn scheduled(desk: &Desk, to: &str, when: &Value) -> String {
    let mut body = text(to, "Later");
    let members = when.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(members);
    let answer = desk.send(&body).await.with(202);
    answer["id"].as_str().unwrap().to_owned()
}

async fn scheduled_job(desk: &Desk, begins: Timestamp) -> String {
    let body = json!({
        "name": "later", "from": SENDER, "type": "text", "text": {"body": "Hi"}, "send_at": begins,
    });
    let job = desk.post("/v1/bulk-jobs", &body).await.with(201);
    let job = job["id"].as_str().unwrap();
    let people = [50, 51, 52].map(|number| json!({"to": format!("+155500200{number}")}));
    desk.add(job, &people).await.with(200);
    desk.start_job(job).await.with(202);
    job.to_owned()
}
