//! People: invited, signed in, refreshed, signed out, changed.

use crate::access::give;
use crate::id_of;
use crate::neighbour::Neighbour;
use futures_util::future::{join, join_all};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{ADMIN_KEY, Answer, Desk, OPERATOR_KEY, read};

const PASSWORD: &str = "correct horse battery";

/// Without a key.
async fn open(desk: &Desk, path: &str, body: &Value) -> Answer {
    read(desk.anonymous(Method::POST, path).json(body)).await
}

async fn add(desk: &Desk, email: &str, role: &str) -> Value {
    let body = json!({"email": email, "name": "Somebody", "role": role});
    desk.post("/v1/users", &body).await.with(201)
}

async fn accept(desk: &Desk, added: &Value, password: &str) -> Answer {
    let body = json!({"invitation": added["invitation"], "password": password});
    open(desk, "/v1/invitations/accept", &body).await
}

async fn sign_in(desk: &Desk, email: &str, password: &str) -> Answer {
    let body = json!({"tenant": "demo", "email": email, "password": password});
    open(desk, "/v1/sessions", &body).await
}

async fn me(desk: &Desk, session: &Value) -> Answer {
    let token = session["access_token"].as_str().unwrap();
    read(desk.with_key(token, Method::GET, "/v1/me")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_invited_chooses_a_password_and_is_signed_in_from_then_on() {
    let desk = Desk::start().await;
    let added = add(&desk, "Ada@Example.com", "agent").await;
    assert_eq!(
        (&added["email"], &added["status"]),
        (&json!("ada@example.com"), &json!("invited"))
    );
    let session = accept(&desk, &added, PASSWORD).await.with(201);
    assert_eq!(session["user"]["status"], "active");
    let known = me(&desk, &session).await.with(200);
    assert_eq!(
        (&known["tenant"], &known["role"]),
        (&json!("demo"), &json!("agent"))
    );
    assert_eq!(known["user"]["id"], added["id"]);
    assert!(known.get("api_key").is_none());
    accept(&desk, &added, PASSWORD)
        .await
        .problem(401, "token_over");
    let again = sign_in(&desk, "ADA@example.com", PASSWORD).await.with(201);
    me(&desk, &again).await.with(200);
    me(&desk, &session).await.with(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_address_a_wrong_password_and_whoever_may_not_hear_the_same() {
    let desk = Desk::start().await;
    let gone = add(&desk, "gone@example.com", "viewer").await;
    accept(&desk, &gone, PASSWORD).await.with(201);
    let path = format!("/v1/users/{}", id_of(&gone));
    give(
        &desk,
        ADMIN_KEY,
        Method::PATCH,
        &path,
        &json!({"disabled": true}),
    )
    .await
    .with(200);
    add(&desk, "invited@example.com", "viewer").await;
    let known = add(&desk, "known@example.com", "viewer").await;
    accept(&desk, &known, PASSWORD).await.with(201);
    let mut heard = Vec::new();
    for (email, password) in [
        ("nobody@example.com", PASSWORD),
        ("gone@example.com", PASSWORD),
        ("invited@example.com", PASSWORD),
        ("known@example.com", "another password"),
    ] {
        let answer = sign_in(&desk, email, password).await;
        answer.problem(401, "not_signed_in");
        heard.push(answer.text);
    }
    heard.dedup();
    assert_eq!(heard.len(), 1, "{heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_tries_too_often_waits_whether_there_is_such_a_person_or_not() {
    let desk = Desk::start().await;
    let known = add(&desk, "known@example.com", "viewer").await;
    accept(&desk, &known, PASSWORD).await.with(201);
    for email in ["known@example.com", "nobody@example.com"] {
        // A window may end meanwhile, and another one begin.
        let mut refused = None;
        for _ in 0..25 {
            let answer = sign_in(&desk, email, "another password").await;
            if answer.status == 429 {
                refused = Some(answer);
                break;
            }
        }
        let refused = refused.unwrap();
        refused.problem(429, "too_many_tries");
        let wait: u32 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=900).contains(&wait));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_refreshed_once_with_each_token_and_a_stolen_one_ends_it() {
    let desk = Desk::start().await;
    let added = add(&desk, "ada@example.com", "agent").await;
    let first = accept(&desk, &added, PASSWORD).await.with(201);
    let refresh = async |session: &Value| {
        let body = json!({"refresh_token": session["refresh_token"]});
        open(&desk, "/v1/sessions/refresh", &body).await
    };
    let second = refresh(&first).await.with(200);
    me(&desk, &first).await.problem(401, "unauthenticated");
    me(&desk, &second).await.with(200);
    // The answer may have been lost: within a minute the token before is good once more.
    let third = refresh(&first).await.with(200);
    me(&desk, &third).await.with(200);
    let used = json!({"refresh_token": third["access_token"]});
    open(&desk, "/v1/sessions/refresh", &used)
        .await
        .problem(401, "token_over");
    let token = third["refresh_token"].as_str().unwrap();
    read(desk.with_key(token, Method::GET, "/v1/me"))
        .await
        .problem(401, "unauthenticated");
    // Neither the newest nor the one before: somebody else has it, and nobody can tell who.
    refresh(&second).await.problem(401, "token_over");
    me(&desk, &third).await.problem(401, "unauthenticated");
    refresh(&third).await.problem(401, "token_over");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_out_is_out_with_both_tokens_and_nobody_else_is() {
    let desk = Desk::start().await;
    let added = add(&desk, "ada@example.com", "agent").await;
    let stays = accept(&desk, &added, PASSWORD).await.with(201);
    let leaves = sign_in(&desk, "ada@example.com", PASSWORD).await.with(201);
    let token = leaves["access_token"].as_str().unwrap();
    let out = read(desk.with_key(token, Method::DELETE, "/v1/sessions/current")).await;
    assert_eq!(out.status, 204);
    me(&desk, &leaves).await.problem(401, "unauthenticated");
    let body = json!({"refresh_token": leaves["refresh_token"]});
    open(&desk, "/v1/sessions/refresh", &body)
        .await
        .problem(401, "token_over");
    me(&desk, &stays).await.with(200);
    let key = read(desk.with_key(ADMIN_KEY, Method::DELETE, "/v1/sessions/current")).await;
    key.problem(409, "not_a_person");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_role_counts_for_the_next_request_and_who_is_disabled_is_out() {
    let desk = Desk::start().await;
    let added = add(&desk, "ada@example.com", "viewer").await;
    let session = accept(&desk, &added, PASSWORD).await.with(201);
    let token = session["access_token"].as_str().unwrap();
    let path = format!("/v1/users/{}", id_of(&added));
    let change = async |body: Value| give(&desk, ADMIN_KEY, Method::PATCH, &path, &body).await;
    let users = async || read(desk.with_key(token, Method::GET, "/v1/users")).await;
    users().await.problem(403, "forbidden");
    change(json!({"role": "admin", "name": "Ada"}))
        .await
        .with(200);
    assert_eq!(users().await.with(200)["data"][0]["name"], "Ada");
    let own = give(
        &desk,
        token,
        Method::PATCH,
        &path,
        &json!({"disabled": true}),
    )
    .await;
    own.problem(409, "own_user");
    change(json!({"disabled": true})).await.with(200);
    users().await.problem(401, "unauthenticated");
    change(json!({"disabled": false})).await.with(200);
    users().await.problem(401, "unauthenticated");
    let again = sign_in(&desk, "ada@example.com", PASSWORD).await.with(201);
    me(&desk, &again).await.with(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_password_ends_every_session_and_the_one_before_opens_nothing() {
    let desk = Desk::start().await;
    let added = add(&desk, "ada@example.com", "agent").await;
    let session = accept(&desk, &added, PASSWORD).await.with(201);
    let token = session["access_token"].as_str().unwrap();
    let ask = async |current: &str, new: &str| {
        let body = json!({"current_password": current, "new_password": new});
        give(&desk, token, Method::POST, "/v1/me/password", &body).await
    };
    ask("another password", "battery horse correct")
        .await
        .problem(422, "wrong_password");
    assert_eq!(ask(PASSWORD, "short").await.faults(), ["/new_password"]);
    assert_eq!(
        ask(PASSWORD, "ada@example.com").await.faults(),
        ["/new_password"]
    );
    assert_eq!(ask(PASSWORD, "battery horse correct").await.status, 204);
    me(&desk, &session).await.problem(401, "unauthenticated");
    sign_in(&desk, "ada@example.com", PASSWORD)
        .await
        .problem(401, "not_signed_in");
    sign_in(&desk, "ada@example.com", "battery horse correct")
        .await
        .with(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_invited_anew_has_one_invitation_that_opens() {
    let desk = Desk::start().await;
    let added = add(&desk, "ada@example.com", "agent").await;
    let session = accept(&desk, &added, PASSWORD).await.with(201);
    let path = format!("/v1/users/{}/invitation", id_of(&added));
    let first = desk.post(&path, &Value::Null).await.with(201);
    let second = desk.post(&path, &Value::Null).await.with(201);
    accept(&desk, &first, "battery horse correct")
        .await
        .problem(401, "token_over");
    me(&desk, &session).await.with(200);
    accept(&desk, &second, "battery horse correct")
        .await
        .with(201);
    me(&desk, &session).await.problem(401, "unauthenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_in_two_tenants_is_two_people() {
    let desk = Desk::start().await;
    let neighbour = Neighbour::move_in(&desk).await;
    let here = add(&desk, "ada@example.com", "agent").await;
    let again = json!({"email": "ADA@example.com", "name": "Ada", "role": "viewer"});
    desk.post("/v1/users", &again)
        .await
        .problem(409, "user_exists");
    accept(&desk, &here, PASSWORD).await.with(201);
    let there = neighbour.post(&desk, "/v1/users", &again).await.with(201);
    accept(&desk, &there, "battery horse correct")
        .await
        .with(201);
    sign_in(&desk, "ada@example.com", "battery horse correct")
        .await
        .problem(401, "not_signed_in");
    for (tenant, password) in [("demo", PASSWORD), ("neighbour", "battery horse correct")] {
        let body = json!({"email": "ada@example.com", "password": password, "tenant": tenant});
        let session = open(&desk, "/v1/sessions", &body).await.with(201);
        assert_eq!(me(&desk, &session).await.with(200)["tenant"], tenant);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_of_a_disabled_tenant_signs_in() {
    let desk = Desk::start().await;
    let added = add(&desk, "ada@example.com", "agent").await;
    let session = accept(&desk, &added, PASSWORD).await.with(201);
    let body = json!({"disabled": true});
    give(
        &desk,
        OPERATOR_KEY,
        Method::PATCH,
        "/v1/tenants/demo",
        &body,
    )
    .await
    .with(200);
    me(&desk, &session).await.problem(403, "tenant_disabled");
    sign_in(&desk, "ada@example.com", PASSWORD)
        .await
        .problem(403, "tenant_disabled");
    sign_in(&desk, "ada@example.com", "another password")
        .await
        .problem(401, "not_signed_in");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_person_is_told_and_no_secret_of_one_is_shown() {
    let desk = Desk::start().await;
    let body = json!({"email": "nowhere", "name": "", "role": "root", "password": PASSWORD});
    let mut faults = desk.post("/v1/users", &body).await.faults();
    faults.sort();
    assert_eq!(faults, ["/email", "/name", "/password", "/role"]);
    let narrow = json!({"name": "Keeper", "role": "admin", "scopes": ["configure", "read"]});
    let keeper = desk.post("/v1/api-keys", &narrow).await.with(201);
    let key = keeper["key"].as_str().unwrap();
    let agent = json!({"email": "ada@example.com", "name": "Ada", "role": "agent"});
    let answer = give(&desk, key, Method::POST, "/v1/users", &agent).await;
    answer.problem(403, "not_yours_to_give");
    let added = add(&desk, "ada@example.com", "admin").await;
    let path = format!("/v1/users/{}", id_of(&added));
    for (method, path) in [
        (Method::PATCH, path.clone()),
        (Method::POST, format!("{path}/invitation")),
    ] {
        let answer = give(&desk, key, method, &path, &json!({"role": "viewer"})).await;
        answer.problem(403, "not_yours_to_give");
    }
    accept(&desk, &added, PASSWORD).await.with(201);
    for path in [path.as_str(), "/v1/users", "/v1/audit"] {
        let answer = desk.get(path).await;
        answer.with(200);
        for secret in [
            PASSWORD,
            "argon2",
            "hgi_",
            added["invitation"].as_str().unwrap(),
        ] {
            assert!(!answer.text.contains(secret), "{}", answer.text);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_idempotency_key_adds_one_person_and_only_its_first_answer_invites() {
    let desk = Desk::start().await;
    let body = json!({"email": "ada@example.com", "name": "Ada", "role": "agent"});
    let header = ("idempotency-key", "ada");
    let first = desk.post_with("/v1/users", &body, header).await.with(201);
    let again = desk.post_with("/v1/users", &body, header).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let again = again.with(201);
    assert_eq!(again["id"], first["id"]);
    assert!(first["invitation"].is_string() && again.get("invitation").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_session_that_begins_with_the_old_password_outlives_the_new_one() {
    let desk = Desk::start().await;
    let added = add(&desk, "ada@example.com", "agent").await;
    let session = accept(&desk, &added, PASSWORD).await.with(201);
    let body = json!({"current_password": PASSWORD, "new_password": "battery horse correct"});
    let token = session["access_token"].as_str().unwrap();
    let change = give(&desk, token, Method::POST, "/v1/me/password", &body);
    let old = join_all((0..6).map(|_| sign_in(&desk, "ada@example.com", PASSWORD)));
    let (changed, begun) = join(change, old).await;
    assert_eq!(changed.status, 204);
    for answer in begun.iter().filter(|it| it.status == 201) {
        me(&desk, &answer.json())
            .await
            .problem(401, "unauthenticated");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_disabled_has_no_invitation_left_and_nobody_invites_himself() {
    let desk = Desk::start().await;
    let added = add(&desk, "ada@example.com", "admin").await;
    let path = format!("/v1/users/{}", id_of(&added));
    for disabled in [true, false] {
        let body = json!({"disabled": disabled});
        give(&desk, ADMIN_KEY, Method::PATCH, &path, &body)
            .await
            .with(200);
    }
    accept(&desk, &added, PASSWORD)
        .await
        .problem(401, "token_over");
    let invited = desk
        .post(&format!("{path}/invitation"), &Value::Null)
        .await
        .with(201);
    let session = accept(&desk, &invited, PASSWORD).await.with(201);
    let token = session["access_token"].as_str().unwrap();
    let own = format!("{path}/invitation");
    let answer = give(&desk, token, Method::POST, &own, &Value::Null).await;
    answer.problem(409, "own_user");
}
