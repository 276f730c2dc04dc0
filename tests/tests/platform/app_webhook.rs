//! The app's own webhook, without which no account of it hears anything.

use crate::setup::{APP, APP_SECRET, connect, event_comes, new_account, put, set_up};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{ADMIN_KEY, Desk, read};

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

#[tokio::test(flavor = "multi_thread")]
async fn the_webhook_of_an_app_whose_account_is_gone_goes_to_the_next() {
    let desk = Desk::start().await;
    let first = set_up(&desk).await;
    let before = shown(&desk).await.0;
    let disabled = json!({"disabled": true});
    let disabled = desk
        .with_key(ADMIN_KEY, Method::PATCH, &first)
        .json(&disabled);
    read(disabled).await.with(200);
    let deleted = read(desk.with_key(ADMIN_KEY, Method::DELETE, &first)).await;
    assert_eq!(deleted.status, 204, "{}", deleted.text);
    set_up(&desk).await;
    assert_ne!(shown(&desk).await.0, before);
}
