//! API keys, and the trail of what was changed.

use crate::id_of;
use crate::neighbour::Neighbour;
use futures_util::future::{join, join_all};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{ADMIN_KEY, Answer, Desk, in_seconds, read};

pub(crate) async fn ask(desk: &Desk, key: &str, method: Method, path: &str) -> Answer {
    read(desk.with_key(key, method, path)).await
}

pub(crate) async fn give(
    desk: &Desk,
    key: &str,
    method: Method,
    path: &str,
    body: &Value,
) -> Answer {
    read(desk.with_key(key, method, path).json(body)).await
}

/// A new key of the demo tenant's, as its answer tells it.
async fn new_key(desk: &Desk, body: &Value) -> Value {
    desk.post("/v1/api-keys", body).await.with(201)
}

pub(crate) fn text_of(key: &Value) -> &str {
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
    let answer = ask(&desk, key, Method::DELETE, admins).await;
    answer.problem(403, "not_yours_to_give");
    let answer = give(
        &desk,
        key,
        Method::PATCH,
        admins,
        &json!({"role": "viewer"}),
    )
    .await;
    answer.problem(403, "not_yours_to_give");
    assert_eq!(
        ask(&desk, key, Method::DELETE, &own).await.status,
        204,
        "its own it may"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_changes_at_once_never_add_up_to_a_right_that_neither_gave() {
    let desk = Desk::start().await;
    let narrow = json!({"name": "Keeper", "role": "admin", "scopes": ["configure", "read"]});
    let keeper = new_key(&desk, &narrow).await;
    let key = text_of(&keeper);
    for _ in 0..20 {
        let target = json!({"name": "t", "role": "viewer", "scopes": ["read"]});
        let target = new_key(&desk, &target).await;
        let path = format!("/v1/api-keys/{}", id_of(&target));
        let (admin, wide) = (json!({"role": "admin"}), json!({"scopes": null}));
        let change = |body| give(&desk, key, Method::PATCH, &path, body);
        let answers: [Answer; 2] = join(change(&admin), change(&wide)).await.into();
        assert!(
            answers.iter().any(|it| matches!(it.status, 403 | 409)),
            "{answers:?}"
        );
        let me = ask(&desk, text_of(&target), Method::GET, "/v1/me")
            .await
            .with(200);
        assert_ne!(
            (&me["role"], &me["rights"].as_array().unwrap().len()),
            (&json!("admin"), &6)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_makes_a_key_once_he_is_revoked() {
    let desk = Desk::start().await;
    for _ in 0..10 {
        let maker = new_key(&desk, &json!({"name": "Maker", "role": "admin"})).await;
        let path = format!("/v1/api-keys/{}", id_of(&maker));
        let body = json!({"name": "Late", "role": "viewer"});
        let add = || give(&desk, text_of(&maker), Method::POST, "/v1/api-keys", &body);
        let count = async || desk.all("/v1/api-keys").await.len();
        let revoking = async {
            assert_eq!(
                ask(&desk, ADMIN_KEY, Method::DELETE, &path).await.status,
                204
            );
            count().await
        };
        let (_, when_revoked) = join(join_all((0..6).map(|_| add())), revoking).await;
        assert_eq!(count().await, when_revoked);
        add().await.problem(401, "unauthenticated");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_undoes_its_own_demotion() {
    let desk = Desk::start().await;
    for _ in 0..10 {
        let key = new_key(&desk, &json!({"name": "Falling", "role": "admin"})).await;
        let path = format!("/v1/api-keys/{}", id_of(&key));
        let end = json!({"role": "viewer", "expires_at": in_seconds(600)});
        let up = json!({"role": "admin", "expires_at": null});
        let demoting = give(&desk, ADMIN_KEY, Method::PATCH, &path, &end);
        let rising =
            join_all((0..4).map(|_| give(&desk, text_of(&key), Method::PATCH, &path, &up)));
        let (demoted, _) = join(demoting, rising).await;
        if demoted.status != 200 {
            // Its own change was faster, while it still might.
            give(&desk, ADMIN_KEY, Method::PATCH, &path, &end)
                .await
                .with(200);
        }
        let now = desk.get(&path).await.with(200);
        assert_eq!(now["role"], "viewer", "{now}");
        assert!(now["expires_at"].is_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_with_an_end_gives_nothing_beyond_it() {
    let desk = Desk::start().await;
    let end = in_seconds(3_600);
    let ending = json!({"name": "Guest", "role": "admin", "expires_at": end});
    let ending = new_key(&desk, &ending).await;
    let key = text_of(&ending);
    let own = format!("/v1/api-keys/{}", id_of(&ending));
    for (method, path, body) in [
        (Method::PATCH, own.as_str(), json!({"expires_at": null})),
        (
            Method::PATCH,
            &own,
            json!({"expires_at": in_seconds(7_200)}),
        ),
        (
            Method::POST,
            "/v1/api-keys",
            json!({"name": "For ever", "role": "viewer"}),
        ),
        (
            Method::POST,
            "/v1/users",
            json!({"email": "a@example.com", "name": "A", "role": "viewer"}),
        ),
    ] {
        let answer = give(&desk, key, method, path, &body).await;
        answer.problem(403, "not_yours_to_give");
    }
    let shorter = json!({"name": "Shorter", "role": "viewer", "expires_at": in_seconds(60)});
    give(&desk, key, Method::POST, "/v1/api-keys", &shorter)
        .await
        .with(201);
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
    let beyond = json!({"name": "n", "role": "viewer", "scopes": ["read", "send"]});
    let answer = desk.post("/v1/api-keys", &beyond).await;
    assert_eq!(answer.faults(), ["/scopes"]);
    for name in ["two\nlines", "\u{202e}evil"] {
        let answer = desk
            .post("/v1/api-keys", &json!({"name": name, "role": "viewer"}))
            .await;
        assert_eq!(answer.faults(), ["/name"]);
    }
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
async fn keys_and_the_trail_are_listed_to_their_tenant_alone() {
    let desk = Desk::start().await;
    let neighbour = Neighbour::move_in(&desk).await;
    let made = new_key(&desk, &json!({"name": "Ours", "role": "viewer"})).await;
    let theirs = neighbour.get(&desk, "/v1/api-keys").await.with(200);
    let theirs = theirs["data"].as_array().unwrap();
    assert_eq!(theirs.len(), 6);
    assert!(theirs.iter().all(|it| it["id"] != made["id"]));
    let trail = neighbour.get(&desk, "/v1/audit").await.with(200);
    assert_eq!(trail["data"], json!([]));
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
