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
const MOCK_SENDER: &str = "mock-15550004000";

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

/// The mock account's sender, paused because its only key was refused.
async fn paused(desk: &Desk) {
    desk.revoke_key("demo-mock-key").await;
    let mut message = tests::text("+15550051061", "Hello");
    message["from"] = MOCK_SENDER.into();
    desk.send(&message)
        .await
        .problem(502, "provider_credential");
    let sender = desk.get(&format!("/v1/senders/{MOCK_SENDER}")).await;
    assert_eq!(sender.with(200)["state"], "paused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_key_is_tested_by_a_message_though_its_sender_is_paused_for_it() {
    let desk = Desk::start().await;
    paused(&desk).await;
    let bad = run(&desk, &test(MOCK, "+15550051062")).await.with(200);
    assert_eq!(bad["exchange"]["response"]["status"], 401, "{bad}");
    assert_eq!(
        bad["warnings"],
        json!(["sender_paused", "key_refused"]),
        "{bad}"
    );

    desk.order_key(&json!({"provider": "mock", "key": "demo-mock-key"}))
        .await;
    let good = run(&desk, &test(MOCK, "+15550051063")).await.with(200);
    assert_eq!(good["message"]["state"], "accepted", "{good}");
    let sender = desk.get(&format!("/v1/senders/{MOCK_SENDER}")).await;
    assert_eq!(
        sender.with(200)["state"],
        "paused",
        "nobody else goes on by it"
    );
    // A test that names no key goes as any other message would: not at all.
    let mut unnamed = test(MOCK, "+15550051064");
    unnamed.as_object_mut().unwrap().remove("key");
    run(&desk, &unnamed).await.problem(409, "sender_paused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_waits_for_the_slots_of_a_paused_sender_like_any_message() {
    let desk = Desk::start().await;
    let slow = json!({"messages_per_second": 1});
    let path = format!("/v1/senders/{MOCK_SENDER}");
    let change = desk.with_key(ADMIN_KEY, Method::PATCH, &path).json(&slow);
    read(change).await.with(200);
    paused(&desk).await;
    let tests = (0..8).map(|person| {
        let desk = &desk;
        async move { run(desk, &test(MOCK, &format!("+1555005107{person}"))).await }
    });
    let came = futures_util::future::join_all(tests).await;
    let slots = came.iter().filter(|it| it.status == 200).count();
    assert!(slots <= 4, "one a second, within two seconds: {came:?}");
    let others = came.into_iter().filter(|it| it.status != 200);
    others.for_each(|it| drop(it.problem(409, "no_slot")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_tested_before_its_provider_is_enabled_and_not_for_an_account_that_is_disabled() {
    let desk = Desk::start().await;
    let path = "/v1/providers/mock";
    let off = json!({"enabled": false});
    let put = desk.with_key(ADMIN_KEY, Method::PUT, path).json(&off);
    read(put).await.with(200);
    let refused = async || {
        let mut message = tests::text("+15550051081", "Hello");
        message["from"] = MOCK_SENDER.into();
        (desk.send(&message).await.status == 409).then_some(())
    };
    tests::eventually("the provider to be disabled", refused).await;
    let shown = run(&desk, &test(MOCK, "+15550051082")).await.with(200);
    assert_eq!(shown["message"]["state"], "accepted", "{shown}");
    assert_eq!(shown["warnings"], json!(["provider_disabled"]));
    let path = format!("/v1/accounts/{MOCK}/keys/demo/test");
    let tested = desk.post(&path, &Value::Null).await.with(200);
    assert_eq!(tested["is_good"], true);

    let path = format!("/v1/accounts/{MOCK}");
    let off = json!({"disabled": true});
    let change = desk.with_key(ADMIN_KEY, Method::PATCH, &path).json(&off);
    read(change).await.with(200);
    let refused = run(&desk, &test(MOCK, "+15550051083")).await;
    refused.problem(409, "sender_paused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_that_is_asked_for_again_while_it_is_under_way_is_told_so() {
    let desk = Desk::start().await;
    desk.latency(400).await;
    let body = test(MOCK, "+15550051091");
    let run = || desk.post_with("/v1/test-sends", &body, ("idempotency-key", "one-test"));
    let (one, two) = tokio::join!(run(), run());
    let (first, second) = if one.status == 200 {
        (one, two)
    } else {
        (two, one)
    };
    assert_eq!(first.with(200)["message"]["state"], "accepted");
    assert!(second.header("retry-after").is_some(), "{second:?}");
    second.problem(409, "in_progress");
    let told = run().await.with(200);
    assert_eq!(
        (&told["replayed"], &told["message"]["state"]),
        (&json!(true), &json!("accepted"))
    );
    assert_eq!(desk.accepted(Some("+15550051091")).await.len(), 1);
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
