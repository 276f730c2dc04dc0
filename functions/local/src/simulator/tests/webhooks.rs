//! What comes back by webhook.

use super::*;

fn words(statuses: &[Value]) -> Vec<&str> {
    let mut words: Vec<&str> = statuses
        .iter()
        .map(|status| status["status"].as_str().unwrap())
        .collect();
    words.sort_unstable();
    words
}

#[tokio::test]
async fn each_message_is_followed_by_its_signed_statuses() {
    let (webhook, url) = Webhook::start().await;
    let simulator = start(&url).await;
    let client = Client::of(&simulator);
    let (_, answer) = client.send(ANNA, "msg_1").await.unwrap();
    let statuses = webhook.at_least("statuses", 3).await;
    assert_eq!(words(&statuses), ["delivered", "read", "sent"]);
    for status in &statuses {
        assert_eq!(status["id"], answer["messages"][0]["id"]);
        assert_eq!(status["biz_opaque_callback_data"], "msg_1");
        assert_eq!(status["recipient_id"], "15550001111");
        let priced = status["status"] != "read";
        assert_eq!(status.get("pricing").is_some(), priced);
    }
}

#[tokio::test]
async fn a_webhook_answered_with_500_comes_again() {
    let (webhook, url) = Webhook::start().await;
    webhook.refusals_left.store(1, Ordering::SeqCst);
    let simulator = start(&url).await;
    let client = Client::of(&simulator);
    client.send(ANNA, "msg_1").await.unwrap();
    webhook.at_least("statuses", 3).await;
    assert_eq!(webhook.refused.load(Ordering::SeqCst), 1);
    let stats = client.get("/_sim/stats").await;
    assert_eq!(stats["webhooks"]["failed"], 1);
}

#[tokio::test]
async fn statuses_that_are_owed_survive_a_restart_and_those_delivered_do_not_come_again() {
    let folder = Folder::new();
    let (webhook, url) = Webhook::start().await;
    let first = start_in(&folder, &url).await;
    let client = Client::of(&first);
    client.send(ANNA, "msg_delivered").await.unwrap();
    webhook.at_least("statuses", 3).await;
    first.shutdown().await;

    let deaf = start_in(&folder, NOWHERE).await;
    let client = Client::of(&deaf);
    client.send(ANNA, "msg_owed").await.unwrap();
    drop(deaf);

    let third = start_in(&folder, &url).await;
    let client = Client::of(&third);
    client.send(BERT, "msg_last").await.unwrap();
    let statuses = webhook.at_least("statuses", 9).await;
    let owed = |callback: &str| {
        let of_it = |status: &&Value| status["biz_opaque_callback_data"] == callback;
        statuses.iter().filter(of_it).count()
    };
    assert_eq!((owed("msg_delivered"), owed("msg_owed")), (3, 3));
}

#[tokio::test]
async fn a_number_made_to_fail_fails_by_webhook() {
    let (webhook, url) = Webhook::start().await;
    let simulator = start(&url).await;
    let client = Client::of(&simulator);
    let (status, _) = client.send("+15559131026", "msg_1").await.unwrap();
    assert_eq!(status, StatusCode::OK);
    let statuses = webhook.at_least("statuses", 1).await;
    assert_eq!(statuses[0]["status"], "failed");
    assert_eq!(statuses[0]["errors"][0]["code"], 131_026);
}

#[tokio::test]
async fn a_dropped_update_never_comes_and_is_not_owed() {
    let (webhook, url) = Webhook::start().await;
    let simulator = start(&url).await;
    let client = Client::of(&simulator);
    client
        .order_fault(json!({"fault": "drop_webhook", "to": ANNA, "times": 3}))
        .await;
    client.send(ANNA, "msg_1").await.unwrap();
    client.send(BERT, "msg_2").await.unwrap();
    let statuses = webhook.at_least("statuses", 3).await;
    assert!(
        statuses
            .iter()
            .all(|status| status["biz_opaque_callback_data"] == "msg_2")
    );
}

#[tokio::test]
async fn a_duplicated_update_comes_twice() {
    let (webhook, url) = Webhook::start().await;
    let simulator = start(&url).await;
    let client = Client::of(&simulator);
    client
        .order_fault(json!({"fault": "duplicate_webhook"}))
        .await;
    client.send(ANNA, "msg_1").await.unwrap();
    let statuses = webhook.at_least("statuses", 4).await;
    assert_eq!(words(&statuses), ["delivered", "read", "sent", "sent"]);
}

#[tokio::test]
async fn a_reordered_update_comes_after_later_ones() {
    let (webhook, url) = Webhook::start().await;
    let simulator = start(&url).await;
    let client = Client::of(&simulator);
    client
        .order_fault(json!({"fault": "reorder_webhooks", "delay_ms": 300}))
        .await;
    client.send(ANNA, "msg_1").await.unwrap();
    let statuses = webhook.at_least("statuses", 3).await;
    assert_eq!(statuses[2]["status"], "sent");
}

#[tokio::test]
async fn a_message_from_a_person_comes_signed_and_is_answered_for() {
    let (webhook, url) = Webhook::start().await;
    let simulator = start(&url).await;
    let client = Client::of(&simulator);
    let order = json!({"from": ANNA, "name": "Anna", "text": "Grüße 👋"});
    let (status, answer) = client.post("/_sim/inbound", &order).await.unwrap();
    assert_eq!(
        (status, &answer["delivered"]),
        (StatusCode::OK, &json!(true))
    );
    let message = webhook.all("messages").remove(0);
    assert_eq!(message["id"], answer["wamid"]);
    assert_eq!(message["from"], "15550001111");
    assert_eq!(message["text"]["body"], "Grüße 👋");
    let contact = webhook.all("contacts").remove(0);
    assert_eq!(contact["profile"]["name"], "Anna");

    let order = json!({"user_id": "US.13491208655302741918", "message": {"type": "sticker", "sticker": {}}});
    client.post("/_sim/inbound", &order).await.unwrap();
    let message = webhook.all("messages").remove(1);
    assert_eq!(message["from_user_id"], "US.13491208655302741918");
    assert!(message.get("from").is_none());
}

#[tokio::test]
async fn a_message_the_webhook_did_not_take_is_not_delivered() {
    let simulator = start(NOWHERE).await;
    let client = Client::of(&simulator);
    let order = json!({"from": ANNA, "text": "Hello", "wamid": "wamid.AAA="});
    let (_, answer) = client.post("/_sim/inbound", &order).await.unwrap();
    assert_eq!(answer, json!({"wamid": "wamid.AAA=", "delivered": false}));
}
