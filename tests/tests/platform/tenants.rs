//! Tenants never meet: what is the neighbour's is not there.

use crate::id_of;
use crate::neighbour::{self, Neighbour};
use serde_json::{Value, json};
use tests::{Desk, eventually, recipients, text};

#[tokio::test(flavor = "multi_thread")]
async fn an_id_of_the_neighbours_in_a_body_is_as_unknown_as_any() {
    let desk = Desk::start().await;
    Neighbour::move_in(&desk).await;
    let job = json!({"name": "n", "type": "text", "text": {"body": "Hi"}});
    let number = json!({"phone_number_id": "100000000000003"});
    for (path, body, field, ids) in [
        (
            "/v1/messages",
            text("+15550007004", "Hello"),
            "from",
            SENDERS,
        ),
        ("/v1/bulk-jobs", job, "from", SENDERS),
        ("/v1/senders", number, "account_id", ACCOUNTS),
    ] {
        let mut answers = Vec::new();
        for id in ids {
            let mut body = body.clone();
            body[field] = id.into();
            let answer = desk.post(path, &body).await;
            assert!(matches!(answer.status, 400 | 404), "{path}: {answer:?}");
            answers.push(answer.text);
        }
        assert_eq!(answers[0], answers[1]);
    }
}

/// The neighbour's, and nobody's.
const SENDERS: [&str; 2] = [neighbour::SENDER, "999999999999999"];
const ACCOUNTS: [&str; 2] = [neighbour::ACCOUNT, "acct_nobodys"];

#[tokio::test(flavor = "multi_thread")]
async fn one_idempotency_key_of_two_tenants_is_two_keys() {
    let desk = Desk::start().await;
    Neighbour::move_in(&desk).await;
    let key = ("idempotency-key", "order-1");
    let ours = text("+15550007005", "Hello");
    let ours = desk.post_with("/v1/messages", &ours, key).await.with(200);
    let theirs = desk
        .with_key(
            neighbour::Key::Admin.text(),
            reqwest::Method::POST,
            "/v1/messages",
        )
        .header(key.0, key.1)
        .json(&Neighbour::text("+15550007005"));
    let theirs = tests::read(theirs).await.with(200);
    assert_ne!(ours["id"], theirs["id"]);
    assert_eq!(desk.accepted(Some("+15550007005")).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_counts_show_ones_own_alone() {
    let desk = Desk::start().await;
    let neighbour = Neighbour::move_in(&desk).await;
    move_about(&desk, &neighbour).await;
    for list in [
        "messages",
        "contacts",
        "conversations",
        "bulk-jobs",
        "webhook-events",
    ] {
        let ours = desk.get(&format!("/v1/{list}?limit=100")).await.with(200);
        let theirs = neighbour.get(&desk, &format!("/v1/{list}?limit=100")).await;
        let theirs = theirs.with(200);
        let ours: Vec<String> = ours["data"].as_array().unwrap().iter().map(id_of).collect();
        let theirs = theirs["data"].as_array().unwrap();
        assert!(!theirs.is_empty(), "{list}");
        assert!(theirs.iter().all(|it| !ours.contains(&id_of(it))), "{list}");
    }
}

/// The neighbour sends, makes a job, and is written to.
async fn move_about(desk: &Desk, neighbour: &Neighbour) {
    let message = Neighbour::text("+15550007001");
    let sent = neighbour.post(desk, "/v1/messages", &message).await;
    sent.with(200);
    neighbour.make_job(desk).await;
    let from = json!({"from": "+15550007002", "to": neighbour::SENDER, "text": "Hello"});
    desk.inbound(&from).await;
    let look = async || {
        let events = neighbour.get(desk, "/v1/webhook-events").await.with(200);
        let mut events = events["data"].as_array().unwrap().iter();
        let is_text = |it: &&Value| it["kind"] == "messages/text";
        events.find(is_text).cloned()
    };
    eventually("what the person wrote", look).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_one_list_or_tenant_opens_no_other() {
    let desk = Desk::start().await;
    let neighbour = Neighbour::move_in(&desk).await;
    let page = desk.get("/v1/messages?limit=1").await.with(200);
    let cursor = page["next_cursor"].as_str().unwrap().to_owned();
    let path = format!("/v1/messages?cursor={cursor}");
    assert_eq!(desk.get(&path).await.status, 200);
    assert_eq!(neighbour.get(&desk, &path).await.status, 400);
    let path = format!("/v1/contacts?cursor={cursor}");
    assert_eq!(desk.get(&path).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_large_job_does_not_hold_up_its_neighbours_small_one() {
    let desk = Desk::start().await;
    let neighbour = Neighbour::move_in(&desk).await;
    neighbour::set_rate(&desk, 100).await;
    let large = desk.make_job("Hello!").await;
    desk.add(&large, &recipients(5_000)).await.with(200);
    let small = neighbour.make_job(&desk).await;
    let path = format!("/v1/bulk-jobs/{small}");
    let body = json!({"recipients": recipients(20)});
    let adding = format!("{path}/recipients");
    neighbour.post(&desk, &adding, &body).await.with(200);
    desk.start_job(&large).await.with(202);
    let look = async || (desk.accepted(None).await.len() > 100).then_some(());
    eventually("the large job to be under way", look).await;
    let starting = format!("{path}/start");
    let started = neighbour.post(&desk, &starting, &Value::Null).await;
    started.with(202);
    let look = async || {
        let job = neighbour.get(&desk, &path).await.with(200);
        (job["status"] == "finished").then_some(())
    };
    eventually("the small one to end", look).await;
    assert_eq!(desk.job(&large).await["status"], "running");
}
