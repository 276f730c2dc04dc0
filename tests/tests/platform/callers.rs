//! Who may call: every way in which a key does not open looks the same, a role does what it may, and an id of another
//! tenant is an id of nothing.

use crate::belongings::Belongings;
use crate::neighbour::{self, Key, Neighbour};
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use tests::{Answer, Desk, Route, nothing, read, routes};

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
    for route in routes() {
        for header in headers {
            let request = desk.anonymous(route.method.clone(), &route.of_nothing());
            let mut request = request.body("not json");
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
const NEEDED: [(&str, &str, &str); 25] = [
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
    ("POST", "/v1/routes", "configure"),
    ("PUT", "/v1/routes", "configure"),
    ("DELETE", "/v1/routes", "configure"),
    ("GET", "/v1/providers/mock/stats", "read"),
    ("", "/v1/providers", "configure"),
    ("PATCH", "/v1/senders", "configure"),
    ("DELETE", "/v1/senders", "configure"),
    ("POST", "/v1/senders", "configure"),
    ("POST", "/v1/webhook-events", "replay_webhooks"),
    ("POST", "/v1/test-sends", "configure"),
    // To have a provider asked needs more.
    ("POST", "/v1/contacts/availability", "read"),
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

fn needed(route: &Route) -> &'static str {
    let path = route.of_nothing();
    let fits = |(of, begin, _): &&(&str, &str, &str)| {
        (of.is_empty() || *of == route.method.as_str()) && path.starts_with(begin)
    };
    let (_, _, needed) = NEEDED.iter().find(fits).unwrap();
    needed
}

async fn ask(desk: &Desk, key: Key, route: &Route, path: &str, body: &(String, String)) -> Answer {
    let (content_type, body) = body.clone();
    let request = desk.with_key(key.text(), route.method.clone(), path);
    read(request.header(CONTENT_TYPE, content_type).body(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_opens_to_the_roles_that_may_and_knows_no_id_of_another_tenant() {
    let desk = Desk::start().await;
    Neighbour::move_in(&desk).await;
    let belongings = Belongings::of_demo(&desk).await;
    let before = belongings.shown_at_rest(&desk).await;
    for route in routes() {
        for key in [Key::Admin, Key::Agent, Key::Sender, Key::Viewer] {
            if route.has_ids() {
                finds_nothing(&desk, key, &route, &belongings).await;
            } else {
                opens(&desk, key, &route).await;
            }
        }
    }
    for (path, shown) in belongings.shown(&desk).await {
        assert_eq!(before[&path], shown, "{path}");
    }
}

/// The body is of no route's: who may is told so.
async fn opens(desk: &Desk, key: Key, route: &Route) {
    let body = ("application/json".into(), r#"{"unheard":"of"}"#.into());
    let answer = ask(desk, key, route, &route.of_nothing(), &body).await;
    if may(key, needed(route)) {
        let expected = matches!(answer.status, 200 | 204 | 400 | 404 | 409);
        assert!(expected, "{key:?} {route:?}: {answer:?}");
    } else {
        answer.problem(403, "forbidden");
    }
}

/// Asked with bodies that it takes, it answers of each thing of another tenant's as it does of none.
async fn finds_nothing(desk: &Desk, key: Key, route: &Route, others: &Belongings) {
    let mut statuses = Vec::new();
    for body in route.bodies() {
        for belonging in others.every() {
            // Within the caller's own account, too.
            for own in [None, Some(neighbour::ACCOUNT)] {
                let own = own.filter(|_| route.has_ids_of_parts());
                let own = |kind: &str| own.filter(|_| kind == "accounts").map(str::to_owned);
                let path = route.with(|kind| own(kind).unwrap_or(belonging.id(kind).to_owned()));
                let of_nothing = route.with(|kind| own(kind).unwrap_or(nothing(kind).to_owned()));
                let known = ask(desk, key, route, &path, &body).await;
                let unknown = ask(desk, key, route, &of_nothing, &body).await;
                let known = (known.status, belonging.hidden(&known.text));
                assert_eq!(known, (unknown.status, unknown.text), "{key:?} {path}");
                statuses.push(unknown.status);
            }
        }
    }
    if may(key, needed(route)) {
        assert!(statuses.contains(&404), "{key:?} {route:?}: {statuses:?}");
    } else {
        assert!(statuses.iter().all(|it| *it == 403), "{key:?} {route:?}");
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
