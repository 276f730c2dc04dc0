//! The app's own webhook, without which no account of it hears anything.

use crate::access::{ask, give};
use crate::setup::{
    APP, APP_SECRET, TOKEN, another_token, connect, event_comes, new_account, put, revoke, set_up,
};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{ADMIN_KEY, Answer, Desk, read};

/// The webhook of the app, as Meta shows it: its address, and what it hears of.
async fn shown(desk: &Desk) -> (String, Vec<String>) {
    let listed = ask_meta(desk, Method::GET, &Value::Null).await;
    let webhook = &listed["data"][0];
    let fields = webhook["fields"].as_array().unwrap().iter();
    let fields = fields.map(|it| it["name"].as_str().unwrap().to_owned());
    let url = webhook["callback_url"].as_str().unwrap_or_default();
    (url.to_owned(), fields.collect())
}

async fn ask_meta(desk: &Desk, method: Method, body: &Value) -> Value {
    let url = format!("{}/v25.0/{APP}/subscriptions", desk.simulator_url());
    let request = desk.http().request(method, url).json(body);
    let request = request.bearer_auth(format!("{APP}|{APP_SECRET}"));
    read(request).await.with(200)
}

/// Somebody has set the app's webhook up before us, for these fields.
async fn is_set_up(desk: &Desk, url: &str, fields: &str) {
    let body = json!({"object": "whatsapp_business_account", "callback_url": url,
        "verify_token": "demo-verify-token", "fields": fields});
    ask_meta(desk, Method::POST, &body).await;
}

/// What the sixth step has to tell.
async fn warnings(desk: &Desk, account: &str) -> Vec<String> {
    let step = format!("{account}/setup/webhook");
    let setup = put(desk, &step, &Value::Null).await.with(200);
    let warnings = setup["warnings"].as_array().unwrap().iter();
    warnings.map(|it| it.as_str().unwrap().to_owned()).collect()
}

/// How the webhook stands in a test of the connection.
async fn standing(desk: &Desk, account: &str) -> Value {
    let test = desk.post(&format!("{account}/test"), &Value::Null).await;
    let test = test.with(200);
    let mut checks = test["checks"].as_array().unwrap().iter();
    let webhook = checks.find(|it| it["check"] == "webhook");
    webhook.unwrap()["standing"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_without_a_webhook_gets_one_and_one_that_hears_of_too_little_hears_of_more() {
    let desk = Desk::start().await;
    let account = new_account(&desk).await;
    connect(&desk, &account).await;
    assert_eq!(warnings(&desk, &account).await, [""; 0]);
    let id = account.rsplit('/').next().unwrap();
    let ours = desk.webhook_url(id);
    let (url, all) = shown(&desk).await;
    assert_eq!(url, ours);
    assert!(all.iter().any(|it| it == "messages"), "{all:?}");
    assert_eq!(standing(&desk, &account).await, "well");
    // The demo's account is the same tenant's: there it is as good, if it hears of all.
    let neighbours = desk.webhook_url("acct_demo");
    is_set_up(&desk, &neighbours, &all.join(",")).await;
    assert_eq!(standing(&desk, &account).await, "well");
    assert_eq!(warnings(&desk, &account).await, [""; 0]);
    assert_eq!(shown(&desk).await.0, neighbours);
    is_set_up(&desk, &neighbours, "calls,security").await;
    assert_eq!(standing(&desk, &account).await, "warning");
    assert_eq!(warnings(&desk, &account).await, [""; 0]);
    let (url, fields) = shown(&desk).await;
    assert_eq!((url, fields.len()), (ours, all.len() + 1));
    assert_eq!(standing(&desk, &account).await, "well");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_apps_webhook_that_goes_elsewhere_is_left_alone_and_told() {
    let desk = Desk::start().await;
    let account = new_account(&desk).await;
    connect(&desk, &account).await;
    // Whoever has it, not we: by this name the address is none of ours.
    let elsewhere = format!("{}?of=another", desk.webhook_url("acct_demo"));
    is_set_up(&desk, &elsewhere, "security").await;
    let told = warnings(&desk, &account).await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains(&elsewhere), "{told:?}");
    assert!(told[1].contains("no message"), "{told:?}");
    assert_eq!(standing(&desk, &account).await, "warning");
    is_set_up(&desk, &elsewhere, "messages").await;
    assert_eq!(warnings(&desk, &account).await.len(), 1);
    assert_eq!(standing(&desk, &account).await, "well");
    event_comes(&desk, ADMIN_KEY, &account).await;
    assert_eq!(shown(&desk).await.0, elsewhere);
}

/// Disables an account, then deletes it.
async fn delete(desk: &Desk, account: &str) -> Answer {
    let disabled = json!({"disabled": true});
    give(desk, ADMIN_KEY, Method::PATCH, account, &disabled)
        .await
        .with(200);
    ask(desk, ADMIN_KEY, Method::DELETE, account).await
}

/// What a person does in Meta's own pages.
async fn order(desk: &Desk, what: &str, order: &Value) {
    let url = format!("{}/_sim/{what}", desk.simulator_url());
    read(desk.http().post(url).json(order)).await.with(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_deleted_takes_its_address_off_the_apps_webhook_and_no_other() {
    let desk = Desk::start().await;
    let account = set_up(&desk).await;
    assert_eq!(delete(&desk, &account).await.status, 204);
    let listed = ask_meta(&desk, Method::GET, &Value::Null).await;
    assert_eq!(listed["data"], json!([]));
    let elsewhere = format!("{}?of=another", desk.webhook_url("acct_demo"));
    is_set_up(&desk, &elsewhere, "messages,security").await;
    let account = set_up(&desk).await;
    assert_eq!(delete(&desk, &account).await.status, 204);
    assert_eq!(shown(&desk).await.0, elsewhere);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_of_the_same_app_goes_on_to_hear_when_the_one_that_meta_calls_is_deleted() {
    let desk = Desk::start().await;
    let first = set_up(&desk).await;
    let waba = "200000000000077";
    order(&desk, "wabas", &json!({"waba_id": waba, "app_id": APP})).await;
    let token = "playground-second-token";
    let seeing = json!({"token": token, "app_id": APP, "wabas": [waba]});
    order(&desk, "tokens", &seeing).await;
    let second = new_account(&desk).await;
    let step = |name: &str| format!("{second}/setup/{name}");
    let business = json!({"waba_id": waba, "app_id": APP, "app_secret": APP_SECRET});
    put(&desk, &step("business"), &business).await.with(200);
    let tokens = json!({"access_token": token});
    put(&desk, &step("tokens"), &tokens).await.with(200);
    assert_eq!(warnings(&desk, &second).await, [""; 0]);
    let before = shown(&desk).await;
    assert_eq!(delete(&desk, &first).await.status, 204);
    let after = shown(&desk).await;
    let id = second.rsplit('/').next().unwrap();
    assert_eq!(after.0, desk.webhook_url(id));
    assert_eq!(after.1, before.1, "it hears of what it has heard of");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_meta_does_not_do_keeps_no_account_and_its_webhook_goes_to_the_next() {
    let desk = Desk::start().await;
    let first = set_up(&desk).await;
    let before = shown(&desk).await.0;
    let secret = |text: &str| json!({"app_id": APP, "app_secret": text});
    order(&desk, "apps", &secret("reset-at-meta")).await;
    revoke(&desk, TOKEN).await;
    let deleted = delete(&desk, &first).await.with(200);
    let told = deleted["warnings"].as_array().unwrap();
    assert_eq!(told.len(), 2, "{deleted}");
    assert!(told[1].as_str().unwrap().contains(&before), "{deleted}");
    ask(&desk, ADMIN_KEY, Method::GET, &first)
        .await
        .problem(404, "not_found");
    order(&desk, "apps", &secret(APP_SECRET)).await;
    another_token(&desk, TOKEN).await;
    assert_eq!(shown(&desk).await.0, before);
    set_up(&desk).await;
    assert_ne!(shown(&desk).await.0, before);
}
