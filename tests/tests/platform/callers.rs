//! Who may call: every way in which a key does not open looks the same, and a role does what it may.

use crate::id_of;
use crate::neighbour::{Key, Neighbour};
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde_json::json;
use tests::{Desk, read, routes, text};

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

/// What a route needs, by its method and the beginning of its path; the first line that fits counts.
const NEEDED: [(&str, &str, &str); 18] = [
    ("POST", "/v1/messages/msg_1/settle", "settle"),
    ("POST", "/v1/messages", "send"),
    ("GET", "/v1/messages", "read"),
    ("", "/v1/me", "any"),
    ("", "/v1/sessions", "any"),
    ("", "/v1/tenants", "operator"),
    ("", "/v1/api-keys", "configure"),
    ("", "/v1/users", "configure"),
    ("GET", "/v1/audit", "configure"),
    ("", "/v1/configuration", "configure"),
    ("", "/v1/accounts", "configure"),
    ("PATCH", "/v1/senders", "configure"),
    ("DELETE", "/v1/senders", "configure"),
    ("POST", "/v1/senders", "configure"),
    ("POST", "/v1/webhook-events", "replay_webhooks"),
    ("POST", "/v1/", "send"),
    ("PATCH", "/v1/", "send"),
    ("GET", "/v1/", "read"),
];

fn may(key: Key, needed: &str) -> bool {
    let rights: &[&str] = match key {
        Key::Admin => &[
            "any",
            "read",
            "send",
            "settle",
            "replay_webhooks",
            "configure",
        ],
        Key::Agent | Key::Sender => &["any", "read", "send"],
        Key::Viewer => &["any", "read"],
    };
    rights.contains(&needed)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_opens_to_the_roles_that_may_and_to_no_other() {
    let desk = Desk::start().await;
    Neighbour::move_in(&desk).await;
    for (method, path) in routes() {
        let fits = |(of, begin, _): &&(&str, &str, &str)| {
            (of.is_empty() || *of == method.as_str()) && path.starts_with(begin)
        };
        let (_, _, needed) = NEEDED.iter().find(fits).unwrap();
        for key in [Key::Admin, Key::Agent, Key::Sender, Key::Viewer] {
            // The ids in the paths are of nothing, and the body is of no route's: who may is told so.
            let request = desk.with_key(key.text(), method.clone(), &path);
            let answer = read(request.json(&json!({"unheard": "of"}))).await;
            if may(key, needed) {
                let expected = matches!(answer.status, 200 | 400 | 404 | 409);
                assert!(expected, "{key:?} {method} {path}: {answer:?}");
            } else {
                answer.problem(403, "forbidden");
            }
        }
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
