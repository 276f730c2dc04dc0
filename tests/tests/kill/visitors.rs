//! The other half of the tour: people who sign in, keys, webhooks, and secrets typed where they do not belong.

use super::listener::{Listener, Told};
use super::tour::{FIRST_APP_SECRET, FIRST_TOKEN, WRONG, post, put};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{ACCOUNT, ADMIN_KEY, APP_SECRET, SENDER, sign};

const FIRST_PASSWORD: &str = "correct horse battery";
const SECOND_PASSWORD: &str = "battery+horse&correct";

/// Without a key.
async fn open(listener: &mut Listener<'_>, path: &str, body: &Value) -> Told {
    let request = listener.desk.anonymous(Method::POST, path).json(body);
    listener.hear(format!("POST {path}"), request).await
}

/// The tokens of a session, which its answer shows.
fn session(listener: &mut Listener<'_>, told: &Told) -> [String; 2] {
    ["access_token", "refresh_token"].map(|name| {
        let pointer = format!("/{name}");
        listener.shown("a session's token", told, &pointer)
    })
}

/// Somebody is invited, chooses a password, signs in and out, takes another password, and is invited anew.
pub(crate) async fn people(listener: &mut Listener<'_>) {
    listener.keep("a password", FIRST_PASSWORD);
    listener.keep("a password", SECOND_PASSWORD);
    let ada = json!({"email": "ada@example.com", "name": "Ada", "role": "agent"});
    let added = post(listener, ADMIN_KEY, "/v1/users", &ada).await.with(201);
    let invitation = listener.shown("an invitation", &added, "/invitation");
    let accept = json!({"invitation": invitation, "password": FIRST_PASSWORD});
    let path = "/v1/invitations/accept";
    let accepted = open(listener, path, &accept).await.with(201);
    session(listener, &accepted);
    open(listener, path, &accept).await.with(401);
    let enter =
        |password| json!({"tenant": "demo", "email": "ada@example.com", "password": password});
    let wrong = open(listener, "/v1/sessions", &enter(WRONG[3])).await;
    wrong.with(401);
    let right = open(listener, "/v1/sessions", &enter(FIRST_PASSWORD)).await;
    let [access, refresh] = session(listener, &right.with(201));
    listener.ask(&access, Method::GET, "/v1/me").await.with(200);
    listener
        .ask(&refresh, Method::GET, "/v1/me")
        .await
        .with(401);
    let refresh = json!({"refresh_token": refresh});
    let refreshed = open(listener, "/v1/sessions/refresh", &refresh).await;
    let [access, _] = session(listener, &refreshed.with(200));
    for (current, status) in [(WRONG[3], 422), (FIRST_PASSWORD, 204)] {
        let change = json!({"current_password": current, "new_password": SECOND_PASSWORD});
        let told = post(listener, &access, "/v1/me/password", &change).await;
        told.with(status);
    }
    let again = open(listener, "/v1/sessions", &enter(SECOND_PASSWORD)).await;
    let [access, _] = session(listener, &again.with(201));
    let out = listener.ask(&access, Method::DELETE, "/v1/sessions/current");
    out.await.with(204);
    let path = format!("/v1/users/{}/invitation", added.text("/id"));
    let anew = post(listener, ADMIN_KEY, &path, &Value::Null).await;
    listener.shown("an invitation", &anew.with(201), "/invitation");
}

/// A key is made, by a request that comes twice; used, changed, revoked, and presented all the same.
pub(crate) async fn keys(listener: &mut Listener<'_>) {
    let body = json!({"name": "Order system", "role": "sender"});
    let mut made = Vec::new();
    for _ in 0..2 {
        let request = listener
            .desk
            .with_key(ADMIN_KEY, Method::POST, "/v1/api-keys");
        let request = request.header("idempotency-key", "once").json(&body);
        let told = listener.hear("POST /v1/api-keys".to_owned(), request).await;
        made.push(told.with(201));
    }
    let key = listener.shown("an API key", &made[0], "/key");
    let path = format!("/v1/api-keys/{}", made[0].text("/id"));
    listener.ask(&key, Method::GET, "/v1/me").await.with(200);
    let renamed = json!({"name": "Renamed"});
    let change = listener.give(ADMIN_KEY, Method::PATCH, &path, &renamed);
    change.await.with(200);
    let revoke = listener.ask(ADMIN_KEY, Method::DELETE, &path);
    revoke.await.with(204);
    for key in [&key, WRONG[4]] {
        listener.ask(key, Method::GET, "/v1/me").await.with(401);
    }
}

/// Events and handshakes, proven and not.
pub(crate) async fn webhooks(listener: &mut Listener<'_>, account: &str) {
    let own = account.replace("/v1/accounts/", "");
    let body = json!({"object": "whatsapp_business_account", "entry": [{"id": "200000000000001", "changes": [
        {"field": "security", "value": {"event": "PIN_CHANGED", "phone_number_id": SENDER}}]}]});
    let body = body.to_string().into_bytes();
    for (to, signature) in [
        (ACCOUNT, Some(sign(APP_SECRET, &body))),
        (ACCOUNT, Some(sign(WRONG[0], &body))),
        (ACCOUNT, Some(APP_SECRET.to_owned())),
        (ACCOUNT, None),
        (&own, Some(sign(FIRST_APP_SECRET, &body))),
        ("acct_nobodys", Some(sign(APP_SECRET, &body))),
    ] {
        let url = listener.desk.webhook_url(to);
        let mut request = listener.desk.http().post(url).body(body.clone());
        if let Some(signature) = signature {
            request = request.header("x-hub-signature-256", signature);
        }
        listener.hear("POST /webhooks".to_owned(), request).await;
    }
    for to in [ACCOUNT, &own, "acct_nobodys"] {
        for token in ["demo-verify-token", WRONG[2]] {
            let url = listener.desk.webhook_url(to);
            let asked = format!("hub.mode=subscribe&hub.challenge=1&hub.verify_token={token}");
            let request = listener.desk.http().get(format!("{url}?{asked}"));
            listener.hear("GET /webhooks".to_owned(), request).await;
        }
    }
}

/// Secrets where something else belongs: as names and ids, in paths, cursors and headers, in bodies that are no JSON.
pub(crate) async fn misplace(listener: &mut Listener<'_>, key: &str, account: &str) {
    let business = format!("{account}/setup/business");
    for field in ["waba_id", "app_id"] {
        let mut body = json!({"waba_id": "1", "app_id": "1", "app_secret": FIRST_APP_SECRET});
        body[field] = FIRST_TOKEN.into();
        put(listener, key, &business, &body).await.with(400);
    }
    let number = json!({"phone_number_id": FIRST_TOKEN});
    put(
        listener,
        key,
        &format!("{account}/setup/phone-number"),
        &number,
    )
    .await
    .with(400);
    let unknown =
        json!({"name": "Shop", "access_token": FIRST_TOKEN, "app_secret": [FIRST_APP_SECRET]});
    post(listener, key, "/v1/accounts", &unknown)
        .await
        .with(400);
    let user = json!({"email": FIRST_PASSWORD, "name": "Ada", "role": FIRST_PASSWORD});
    post(listener, key, "/v1/users", &user).await.with(400);
    for path in [
        format!("/v1/api-keys/{key}"),
        format!("/v1/accounts/{FIRST_TOKEN}"),
        format!("/v1/messages?cursor={key}"),
        format!("/v1/messages?access_token={FIRST_TOKEN}"),
        format!("/v1/{FIRST_TOKEN}"),
    ] {
        listener.ask(key, Method::GET, &path).await;
    }
    let request = listener
        .desk
        .anonymous(Method::GET, "/v1/me")
        .basic_auth("ada", Some(FIRST_PASSWORD));
    listener
        .hear("GET /v1/me".to_owned(), request)
        .await
        .with(401);
    let torn = format!("{{\"access_token\": \"{FIRST_TOKEN}\", \"app_secret\": {FIRST_APP_SECRET}");
    let tokens = format!("{account}/setup/tokens");
    for content_type in ["application/json", "text/plain"] {
        let request = listener
            .desk
            .with_key(key, Method::PUT, &tokens)
            .body(torn.clone());
        let request = request.header("content-type", content_type);
        listener.hear("PUT tokens".to_owned(), request).await;
    }
}
