//! A sender that goes on and cannot send says so, and what to do.

use crate::keys_in_use::{SENDER, account_with, put};
use serde_json::{Value, json};
use tests::{ADMIN_KEY, Answer, Desk, eventually};

async fn change(desk: &Desk, method: &str, path: &str, body: &Value) -> Answer {
    let request = desk.with_key(ADMIN_KEY, method.parse().unwrap(), path);
    tests::read(request.json(body)).await
}

async fn resumed(desk: &Desk) -> Value {
    let path = format!("/v1/senders/{SENDER}/resume");
    desk.post(&path, &Value::Null).await.with(200)
}

/// The one warning of an answer.
fn warning(shown: &Value) -> &str {
    let warnings = shown["warnings"].as_array().unwrap();
    assert_eq!(warnings.len(), 1, "{shown}");
    warnings[0].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_is_resumed_without_a_key_says_that_it_has_nothing_to_send_with() {
    let desk = Desk::start().await;
    let account = account_with(&desk, &["one"]).await;
    assert_eq!(resumed(&desk).await.get("warnings"), None);
    let disabled = json!({"enabled": false});
    put(&desk, &account, "one", &disabled).await.with(200);
    let shown = resumed(&desk).await;
    assert_eq!(shown["state"], "active", "{shown}");
    let keys = format!("/v1/accounts/{account}/keys");
    let said = warning(&shown);
    assert!(
        said.contains("no key that may be used") && said.contains(&keys),
        "{said}"
    );
    let path = format!("/v1/accounts/{account}");
    let disabled = json!({"disabled": true});
    let stopped = change(&desk, "PATCH", &path, &disabled).await.with(200);
    assert_eq!(stopped.get("warnings"), None, "nobody wants it to send");
    let enabled = json!({"disabled": false});
    let goes_on = change(&desk, "PATCH", &path, &enabled).await.with(200);
    assert!(warning(&goes_on).contains(&keys), "{goes_on}");
    let enabled = json!({"enabled": true});
    put(&desk, &account, "one", &enabled).await.with(200);
    assert_eq!(resumed(&desk).await.get("warnings"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_goes_on_says_that_its_provider_is_disabled() {
    let desk = Desk::start().await;
    let account = account_with(&desk, &["one"]).await;
    let path = "/v1/providers/mock";
    let disabled = json!({"enabled": false});
    change(&desk, "PUT", path, &disabled).await.with(200);
    let shown = resumed(&desk).await;
    assert!(
        warning(&shown).contains("PUT /v1/providers/mock"),
        "{shown}"
    );
    let key = json!({"key": "one-secret", "number": "+15550004100"});
    let shown = put(&desk, &account, "one", &key).await.with(200);
    assert!(
        warning(&shown).contains("the provider is disabled"),
        "{shown}"
    );
    let enabled = json!({"enabled": true});
    change(&desk, "PUT", path, &enabled).await.with(200);
    let look = async || resumed(&desk).await.get("warnings").is_none().then_some(());
    eventually("everybody to know that it is enabled", look).await;
}
