//! What an account is connected with is replaced: another app, and secrets that were reset at Meta.

use crate::access::give;
use crate::setup::{
    APP, APP_SECRET, NUMBER, TOKEN, WABA, another_token, event_comes, message, new_account,
    new_tenant, put, revoke, set_up,
};
use reqwest::Method;
use serde_json::{Value, json};
use tests::{ADMIN_KEY, Desk, read};

/// An app as Meta has it from now on.
async fn put_app(desk: &Desk, app: &Value) {
    let url = format!("{}/_sim/apps", desk.simulator_url());
    read(desk.http().post(url).json(app)).await.with(201);
}

/// The first step with this app and secret, and how far each step is then.
async fn enter(desk: &Desk, account: &str, app: &str, secret: &str) -> Vec<(String, String)> {
    let body = json!({"waba_id": WABA, "app_id": app, "app_secret": secret});
    let setup = put(desk, &format!("{account}/setup/business"), &body).await;
    let setup = setup.with(200);
    let text = |it: &Value, name: &str| it[name].as_str().unwrap().to_owned();
    let steps = setup["steps"].as_array().unwrap().iter();
    steps
        .map(|it| (text(it, "step"), text(it, "state")))
        .collect()
}

fn state<'a>(steps: &'a [(String, String)], step: &str) -> &'a str {
    let found = steps.iter().find(|(name, _)| name == step);
    &found.unwrap().1
}

/// The third step with another token.
async fn renew(desk: &Desk, account: &str, token: &str) {
    let body = json!({"access_token": token});
    let setup = put(desk, &format!("{account}/setup/tokens"), &body).await;
    let setup = setup.with(200);
    let steps = setup["steps"].as_array().unwrap();
    assert!(steps.iter().all(|it| it["fault"].is_null()), "{setup}");
}

/// The app secrets with which webhooks may be signed.
async fn good_secrets(desk: &Desk, account: &str) -> Vec<String> {
    let id = account.rsplit('/').next().unwrap();
    let name = format!("heliograph/in/demo/{id}");
    let value = desk
        .aws()
        .secrets()
        .get_secret_value()
        .secret_id(name)
        .send()
        .await;
    let value: Value = serde_json::from_str(value.unwrap().secret_string().unwrap()).unwrap();
    let secrets = value["app_secrets"].as_array().unwrap().iter();
    secrets.map(|it| it.as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_gets_another_app_and_loses_no_event_on_the_way() {
    const OTHER: &str = "400000000000077";
    let desk = Desk::start().await;
    let account = set_up(&desk).await;
    put_app(
        &desk,
        &json!({"app_id": OTHER, "app_secret": "other-app-secret"}),
    )
    .await;
    let token = json!({"token": "other-access-token", "app_id": OTHER, "wabas": [WABA]});
    let url = format!("{}/_sim/tokens", desk.simulator_url());
    read(desk.http().post(url).json(&token)).await.with(201);

    let steps = enter(&desk, &account, OTHER, "other-app-secret").await;
    assert_eq!(state(&steps, "business"), "done");
    assert_eq!(state(&steps, "tokens"), "faulty");
    assert_eq!(state(&steps, "webhook"), "open");
    // The token there is goes on, and the app before goes on to tell.
    assert_eq!(desk.send(&message()).await.with(200)["state"], "accepted");
    assert_eq!(
        good_secrets(&desk, &account).await,
        ["other-app-secret", APP_SECRET]
    );

    renew(&desk, &account, "other-access-token").await;
    put(&desk, &format!("{account}/setup/webhook"), &Value::Null)
        .await
        .with(200);
    assert_eq!(good_secrets(&desk, &account).await, ["other-app-secret"]);
    event_comes(&desk, ADMIN_KEY, &account).await;
    assert_eq!(desk.send(&message()).await.with(200)["state"], "accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_secret_and_a_token_that_were_reset_together_are_both_replaced() {
    let desk = Desk::start().await;
    let account = set_up(&desk).await;
    put_app(
        &desk,
        &json!({"app_id": APP, "app_secret": "second-app-secret"}),
    )
    .await;
    revoke(&desk, TOKEN).await;
    another_token(&desk, "playground-second-token").await;
    let steps = enter(&desk, &account, APP, "second-app-secret").await;
    assert_eq!(state(&steps, "business"), "done");
    assert_eq!(state(&steps, "tokens"), "faulty");
    assert_eq!(state(&steps, "webhook"), "done");
    // The one that leaked signs nothing any more.
    assert_eq!(good_secrets(&desk, &account).await, ["second-app-secret"]);
    renew(&desk, &account, "playground-second-token").await;
    assert_eq!(desk.send(&message()).await.with(200)["state"], "accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_app_secret_before_is_good_until_meta_has_let_it_go() {
    let desk = Desk::start().await;
    let account = set_up(&desk).await;
    let both = json!({"app_id": APP, "app_secret": APP_SECRET, "next_secret": "second-app-secret"});
    put_app(&desk, &both).await;
    enter(&desk, &account, APP, "second-app-secret").await;
    assert_eq!(
        good_secrets(&desk, &account).await,
        ["second-app-secret", APP_SECRET]
    );
    event_comes(&desk, ADMIN_KEY, &account).await;
    put_app(
        &desk,
        &json!({"app_id": APP, "app_secret": "second-app-secret"}),
    )
    .await;
    enter(&desk, &account, APP, "second-app-secret").await;
    assert_eq!(good_secrets(&desk, &account).await, ["second-app-secret"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_whose_step_is_refused_is_not_kept() {
    let desk = Desk::start().await;
    let late = new_account(&desk).await;
    enter(&desk, &late, APP, APP_SECRET).await;
    // Somebody else is faster with the WABA.
    let key = new_tenant(&desk).await;
    let made = give(
        &desk,
        &key,
        Method::POST,
        "/v1/accounts",
        &json!({"name": "Other"}),
    )
    .await;
    let other = format!("/v1/accounts/{}", crate::id_of(&made.with(201)));
    for (step, body) in [
        (
            "business",
            json!({"waba_id": WABA, "app_id": APP, "app_secret": APP_SECRET}),
        ),
        ("tokens", json!({"access_token": TOKEN})),
    ] {
        let path = format!("{other}/setup/{step}");
        give(&desk, &key, Method::PUT, &path, &body).await.with(200);
    }
    let refused = put(
        &desk,
        &format!("{late}/setup/tokens"),
        &json!({"access_token": TOKEN}),
    )
    .await;
    refused.problem(409, "waba_taken");
    let number = json!({"phone_number_id": NUMBER});
    let setup = put(&desk, &format!("{late}/setup/phone-number"), &number).await;
    let setup = setup.with(200);
    assert_eq!(setup["steps"][1]["state"], "entered", "{setup}");
    let id = late.rsplit('/').next().unwrap();
    let kept = desk
        .aws()
        .secrets()
        .get_secret_value()
        .secret_id(format!("heliograph/out/demo/{id}"));
    kept.send().await.unwrap_err();
}
