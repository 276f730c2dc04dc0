//! Messages that are not to go at once, or not at all once their time has passed.

use crate::id_of;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tests::{Desk, text};

/// A time so many seconds from now.
#[expect(clippy::disallowed_methods, reason = "a caller has a clock of its own")]
pub(crate) fn in_seconds(seconds: i64) -> Timestamp {
    let now = Timestamp::now();
    now.checked_add(SignedDuration::from_secs(seconds)).unwrap()
}

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
