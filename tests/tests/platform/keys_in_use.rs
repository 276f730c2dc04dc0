//! Which of a sender's keys its messages go with: the refused, the resting and the full ones are passed over.

use futures_util::future::join_all;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tests::{Answer, Desk, eventually, text};

const NUMBER: &str = "+15550004100";
pub(crate) const SENDER: &str = "mock-15550004100";

pub(crate) fn from_it(to: &str) -> Value {
    let mut message = text(to, "Hello");
    message["from"] = SENDER.into();
    message
}

pub(crate) async fn put(desk: &Desk, account: &str, alias: &str, key: &Value) -> Answer {
    let path = format!("/v1/accounts/{account}/keys/{alias}");
    tests::read(
        desk.with_key(tests::ADMIN_KEY, "PUT".parse().unwrap(), &path)
            .json(key),
    )
    .await
}

/// An account whose sender has these keys, each ordered at the mock provider.
pub(crate) async fn account_with(desk: &Desk, keys: &[&str]) -> String {
    let account = json!({"name": "Keys", "provider": "mock"});
    let made = desk.post("/v1/accounts", &account).await.with(201);
    let account = made["id"].as_str().unwrap().to_owned();
    for key in keys {
        order(desk, key).await;
        let body = json!({"key": format!("{key}-secret"), "number": NUMBER});
        put(desk, &account, key, &body).await.with(200);
    }
    account
}

pub(crate) async fn order(desk: &Desk, key: &str) {
    let key = format!("{key}-secret");
    desk.order_key(&json!({"provider": "mock", "key": key, "sender": "15550004100"}))
        .await;
}

async fn keys(desk: &Desk, account: &str) -> Vec<Value> {
    let listed = desk.get(&format!("/v1/accounts/{account}/keys")).await;
    listed.with(200)["data"].as_array().unwrap().clone()
}

pub(crate) async fn state_of(desk: &Desk, account: &str, alias: &str) -> Value {
    let keys = keys(desk, account).await;
    keys.into_iter().find(|key| key["alias"] == alias).unwrap()["state"].clone()
}

/// The aliases that a message was tried with.
async fn tried_with(desk: &Desk, id: &str) -> Vec<String> {
    let attempts = desk.get(&format!("/v1/messages/{id}/attempts")).await;
    let attempts = attempts.with(200)["data"].as_array().unwrap().clone();
    let alias = |it: &Value| it["credential"].as_str().map(str::to_owned);
    attempts.iter().filter_map(alias).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn five_dead_keys_and_a_good_one_deliver_a_message() {
    let desk = Desk::start().await;
    let dead = ["one", "two", "three", "four", "five"];
    let account = account_with(&desk, &[&dead[..], &["good"]].concat()).await;
    for key in dead {
        desk.revoke_key(&format!("{key}-secret")).await;
    }
    let before = desk.counted("credential_refused", "replaced").await;
    let mut refused = BTreeSet::new();
    // Chance may find the good key first: then the next message meets the others.
    for person in 0..6 {
        let to = format!("+1555004200{person}");
        let sent = desk.send(&from_it(&to)).await.json();
        let id = sent["id"].as_str().unwrap().to_owned();
        desk.message_once(&id, "accepted").await;
        assert_eq!(desk.accepted(Some(&to)).await.len(), 1);
        let mut tried = tried_with(&desk, &id).await;
        assert_eq!(tried.pop().unwrap(), "good");
        for key in tried {
            assert!(refused.insert(key.clone()), "{key} was called again");
        }
    }
    assert_eq!(refused.len(), 5, "{refused:?}");
    assert!(desk.counted("credential_refused", "replaced").await >= before + 5);
    assert_eq!(state_of(&desk, &account, "three").await, "refused");
    assert_eq!(state_of(&desk, &account, "good").await, "healthy");
    let paused = desk.get(&format!("/v1/senders/{SENDER}")).await.with(200);
    assert_ne!(paused["state"], "paused", "{paused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_refused_to_one_function_is_not_called_by_another() {
    let desk = Desk::start().await;
    let account = account_with(&desk, &["one", "two"]).await;
    desk.revoke_key("one-secret").await;
    // Sent while the caller waits, by `send`, until that has met the key.
    for person in 0..9 {
        let sent = desk.send(&from_it(&format!("+1555004202{person}"))).await;
        sent.with(200);
        if state_of(&desk, &account, "one").await == "refused" {
            break;
        }
    }
    assert_eq!(state_of(&desk, &account, "one").await, "refused");
    // Sent by `deliver`, which has never called this account before.
    for person in 0..4 {
        let later = from_it(&format!("+1555004203{person}"));
        let later = desk
            .post_with("/v1/messages", &later, ("prefer", "respond-async"))
            .await
            .with(202);
        let id = later["id"].as_str().unwrap();
        desk.message_once(id, "accepted").await;
        assert_eq!(tried_with(&desk, id).await, ["two"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_put_in_again_is_healthy_again() {
    let desk = Desk::start().await;
    let account = account_with(&desk, &["one"]).await;
    desk.revoke_key("one-secret").await;
    let refused = desk.send(&from_it("+15550042011")).await;
    refused.problem(502, "provider_credential");
    assert_eq!(state_of(&desk, &account, "one").await, "refused");
    order(&desk, "one").await;
    let path = format!("/v1/accounts/{account}/keys/one/rotate");
    let rotated = desk
        .post(&path, &json!({"key": "one-secret"}))
        .await
        .with(200);
    assert_eq!(rotated["state"], "healthy");
    desk.send(&from_it("+15550042012")).await.with(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_keeps_its_settings_and_must_be_there_and_of_the_same_number() {
    let desk = Desk::start().await;
    let account = account_with(&desk, &["one"]).await;
    let limits = json!({"per_second": 5, "per_day": 1_000});
    put(
        &desk,
        &account,
        "one",
        &json!({"weight": 9, "limits": limits}),
    )
    .await
    .with(200);
    let rotate = |alias: &str| format!("/v1/accounts/{account}/keys/{alias}/rotate");
    order(&desk, "two").await;
    let next = json!({"key": "two-secret"});
    desk.post(&rotate("nobody"), &next)
        .await
        .problem(404, "not_found");
    assert_eq!(
        desk.post(&rotate("one"), &json!({})).await.faults(),
        ["/key"]
    );
    let unknown = json!({"key": "nobody-has-this-key"});
    let refused = desk.post(&rotate("one"), &unknown).await;
    refused.problem(422, "refused_by_provider");
    let rotated = desk.post(&rotate("one"), &next).await.with(200);
    assert_eq!(
        (&rotated["weight"], &rotated["limits"]),
        (&json!(9), &limits)
    );
    assert_eq!(rotated["sender_id"], SENDER);
    let cleared = put(&desk, &account, "one", &json!({"limits": null})).await;
    assert_eq!(cleared.with(200)["limits"], Value::Null);
    let none = json!({"limits": {"per_second": 0}});
    let faulty = put(&desk, &account, "one", &none).await;
    assert_eq!(faulty.faults(), ["/limits/per_second"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_messages_at_once_keep_to_the_limits_of_their_keys() {
    let desk = Desk::start().await;
    let account = account_with(&desk, &["one", "two"]).await;
    for (alias, per_day) in [("one", 7), ("two", 5)] {
        let limits = json!({"limits": {"per_day": per_day}});
        put(&desk, &account, alias, &limits).await.with(200);
    }
    let sends = (0..50).map(|person| {
        let message = from_it(&format!("+155500421{person:02}"));
        let desk = &desk;
        async move { desk.send(&message).await.json() }
    });
    let sent = join_all(sends).await;
    let is_on_its_way = |it: &Value| it["state"] == "accepted" || it["state"] == "queued";
    assert!(sent.iter().all(is_on_its_way), "{sent:?}");
    for alias in ["one", "two"] {
        let look = async || (state_of(&desk, &account, alias).await == "full").then_some(());
        eventually("a key to be full", look).await;
    }
    // A place whose call missed its slot on a busy machine may not have been taken again yet.
    let taken = desk.accepted(None).await;
    let taken = taken.iter().filter(|it| it["sender"] == "15550004100");
    assert!((1..=12).contains(&taken.count()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_whose_calls_fail_rests_until_a_call_shows_that_it_is_good_again() {
    let desk = Desk::start().await;
    let account = account_with(&desk, &["one"]).await;
    desk.fault(&json!({"provider": "mock", "fault": "error:transient", "share": 1.0}))
        .await;
    for person in 0..40 {
        desk.send(&from_it(&format!("+155500422{person:02}")))
            .await
            .with(202);
        if state_of(&desk, &account, "one").await == "resting" {
            break;
        }
    }
    assert_eq!(state_of(&desk, &account, "one").await, "resting");
    let waits = desk.send(&from_it("+15550042299")).await.with(202);
    let id = waits["id"].as_str().unwrap();
    assert_eq!(tried_with(&desk, id).await, [""; 0], "it burns no attempt");
    assert_eq!(waits["state"], "queued");
    desk.end_faults().await;
    desk.message_once(id, "accepted").await;
    assert_eq!(desk.accepted(Some("+15550042299")).await.len(), 1);
    assert_eq!(state_of(&desk, &account, "one").await, "healthy");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_without_quota_rests_and_the_last_one_pauses_its_sender() {
    let desk = Desk::start().await;
    desk.fault(&json!({"provider": "fonnte", "fault": "error:insufficient quota", "times": 1}))
        .await;
    let mut message = text("+15550042301", "Hello");
    message["from"] = "fonnte-15550002000".into();
    let refused = desk.send(&message).await;
    refused.problem(502, "provider_credential");
    let paused = desk.get("/v1/senders/fonnte-15550002000").await.with(200);
    assert_eq!(paused["state"], "paused");
    assert!(paused["paused"].to_string().contains("package"), "{paused}");
    assert_eq!(state_of(&desk, "acct_demo-fonnte", "demo").await, "resting");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_rotated_under_a_job_loses_nothing_and_sends_nothing_twice() {
    let desk = Desk::start().await;
    let account = account_with(&desk, &["one"]).await;
    let job = json!({"name": "rotated", "from": SENDER, "type": "text", "text": {"body": "Hello"}});
    let job = desk.post("/v1/bulk-jobs", &job).await.with(201);
    let job = format!("/v1/bulk-jobs/{}", job["id"].as_str().unwrap());
    let people = (0..200).map(|person| json!({"to": format!("+155500430{person:03}")}));
    let people = json!({"recipients": people.collect::<Vec<_>>()});
    desk.post(&format!("{job}/recipients"), &people)
        .await
        .with(200);
    desk.post(&format!("{job}/start"), &Value::Null)
        .await
        .with(202);
    let accepted = async || {
        let all = desk.accepted(None).await;
        let own = all.into_iter().filter(|it| it["sender"] == "15550004100");
        own.map(|it| it["to"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let look = async || (accepted().await.len() >= 40).then_some(());
    eventually("the job to be under way", look).await;
    order(&desk, "two").await;
    let path = format!("/v1/accounts/{account}/keys/one/rotate");
    desk.post(&path, &json!({"key": "two-secret"}))
        .await
        .with(200);
    desk.revoke_key("one-secret").await;
    let look = async || {
        let now = desk.get(&job).await.with(200);
        (now["status"] == "finished").then_some(now)
    };
    let finished = eventually("the job to be finished", look).await;
    assert_eq!(finished["counts"]["accepted"], 200, "{finished}");
    let took = accepted().await;
    assert_eq!(took.len(), 200);
    assert_eq!(took.iter().collect::<BTreeSet<_>>().len(), 200);
    assert_eq!(state_of(&desk, &account, "one").await, "healthy");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_used_by_what_is_sent_and_not_by_what_waits_for_its_turn() {
    let desk = Desk::start().await;
    let account = account_with(&desk, &["one"]).await;
    put(&desk, &account, "one", &json!({"limits": {"per_day": 8}}))
        .await
        .with(200);
    let slow = json!({"messages_per_second": 2});
    let path = format!("/v1/senders/{SENDER}");
    let request = desk.with_key(tests::ADMIN_KEY, "PATCH".parse().unwrap(), &path);
    tests::read(request.json(&slow)).await.with(200);
    let mut waiting = Vec::new();
    for place in 0..8 {
        let mut message = tests::text(&format!("+1555006207{place}"), "Hello");
        message["from"] = SENDER.into();
        let header = ("Prefer", "respond-async");
        let taken = desk.post_with("/v1/messages", &message, header).await;
        waiting.push(crate::id_of(&taken.with(202)));
    }
    for id in waiting {
        desk.message_once(&id, "accepted").await;
    }
    let ninth = tests::text("+15550062079", "Hello");
    let ninth = json!({"from": SENDER, "to": ninth["to"], "type": "text", "text": ninth["text"]});
    let kept = desk.send(&ninth).await.with(202);
    assert_eq!(kept["state"], "queued", "{kept}");
}
