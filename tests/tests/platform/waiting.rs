//! What holds a message or a job back is told, and the wait ends when its reason does.

use crate::id_of;
use crate::keys_in_use::{self, account_with};
use serde_json::{Value, json};
use std::time::Duration;
use tests::{ADMIN_KEY, Desk, eventually, eventually_within, recipients, text};

const SENDER: &str = "mock-15550004600";

/// Long before the limit of a day has room again, and before the sweeper would have looked often.
const SOON: Duration = Duration::from_secs(30);

async fn put_key(desk: &Desk, account: &str, key: &Value) {
    let path = format!("/v1/accounts/{account}/keys/only");
    let request = desk.with_key(ADMIN_KEY, "PUT".parse().unwrap(), &path);
    tests::read(request.json(key)).await.with(200);
}

/// An account whose sender has one key, which has been called today as often as it may be.
async fn account_that_is_full(desk: &Desk) -> String {
    let account = json!({"name": "Keys", "provider": "mock"});
    let account = id_of(&desk.post("/v1/accounts", &account).await.with(201));
    desk.order_key(&json!({"provider": "mock", "key": "only-secret", "sender": "15550004600"}))
        .await;
    let key = json!({"key": "only-secret", "number": "+15550004600", "limits": {"per_day": 1}});
    put_key(desk, &account, &key).await;
    desk.send(&from_it("+15550046001")).await.with(200);
    account
}

fn from_it(to: &str) -> Value {
    let mut message = text(to, "Hello");
    message["from"] = SENDER.into();
    message
}

fn assert_waits_for_the_limit(shown: &Value) {
    let waiting = &shown["waiting"];
    assert_eq!(waiting["for"], "limit", "{shown}");
    assert_eq!(waiting["sender"], SENDER, "{shown}");
    let until = waiting["until"].as_str().unwrap();
    assert!(until.ends_with("T00:00:00Z"), "the end of a day: {until}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_says_which_limit_holds_it_and_leaves_soon_after_that_is_lifted() {
    let desk = Desk::start().await;
    let account = account_that_is_full(&desk).await;
    let kept = desk.send(&from_it("+15550046002")).await.with(202);
    let id = id_of(&kept);
    assert_waits_for_the_limit(&desk.message(&id).await);
    put_key(&desk, &account, &json!({"limits": null})).await;
    let look = async || {
        let message = desk.message(&id).await;
        (message["state"] == "accepted").then_some(message)
    };
    let sent = eventually_within(SOON, "the message to leave", look).await;
    assert_eq!(sent.get("waiting"), None, "{sent}");
    assert_eq!(sent["attempt_count"], 1, "to wait costs no try");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_and_its_plan_say_which_limit_holds_it_and_it_goes_on_when_that_is_lifted() {
    let desk = Desk::start().await;
    let account = account_that_is_full(&desk).await;
    let job = json!({"name": "limited", "from": SENDER, "type": "text", "text": {"body": "Hello"}});
    let job = id_of(&desk.post("/v1/bulk-jobs", &job).await.with(201));
    desk.add(&job, &recipients(3)).await.with(200);
    let plan = desk
        .get(&format!("/v1/bulk-jobs/{job}/plan"))
        .await
        .with(200);
    assert_eq!(plan["limited_by"], "key_limit", "{plan}");
    assert!(plan["eta"].as_str().unwrap() > "2026", "{plan}");
    desk.start_job(&job).await.with(202);
    assert_waits_for_the_limit(&desk.job(&job).await);
    put_key(&desk, &account, &json!({"limits": null})).await;
    let look = async || {
        let now = desk.job(&job).await;
        (now["status"] == "finished").then_some(now)
    };
    let finished = eventually("the job to be finished", look).await;
    assert_eq!(finished["counts"]["accepted"], 3, "{finished}");
    assert_eq!(finished.get("waiting"), None, "{finished}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_sender_has_no_key_left_waits_until_there_is_one() {
    let desk = Desk::start().await;
    let account = account_that_is_full(&desk).await;
    let kept = id_of(&desk.send(&from_it("+15550046003")).await.with(202));
    put_key(&desk, &account, &json!({"enabled": false, "limits": null})).await;
    let look = async || {
        let sender = desk.get(&format!("/v1/senders/{SENDER}")).await.with(200);
        (sender["state"] == "paused").then_some(())
    };
    eventually_within(SOON, "the sender to stand still", look).await;
    let waits = desk.message(&kept).await;
    assert_eq!(
        (&waits["state"], &waits["attempt_count"]),
        (&json!("queued"), &json!(0))
    );
    assert_eq!(waits["waiting"]["for"], "paused", "{waits}");
    put_key(&desk, &account, &json!({"enabled": true})).await;
    let look = async || {
        let message = desk.message(&kept).await;
        (message["state"] == "accepted").then_some(())
    };
    eventually_within(SOON, "the message to leave", look).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_finds_its_last_key_dead_in_its_own_call_goes_with_the_next_one() {
    let desk = Desk::start().await;
    let account = account_with(&desk, &["one"]).await;
    desk.revoke_key("one-secret").await;
    let message = keys_in_use::from_it("+15550046004");
    let later = ("prefer", "respond-async");
    let kept = desk.post_with("/v1/messages", &message, later).await;
    let kept = id_of(&kept.with(202));
    let look = async || {
        let message = desk.message(&kept).await;
        (message["waiting"]["for"] == "paused").then_some(message)
    };
    let waits = eventually_within(SOON, "the message to wait", look).await;
    assert_eq!(
        (&waits["state"], &waits["attempt_count"]),
        (&json!("queued"), &json!(1))
    );
    keys_in_use::order(&desk, "two").await;
    let path = format!("/v1/accounts/{account}/keys/one/rotate");
    desk.post(&path, &json!({"key": "two-secret"}))
        .await
        .with(200);
    let look = async || {
        let message = desk.message(&kept).await;
        (message["state"] == "accepted").then_some(message)
    };
    let sent = eventually_within(SOON, "the message to leave", look).await;
    assert_eq!(sent["attempt_count"], 2, "{sent}");
    assert_eq!(desk.accepted(Some("+15550046004")).await.len(), 1);
    desk.revoke_key("two-secret").await;
    let heard = desk.send(&keys_in_use::from_it("+15550046005")).await;
    heard.problem(502, "provider_credential");
}

#[tokio::test(flavor = "multi_thread")]
async fn recipients_under_way_when_the_last_key_dies_go_with_the_next_one() {
    let desk = Desk::start().await;
    let account = account_with(&desk, &["one"]).await;
    let job = json!({"name": "dies", "from": keys_in_use::SENDER, "type": "text", "text": {"body": "Hello"}});
    let job = id_of(&desk.post("/v1/bulk-jobs", &job).await.with(201));
    let job = format!("/v1/bulk-jobs/{job}");
    let people = json!({"recipients": recipients(120)});
    desk.post(&format!("{job}/recipients"), &people)
        .await
        .with(200);
    desk.post(&format!("{job}/start"), &Value::Null)
        .await
        .with(202);
    let look = async || (desk.accepted(None).await.len() >= 20).then_some(());
    eventually("the job to be under way", look).await;
    desk.revoke_key("one-secret").await;
    let path = format!("/v1/senders/{}", keys_in_use::SENDER);
    let look = async || (desk.get(&path).await.with(200)["state"] == "paused").then_some(());
    eventually("the sender to stand still", look).await;
    keys_in_use::order(&desk, "two").await;
    let next = json!({"key": "two-secret"});
    desk.post(&format!("/v1/accounts/{account}/keys/one/rotate"), &next)
        .await
        .with(200);
    let look = async || {
        let now = desk.get(&job).await.with(200);
        (now["status"] == "finished").then_some(now)
    };
    let finished = eventually("the job to be finished", look).await;
    assert_eq!(finished["counts"]["accepted"], 120, "{finished}");
    assert_eq!(desk.accepted(None).await.len(), 120);
}
