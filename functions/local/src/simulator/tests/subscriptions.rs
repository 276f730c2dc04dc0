//! Who hears of a WABA, and where.

use super::endpoint::{Answers, Endpoint};
use super::*;

const APPS: &str = "/v25.0/200000000000002/subscribed_apps";

async fn subscribe(client: &Client, url: &str) -> (u16, Value) {
    client.hear(url, "messages").await;
    let body = json!({"override_callback_uri": url, "verify_token": "right"});
    client.set(APPS, body).await
}

async fn send(client: &Client, from: &str) {
    let path = format!("/v25.0/{from}/messages");
    let (status, answer) = client.set(&path, text(ANNA, "msg_1")).await;
    assert_eq!(status, 200, "{answer}");
}

/// How many statuses a POST carries.
fn statuses(body: &Value) -> usize {
    let entries = body["entry"].as_array().unwrap().iter();
    let statuses = entries.map(|it| {
        it["changes"][0]["value"]["statuses"]
            .as_array()
            .unwrap()
            .len()
    });
    statuses.sum()
}

#[tokio::test]
async fn a_url_that_answers_for_itself_gets_the_webhooks() {
    let (endpoint, url) = Endpoint::start(Answers::Well).await;
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    let app = json!({"id": "400000000000002", "name": "Playground",
        "link": "https://www.facebook.com/games/?app_id=400000000000002"});
    let subscribed = json!([{"override_callback_uri": url, "whatsapp_business_api_data": app}]);
    let (status, answer) = subscribe(&client, &url).await;
    assert_eq!(
        (status, answer),
        (200, json!({"success": true, "data": subscribed}))
    );
    assert_eq!(client.look(APPS).await, (200, json!({"data": subscribed})));
    send(&client, READY).await;
    let mut told = 0;
    while told < 3 {
        for posted in endpoint.posted(1).await {
            assert_eq!(posted.signed_with, Some("playground-app-secret"));
            assert_eq!(posted.body["entry"][0]["id"], WABA);
            told += statuses(&posted.body);
        }
    }
    assert_eq!(told, 3);
}

#[tokio::test]
async fn a_message_from_a_person_goes_to_the_url_too() {
    let (endpoint, url) = Endpoint::start(Answers::Well).await;
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    let order = json!({"from": ANNA, "to": READY, "text": "Hello"});
    let (_, unheard) = client.set("/_sim/inbound", order.clone()).await;
    assert_eq!(unheard["delivered"], false);
    subscribe(&client, &url).await;
    let (_, heard) = client.set("/_sim/inbound", order).await;
    assert_eq!(heard["delivered"], true);
    assert_eq!(endpoint.posted(1).await.len(), 1);
}

#[tokio::test]
async fn a_url_that_does_not_answer_for_itself_is_refused() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    let (_, forbidden) = Endpoint::start(Answers::Forbidden).await;
    let (_, nonsense) = Endpoint::start(Answers::Nonsense).await;
    for (url, code) in [
        (forbidden.as_str(), 2200),
        (nonsense.as_str(), 2201),
        ("http://127.0.0.1:9/hook", 2200),
        ("http://example.com/hook", 100),
    ] {
        let (status, answer) = subscribe(&client, url).await;
        assert_eq!(
            (status, &answer["error"]["code"]),
            (400, &json!(code)),
            "{url}"
        );
    }
    let (_, url) = Endpoint::start(Answers::Well).await;
    let body = json!({"override_callback_uri": url, "verify_token": "wrong"});
    assert_eq!(client.set(APPS, body).await.1["error"]["code"], 2200);
    let body = json!({"override_callback_uri": url});
    assert_eq!(client.set(APPS, body).await.1["error"]["code"], 100);
    assert_eq!(client.look(APPS).await.1, json!({"data": []}));
}

#[tokio::test]
async fn without_a_subscription_nobody_hears_and_nothing_is_owed() {
    let (endpoint, url) = Endpoint::start(Answers::Well).await;
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    subscribe(&client, &url).await;
    let deleted = client
        .call(Method::DELETE, APPS, PLAYGROUND, &Value::Null)
        .await;
    assert_eq!(deleted, (200, json!({"success": true})));
    send(&client, READY).await;
    let owes_nothing = async {
        while client.get("/_sim/stats").await["webhooks"]["pending"] != 0 {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), owes_nothing).await;
    assert!(waited.is_ok());
    assert_eq!(endpoint.count(), 0);
    let (status, _) = client
        .call(Method::DELETE, APPS, PLAYGROUND, &Value::Null)
        .await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn the_url_of_a_number_goes_before_that_of_its_waba() {
    let (of_waba, waba_url) = Endpoint::start(Answers::Well).await;
    let (of_number, number_url) = Endpoint::start(Answers::Well).await;
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    subscribe(&client, &waba_url).await;
    let number = format!("/v25.0/{READY}");
    let configuration = json!({"override_callback_uri": number_url, "verify_token": "right"});
    let body = json!({"webhook_configuration": configuration});
    assert_eq!(
        client.set(&number, body).await,
        (200, json!({"success": true}))
    );
    let (_, shown) = client
        .look(&format!("{number}?fields=webhook_configuration"))
        .await;
    let expected = json!({"phone_number": number_url, "whatsapp_business_account": waba_url,
        "application": waba_url});
    assert_eq!(shown["webhook_configuration"], expected);
    let order = json!({"from": ANNA, "to": READY, "text": "Hello"});
    client.set("/_sim/inbound", order.clone()).await;
    assert_eq!((of_number.count(), of_waba.count()), (1, 0));
    let none = json!({"webhook_configuration": {"override_callback_uri": ""}});
    assert_eq!(client.set(&number, none).await.0, 200);
    client.set("/_sim/inbound", order).await;
    assert_eq!((of_number.count(), of_waba.count()), (1, 1));
}

#[tokio::test]
async fn webhooks_are_signed_with_the_secret_the_app_has_now() {
    let (endpoint, url) = Endpoint::start(Answers::Well).await;
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    subscribe(&client, &url).await;
    let order = json!({"app_id": "400000000000002", "app_secret": "second-secret"});
    let (status, answer) = client.set("/_sim/apps", order).await;
    let shown = json!({"app_id": "400000000000002", "name": "Playground"});
    assert_eq!((status, answer), (201, shown));
    let order = json!({"from": ANNA, "to": READY, "text": "Hello"});
    client.set("/_sim/inbound", order).await;
    let posted = endpoint.posted(1).await;
    assert_eq!(posted[0].signed_with, Some("second-secret"));
}

#[tokio::test]
async fn the_demo_goes_where_its_subscription_says_and_back() {
    let (webhook, base) = Webhook::start().await;
    let (endpoint, url) = Endpoint::start(Answers::Well).await;
    let simulator = start(&base).await;
    let client = Client::of(&simulator);
    let path = "/v25.0/200000000000001/subscribed_apps";
    let body = json!({"override_callback_uri": url, "verify_token": "right"});
    client.post(path, &body).await.unwrap();
    let order = json!({"from": ANNA, "text": "Hello"});
    client.post("/_sim/inbound", &order).await.unwrap();
    let posted = endpoint.posted(1).await;
    assert_eq!(posted[0].signed_with, Some("demo-app-secret"));
    assert!(webhook.all("messages").is_empty());
    client.post(path, &json!({})).await.unwrap();
    client.post("/_sim/inbound", &order).await.unwrap();
    assert_eq!(webhook.all("messages").len(), 1);
}

#[tokio::test]
async fn each_app_that_subscribed_hears_of_everything() {
    let (ours, our_url) = Endpoint::start(Answers::Well).await;
    let (theirs, their_url) = Endpoint::start(Answers::Well).await;
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    subscribe(&client, &our_url).await;
    let order = json!({"token": "theirs", "app_id": "400000000000001", "wabas": [WABA]});
    client.set("/_sim/tokens", order).await;
    let body = json!({"override_callback_uri": their_url, "verify_token": "right"});
    client.call(Method::POST, APPS, "theirs", &body).await;
    send(&client, READY).await;
    for endpoint in [ours, theirs] {
        let mut told = 0;
        while told < 3 {
            let posted = endpoint.posted(1).await;
            told += posted.iter().map(|it| statuses(&it.body)).sum::<usize>();
        }
        assert_eq!(told, 3);
    }
    let (_, all) = client.look("/_sim/subscriptions").await;
    let hearing = all["data"].as_array().unwrap().iter();
    assert_eq!(hearing.filter(|it| it["waba_id"] == WABA).count(), 2);
}

#[tokio::test]
async fn an_app_hears_of_the_fields_it_has_chosen_and_only_messages_go_elsewhere() {
    let (of_app, app_url) = Endpoint::start(Answers::Well).await;
    let (of_waba, waba_url) = Endpoint::start(Answers::Well).await;
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    subscribe(&client, &waba_url).await;
    let red = json!({"phone_number_id": READY, "quality_rating": "RED"});
    let (_, answer) = client.set("/_sim/numbers", red).await;
    assert_eq!(answer["webhooks"], json!([]));
    let both = "messages,phone_number_quality_update";
    let heard = client.hear(&app_url, both).await;
    assert_eq!(heard, (200, json!({"success": true})));
    let green = json!({"phone_number_id": READY, "quality_rating": "GREEN"});
    client.set("/_sim/numbers", green).await;
    let order = json!({"from": ANNA, "to": READY, "text": "Hello"});
    client.set("/_sim/inbound", order.clone()).await;
    assert_eq!((of_app.count(), of_waba.count()), (1, 1));
    client.hear(&app_url, "phone_number_quality_update").await;
    let (_, answer) = client.set("/_sim/inbound", order).await;
    assert_eq!(answer["delivered"], false);
}

#[tokio::test]
async fn an_app_alone_sets_up_and_sees_its_own_webhook() {
    let (_, url) = Endpoint::start(Answers::Well).await;
    let (_, forbidden) = Endpoint::start(Answers::Forbidden).await;
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    let look = async |token| {
        client
            .call(Method::GET, APP_WEBHOOK, token, &Value::Null)
            .await
    };
    assert_eq!(look(APP_TOKEN).await, (200, json!({"data": []})));
    for (fields, url, code) in [
        ("nonsense", url.as_str(), 100),
        ("messages", forbidden.as_str(), 2200),
    ] {
        let (status, answer) = client.hear(url, fields).await;
        assert_eq!((status, &answer["error"]["code"]), (400, &json!(code)));
    }
    client.hear(&url, "messages").await;
    let shown = json!({"object": "whatsapp_business_account", "callback_url": url, "active": true,
        "fields": [{"name": "messages", "version": "v25.0"}]});
    assert_eq!(look(APP_TOKEN).await, (200, json!({"data": [shown]})));
    for (token, code) in [(PLAYGROUND, 15), ("400000000000001|demo-app-secret", 100)] {
        let (status, answer) = look(token).await;
        assert_eq!((status, &answer["error"]["code"]), (400, &json!(code)));
    }
    let removed = client.call(Method::DELETE, APP_WEBHOOK, APP_TOKEN, &Value::Null);
    assert_eq!(removed.await, (200, json!({"success": true})));
    assert_eq!(look(APP_TOKEN).await, (200, json!({"data": []})));
}
