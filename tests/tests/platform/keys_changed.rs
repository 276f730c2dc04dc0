//! Keys that are changed, tested and good again: what follows for their senders.

use crate::keys_in_use::{SENDER, account_with, from_it, order, put, state_of};
use serde_json::{Value, json};
use tests::Desk;

async fn sender(desk: &Desk) -> Value {
    desk.get(&format!("/v1/senders/{SENDER}")).await.with(200)
}

async fn test_of(desk: &Desk, account: &str, alias: &str) -> Value {
    let path = format!("/v1/accounts/{account}/keys/{alias}/test");
    desk.post(&path, &Value::Null).await.with(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_key_that_its_test_finds_good_is_used_again_once_its_sender_is_resumed() {
    let desk = Desk::start().await;
    let account = account_with(&desk, &["one"]).await;
    desk.revoke_key("one-secret").await;
    let refused = desk.send(&from_it("+15550042411")).await;
    refused.problem(502, "provider_credential");
    let bad = test_of(&desk, &account, "one").await;
    assert_eq!(bad["is_good"], false);
    assert_eq!(state_of(&desk, &account, "one").await, "refused");

    order(&desk, "one").await;
    let good = test_of(&desk, &account, "one").await;
    assert_eq!(good["is_good"], true);
    let warning = good["warnings"][0].as_str().unwrap();
    let resume = format!("/v1/senders/{SENDER}/resume");
    assert!(
        warning.contains("paused") && warning.contains(&resume),
        "{good}"
    );
    assert_eq!(state_of(&desk, &account, "one").await, "healthy");
    assert_eq!(
        sender(&desk).await["state"],
        "paused",
        "a test sends nothing"
    );
    desk.post(&resume, &Value::Null).await.with(200);
    // The function that met the refusal uses it again, too.
    desk.send(&from_it("+15550042412")).await.with(200);
    assert_eq!(test_of(&desk, &account, "one").await.get("warnings"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_its_test_finds_refused_is_used_for_no_message() {
    let desk = Desk::start().await;
    let account = account_with(&desk, &["one", "two"]).await;
    desk.revoke_key("one-secret").await;
    assert_eq!(state_of(&desk, &account, "one").await, "healthy", "so far");
    let bad = test_of(&desk, &account, "one").await;
    let warning = bad["warnings"][0].as_str().unwrap();
    assert!(warning.contains("nothing is sent with it"), "{bad}");
    assert_eq!(state_of(&desk, &account, "one").await, "refused");
    for person in 0..4 {
        let to = format!("+1555004243{person}");
        let sent = desk.send(&from_it(&to)).await.with(200);
        assert_eq!(sent["attempt_count"], 1, "by the other key: {sent}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_refused_resumes_nobody_when_it_is_enabled_and_says_what_to_do() {
    let desk = Desk::start().await;
    let account = account_with(&desk, &["one"]).await;
    desk.revoke_key("one-secret").await;
    let refused = desk.send(&from_it("+15550042421")).await;
    refused.problem(502, "provider_credential");
    let off = put(&desk, &account, "one", &json!({"enabled": false})).await;
    assert_eq!(off.with(200).get("warnings"), None);
    let on = put(&desk, &account, "one", &json!({"enabled": true})).await;
    let on = on.with(200);
    assert_eq!(on["state"], "refused");
    let warning = on["warnings"][0].as_str().unwrap();
    assert!(warning.contains("/keys/one/test"), "{on}");
    assert_eq!(sender(&desk).await["state"], "paused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_another_number_says_that_the_sender_before_has_none() {
    let desk = Desk::start().await;
    let account = account_with(&desk, &["one", "two"]).await;
    let moved = |key: &str| json!({"key": format!("{key}-secret"), "number": "+15550004101"});
    let one = put(&desk, &account, "one", &moved("one")).await.with(200);
    assert_eq!(one["sender_id"], "mock-15550004101");
    assert_eq!(one.get("warnings"), None, "the other key is there still");
    let two = put(&desk, &account, "two", &moved("two")).await.with(200);
    let warning = two["warnings"][0].as_str().unwrap();
    assert!(
        warning.starts_with(SENDER) && warning.contains("no key"),
        "{two}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_of_keys_and_of_providers_are_changed_alike_and_null_is_what_is_usual() {
    let desk = Desk::start().await;
    let account = account_with(&desk, &["one"]).await;
    for path in [
        format!("/v1/accounts/{account}/keys/one"),
        "/v1/providers/mock".to_owned(),
    ] {
        let put = async |body: Value| {
            let request = desk.with_key(tests::ADMIN_KEY, "PUT".parse().unwrap(), &path);
            tests::read(request.json(&body)).await.with(200)
        };
        put(json!({"limits": {"per_second": 5, "per_day": 100}})).await;
        let changed = put(json!({"limits": {"per_second": null, "per_minute": 50}})).await;
        let limits = json!({"per_minute": 50, "per_day": 100});
        assert_eq!(changed["limits"], limits, "{path}");
        let cleared = put(json!({"limits": null, "enabled": null})).await;
        let is_none = |it: &Value| it.is_null() || *it == json!({});
        assert!(is_none(&cleared["limits"]), "{path}: {cleared}");
        assert_eq!(cleared["enabled"], true);
    }
    let heavy = json!({"weight": 9, "expires_at": "2036-01-01T00:00:00Z"});
    put(&desk, &account, "one", &heavy).await.with(200);
    let null = json!({"weight": null, "expires_at": null});
    let usual = put(&desk, &account, "one", &null).await.with(200);
    assert_eq!(
        (&usual["weight"], usual.get("expires_at")),
        (&json!(1), None)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_is_none_is_refused_in_words_of_ours() {
    let desk = Desk::start().await;
    let account = account_with(&desk, &["one"]).await;
    for time in ["tomorrow", "2036-01-01", "2036-01-01T00:00:00"] {
        let refused = put(&desk, &account, "one", &json!({"expires_at": time})).await;
        assert_eq!(refused.faults(), ["/expires_at"], "{time}");
        assert!(refused.text.contains("RFC 3339"), "{}", refused.text);
    }
    let mut entries = desk.all("/v1/configuration").await;
    entries.retain(|it| it["id"] == account.as_str());
    entries[0]["keys"][0]["expires_at"] = "tomorrow".into();
    let refused = desk
        .post("/v1/configuration", &json!({"data": entries}))
        .await;
    assert_eq!(refused.faults(), ["/data/0/keys/0/expires_at"]);
    assert!(refused.text.contains("RFC 3339"), "{}", refused.text);
}
