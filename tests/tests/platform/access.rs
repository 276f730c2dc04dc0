//! Tenants, API keys, and the trail of what was changed.

use crate::id_of;
use crate::neighbour::{Key, Neighbour};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{ADMIN_KEY, Answer, Desk, OPERATOR_KEY, VIEWER_KEY, in_seconds, read};

async fn ask(desk: &Desk, key: &str, method: Method, path: &str) -> Answer {
    read(desk.with_key(key, method, path)).await
}

async fn give(desk: &Desk, key: &str, method: Method, path: &str, body: &Value) -> Answer {
    read(desk.with_key(key, method, path).json(body)).await
}

/// A new key of the demo tenant's, as its answer tells it.
async fn new_key(desk: &Desk, body: &Value) -> Value {
    desk.post("/v1/api-keys", body).await.with(201)
}

fn text_of(key: &Value) -> &str {
    key["key"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_opens_at_once_and_is_shown_once() {
    let desk = Desk::start().await;
    let made = new_key(&desk, &json!({"name": "Order system", "role": "sender"})).await;
    let key = text_of(&made);
    assert!(key.starts_with("hg_") && key.len() > 60);
    assert_eq!(
        (&made["role"], &made["status"]),
        (&json!("sender"), &json!("active"))
    );
    let me = ask(&desk, key, Method::GET, "/v1/me").await.with(200);
    assert_eq!(me["api_key"], made["id"]);
    assert_eq!(
        (&me["tenant"], &me["tenant_name"]),
        (&json!("demo"), &json!("Demo"))
    );
    assert_eq!(
        (&me["role"], &me["rights"]),
        (&json!("sender"), &json!(["read", "send"]))
    );
    let path = format!("/v1/api-keys/{}", id_of(&made));
    let mut seen = vec![desk.get(&path).await, desk.get("/v1/api-keys").await];
    seen.push(desk.get("/v1/audit").await);
    for answer in seen {
        answer.with(200);
        assert!(!answer.text.contains(key), "{}", answer.text);
    }
    assert!(desk.get(&path).await.json()["last_used_at"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_opens_nothing_from_the_next_request_on_and_for_ever() {
    let desk = Desk::start().await;
    let made = new_key(&desk, &json!({"name": "Gone", "role": "viewer"})).await;
    let (key, path) = (text_of(&made), format!("/v1/api-keys/{}", id_of(&made)));
    ask(&desk, key, Method::GET, "/v1/messages").await.with(200);
    for _ in 0..2 {
        let answer = ask(&desk, ADMIN_KEY, Method::DELETE, &path).await;
        assert_eq!((answer.status, answer.text.as_str()), (204, ""));
        let answer = ask(&desk, key, Method::GET, "/v1/messages").await;
        answer.problem(401, "unauthenticated");
    }
    let shown = desk.get(&path).await.with(200);
    assert_eq!(shown["status"], "revoked");
    let changed = json!({"role": "admin"});
    let answer = give(&desk, ADMIN_KEY, Method::PATCH, &path, &changed).await;
    answer.problem(409, "api_key_revoked");
    let listed = desk.all("/v1/api-keys").await;
    assert!(listed.iter().any(|it| it["id"] == made["id"]));
    let revocations = desk.all("/v1/audit").await;
    let revocations = revocations
        .iter()
        .filter(|it| it["action"] == "api_key.revoked");
    assert_eq!(revocations.count(), 1, "what was done once stands once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_a_key_counts_for_the_next_request() {
    let desk = Desk::start().await;
    let made = new_key(&desk, &json!({"name": "Changing", "role": "viewer"})).await;
    let (key, path) = (text_of(&made), format!("/v1/api-keys/{}", id_of(&made)));
    let change = async |body: Value| {
        let answer = give(&desk, ADMIN_KEY, Method::PATCH, &path, &body).await;
        answer.with(200)
    };
    ask(&desk, key, Method::GET, "/v1/audit")
        .await
        .problem(403, "forbidden");
    let changed = change(json!({"role": "admin", "scopes": ["read", "configure"]})).await;
    assert_eq!(changed["scopes"], json!(["read", "configure"]));
    ask(&desk, key, Method::GET, "/v1/audit").await.with(200);
    let sent = give(&desk, key, Method::POST, "/v1/messages", &json!({})).await;
    sent.problem(403, "out_of_scope");
    let changed =
        change(json!({"scopes": null, "expires_at": in_seconds(3_600), "name": "Wide"})).await;
    assert!(changed.get("scopes").is_none() && changed["expires_at"].is_string());
    assert_eq!(
        (&changed["name"], &changed["role"]),
        (&json!("Wide"), &json!("admin"))
    );
    let sent = give(&desk, key, Method::POST, "/v1/messages", &json!({})).await;
    sent.problem(400, "invalid_request");
    let changed = change(json!({"expires_at": null})).await;
    assert!(changed.get("expires_at").is_none());
    assert_eq!(
        change(json!({})).await,
        changed,
        "nothing asked, nothing changed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gives_away_a_right_that_he_has_not() {
    let desk = Desk::start().await;
    let narrow = json!({"name": "Keeper", "role": "admin", "scopes": ["configure", "read"]});
    let keeper = new_key(&desk, &narrow).await;
    let key = text_of(&keeper);
    let post = async |body: Value| give(&desk, key, Method::POST, "/v1/api-keys", &body).await;
    post(json!({"name": "v", "role": "viewer"})).await.with(201);
    let answer = post(json!({"name": "s", "role": "sender"})).await;
    answer.problem(403, "not_yours_to_give");
    let answer = post(json!({"name": "a", "role": "admin"})).await;
    answer.problem(403, "not_yours_to_give");
    let own = format!("/v1/api-keys/{}", id_of(&keeper));
    let answer = give(&desk, key, Method::PATCH, &own, &json!({"scopes": null})).await;
    answer.problem(403, "not_yours_to_give");
    let admins = "/v1/api-keys/key_demo-admin";
    let answer = give(
        &desk,
        key,
        Method::PATCH,
        admins,
        &json!({"role": "viewer"}),
    )
    .await;
    answer.problem(403, "not_yours_to_give");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_key_is_told_and_nothing_is_made() {
    let desk = Desk::start().await;
    let before = desk.all("/v1/api-keys").await.len();
    let body = json!({"name": " ", "role": "root", "scopes": ["read", "fly"], "expires_at": "2020-01-01T00:00:00Z",
        "key": "hg_mine"});
    let answer = desk.post("/v1/api-keys", &body).await;
    answer.problem(400, "invalid_request");
    let expected = ["/expires_at", "/key", "/name", "/role", "/scopes/1"];
    let mut faults = answer.faults();
    faults.sort();
    assert_eq!(faults, expected);
    let answer = desk
        .post(
            "/v1/api-keys",
            &json!({"name": "n", "role": "viewer", "scopes": []}),
        )
        .await;
    assert_eq!(answer.faults(), ["/scopes"]);
    assert_eq!(desk.all("/v1/api-keys").await.len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_idempotency_key_is_one_api_key_and_only_its_first_answer_shows_it() {
    let desk = Desk::start().await;
    let body = json!({"name": "Once", "role": "viewer"});
    let header = ("idempotency-key", "once");
    let first = desk
        .post_with("/v1/api-keys", &body, header)
        .await
        .with(201);
    let again = desk.post_with("/v1/api-keys", &body, header).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let again = again.with(201);
    assert_eq!(again["id"], first["id"]);
    assert!(first["key"].is_string() && again.get("key").is_none());
    let other = json!({"name": "Other", "role": "viewer"});
    let answer = desk.post_with("/v1/api-keys", &other, header).await;
    answer.problem(422, "idempotency_mismatch");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_neighbours_keys_and_trail_are_found_nowhere() {
    let desk = Desk::start().await;
    let neighbour = Neighbour::move_in(&desk).await;
    let made = new_key(&desk, &json!({"name": "Ours", "role": "viewer"})).await;
    let path = format!("/v1/api-keys/{}", id_of(&made));
    for method in [Method::GET, Method::DELETE] {
        let answer = ask(&desk, Key::Admin.text(), method, &path).await;
        answer.problem(404, "not_found");
    }
    let answer = give(
        &desk,
        Key::Admin.text(),
        Method::PATCH,
        &path,
        &json!({"name": "x"}),
    )
    .await;
    answer.problem(404, "not_found");
    let theirs = neighbour.get(&desk, "/v1/api-keys").await.with(200);
    let theirs = theirs["data"].as_array().unwrap();
    assert_eq!(theirs.len(), 6);
    assert!(theirs.iter().all(|it| it["id"] != made["id"]));
    let trail = neighbour.get(&desk, "/v1/audit").await.with(200);
    assert_eq!(trail["data"], json!([]));
    ask(&desk, text_of(&made), Method::GET, "/v1/me")
        .await
        .with(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trail_tells_who_did_what_to_which_thing_when_and_from_where() {
    let desk = Desk::start().await;
    let body = json!({"name": "Told of", "role": "viewer"});
    let made = new_key(&desk, &body).await;
    let path = format!("/v1/api-keys/{}", id_of(&made));
    let renamed = json!({"name": "Renamed"});
    give(&desk, ADMIN_KEY, Method::PATCH, &path, &renamed)
        .await
        .with(200);
    ask(&desk, ADMIN_KEY, Method::DELETE, &path).await;
    let trail = desk.all("/v1/audit").await;
    let told: Vec<_> = trail
        .iter()
        .map(|it| (it["action"].clone(), it["changes"].clone()))
        .collect();
    let expected = [
        (json!("api_key.revoked"), Value::Null),
        (json!("api_key.changed"), renamed),
        (json!("api_key.created"), body),
    ];
    assert_eq!(told, expected, "newest first");
    for entry in &trail {
        assert_eq!(entry["target"], made["id"]);
        assert_eq!(
            entry["actor"],
            json!({"kind": "api_key", "id": "key_demo-admin"})
        );
        assert_eq!(entry["address"], "127.0.0.1");
        assert!(entry["at"].is_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_makes_a_tenant_whose_first_key_makes_the_others() {
    let desk = Desk::start().await;
    let acme = json!({"id": "acme", "name": "Acme"});
    let made = give(&desk, OPERATOR_KEY, Method::POST, "/v1/tenants", &acme).await;
    assert_eq!(made.header("location"), Some("/v1/tenants/acme"));
    assert_eq!(made.with(201)["name"], "Acme");
    let again = give(&desk, OPERATOR_KEY, Method::POST, "/v1/tenants", &acme).await;
    again.problem(409, "tenant_exists");
    let first = json!({"name": "First", "role": "admin"});
    let keys = "/v1/tenants/acme/api-keys";
    let first = give(&desk, OPERATOR_KEY, Method::POST, keys, &first)
        .await
        .with(201);
    let second = json!({"name": "Second", "role": "agent"});
    let second = give(
        &desk,
        text_of(&first),
        Method::POST,
        "/v1/api-keys",
        &second,
    )
    .await
    .with(201);
    let me = ask(&desk, text_of(&second), Method::GET, "/v1/me")
        .await
        .with(200);
    assert_eq!(
        (&me["tenant"], &me["role"]),
        (&json!("acme"), &json!("agent"))
    );
    let messages = ask(&desk, text_of(&second), Method::GET, "/v1/messages")
        .await
        .with(200);
    assert_eq!(messages["data"], json!([]), "nothing of anybody else's");
    let trail = ask(&desk, text_of(&first), Method::GET, "/v1/audit")
        .await
        .with(200);
    let who: Vec<_> = trail["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["actor"]["kind"])
        .collect();
    assert_eq!(who, ["api_key", "operator", "operator"]);
    let listed = ask(&desk, OPERATOR_KEY, Method::GET, "/v1/tenants")
        .await
        .with(200);
    let ids: Vec<_> = listed["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["id"])
        .collect();
    assert_eq!(ids, ["acme", "demo"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_a_disabled_tenant_open_nothing_until_it_is_enabled() {
    let desk = Desk::start().await;
    let acme = json!({"id": "acme", "name": "Acme"});
    give(&desk, OPERATOR_KEY, Method::POST, "/v1/tenants", &acme)
        .await
        .with(201);
    let keys = "/v1/tenants/acme/api-keys";
    let admin = json!({"name": "First", "role": "admin"});
    let key = give(&desk, OPERATOR_KEY, Method::POST, keys, &admin)
        .await
        .with(201);
    let change = async |disabled: bool| {
        let body = json!({"disabled": disabled});
        let answer = give(
            &desk,
            OPERATOR_KEY,
            Method::PATCH,
            "/v1/tenants/acme",
            &body,
        )
        .await;
        answer.with(200)
    };
    ask(&desk, text_of(&key), Method::GET, "/v1/me")
        .await
        .with(200);
    let since = change(true).await["disabled_at"].clone();
    assert!(since.is_string());
    assert_eq!(
        change(true).await["disabled_at"],
        since,
        "disabled twice is disabled since the first time"
    );
    for path in ["/v1/me", "/v1/messages"] {
        let answer = ask(&desk, text_of(&key), Method::GET, path).await;
        answer.problem(403, "tenant_disabled");
    }
    let answer = give(&desk, OPERATOR_KEY, Method::POST, keys, &admin).await;
    answer.problem(403, "tenant_disabled");
    assert!(change(false).await.get("disabled_at").is_none());
    ask(&desk, text_of(&key), Method::GET, "/v1/me")
        .await
        .with(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_operator_runs_the_installation() {
    let desk = Desk::start().await;
    let acme = json!({"id": "acme", "name": "Acme"});
    for key in [ADMIN_KEY, VIEWER_KEY] {
        let answer = give(&desk, key, Method::POST, "/v1/tenants", &acme).await;
        answer.problem(403, "forbidden");
    }
    for key in [
        "hg_operator_wrong",
        "hg_operator_",
        "hg_operator_demo2",
        "hg_unknown",
    ] {
        let answer = give(&desk, key, Method::POST, "/v1/tenants", &acme).await;
        answer.problem(401, "unauthenticated");
    }
    // The operator is nobody's caller: he reads no tenant's messages.
    let answer = ask(&desk, OPERATOR_KEY, Method::GET, "/v1/messages").await;
    answer.problem(401, "unauthenticated");
    let answer = ask(&desk, OPERATOR_KEY, Method::GET, "/v1/tenants/acme").await;
    answer.problem(404, "not_found");
    for (body, fault) in [
        (json!({"id": "Acme", "name": "Acme"}), "/id"),
        (json!({"id": "acme#1", "name": "Acme"}), "/id"),
        (json!({"id": "acme"}), "/name"),
        (
            json!({"id": "acme", "name": "Acme", "plan": "gold"}),
            "/plan",
        ),
    ] {
        let answer = give(&desk, OPERATOR_KEY, Method::POST, "/v1/tenants", &body).await;
        assert_eq!(answer.faults(), [fault]);
    }
}
