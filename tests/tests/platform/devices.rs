//! What Fonnte's devices tell the platform: messages, statuses, whether they are connected. Nothing of it is signed.

use crate::id_of;
use crate::neighbour::{Key, Neighbour};
use serde_json::{Value, json};
use tests::{Answer, Desk, eventually, read};

const ACCOUNT: &str = "acct_demo-fonnte";
const SENDER: &str = "fonnte-15550002000";
const DEVICE: &str = "15550002000";

/// What stands in the path that the demo's device calls.
const TOKEN: &str = "demo-path-token";

fn from(sender: &str, to: &str) -> Value {
    json!({"from": sender, "to": to, "type": "text", "text": {"body": "Hello"}})
}

/// Calls us as a device does, at the path of this provider and account with this token.
async fn call(desk: &Desk, path: &str, body: &Value) -> Answer {
    let url = format!("{}/webhooks/{path}", desk.webhook_base());
    read(desk.http().post(url).json(body)).await
}

async fn order(desk: &Desk, what: &str, order: &Value) -> Value {
    let url = format!("{}/_sim/{what}", desk.simulator_url());
    read(desk.http().post(url).json(order)).await.json()
}

async fn event_once(desk: &Desk, kind: &str, state: &str) -> Value {
    let look = async || {
        let all = desk.all("/v1/webhook-events").await;
        let mut all = all.into_iter();
        all.find(|it| it["kind"] == kind && it["state"] == state)
    };
    eventually("the event", look).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_through_fonnte_is_followed_until_it_is_read() {
    let desk = Desk::start().await;
    let sent = desk.send(&from(SENDER, "+15550051001")).await.with(200);
    let id = id_of(&sent);
    let message = desk.message_once(&id, "read").await;
    assert!(message.get("warnings").is_none(), "{message}");
    // A status that has overtaken the first one comes again, when that has told whose it is.
    let look = async || {
        let message = desk.message(&id).await;
        let times = ["sent_at", "delivered_at", "read_at"];
        let has_all = times.iter().all(|time| message[time].is_string());
        has_all.then_some(())
    };
    eventually("the time of each status", look).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn statuses_that_come_twice_and_out_of_order_end_alike() {
    let desk = Desk::start().await;
    for fault in ["reorder_webhooks", "duplicate_webhook"] {
        desk.fault(&json!({"provider": "fonnte", "fault": fault, "times": 2, "delay_ms": 300}))
            .await;
    }
    let sent = desk.send(&from(SENDER, "+15550051002")).await.with(200);
    desk.message_once(&id_of(&sent), "read").await;
    desk.all_statuses_delivered().await;
    assert_eq!(desk.message(&id_of(&sent)).await["state"], "read");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_writes_to_a_device_is_a_contact_with_a_conversation_and_can_be_answered() {
    let desk = Desk::start().await;
    let said =
        json!({"provider": "fonnte", "from": "+15550051011", "name": "Mary", "text": "Open?"});
    let told = order(&desk, "inbound", &said).await;
    assert_eq!(told["delivered"], true, "{told}");
    let id = format!("inbox:{}", told["inboxid"].as_str().unwrap());
    let look = async || {
        let all = desk.all("/v1/messages").await;
        all.into_iter().find(|it| it["provider_id"] == id.as_str())
    };
    let message = eventually("the message", look).await;
    assert_eq!(message["text"]["body"], "Open?");
    assert_eq!(
        (&message["from"], &message["to"]),
        (&json!("15550051011"), &json!(SENDER))
    );
    let contact = format!("/v1/contacts/{}", message["contact_id"].as_str().unwrap());
    let contact = desk.get(&contact).await.with(200);
    assert_eq!(
        (&contact["name"], &contact["wa_id"]),
        (&json!("Mary"), &json!("15550051011"))
    );
    let conversation = message["conversation_id"].as_str().unwrap();
    let conversation = desk
        .get(&format!("/v1/conversations/{conversation}"))
        .await
        .with(200);
    assert_eq!(
        (&conversation["sender_id"], &conversation["unread"]),
        (&json!(SENDER), &json!(1))
    );

    let mut answer = from(SENDER, "+15550051011");
    answer["context"] = json!({"message_id": id});
    let answer = desk.send(&answer).await.with(200);
    let answer = desk.message_once(&id_of(&answer), "read").await;
    assert_eq!(answer["conversation_id"], conversation["id"]);
    let accepted = desk.accepted(Some("+15550051011")).await;
    assert!(
        accepted[0]
            .to_string()
            .contains(told["inboxid"].as_str().unwrap())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_keeps_its_link_and_a_group_its_member() {
    let desk = Desk::start().await;
    let picture = json!({"url": "https://example.com/a.jpg", "filename": "a", "extension": "jpg", "member": "15550051013",
        "sender": "120363000000000000@g.us"});
    let said = json!({"provider": "fonnte", "from": "+15550051012", "message": picture});
    order(&desk, "inbound", &said).await;
    let event = event_once(&desk, "messages/image", "applied").await;
    let message = desk.message(event["message_id"].as_str().unwrap()).await;
    assert_eq!(message["image"]["url"], "https://example.com/a.jpg");
    assert_eq!(message["from"], "15550051013");
    assert_eq!(message["group"], "120363000000000000@g.us");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_know_the_path_hears_what_a_stranger_hears_and_changes_nothing() {
    let desk = Desk::start().await;
    let body =
        json!({"device": DEVICE, "sender": "15550051021", "message": "Hello", "inboxid": "1"});
    let stranger = call(&desk, "meta/acct_demo", &body).await;
    stranger.problem(401, "invalid_signature");
    for path in [
        format!("fonnte/{ACCOUNT}/wrong"),
        format!("fonnte/acct_nobody/{TOKEN}"),
        format!("fonnte/acct_demo/{TOKEN}"),
        format!("fonnte/acct_demo-mock/{TOKEN}"),
        format!("meta/{ACCOUNT}"),
    ] {
        let refused = call(&desk, &path, &body).await;
        assert_eq!(
            (refused.status, &refused.text),
            (401, &stranger.text),
            "{path}"
        );
    }
    let taken = call(&desk, &format!("fonnte/{ACCOUNT}/{TOKEN}"), &body).await;
    assert_eq!(taken.status, 200, "{}", taken.text);
    let look = async || {
        let events = desk.all("/v1/webhook-events").await;
        let events = events.into_iter().filter(|it| it["account_id"] == ACCOUNT);
        Some(events.collect::<Vec<_>>()).filter(|events| !events.is_empty())
    };
    let events = eventually("the event", look).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["state"], "applied");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_of_another_tenant_is_kept_and_changes_nothing() {
    let desk = Desk::start().await;
    let neighbour = Neighbour::move_in(&desk).await;
    let account = json!({"name": "Phone", "provider": "fonnte"});
    let made = neighbour.post(&desk, "/v1/accounts", &account).await;
    let theirs = id_of(&made.with(201));
    desk.order_key(&json!({"provider": "fonnte", "key": "their-token", "sender": "15550002009"}))
        .await;
    let path = format!("/v1/accounts/{theirs}/keys/main");
    let put = desk.with_key(Key::Admin.text(), "PUT".parse().unwrap(), &path);
    let kept = read(put.json(&json!({"key": "their-token"}))).await;
    assert!(kept.with(200).get("warnings").is_none());

    let body = json!({"device": "15550002009", "sender": "15550051031", "message": "Hello", "inboxid": "1"});
    let ours = format!("fonnte/{ACCOUNT}/{TOKEN}");
    assert_eq!(call(&desk, &ours, &body).await.status, 200);
    let event = event_once(&desk, "messages/text", "unknown_account").await;
    assert_eq!(event["account_id"], ACCOUNT);
    let contacts = desk.all("/v1/contacts").await;
    assert!(contacts.iter().all(|it| it["wa_id"] != "15550051031"));
    // The token of one account opens no other.
    let other = call(&desk, &format!("fonnte/{theirs}/{TOKEN}"), &body).await;
    other.problem(401, "invalid_signature");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_put_in_has_its_device_call_us_at_an_address_nobody_is_shown() {
    let desk = Desk::start().await;
    let account = json!({"name": "Second phone", "provider": "fonnte"});
    let account = id_of(&desk.post("/v1/accounts", &account).await.with(201));
    desk.order_key(&json!({"provider": "fonnte", "key": "second-token", "sender": "15550002008"}))
        .await;
    let path = format!("/v1/accounts/{account}/keys/main");
    for _ in 0..2 {
        let put = desk.with_key(tests::ADMIN_KEY, "PUT".parse().unwrap(), &path);
        let kept = read(put.json(&json!({"key": "second-token"}))).await;
        assert!(!kept.text.contains("/webhooks/fonnte/"), "{}", kept.text);
        assert!(kept.with(200).get("warnings").is_none());
    }
    let sent = desk.send(&from("fonnte-15550002008", "+15550051041")).await;
    desk.message_once(&id_of(&sent.with(200)), "read").await;
    let trail = desk.all("/v1/audit").await;
    assert!(
        trail
            .iter()
            .all(|it| !it.to_string().contains("webhooks/fonnte"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_whose_device_could_not_be_told_is_kept_and_put_in_again_tells_it() {
    let desk = Desk::start().await;
    let account = json!({"name": "Third phone", "provider": "fonnte"});
    let account = id_of(&desk.post("/v1/accounts", &account).await.with(201));
    desk.order_key(&json!({"provider": "fonnte", "key": "third-token", "sender": "15550002007"}))
        .await;
    let fault = json!({"provider": "fonnte", "sender": "15550002007", "fault": "error:input invalid", "times": 1});
    desk.fault(&fault).await;
    let path = format!("/v1/accounts/{account}/keys/main");
    let put = async || {
        let put = desk.with_key(tests::ADMIN_KEY, "PUT".parse().unwrap(), &path);
        read(put.json(&json!({"key": "third-token"}))).await
    };
    let kept = put().await.with(200);
    assert_eq!(kept["sender_id"], "fonnte-15550002007");
    let warnings = kept["warnings"].to_string();
    assert!(warnings.contains("put the key in again"), "{kept}");
    assert!(!warnings.contains("/webhooks/"), "{kept}");
    let listed = desk.get(&format!("/v1/accounts/{account}/keys")).await;
    assert!(listed.with(200)["data"][0].get("warnings").is_none());
    assert!(put().await.with(200).get("warnings").is_none());
    let sent = desk.send(&from("fonnte-15550002007", "+15550051042")).await;
    desk.message_once(&id_of(&sent.with(200)), "read").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_lost_is_seen_among_the_events() {
    let desk = Desk::start().await;
    for (connected, kind) in [(false, "connection/lost"), (true, "connection/connected")] {
        order(
            &desk,
            "devices",
            &json!({"device": DEVICE, "connected": connected}),
        )
        .await;
        let event = event_once(&desk, kind, "kept").await;
        assert_eq!(event["account_id"], ACCOUNT);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_whose_key_comes_with_an_import_is_told_whom_to_call() {
    let desk = Desk::start().await;
    let device = "15550052001";
    let key = json!({"provider": "fonnte", "key": "imported-token", "sender": device});
    desk.order_key(&key).await;
    let entry = json!({
        "kind": "account", "id": "acct_imported", "name": "Backup", "provider": "fonnte", "credentials": [],
        "keys": [{"alias": "main", "mask": "***oken", "sender_id": format!("fonnte-{device}"), "weight": 1,
            "enabled": true, "secret": "imported-token"}],
    });
    let came = desk
        .post("/v1/configuration", &json!({"data": [entry]}))
        .await
        .with(200);
    assert_eq!(came["data"][0]["status"], "made", "{came}");
    let said = json!({"provider": "fonnte", "to": device, "from": "+15550052002", "text": "Open?"});
    let told = order(&desk, "inbound", &said).await;
    assert_eq!(told["delivered"], true, "{told}");
}
