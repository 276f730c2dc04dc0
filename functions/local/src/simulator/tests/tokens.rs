//! What tokens may do, and what is told of them.

use super::endpoint::{Answers, Endpoint};
use super::*;

async fn debug(client: &Client, bearer: &str, input: &str) -> (u16, Value) {
    let input = input.replace('|', "%7C");
    let path = format!("/v25.0/debug_token?input_token={input}");
    client.call(Method::GET, &path, bearer, &Value::Null).await
}

fn code(answer: &Value) -> (u64, Option<u64>) {
    let error = &answer["error"];
    (
        error["code"].as_u64().unwrap(),
        error["error_subcode"].as_u64(),
    )
}

#[tokio::test]
async fn an_app_hears_everything_about_its_token() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    for bearer in [APP_TOKEN, PLAYGROUND] {
        let (status, answer) = debug(&client, bearer, PLAYGROUND).await;
        assert_eq!(status, 200, "{answer}");
        let data = &answer["data"];
        assert_eq!(data["app_id"], "400000000000002");
        assert_eq!(data["application"], "Playground");
        assert_eq!(data["type"], "SYSTEM_USER");
        assert_eq!(
            (&data["is_valid"], &data["expires_at"]),
            (&json!(true), &json!(0))
        );
        let scopes = json!([
            "whatsapp_business_management",
            "whatsapp_business_messaging"
        ]);
        assert_eq!(data["scopes"], scopes);
        assert_eq!(data["granular_scopes"][0]["target_ids"], json!([WABA]));
    }
    let (_, narrow) = debug(&client, APP_TOKEN, "playground-narrow-token").await;
    assert_eq!(
        narrow["data"]["scopes"],
        json!(["whatsapp_business_management"])
    );
    let (_, app) = debug(&client, APP_TOKEN, APP_TOKEN).await;
    assert_eq!(app["data"]["type"], "APP");
}

#[tokio::test]
async fn a_token_that_is_no_good_is_told_to_be_none() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    let (status, expired) = debug(&client, APP_TOKEN, "playground-expired-token").await;
    assert_eq!((status, &expired["data"]["is_valid"]), (200, &json!(false)));
    assert_eq!(expired["data"]["error"]["subcode"], 463);
    let (status, unknown) = debug(&client, APP_TOKEN, "nonsense").await;
    assert_eq!((status, &unknown["data"]["is_valid"]), (200, &json!(false)));
    assert_eq!(unknown["data"]["error"]["code"], 190);
}

#[tokio::test]
async fn only_the_app_itself_hears_of_its_tokens() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    let (status, answer) = debug(&client, "400000000000002|wrong", PLAYGROUND).await;
    assert_eq!((status, code(&answer)), (401, (190, None)));
    let demo = "400000000000001|demo-app-secret";
    let (status, answer) = debug(&client, demo, PLAYGROUND).await;
    assert_eq!((status, code(&answer)), (400, (100, None)));
    let (status, answer) = debug(&client, "4|nothing", PLAYGROUND).await;
    assert_eq!((status, code(&answer)), (400, (101, None)));
}

#[tokio::test]
async fn an_apps_next_secret_is_good_beside_the_one_that_signs() {
    let (endpoint, url) = Endpoint::start(Answers::Well).await;
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    let path = format!("/v25.0/{WABA}/subscribed_apps");
    let body = json!({"override_callback_uri": url, "verify_token": "right"});
    client.set(&path, body).await;
    client.hear(&url, "messages").await;
    let both = json!({
        "app_id": "400000000000002", "app_secret": "playground-app-secret", "next_secret": "second-secret",
    });
    assert_eq!(client.set("/_sim/apps", both).await.0, 201);
    for bearer in [APP_TOKEN, "400000000000002|second-secret"] {
        assert_eq!(debug(&client, bearer, PLAYGROUND).await.0, 200);
    }
    let order = json!({"from": ANNA, "to": READY, "text": "Hello"});
    client.set("/_sim/inbound", order).await;
    let signed_with = endpoint.posted(1).await[0].signed_with;
    assert_eq!(signed_with, Some("playground-app-secret"));
    let next = json!({"app_id": "400000000000002", "app_secret": "second-secret"});
    assert_eq!(client.set("/_sim/apps", next).await.0, 201);
    assert_eq!(debug(&client, APP_TOKEN, PLAYGROUND).await.0, 401);
}

#[tokio::test]
async fn a_call_is_refused_as_its_token_deserves() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    let path = format!("/v25.0/{WABA}/phone_numbers");
    for (token, status, expected) in [
        ("playground-expired-token", 401, (190, Some(463))),
        ("nonsense", 401, (190, None)),
        ("demo-access-token", 400, (100, Some(33))),
        (APP_TOKEN, 400, (100, Some(33))),
    ] {
        let answer = client.call(Method::GET, &path, token, &Value::Null).await;
        assert_eq!((answer.0, code(&answer.1)), (status, expected), "{token}");
    }
    let path = format!("/v25.0/{READY}/messages");
    let body = text(ANNA, "msg_1");
    let narrow = "playground-narrow-token";
    let (status, answer) = client.call(Method::POST, &path, narrow, &body).await;
    assert_eq!((status, code(&answer)), (403, (10, None)));
    assert_eq!(client.set(&path, body).await.0, 200);
    let order = json!({"token": "sender", "app_id": "400000000000002", "wabas": [WABA],
        "scopes": ["whatsapp_business_messaging"]});
    client.set("/_sim/tokens", order).await;
    let path = format!("/v25.0/{WABA}");
    let (status, answer) = client
        .call(Method::GET, &path, "sender", &Value::Null)
        .await;
    assert_eq!((status, code(&answer)), (403, (200, None)));
}

#[tokio::test]
async fn a_revoked_token_is_good_for_nothing() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    let path = format!("/_sim/tokens/{PLAYGROUND}");
    let revoked = client.call(Method::DELETE, &path, "", &Value::Null).await;
    assert_eq!(revoked, (200, json!({"success": true})));
    let (status, answer) = client.look("/v25.0/me").await;
    assert_eq!((status, code(&answer)), (401, (190, Some(460))));
    let (_, told) = debug(&client, APP_TOKEN, PLAYGROUND).await;
    assert_eq!(told["data"]["error"]["subcode"], 460);
    let (status, _) = client
        .call(Method::DELETE, "/_sim/tokens/none", "", &Value::Null)
        .await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn an_exchanged_token_is_valid_for_sixty_days_beside_the_old_one() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    let exchange = async |secret: &str, token: &str| {
        let path = format!(
            "/v25.0/oauth/access_token?grant_type=fb_exchange_token&client_id=400000000000002\
             &client_secret={secret}&set_token_expires_in_60_days=true&fb_exchange_token={token}"
        );
        client.call(Method::GET, &path, "", &Value::Null).await
    };
    let (status, answer) = exchange("playground-app-secret", PLAYGROUND).await;
    assert_eq!((status, &answer["expires_in"]), (200, &json!(5_184_000)));
    assert_eq!(answer["token_type"], "bearer");
    let new = answer["access_token"].as_str().unwrap();
    let (_, told) = debug(&client, new, new).await;
    let lasts = told["data"]["expires_at"].as_i64().unwrap();
    let issued = told["data"]["issued_at"].as_i64().unwrap();
    assert_eq!(lasts - issued, 5_184_000);
    let waba = format!("/v25.0/{WABA}?fields=id");
    for token in [new, PLAYGROUND] {
        let (status, _) = client.call(Method::GET, &waba, token, &Value::Null).await;
        assert_eq!(status, 200);
    }
    assert_eq!(exchange("wrong", PLAYGROUND).await.1["error"]["code"], 1);
    let (status, answer) = exchange("playground-app-secret", "playground-expired-token").await;
    assert_eq!((status, code(&answer)), (401, (190, Some(463))));
}

#[tokio::test]
async fn an_app_and_a_user_have_nodes() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    let path = "/v25.0/400000000000002?fields=id,name";
    let app = json!({"id": "400000000000002", "name": "Playground"});
    for token in [APP_TOKEN, PLAYGROUND] {
        let answer = client.call(Method::GET, path, token, &Value::Null).await;
        assert_eq!(answer, (200, app.clone()));
    }
    let answer = client
        .call(Method::GET, path, "demo-access-token", &Value::Null)
        .await;
    assert_eq!(code(&answer.1), (100, Some(33)));
    let (_, me) = client.look("/v25.0/me").await;
    assert_eq!(me["id"], "300000000000002");
    let path = format!("/v25.0/me?access_token={PLAYGROUND}");
    let request = client.http.get(format!("{}{path}", client.url)).send();
    assert_eq!(request.await.unwrap().status(), StatusCode::OK);
}
