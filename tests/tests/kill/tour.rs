//! A run over everything that has to do with secrets: given, drawn, used, refused, typed where they do not belong.

use super::listener::{Listener, Told};
use super::visitors::{keys, misplace, people, webhooks};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{ADMIN_KEY, APP_SECRET, OPERATOR_KEY, SENDER, eventually, nothing, routes, text};

const APP: &str = "400000000000007";
const WABA: &str = "200000000000007";
const NUMBER: &str = "100000000000007";
const PERSON: &str = "+15550051001";

/// With signs in them that stand otherwise in an address.
pub(crate) const FIRST_APP_SECRET: &str = "tour+first-app-secret=1";
const SECOND_APP_SECRET: &str = "tour+second-app-secret=2";
pub(crate) const FIRST_TOKEN: &str = "tour+first-access-token=1";
const ENDING_TOKEN: &str = "tour+ending-access-token=2";
const LAST_TOKEN: &str = "tour+last-access-token=3";

/// What is wrong, and might as well be another's secret.
pub(crate) const WRONG: [&str; 5] = [
    "tour-wrong-app-secret",
    "tour-wrong-access-token",
    "tour-wrong-verify-token",
    "tour wrong password",
    "hg_tour_wrong_key",
];

/// Takes the whole tour.
pub(crate) async fn take(listener: &mut Listener<'_>) {
    for secret in [
        APP_SECRET,
        "demo-access-token",
        "demo-verify-token",
        "demo-fonnte-token",
        "demo-notifapi-key",
        "demo-mock-key",
    ] {
        listener.keep("the demo's secret", secret);
    }
    for secret in WRONG {
        listener.keep("a wrong secret", secret);
    }
    let key = new_tenant(listener).await;
    let account = set_up(listener, &key).await;
    send(listener, &key).await;
    rotate(listener, &key, &account).await;
    refuse(listener, &key, &account).await;
    people(listener).await;
    keys(listener).await;
    webhooks(listener, &account).await;
    misplace(listener, &key, &account).await;
    look_round(listener, &key, &account).await;
}

/// A tenant by the operator; its first key.
async fn new_tenant(listener: &mut Listener<'_>) -> String {
    let acme = json!({"id": "acme", "name": "Acme"});
    let post = Method::POST;
    let made = listener.give(OPERATOR_KEY, post.clone(), "/v1/tenants", &acme);
    made.await.with(201);
    let first = json!({"name": "First", "role": "admin"});
    let keys = "/v1/tenants/acme/api-keys";
    let made = listener.give(OPERATOR_KEY, post, keys, &first).await;
    listener.shown("a tenant's first key", &made.with(201), "/key")
}

/// Tells the simulator what Meta would know.
async fn meta_knows(listener: &mut Listener<'_>, what: &str, order: &Value) {
    let url = format!("{}/_sim/{what}", listener.desk.simulator_url());
    let request = listener.desk.http().post(url).json(order);
    listener
        .hear(format!("POST /_sim/{what}"), request)
        .await
        .with(201);
}

async fn app_with(listener: &mut Listener<'_>, secret: &str) {
    listener.keep("an app secret", secret);
    let app = json!({"app_id": APP, "app_secret": secret});
    meta_knows(listener, "apps", &app).await;
}

async fn token(listener: &mut Listener<'_>, token: &str, expires_in_s: Option<i64>) {
    listener.keep("an access token", token);
    let order =
        json!({"token": token, "app_id": APP, "wabas": [WABA], "expires_in_s": expires_in_s});
    meta_knows(listener, "tokens", &order).await;
}

pub(crate) async fn put(listener: &mut Listener<'_>, key: &str, path: &str, body: &Value) -> Told {
    listener.give(key, Method::PUT, path, body).await
}

pub(crate) async fn post(listener: &mut Listener<'_>, key: &str, path: &str, body: &Value) -> Told {
    listener.give(key, Method::POST, path, body).await
}

fn business(app_secret: &str) -> Value {
    json!({"waba_id": WABA, "app_id": APP, "app_secret": app_secret})
}

/// The six steps, with a wrong secret before each right one; the account's path.
async fn set_up(listener: &mut Listener<'_>, key: &str) -> String {
    app_with(listener, FIRST_APP_SECRET).await;
    let waba = json!({"waba_id": WABA, "app_id": APP});
    meta_knows(listener, "wabas", &waba).await;
    let number = json!({
        "phone_number_id": NUMBER, "display_phone_number": "+15550001007", "waba_id": WABA, "verified": true,
        "registered": true,
    });
    meta_knows(listener, "numbers", &number).await;
    token(listener, FIRST_TOKEN, None).await;
    let made = post(listener, key, "/v1/accounts", &json!({"name": "Shop"})).await;
    let account = format!("/v1/accounts/{}", made.with(201).text("/id"));
    let step = |name: &str| format!("{account}/setup/{name}");
    let wrong = put(listener, key, &step("business"), &business(WRONG[0])).await;
    wrong.with(422);
    let right = put(
        listener,
        key,
        &step("business"),
        &business(FIRST_APP_SECRET),
    )
    .await;
    right.with(200);
    let number = json!({"phone_number_id": NUMBER});
    put(listener, key, &step("phone-number"), &number)
        .await
        .with(200);
    let wrong = json!({"access_token": WRONG[1]});
    put(listener, key, &step("tokens"), &wrong).await.with(422);
    let right = json!({"access_token": FIRST_TOKEN});
    let drawn = put(listener, key, &step("tokens"), &right).await.with(200);
    listener.shown("a verify token that was drawn", &drawn, "/verify_token");
    let rest = [
        ("profile", json!({})),
        ("bot", json!({"auto_reply": false})),
        ("webhook", Value::Null),
    ];
    for (name, body) in rest {
        put(listener, key, &step(name), &body).await.with(200);
    }
    let order = json!({"from": PERSON, "to": NUMBER, "text": "Hello"});
    listener.desk.inbound(&order).await;
    let activate = format!("{account}/activate");
    let without = json!({"without_event": true});
    post(listener, key, &activate, &without).await.with(200);
    account
}

async fn send(listener: &mut Listener<'_>, key: &str) {
    let hello = json!({"from": NUMBER, "to": PERSON, "type": "text", "text": {"body": "Hello"}});
    post(listener, key, "/v1/messages", &hello).await.with(200);
    let job = json!({"name": "All", "from": NUMBER, "type": "text", "text": {"body": "Hi {{1}}"}});
    let made = post(listener, key, "/v1/bulk-jobs", &job).await.with(201);
    let path = format!("/v1/bulk-jobs/{}", made.text("/id"));
    let recipient = |place| json!({"to": format!("+1555005200{place}"), "variables": ["you"]});
    let recipients: Vec<Value> = (0..5).map(recipient).collect();
    let recipients = json!({"recipients": recipients});
    post(listener, key, &format!("{path}/recipients"), &recipients)
        .await
        .with(200);
    post(listener, key, &format!("{path}/start"), &Value::Null)
        .await
        .with(202);
    let look = async || {
        let job = listener.ask(key, Method::GET, &path).await.with(200);
        (job.body["status"] == "finished").then_some(())
    };
    eventually("the job to end", look).await;
}

/// What an account shows of its secret of this kind.
async fn credential(listener: &mut Listener<'_>, key: &str, account: &str, kind: &str) -> Value {
    let told = listener.ask(key, Method::GET, account).await.with(200);
    let all = told.body["credentials"].as_array().unwrap();
    let found = all.iter().find(|it| it["kind"] == kind);
    found.unwrap().clone()
}

/// One rotation of each kind: a token that ends is exchanged, a verify token drawn anew, an app secret entered anew.
async fn rotate(listener: &mut Listener<'_>, key: &str, account: &str) {
    token(listener, ENDING_TOKEN, Some(50 * 86_400)).await;
    let tokens = format!("{account}/setup/tokens");
    let ending = json!({"access_token": ENDING_TOKEN});
    put(listener, key, &tokens, &ending).await.with(200);
    for kind in ["access_token", "verify_token"] {
        let before = credential(listener, key, account, kind).await;
        let asked = json!({"credential": kind});
        post(listener, key, &format!("{account}/rotate"), &asked)
            .await
            .with(202);
        let look = async || {
            let now = credential(listener, key, account, kind).await;
            (now["since"] != before["since"]).then_some(())
        };
        eventually("the next secret to be in force", look).await;
    }
    app_with(listener, SECOND_APP_SECRET).await;
    let business = business(SECOND_APP_SECRET);
    let path = format!("{account}/setup/business");
    put(listener, key, &path, &business).await.with(200);
    let chosen = "tour+chosen-verify-token=1";
    listener.keep("a verify token", chosen);
    let verify = json!({"verify_token": chosen});
    put(listener, key, &tokens, &verify).await.with(200);
}

/// Meta refuses a token: an account that has another one takes that, the sender of one that has not is paused.
async fn refuse(listener: &mut Listener<'_>, key: &str, account: &str) {
    token(listener, LAST_TOKEN, None).await;
    let last = json!({"access_token": LAST_TOKEN});
    let tokens = format!("{account}/setup/tokens");
    put(listener, key, &tokens, &last).await.with(200);
    let order = json!({"fault": "error:190", "sender": NUMBER, "times": 1});
    listener.desk.fault(&order).await;
    let hello = json!({"from": NUMBER, "to": PERSON, "type": "text", "text": {"body": "Hello"}});
    let sent = post(listener, key, "/v1/messages", &hello).await.with(200);
    let message = format!("/v1/messages/{}", sent.text("/id"));
    let look = async || {
        let message = listener.ask(key, Method::GET, &message).await;
        (message.body["state"] == "read").then_some(())
    };
    eventually("the message to be sent with the next token", look).await;
    let order = json!({"fault": "error:190", "sender": SENDER, "times": 1});
    listener.desk.fault(&order).await;
    let refused = text(PERSON, "Hello");
    for status in [502, 409] {
        let sent = post(listener, ADMIN_KEY, "/v1/messages", &refused).await;
        sent.with(status);
    }
    for (key, account) in [(key, account), (ADMIN_KEY, "/v1/accounts/acct_demo")] {
        for order in ["test", "health-check"] {
            let path = format!("{account}/{order}");
            post(listener, key, &path, &Value::Null).await.with(200);
        }
    }
    let resume = format!("/v1/senders/{SENDER}/resume");
    let resumed = post(listener, ADMIN_KEY, &resume, &Value::Null).await;
    resumed.with(200);
}

/// All that can be read, of what there is and of what there is not.
async fn look_round(listener: &mut Listener<'_>, key: &str, account: &str) {
    let id = account.replace("/v1/accounts/", "");
    let mut known = vec![
        ("accounts", id),
        ("phone-numbers", NUMBER.to_owned()),
        ("senders", NUMBER.to_owned()),
    ];
    for kind in [
        "messages",
        "bulk-jobs",
        "contacts",
        "conversations",
        "webhook-events",
        "api-keys",
    ] {
        let listed = listener.ask(key, Method::GET, &format!("/v1/{kind}")).await;
        known.push((kind, listed.with(200).text("/data/0/id")));
    }
    for route in routes().iter().filter(|it| it.method == Method::GET) {
        let path = route.with(|kind| {
            let id = known.iter().find(|(of, _)| *of == kind);
            id.map_or(nothing(kind).to_owned(), |(_, id)| id.clone())
        });
        for key in [key, OPERATOR_KEY] {
            listener.ask(key, Method::GET, &path).await;
        }
    }
}
