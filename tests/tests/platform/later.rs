//! Messages that are not to go at once, or not at all once their time has passed.

use crate::id_of;
use crate::neighbour::pace;
use heliograph::domain::pace::Row;
use jiff::Timestamp;
use serde_json::{Value, json};
use tests::{Answer, Desk, in_seconds, text};

fn at(time: Timestamp) -> Value {
    time.to_string().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_for_later_goes_out_at_its_time_and_not_before() {
    let desk = Desk::start().await;
    let send_at = in_seconds(2);
    let mut body = text("+15550009001", "Good morning");
    body["send_at"] = at(send_at);
    let answer = desk.send(&body).await.with(202);
    assert_eq!(answer["state"], "queued");
    desk.message_once(&id_of(&answer), "read").await;
    let accepted = desk.accepted(Some("+15550009001")).await;
    assert_eq!(accepted.len(), 1);
    let time: Timestamp = accepted[0]["at"].as_str().unwrap().parse().unwrap();
    assert!(time >= send_at, "{time} is before {send_at}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_time_has_passed_is_refused() {
    let desk = Desk::start().await;
    let mut body = text("+15550009002", "Hello");
    body["expires_at"] = at(in_seconds(-60));
    assert_eq!(desk.send(&body).await.faults(), ["/expires_at"]);
    body["send_at"] = at(in_seconds(7_200));
    body["expires_at"] = at(in_seconds(3_600));
    assert_eq!(desk.send(&body).await.faults(), ["/expires_at"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_for_another_century_is_a_slip_of_the_keyboard() {
    let desk = Desk::start().await;
    let mut body = text("+15550009004", "Hello");
    body["send_at"] = "2286-11-20T17:46:40Z".into();
    body["expires_at"] = "9999-12-31T00:00:00Z".into();
    assert_eq!(desk.send(&body).await.faults(), ["/expires_at", "/send_at"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_could_not_go_in_time_expires_and_is_not_sent() {
    let desk = Desk::start().await;
    desk.fault(&serde_json::json!({"fault": "error:131016", "times": 100}))
        .await;
    let mut body = text("+15550009003", "Hello");
    body["expires_at"] = at(in_seconds(2));
    let answer = desk.send(&body).await.with(202);
    let message = desk.message_once(&id_of(&answer), "expired").await;
    assert!(message["expired_at"].is_string());
    assert_eq!(desk.stats().await["accepted"], 0);
}

async fn cancel(desk: &Desk, id: &str) -> Answer {
    let path = format!("/v1/messages/{id}/cancel");
    desk.post(&path, &Value::Null).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_message_that_is_cancelled_is_not_sent() {
    let desk = Desk::start().await;
    let mut body = text("+15550009010", "Good morning");
    body["send_at"] = at(in_seconds(2));
    let id = id_of(&desk.send(&body).await.with(202));
    let cancelled = cancel(&desk, &id).await.with(200);
    assert_eq!(cancelled["state"], "cancelled");
    assert!(cancelled["cancelled_at"].is_string());
    let again = cancel(&desk, &id).await.with(200);
    assert_eq!(again["cancelled_at"], cancelled["cancelled_at"]);
    // Whatever would send it has had its chance when a message scheduled later has been read.
    body["to"] = json!("+15550009011");
    body["send_at"] = at(in_seconds(3));
    let later = id_of(&desk.send(&body).await.with(202));
    desk.message_once(&later, "read").await;
    assert_eq!(desk.accepted(Some("+15550009010")).await.len(), 0);
    assert_eq!(desk.message(&id).await["state"], "cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_gone_cannot_be_cancelled() {
    let desk = Desk::start().await;
    let id = id_of(&desk.send(&text("+15550009012", "Hello")).await.with(200));
    let problem = cancel(&desk, &id).await.problem(409, "not_cancellable");
    assert_eq!(problem["message_id"], id.as_str());
    let other = cancel(&desk, "msg_019e92a7c8887000a000000000000001").await;
    other.problem(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn scheduled_messages_are_listed_the_soonest_first_until_they_go() {
    let desk = Desk::start().await;
    let mut ids = Vec::new();
    for (place, seconds) in [7_200, 3_600, 86_400 * 29, 1_800].into_iter().enumerate() {
        let mut body = text(&format!("+1555000902{place}"), "Later");
        body["send_at"] = at(in_seconds(seconds));
        let answer = desk.send(&body).await.with(202);
        assert!(answer["send_at"].is_string() && answer["state"] == "queued");
        ids.push(id_of(&answer));
    }
    let listed = async |path: &str| -> Vec<String> {
        let pages = desk.pages(path, 3).await.into_iter().flatten();
        pages.map(|it| id_of(&it)).collect()
    };
    let soonest = [3, 1, 0, 2].map(|place: usize| ids[place].clone());
    assert_eq!(listed("/v1/messages?scheduled=true").await, soonest);
    assert_eq!(listed("/v1/messages?state=queued").await.len(), 4);
    cancel(&desk, &ids[1]).await.with(200);
    assert_eq!(listed("/v1/messages?scheduled=true").await.len(), 3);
    let both = desk.get("/v1/messages?scheduled=true&state=queued").await;
    assert_eq!(both.faults(), ["?scheduled"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_message_whose_sender_is_late_is_not_sent() {
    let desk = Desk::start().await;
    desk.fault(&json!({"fault": "error:131016", "times": 100}))
        .await;
    let mut body = text("+15550009031", "Good morning");
    body["send_at"] = at(in_seconds(1));
    body["expires_at"] = at(in_seconds(3));
    let id = id_of(&desk.send(&body).await.with(202));
    desk.message_once(&id, "expired").await;
    assert_eq!(desk.stats().await["accepted"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_waits_for_its_time_takes_no_slot_and_one_for_now_takes_one() {
    let desk = Desk::start().await;
    let mut later = text("+15550009010", "Good morning");
    later["send_at"] = at(in_seconds(3_600));
    desk.send(&later).await.with(202);
    assert_eq!(pace(&desk).await.row_single, Row::default());
    desk.send(&text("+15550009011", "Now")).await.with(200);
    assert_ne!(pace(&desk).await.row_single, Row::default());
}
