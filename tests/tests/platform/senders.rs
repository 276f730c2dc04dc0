//! A sender that Meta objects to: slowed down or paused, and it says so.

use crate::id_of;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tests::{ADMIN_KEY, Desk, SENDER, read, text};

async fn sender(desk: &Desk) -> Value {
    desk.get(&format!("/v1/senders/{SENDER}")).await.with(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_is_paused_for_what_concerns_all_it_sends_and_goes_on_when_it_is_resumed() {
    let desk = Desk::start().await;
    assert_eq!(sender(&desk).await["state"], "active");
    let job = desk.make_job("Hello!").await;
    desk.add(&job, &[json!({"to": "+15550021001"})])
        .await
        .with(200);
    desk.fault(&json!({"fault": "error:131048", "to": "+15550021002"}))
        .await;
    desk.send(&text("+15550021002", "Hello"))
        .await
        .problem(422, "provider_policy");
    let paused = sender(&desk).await;
    assert_eq!(
        (&paused["state"], &paused["paused"]["code"]),
        (&json!("paused"), &json!(131_048))
    );
    assert!(paused["paused"]["since"].is_string() && paused["paused"]["remedy"].is_string());
    let listed = desk.all("/v1/senders").await;
    // What Meta says of the number may be asked between the two.
    for said in ["id", "state", "paused"] {
        assert_eq!(listed[0][said], paused[said]);
    }
    let is_active = |sender: &Value| sender["state"] == "active";
    assert!(listed.iter().skip(1).all(is_active), "{listed:?}");
    let refused = desk.send(&text("+15550021003", "Hello")).await;
    let refused = refused.problem(409, "sender_paused");
    assert!(refused["detail"].as_str().unwrap().contains("resume"));
    desk.start_job(&job).await.with(202);
    assert_eq!(desk.job(&job).await["sender_paused"]["code"], 131_048);
    assert_eq!(desk.job(&job).await["counts"]["queued"], 1);
    let path = format!("/v1/senders/{SENDER}/resume");
    let resumed = desk.post(&path, &Value::Null).await.with(200);
    assert_eq!(resumed["state"], "active");
    desk.job_once_all_are(&job, &["read"], Duration::from_mins(1))
        .await;
    desk.send(&text("+15550021003", "Hello")).await.with(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_is_too_fast_is_slowed_down_and_still_sends() {
    let desk = Desk::start().await;
    desk.fault(&json!({"fault": "error:130429", "to": "+15550021011"}))
        .await;
    let id = id_of(&desk.send(&text("+15550021011", "Hello")).await.with(202));
    let slowed = sender(&desk).await;
    assert_eq!(slowed["state"], "slowed");
    let rate = slowed["slowed"]["messages_per_second"].as_u64().unwrap();
    assert!((500..1_000).contains(&rate), "{rate}");
    desk.message_once(&id, "read").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_at_a_gateway_is_not_beside_the_app() {
    let desk = Desk::start().await;
    let change = async |sender: &str, coexistence: bool| {
        let path = format!("/v1/senders/{sender}");
        let change = desk.with_key(ADMIN_KEY, Method::PATCH, &path);
        read(change.json(&json!({"coexistence": coexistence}))).await
    };
    let refused = change("fonnte-15550002000", true).await;
    assert_eq!(refused.faults(), ["/coexistence"]);
    change("fonnte-15550002000", false).await.with(200);
    let at_meta = change(SENDER, true).await.with(200);
    assert_eq!(at_meta["messages_per_second"], 20);
    let mut entries = desk.all("/v1/configuration").await;
    entries.retain(|it| it["id"] == "fonnte-15550002000");
    entries[0]["coexistence"] = true.into();
    let entries = json!({"data": entries});
    let refused = desk.post("/v1/configuration", &entries).await;
    assert_eq!(refused.faults(), ["/data/0/coexistence"]);
}
