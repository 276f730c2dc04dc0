//! Who may call: every way in which a key does not open looks the same, and a role does what it may.

use crate::id_of;
use crate::neighbour::{Key, Neighbour};
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use tests::{Desk, VIEWER_KEY, read, routes, text};

#[tokio::test(flavor = "multi_thread")]
async fn every_key_that_does_not_open_has_the_same_answer_on_every_route() {
    let desk = Desk::start().await;
    Neighbour::move_in(&desk).await;
    let headers: [Option<&[u8]>; 10] = [
        None,
        Some(b""),
        Some(b"Bearer"),
        Some(b"Bearer "),
        Some(b"Bearer sk_demo_admin"),
        Some(b"Basic hg_demo_admin"),
        Some(b"Bearer hg_unknown"),
        Some(b"Bearer hg_\xff\xfe"),
        Some(b"Bearer hg_expired"),
        Some(b"Bearer hg_revoked"),
    ];
    let mut bodies = Vec::new();
    assert!(routes().len() > 30);
    for (method, path) in routes() {
        for header in headers {
            let mut request = desk.anonymous(method.clone(), &path).body("not json");
            if let Some(header) = header {
                let value = HeaderValue::from_bytes(header).unwrap();
                request = request.header(AUTHORIZATION, value);
            }
            let answer = read(request).await;
            answer.problem(401, "unauthenticated");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
            bodies.push(answer.text);
        }
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_reads_and_may_not_send() {
    let desk = Desk::start().await;
    for (method, path) in routes() {
        let request = desk.with_key(VIEWER_KEY, method.clone(), &path);
        let answer = read(request.json(&text("+15550006001", "Hello"))).await;
        if method == Method::GET {
            assert!(matches!(answer.status, 200 | 404), "{path}: {answer:?}");
        } else {
            answer.problem(403, "forbidden");
        }
    }
    assert_eq!(desk.stats().await["accepted"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_sends_or_does_not() {
    let desk = Desk::start().await;
    Neighbour::move_in(&desk).await;
    for (key, status) in [
        (Key::Admin, 200),
        (Key::Agent, 200),
        (Key::Sender, 200),
        (Key::Viewer, 403),
    ] {
        let request = desk.with_key(key.text(), Method::POST, "/v1/messages");
        let answer = read(request.json(&Neighbour::text("+15550006002"))).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_the_openapi_document_need_no_key() {
    let desk = Desk::start().await;
    let health = read(desk.anonymous(Method::GET, "/v1/health"))
        .await
        .with(200);
    assert_eq!(health["status"], "ok");
    for part in ["dynamodb", "sqs", "secrets_manager", "graph_api"] {
        assert_eq!(health["checks"][part]["status"], "ok", "{health}");
    }
    let document = read(desk.anonymous(Method::GET, "/v1/openapi.json")).await;
    assert_eq!(document.with(200)["openapi"], "3.1.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_shows_nowhere() {
    let desk = Desk::start().await;
    let id = id_of(&desk.send(&text("+15550006003", "Hello")).await.with(200));
    // It pauses the sender, too.
    let sent = desk.send(&text("+15558000190", "Hello")).await;
    let mut seen = vec![sent.text];
    for path in [
        format!("/v1/messages/{id}"),
        format!("/v1/messages/{id}/attempts"),
        "/v1/messages".to_owned(),
        "/v1/senders".to_owned(),
        "/v1/health".to_owned(),
        "/v1/webhook-events".to_owned(),
    ] {
        seen.push(desk.get(&path).await.text);
    }
    for text in seen {
        for secret in [
            "demo-access-token",
            "demo-app-secret",
            "demo-verify-token",
            "hg_demo",
        ] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}
