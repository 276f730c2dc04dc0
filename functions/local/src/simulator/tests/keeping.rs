//! What set-up changed outlives the simulator, ends with a reset, and is kept without secrets in clear text.

use super::endpoint::{Answers, Endpoint};
use super::*;

const SECRETS: [&str; 7] = [
    "second-secret",
    "third-secret",
    "neighbour-app-secret",
    "neighbour-access-token",
    "ordered-token",
    "demo-",
    "playground-app-secret",
];

/// Changes something of each kind; the token that was exchanged.
async fn set_up(client: &Client, url: &str) -> String {
    let override_url = json!({"override_callback_uri": url, "verify_token": "right"});
    let apps = format!("/v25.0/{WABA}/subscribed_apps");
    client.set(&apps, override_url).await;
    client.hear(url, "messages,account_update").await;
    let order = json!({
        "app_id": "400000000000002", "app_secret": "second-secret", "next_secret": "third-secret",
    });
    client.set("/_sim/apps", order).await;
    let order = json!({"token": "ordered-token", "app_id": "400000000000002", "wabas": [WABA]});
    client.set("/_sim/tokens", order).await;
    client
        .set(&format!("/v25.0/{READY}"), json!({"pin": "135792"}))
        .await;
    let profile = json!({"messaging_product": "whatsapp", "about": "Open"});
    let path = format!("/v25.0/{READY}/whatsapp_business_profile");
    client.set(&path, profile).await;
    let code = json!({"code_method": "VOICE", "language": "en"});
    client
        .set(&format!("/v25.0/{NEW}/request_code"), code)
        .await;
    let exchange = format!(
        "/v25.0/oauth/access_token?grant_type=fb_exchange_token&client_id=400000000000002\
         &client_secret=second-secret&fb_exchange_token={PLAYGROUND}"
    );
    let (_, exchanged) = client.look(&exchange).await;
    exchanged["access_token"].as_str().unwrap().to_owned()
}

async fn add_neighbour(client: &Client) {
    let sender = json!({
        "phone_number_id": "100000000000008", "display_phone_number": "+15550001008",
        "waba_id": "200000000000008", "account_id": "acct_neighbour",
        "app_secret": "neighbour-app-secret", "access_token": "neighbour-access-token",
    });
    assert_eq!(client.set("/_sim/senders", sender).await.0, 201);
}

/// What there is to see of the set-up.
async fn seen(client: &Client) -> Vec<Value> {
    let mut seen = Vec::new();
    for path in [
        "/_sim/subscriptions".to_owned(),
        "/_sim/codes".to_owned(),
        "/_sim/senders".to_owned(),
        format!("/v25.0/{READY}"),
        format!("/v25.0/{READY}/whatsapp_business_profile"),
    ] {
        seen.push(client.look(&path).await.1);
    }
    seen
}

#[tokio::test]
async fn everything_is_there_after_a_restart_and_no_secret_in_the_file() {
    let folder = Folder::new();
    let (endpoint, url) = Endpoint::start(Answers::Well).await;
    let first = start_in(&folder, NOWHERE).await;
    let client = Client::of(&first);
    let exchanged = set_up(&client, &url).await;
    add_neighbour(&client).await;
    let before = seen(&client).await;
    drop(first);

    let second = start_in(&folder, NOWHERE).await;
    let client = Client::of(&second);
    assert_eq!(seen(&client).await, before);
    for token in ["ordered-token", &exchanged] {
        let path = format!("/v25.0/{WABA}");
        let (status, _) = client.call(Method::GET, &path, token, &Value::Null).await;
        assert_eq!(status, 200);
    }
    let order = json!({"from": ANNA, "to": READY, "text": "Hello"});
    client.set("/_sim/inbound", order).await;
    assert_eq!(
        endpoint.posted(1).await[0].signed_with,
        Some("second-secret")
    );
    let wrong = json!({"messaging_product": "whatsapp", "pin": "000000"});
    let (_, refused) = client.set(&format!("/v25.0/{READY}/register"), wrong).await;
    assert_eq!(refused["error"]["code"], 133_005);

    let kept = std::fs::read_to_string(folder.0.join("simulator.journal")).unwrap();
    for secret in SECRETS.iter().chain(&[PLAYGROUND, &exchanged, "135792"]) {
        assert!(!kept.contains(secret), "{secret} is in the journal");
    }
}

#[tokio::test]
async fn a_reset_leaves_what_there_was_at_first_and_senders() {
    let folder = Folder::new();
    let (_, url) = Endpoint::start(Answers::Well).await;
    let first = start_in(&folder, NOWHERE).await;
    let client = Client::of(&first);
    add_neighbour(&client).await;
    let before = seen(&client).await;
    let exchanged = set_up(&client, &url).await;
    let path = format!("/_sim/tokens/{PLAYGROUND}");
    client.call(Method::DELETE, &path, "", &Value::Null).await;
    client.post("/_sim/reset", &Value::Null).await.unwrap();
    assert_eq!(seen(&client).await, before);
    drop(first);

    let second = start_in(&folder, NOWHERE).await;
    let client = Client::of(&second);
    assert_eq!(seen(&client).await, before);
    let neighbour = "/v25.0/100000000000008/messages";
    let body = text(ANNA, "msg_1");
    let token = "neighbour-access-token";
    let (status, _) = client.call(Method::POST, neighbour, token, &body).await;
    assert_eq!(status, 200);
    let (status, _) = client
        .call(Method::GET, "/v25.0/me", &exchanged, &Value::Null)
        .await;
    assert_eq!(status, 401);
}

#[tokio::test]
async fn a_sender_an_older_version_has_kept_is_known() {
    let folder = Folder::new();
    std::fs::create_dir_all(&folder.0).unwrap();
    let line = r#"s	{"phone_number_id":"100000000000008","display_phone_number":"+15550001008","waba_id":"200000000000008","account_id":"acct_old","app_secret":"old","access_token":"old-token","messages_per_second":5}"#;
    std::fs::write(folder.0.join("simulator.journal"), format!("{line}\n")).unwrap();
    let simulator = start_in(&folder, NOWHERE).await;
    let client = Client::of(&simulator);
    let (_, senders) = client.look("/_sim/senders").await;
    assert_eq!(senders["data"][1]["account_id"], "acct_old");
    assert_eq!(senders["data"][1]["messages_per_second"], 5);
    let path = "/v25.0/200000000000008?fields=id";
    let (status, _) = client
        .call(Method::GET, path, "old-token", &Value::Null)
        .await;
    assert_eq!(status, 200);
}
