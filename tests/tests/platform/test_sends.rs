//! Tests of keys by a message: what went over the wire is shown, the key is not, and the message is one like any other.

use axum::Router;
use axum::http::HeaderMap;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{ACCOUNT, ADMIN_KEY, Answer, Desk, SENDER, read};
use tokio::net::TcpListener;

/// The demo's accounts: what each sends from, and its key.
const ACCOUNTS: [(&str, &str, &str); 4] = [
    (ACCOUNT, SENDER, "demo-access-token"),
    (
        "acct_demo-notifapi",
        "notifapi-15550003000",
        "demo-notifapi-key",
    ),
    (
        "acct_demo-fonnte",
        "fonnte-15550002000",
        "demo-fonnte-token",
    ),
    ("acct_demo-mock", "mock-15550004000", "demo-mock-key"),
];

const MOCK: &str = "acct_demo-mock";

fn test(account: &str, to: &str) -> Value {
    json!({"account_id": account, "key": "demo", "to": to, "type": "text", "text": {"body": "Is this key good?"}})
}

async fn run(desk: &Desk, body: &Value) -> Answer {
    desk.post("/v1/test-sends", body).await
}

async fn put_key(desk: &Desk, alias: &str, key: &Value) {
    let path = format!("/v1/accounts/{MOCK}/keys/{alias}");
    let put = desk.with_key(ADMIN_KEY, Method::PUT, &path).json(key);
    read(put).await.with(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exchange_is_shown_without_the_key_and_the_message_is_one_like_any_other() {
    let desk = Desk::start().await;
    for ((account, sender, key), person) in ACCOUNTS.into_iter().zip(15_550_051_001_u64..) {
        let to = format!("+{person}");
        let answer = run(&desk, &test(account, &to)).await;
        assert!(!answer.text.contains(key), "{}", answer.text);
        let shown = answer.with(200);
        assert_eq!(
            (&shown["account_id"], &shown["sender_id"], &shown["key"]),
            (&json!(account), &json!(sender), &json!("demo"))
        );
        let exchange = &shown["exchange"];
        assert_eq!(exchange["request"]["method"], "POST");
        let url = exchange["request"]["url"].as_str().unwrap();
        assert!(url.starts_with(desk.simulator_url()), "{url}");
        let request = exchange["request"].to_string();
        assert!(
            request.contains("***"),
            "the key's mask is there: {request}"
        );
        assert!(request.contains(&person.to_string()), "{request}");
        assert_eq!(exchange["response"]["status"], 200);
        assert!(exchange["duration_ms"].is_u64() && shown.get("failure").is_none());
        let id = shown["message"]["id"].as_str().unwrap();
        assert_eq!(desk.message(id).await["from"], sender);
        let attempts = desk.get(&format!("/v1/messages/{id}/attempts")).await;
        assert_eq!(attempts.with(200)["data"][0]["credential"], "demo");
        assert_eq!(desk.accepted(Some(&to)).await.len(), 1, "{account}");
    }
}

/// A provider that repeats whatever it is told, in headers and body.
async fn parrot() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let repeat = async |headers: HeaderMap, body: String| {
        let told: Vec<String> = headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        let told = told.join("|");
        let said = json!({"you_said": body, "you_wrote": told}).to_string();
        ([("x-parrot", told)], said)
    };
    let serving = axum::serve(listener, Router::new().fallback(repeat));
    #[expect(clippy::disallowed_methods, reason = "a test's server")]
    tokio::spawn(serving.into_future());
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_the_provider_repeats_is_masked_in_what_it_says() {
    let desk = Desk::towards(&parrot().await).await;
    for (account, _, key) in ACCOUNTS {
        let answer = run(&desk, &test(account, "+15550051011")).await;
        assert!(!answer.text.contains(key), "{}", answer.text);
        let shown = answer.with(200);
        let said = shown["exchange"]["response"].to_string();
        assert!(said.contains("***") && said.contains("x-parrot"), "{said}");
        assert!(said.contains("15550051011"), "{said}");
        assert_eq!(shown["failure"]["class"], "ambiguous");
        assert_eq!(shown["message"]["state"], "unknown");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_tells_of_the_same_message_without_the_exchange() {
    let desk = Desk::start().await;
    let to = "+15550051021";
    let header = ("idempotency-key", "one-test");
    let first = desk
        .post_with("/v1/test-sends", &test(MOCK, to), header)
        .await;
    let first = first.with(200);
    assert_eq!(first["replayed"], false);
    let again = desk
        .post_with("/v1/test-sends", &test(MOCK, to), header)
        .await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let again = again.with(200);
    assert_eq!(again["message"]["id"], first["message"]["id"]);
    assert_eq!(
        (&again["replayed"], again.get("exchange")),
        (&json!(true), None)
    );
    assert_eq!(desk.accepted(Some(to)).await.len(), 1);
    let other = test(MOCK, "+15550051022");
    let other = desk.post_with("/v1/test-sends", &other, header).await;
    other.problem(422, "idempotency_mismatch");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_key_is_tested_all_the_same_and_one_that_is_refused_pauses_nobody() {
    let desk = Desk::start().await;
    desk.order_key(&json!({"provider": "mock", "key": "another-key"}))
        .await;
    let other = json!({"key": "another-key", "number": "+15550004000", "enabled": false});
    put_key(&desk, "other", &other).await;
    let mut body = test(MOCK, "+15550051031");
    body["key"] = "other".into();
    let shown = run(&desk, &body).await.with(200);
    assert_eq!(shown["message"]["state"], "accepted");
    let warnings = shown["warnings"].as_array().unwrap();
    assert!(warnings.contains(&json!("key_disabled")), "{warnings:?}");

    desk.revoke_key("another-key").await;
    let refused = run(&desk, &body).await;
    assert!(!refused.text.contains("another-key"), "{}", refused.text);
    let refused = refused.with(200);
    assert_eq!(refused["failure"]["class"], "credential");
    assert_eq!(refused["exchange"]["response"]["status"], 401);
    assert_eq!(refused["message"]["state"], "failed");
    let sender = desk.get("/v1/senders/mock-15550004000").await.with(200);
    assert_ne!(sender["state"], "paused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_that_fails_for_a_passing_reason_is_not_tried_again() {
    let desk = Desk::start().await;
    let fault = json!({"provider": "mock", "fault": "error:transient", "times": 1});
    desk.fault(&fault).await;
    let to = "+15550051041";
    let shown = run(&desk, &test(MOCK, to)).await.with(200);
    assert_eq!(shown["failure"]["class"], "transient");
    assert_eq!(shown["message"]["state"], "cancelled");
    assert_eq!(desk.accepted(Some(to)).await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_names_no_key_of_the_callers_is_refused_and_nothing_is_written() {
    let desk = Desk::start().await;
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = test(MOCK, "+15550051051");
        change(&mut body);
        body
    };
    let before = desk.all("/v1/messages").await.len();
    for (body, fault) in [
        (
            with(&|it| it["account_id"] = "acct_nobody".into()),
            "/account_id",
        ),
        (with(&|it| it["key"] = "nobodys".into()), "/key"),
        (with(&|it| it["sender_id"] = SENDER.into()), "/sender_id"),
        (with(&|it| it["from"] = SENDER.into()), "/from"),
        (
            with(&|it| it["send_at"] = "2030-01-01T00:00:00Z".into()),
            "/send_at",
        ),
        (with(&|it| it["text"] = json!({})), "/text/body"),
    ] {
        let refused = run(&desk, &body).await;
        assert_eq!(refused.faults(), [fault], "{body}");
    }
    let other = with(&|it| {
        it["account_id"] = ACCOUNT.into();
        it["key"] = "nobodys".into();
    });
    assert_eq!(run(&desk, &other).await.faults(), ["/key"]);
    assert_eq!(desk.all("/v1/messages").await.len(), before);
}
