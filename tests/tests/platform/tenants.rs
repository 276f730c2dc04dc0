//! Tenants never meet: what is the neighbour's is not there.

use crate::id_of;
use crate::neighbour::{self, Neighbour};
use serde_json::{Value, json};
use tests::{Desk, eventually, recipients, text};

#[tokio::test(flavor = "multi_thread")]
async fn the_neighbours_ids_are_found_nowhere() {
    let desk = Desk::start().await;
    let neighbour = Neighbour::move_in(&desk).await;
    for path in ids_of_the_neighbour(&desk, &neighbour).await {
        assert_eq!(neighbour.get(&desk, &path).await.status, 200, "{path}");
        desk.get(&path).await.problem(404, "not_found");
        let unknown = format!("{}0", path.trim_end_matches(char::is_numeric));
        assert_eq!(desk.get(&unknown).await.status, 404);
    }
}

/// A path for everything the neighbour has.
async fn ids_of_the_neighbour(desk: &Desk, neighbour: &Neighbour) -> Vec<String> {
    let message = Neighbour::text("+15550007001");
    let message = neighbour.post(desk, "/v1/messages", &message).await;
    let message = id_of(&message.with(200));
    let job = neighbour.make_job(desk).await;
    let from = json!({"from": "+15550007002", "to": neighbour::SENDER, "text": "Hello"});
    desk.inbound(&from).await;
    let mut paths = vec![
        format!("/v1/messages/{message}"),
        format!("/v1/messages/{message}/attempts"),
        format!("/v1/bulk-jobs/{job}"),
        format!("/v1/bulk-jobs/{job}/recipients"),
    ];
    for list in ["contacts", "conversations", "webhook-events"] {
        let look = async || {
            let page = neighbour.get(desk, &format!("/v1/{list}")).await.with(200);
            page["data"].as_array().unwrap().first().map(id_of)
        };
        let id = eventually("the neighbour's person", look).await;
        paths.push(format!("/v1/{list}/{id}"));
        if list == "conversations" {
            paths.push(format!("/v1/conversations/{id}/messages"));
        }
    }
    paths
}

#[tokio::test(flavor = "multi_thread")]
async fn the_neighbours_job_and_events_cannot_be_touched() {
    let desk = Desk::start().await;
    let neighbour = Neighbour::move_in(&desk).await;
    for path in ids_of_the_neighbour(&desk, &neighbour).await {
        if path.starts_with("/v1/webhook-events/") {
            let replay = desk.post(&format!("{path}/replay"), &Value::Null).await;
            replay.problem(404, "not_found");
        }
        if path.starts_with("/v1/bulk-jobs/") && !path.ends_with("/recipients") {
            let id = path.trim_start_matches("/v1/bulk-jobs/");
            let recipient = json!({"to": "+15550007003"});
            desk.add(id, &[recipient]).await.problem(404, "not_found");
            desk.start_job(id).await.problem(404, "not_found");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_neighbours_sender_is_as_unknown_as_any() {
    let desk = Desk::start().await;
    Neighbour::move_in(&desk).await;
    let mut answers = Vec::new();
    for sender in [neighbour::SENDER, "999999999999999"] {
        let mut body = text("+15550007004", "Hello");
        body["from"] = sender.into();
        let answer = desk.send(&body).await;
        assert_eq!(answer.faults(), ["/from"]);
        answers.push(answer.text);
    }
    assert_eq!(answers[0], answers[1]);
}

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
    ids_of_the_neighbour(&desk, &neighbour).await;
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
