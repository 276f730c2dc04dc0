//! What no client should send is answered with a problem of the caller's, never with one of ours.

use reqwest::Method;
use serde_json::Value;
use tests::{ADMIN_KEY, Answer, Desk, read};

const ROUTES: [&str; 4] = [
    "/v1/messages",
    "/v1/bulk-jobs",
    "/v1/bulk-jobs/job_019e92a7c8887000a000000000000001/recipients",
    "/v1/nowhere",
];

async fn post(desk: &Desk, path: &str, content_type: Option<&str>, body: Vec<u8>) -> Answer {
    let mut request = desk.with_key(ADMIN_KEY, Method::POST, path).body(body);
    if let Some(content_type) = content_type {
        request = request.header("content-type", content_type);
    }
    read(request).await
}

fn assert_is_the_callers_problem(answer: &Answer, what: &str) {
    assert!((400..500).contains(&answer.status), "{what}: {answer:?}");
    let content_type = answer.header("content-type");
    assert_eq!(content_type, Some("application/problem+json"), "{what}");
    let problem = answer.json();
    assert!(problem["code"].is_string() && problem["title"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_json_is_the_callers_problem() {
    let desk = Desk::start().await;
    let closed = format!("{}{}", "[".repeat(120), "]".repeat(120));
    let nested = [
        b"[".repeat(100_000),
        b"{\"a\":".repeat(100_000),
        closed.into_bytes(),
    ];
    let bodies: Vec<Vec<u8>> = [
        &b""[..],
        b"   ",
        b"{",
        b"hello",
        b"{\"to\": \xff\xfe}",
        b"\xef\xbb\xbf{}",
        b"\x00\x00\x00",
        b"{} {}",
        b"{\"a\": 1e999999}",
        b"{\"a\": \"\\ud800\"}",
        // A name that means more to the parser than to its writer.
        br#"{"metadata": {"$serde_json::private::RawValue": "[]"}}"#,
    ]
    .into_iter()
    .map(<[u8]>::to_vec)
    .chain(nested)
    .collect();
    for route in ROUTES {
        for body in &bodies {
            let answer = post(&desk, route, Some("application/json"), body.clone()).await;
            let shown = body.get(..20.min(body.len()));
            assert_is_the_callers_problem(&answer, &format!("{route} {shown:?}"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn json_of_another_shape_is_the_callers_problem() {
    let desk = Desk::start().await;
    let bodies = [
        "null",
        "[]",
        "1",
        "\"text\"",
        "{}",
        "[[]]",
        "{\"type\": 7}",
        "{\"to\": {}}",
    ];
    for route in ROUTES {
        for body in bodies {
            let answer = post(&desk, route, Some("application/json"), body.into()).await;
            assert_is_the_callers_problem(&answer, &format!("{route} {body}"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_another_type_is_the_callers_problem() {
    let desk = Desk::start().await;
    for content_type in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
    ] {
        let answer = post(&desk, "/v1/messages", content_type, b"{}".to_vec()).await;
        answer.problem(415, "unsupported_media_type");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_the_callers_problem() {
    let desk = Desk::start().await;
    let mut body = b"{\"a\": \"".to_vec();
    body.extend(b"x".repeat(2_000_000));
    body.extend(b"\"}");
    let answer = post(&desk, "/v1/messages", Some("application/json"), body).await;
    answer.problem(413, "too_large");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_gateway_refuses_it_refuses_in_its_own_form() {
    let desk = Desk::start().await;
    let huge = vec![b'x'; 7 * 1024 * 1024];
    let answer = post(&desk, "/v1/messages", Some("application/json"), huge).await;
    assert_is_the_gateways(&answer, 413);
    let long = desk.with_key(ADMIN_KEY, Method::GET, "/v1/messages");
    let answer = read(long.header("x-long", "x".repeat(10_240))).await;
    assert_is_the_gateways(&answer, 431);
}

/// No function has run, so there is a text and no code.
fn assert_is_the_gateways(answer: &Answer, status: u16) {
    let refusal = answer.with(status);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert!(refusal["message"].is_string(), "{refusal}");
    assert_eq!(refusal.as_object().unwrap().len(), 1, "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_leads_nowhere_is_the_callers_problem() {
    let desk = Desk::start().await;
    for path in [
        "/",
        "/v1",
        "/v1/messages/",
        "/v1/messages/bob",
        "/v1/messages/job_019e92a7c8887000a000000000000001",
        "/v1/messages/%00",
        "/v1/messages/%ff%fe",
        "/v1/bulk-jobs/x",
        "/v1/conversations/conv_",
        "/v1/contacts/cont_zzz",
        "/v1/webhook-events/evt_1.99999999999999999999",
        "/v1/messages?limit=0",
        "/v1/messages?limit=abc",
        "/v1/messages?limit=10&limit=10",
        "/v1/messages?cursor=garbage",
        "/v1/messages?state=flying",
        "/v1/messages?surprise=1",
        "/v1/stats?from=yesterday",
        "/v1/usage?by=colour",
    ] {
        let answer = desk.get(path).await;
        assert_is_the_callers_problem(&answer, path);
    }
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let request = desk.with_key(ADMIN_KEY, method, "/v1/messages");
        read(request).await.problem(405, "method_not_allowed");
    }
    let nothing = Value::Null;
    let to_read = desk.post("/v1/bulk-jobs/job_x", &nothing).await;
    to_read.problem(405, "method_not_allowed");
    let nowhere = desk.post("/v1/bulk-jobs/job_x/nowhere", &nothing).await;
    nowhere.problem(404, "not_found");
    desk.get("/").await.problem(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_with_another_method_hears_every_method_of_the_path() {
    let desk = Desk::start().await;
    for (path, methods) in [
        ("/v1/accounts", "GET,POST"),
        ("/v1/sessions/current", "DELETE"),
        ("/v1/contacts/availability", "POST"),
        ("/v1/bulk-jobs", "GET,POST,HEAD"),
        ("/v1/senders/100000000000001", "DELETE,GET,PATCH,HEAD"),
        ("/v1/messages/msg_x/attempts", "GET,HEAD"),
    ] {
        for method in [Method::OPTIONS, Method::TRACE, Method::PUT] {
            let answer = read(desk.with_key(ADMIN_KEY, method, path)).await;
            answer.problem(405, "method_not_allowed");
            assert_eq!(answer.header("allow"), Some(methods), "{path}");
        }
    }
    let posted = desk.post("/v1/messages/msg_x/attempts", &Value::Null).await;
    posted.problem(405, "method_not_allowed");
}
