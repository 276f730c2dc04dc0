//! A number from its first day to its first message, and what Meta decides of it afterwards.

use super::endpoint::{Answers, Endpoint};
use super::*;

fn code(answer: &Value) -> u64 {
    answer["error"]["code"].as_u64().unwrap()
}

async fn sent_code(client: &Client, number: &str) -> String {
    let (_, codes) = client
        .look(&format!("/_sim/codes?phone_number_id={number}"))
        .await;
    codes["data"][0]["code"].as_str().unwrap().to_owned()
}

async fn register(client: &Client, number: &str, pin: &str) -> (u16, Value) {
    let body = json!({"messaging_product": "whatsapp", "pin": pin});
    client.set(&format!("/v25.0/{number}/register"), body).await
}

#[tokio::test]
async fn a_new_number_is_verified_registered_and_sends() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    let done = (200, json!({"success": true}));
    let path = |edge: &str| format!("/v25.0/{NEW}/{edge}");
    let (status, refused) = client.set(&path("messages"), text(ANNA, "msg_1")).await;
    assert_eq!((status, code(&refused)), (400, 133_010));
    assert_eq!(code(&register(&client, NEW, "123456").await.1), 133_006);

    let order = json!({"code_method": "SMS", "language": "en_US"});
    assert_eq!(client.set(&path("request_code"), order.clone()).await, done);
    let sent = sent_code(&client, NEW).await;
    let wrong = if sent == "000000" { "000001" } else { "000000" };
    let (status, refused) = client
        .set(&path("verify_code"), json!({"code": wrong}))
        .await;
    assert_eq!((status, code(&refused)), (400, 136_025));
    assert_eq!(refused["error"]["error_subcode"], 2_388_093);
    let (status, answer) = client
        .set(&path("verify_code"), json!({"code": sent}))
        .await;
    assert_eq!((status, answer), (200, json!({"success": true, "id": NEW})));
    assert_eq!(
        code(&client.set(&path("request_code"), order).await.1),
        136_024
    );
    assert_eq!(client.look("/_sim/codes").await.1, json!({"data": []}));

    assert_eq!(register(&client, NEW, "123456").await, done);
    let fields = "status,code_verification_status,is_pin_enabled,health_status{can_send_message}";
    let (_, node) = client.look(&format!("/v25.0/{NEW}?fields={fields}")).await;
    assert_eq!(node["status"], "CONNECTED");
    assert_eq!(node["code_verification_status"], "VERIFIED");
    assert_eq!(node["is_pin_enabled"], true);
    assert_eq!(node["health_status"]["can_send_message"], "AVAILABLE");
    assert_eq!(
        client.set(&path("messages"), text(ANNA, "msg_1")).await.0,
        200
    );
}

#[tokio::test]
async fn a_pin_that_was_set_is_needed_to_register_again() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    let number = format!("/v25.0/{READY}");
    assert_eq!(
        code(&client.set(&number, json!({"pin": "12345"})).await.1),
        100
    );
    assert_eq!(client.set(&number, json!({"pin": "111111"})).await.0, 200);
    let deregister = format!("{number}/deregister");
    assert_eq!(client.set(&deregister, Value::Null).await.0, 200);
    let (_, again) = client.set(&deregister, Value::Null).await;
    assert_eq!(again["error"]["error_subcode"], 2_207_051);
    assert_eq!(code(&register(&client, READY, "222222").await.1), 133_005);
    for _ in 0..9 {
        assert_eq!(register(&client, READY, "111111").await.0, 200);
    }
    assert_eq!(code(&register(&client, READY, "111111").await.1), 133_016);
}

#[tokio::test]
async fn a_number_can_be_added_once() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    let path = format!("/v25.0/{WABA}/phone_numbers");
    let form = "cc=49&phone_number=1512345678&verified_name=Lucky+Shrub";
    let request = client.http.post(format!("{}{path}", client.url));
    let request = request
        .bearer_auth(PLAYGROUND)
        .header("content-type", "application/x-www-form-urlencoded");
    let answer: Value = request
        .body(form)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let id = answer["id"].as_str().unwrap();
    let (_, node) = client.look(&format!("/v25.0/{id}")).await;
    assert_eq!(node["display_phone_number"], "+491512345678");
    assert_eq!(node["verified_name"], "Lucky Shrub");
    assert_eq!(node["code_verification_status"], "NOT_VERIFIED");
    let again = json!({"cc": "49", "phone_number": "491512345678", "verified_name": "Other"});
    let (status, refused) = client.set(&path, again).await;
    assert_eq!((status, code(&refused)), (400, 100));
}

#[tokio::test]
async fn numbers_are_listed_by_page_with_the_fields_asked_for() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    let path = format!("/v25.0/{WABA}/phone_numbers?limit=1&fields=id,throughput%7Blevel%7D");
    let (status, first) = client.look(&path).await;
    assert_eq!(status, 200, "{first}");
    let node = json!({"id": READY, "throughput": {"level": "STANDARD"}});
    assert_eq!(first["data"], json!([node]));
    let next = first["paging"]["next"].as_str().unwrap();
    let next = next.strip_prefix(&client.url).unwrap();
    let (_, second) = client.look(next).await;
    assert_eq!(second["data"][0]["id"], NEW);
    assert!(second["paging"].get("next").is_none());
    let before = second["paging"]["cursors"]["before"].as_str().unwrap();
    let (_, back) = client.look(&format!("{path}&before={before}")).await;
    assert_eq!(back["data"], first["data"]);
    let (status, _) = client
        .look(&format!("/v25.0/{WABA}/phone_numbers?fields=nonsense"))
        .await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_waba_has_a_node() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    let fields = "name,currency,timezone_id,owner_business_info,message_template_namespace";
    let (_, node) = client.look(&format!("/v25.0/{WABA}?fields={fields}")).await;
    assert_eq!(node["id"], WABA);
    assert_eq!(node["name"], "Playground");
    assert_eq!(node["owner_business_info"]["id"], "500000000000002");
    assert!(node.get("health_status").is_none());
}

#[tokio::test]
async fn a_profile_and_settings_are_given_back_as_they_were_set() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    let profile = format!("/v25.0/{READY}/whatsapp_business_profile");
    let body = json!({"messaging_product": "whatsapp", "about": "Open", "vertical": "RETAIL"});
    assert_eq!(client.set(&profile, body.clone()).await.0, 200);
    assert_eq!(client.look(&profile).await.1, json!({"data": [body]}));
    let (_, about) = client.look(&format!("{profile}?fields=about,email")).await;
    let expected = json!({"about": "Open", "messaging_product": "whatsapp"});
    assert_eq!(about, json!({"data": [expected]}));
    let without_product = json!({"about": "Closed"});
    assert_eq!(code(&client.set(&profile, without_product).await.1), 100);

    let settings = format!("/v25.0/{READY}/settings");
    let calling = json!({"calling": {"status": "ENABLED"}});
    assert_eq!(client.set(&settings, calling).await.0, 200);
    let (_, shown) = client.look(&settings).await;
    assert_eq!(shown["calling"], json!({"status": "ENABLED"}));
    let unknown = json!({"nonsense": {"status": "ENABLED"}});
    assert_eq!(code(&client.set(&settings, unknown).await.1), 100);
}

#[tokio::test]
async fn what_meta_decides_of_a_number_is_told_by_webhook() {
    let (endpoint, url) = Endpoint::start(Answers::Well).await;
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    let body = json!({"override_callback_uri": url, "verify_token": "right"});
    client
        .set(&format!("/v25.0/{WABA}/subscribed_apps"), body)
        .await;
    let fields = "phone_number_quality_update,phone_number_name_update";
    client.hear(&url, fields).await;
    let order = json!({"phone_number_id": READY, "quality_rating": "RED",
        "messaging_limit": "TIER_50", "name_status": "DECLINED"});
    let (status, answer) = client.set("/_sim/numbers", order).await;
    assert_eq!(status, 201, "{answer}");
    assert_eq!(answer["webhooks"].as_array().unwrap().len(), 3);
    let told = endpoint.posted(3).await;
    let told: Vec<_> = told
        .iter()
        .map(|posted| {
            let change = &posted.body["entry"][0]["changes"][0];
            assert_eq!(change["value"]["display_phone_number"], "15550001002");
            (change["field"].clone(), change["value"].clone())
        })
        .collect();
    assert_eq!(told[0].0, "phone_number_quality_update");
    assert_eq!(told[0].1["event"], "FLAGGED");
    assert_eq!(told[1].1["event"], "DOWNGRADE");
    assert_eq!(told[1].1["current_limit"], "TIER_50");
    assert_eq!(told[2].0, "phone_number_name_update");
    assert_eq!(told[2].1["decision"], "REJECTED");
    let (_, node) = client
        .look(&format!("/v25.0/{READY}?fields=quality_rating"))
        .await;
    assert_eq!(node["quality_rating"], "RED");
}

#[tokio::test]
async fn numbers_and_wabas_can_be_made_by_order() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    let app = json!({"app_id": "400000000000009", "app_secret": "s", "name": "Ours"});
    assert_eq!(client.set("/_sim/apps", app).await.0, 201);
    let waba = json!({"waba_id": "200000000000009", "app_id": "400000000000009",
        "portfolio_id": "500000000000001"});
    assert_eq!(client.set("/_sim/wabas", waba).await.0, 201);
    let number = json!({"phone_number_id": "100000000000009", "waba_id": "200000000000009",
        "display_phone_number": "+15550001009", "verified": true, "registered": true});
    assert_eq!(client.set("/_sim/numbers", number).await.0, 201);
    let token = json!({"token": "ours", "app_id": "400000000000009",
        "wabas": ["200000000000009"], "expires_in_s": 60});
    let (status, shown) = client.set("/_sim/tokens", token).await;
    assert_eq!(status, 201);
    assert!(!shown.to_string().contains("ours"));
    let path = "/v25.0/100000000000009/messages";
    let (status, _) = client
        .call(Method::POST, path, "ours", &text(ANNA, "msg_1"))
        .await;
    assert_eq!(status, 200);
    for bad in [
        json!({"phone_number_id": "100000000000010"}),
        json!({"phone_number_id": "x", "waba_id": WABA, "display_phone_number": "+1555"}),
        json!({"phone_number_id": READY, "waba_id": "2"}),
        json!({"phone_number_id": READY, "quality_rating": "PURPLE"}),
    ] {
        assert_eq!(
            client.set("/_sim/numbers", bad.clone()).await.0,
            400,
            "{bad}"
        );
    }
}
