//! What people write to us: a message, a contact, a conversation with something unread.

use crate::id_of;
use serde_json::{Value, json};
use tests::{Desk, SENDER, eventually, text};

async fn contact_once(desk: &Desk, name: &str, value: &str) -> Value {
    let look = async || {
        let all = desk.all("/v1/contacts").await;
        all.into_iter().find(|it| it[name] == value)
    };
    eventually("a contact", look).await
}

async fn conversation_once(desk: &Desk, contact: &str, unread: u64) -> Value {
    let look = async || {
        let all = desk.all("/v1/conversations").await;
        all.into_iter()
            .find(|it| it["contact_id"] == contact && it["unread"] == unread)
    };
    eventually("a conversation with that many unread", look).await
}

async fn message_once(desk: &Desk, wamid: &str) -> Value {
    let look = async || {
        let all = desk.all("/v1/messages").await;
        all.into_iter().find(|it| it["provider_id"] == wamid)
    };
    eventually("the message", look).await
}

/// The event of a message: it is written once it is known what became of it.
async fn event_once(desk: &Desk, message: &Value) -> Value {
    let look = async || {
        let all = desk.all("/v1/webhook-events").await;
        all.into_iter().find(|it| it["message_id"] == message["id"])
    };
    eventually("the event", look).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_writes_becomes_a_contact_with_a_conversation_and_unread_messages() {
    let desk = Desk::start().await;
    let order = |text: &str| json!({"from": "+15550010001", "name": "Mary", "text": text});
    let first = desk.inbound(&order("Are you there?")).await;
    let second = desk.inbound(&order("Hello?")).await;
    let contact = contact_once(&desk, "wa_id", "15550010001").await;
    assert_eq!(contact["name"], "Mary");
    let conversation = conversation_once(&desk, contact["id"].as_str().unwrap(), 2).await;
    assert_eq!(conversation["sender_id"], SENDER);
    assert_eq!(conversation["state"], "open");
    assert!(conversation["window_closes_at"].is_string());
    let path = format!("/v1/conversations/{}/messages", id_of(&conversation));
    let messages = desk.all(&path).await;
    let ids: Vec<&str> = messages
        .iter()
        .map(|it| it["provider_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 2);
    assert!(ids.contains(&first.as_str()) && ids.contains(&second.as_str()));
    let texts: Vec<&Value> = messages.iter().map(|it| &it["text"]["body"]).collect();
    assert!(texts.contains(&&json!("Hello?")));
    assert!(
        messages
            .iter()
            .all(|it| it["state"] == "received" && it["direction"] == "inbound")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_stands_in_the_same_conversation() {
    let desk = Desk::start().await;
    desk.inbound(&json!({"from": "+15550010002", "text": "Hello?"}))
        .await;
    let contact = contact_once(&desk, "wa_id", "15550010002").await;
    let conversation = conversation_once(&desk, contact["id"].as_str().unwrap(), 1).await;
    let answer = desk
        .send(&text("+15550010002", "Here we are"))
        .await
        .with(200);
    let path = format!("/v1/conversations/{}/messages", id_of(&conversation));
    let look = async || (desk.all(&path).await.len() == 2).then_some(());
    eventually("both messages in the conversation", look).await;
    let message = desk.message(&id_of(&answer)).await;
    assert_eq!(message["conversation_id"], conversation["id"]);
    assert_eq!(message["contact_id"], contact["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_comes_twice_is_one_message_and_counts_once() {
    let desk = Desk::start().await;
    desk.fault(&json!({"fault": "duplicate_webhook", "times": 1}))
        .await;
    let order = json!({"from": "+15550010003", "text": "Hello", "wamid": "wamid.TWICE"});
    desk.inbound(&order).await;
    desk.inbound(&order).await;
    // A third person's message comes behind them all.
    desk.inbound(&json!({"from": "+15550010004", "text": "Hello"}))
        .await;
    contact_once(&desk, "wa_id", "15550010004").await;
    let look = async || {
        let events = desk.all("/v1/webhook-events").await;
        (events
            .iter()
            .filter(|it| it["kind"] == "messages/text")
            .count()
            >= 4 + 4)
            .then_some(())
    };
    eventually("every event", look).await;
    let contact = contact_once(&desk, "wa_id", "15550010003").await;
    let conversation = conversation_once(&desk, contact["id"].as_str().unwrap(), 1).await;
    let path = format!("/v1/conversations/{}/messages", id_of(&conversation));
    assert_eq!(desk.all(&path).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_without_a_number_is_a_contact_and_can_be_answered() {
    let desk = Desk::start().await;
    let user = "US.13491208655302741918";
    desk.inbound(&json!({"user_id": user, "name": "Nemo", "text": "Guess who"}))
        .await;
    let contact = contact_once(&desk, "user_id", user).await;
    assert!(contact.get("wa_id").is_none(), "{contact}");
    let conversation = conversation_once(&desk, contact["id"].as_str().unwrap(), 1).await;
    let body = json!({"from": SENDER, "recipient": user, "type": "text", "text": {"body": "Who?"}});
    let answer = desk.send(&body).await.with(200);
    let message = desk.message_once(&id_of(&answer), "read").await;
    assert_eq!(message["conversation_id"], conversation["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_nobody_knows_yet_is_kept_whole() {
    let desk = Desk::start().await;
    let message = json!({"type": "hologram", "hologram": {"depth": 3}});
    let order = json!({"from": "+15550010005", "message": message});
    let wamid = desk.inbound(&order).await;
    let kept = message_once(&desk, &wamid).await;
    assert_eq!(kept["type"], "hologram");
    assert_eq!(kept["provider_object"]["hologram"]["depth"], 3);
    let event = event_once(&desk, &kept).await;
    let event = desk
        .get(&format!("/v1/webhook-events/{}", id_of(&event)))
        .await
        .with(200);
    assert!(event["raw"].to_string().contains("hologram"), "{event}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_may_be_replayed_and_changes_nothing_twice() {
    let desk = Desk::start().await;
    let wamid = desk
        .inbound(&json!({"from": "+15550010006", "text": "Hello"}))
        .await;
    let contact = contact_once(&desk, "wa_id", "15550010006").await;
    conversation_once(&desk, contact["id"].as_str().unwrap(), 1).await;
    let message = message_once(&desk, &wamid).await;
    let event = event_once(&desk, &message).await;
    let path = format!("/v1/webhook-events/{}", id_of(&event));
    let replayed = desk.post(&format!("{path}/replay"), &Value::Null).await;
    assert_eq!(replayed.status, 202, "{replayed:?}");
    // Whoever writes after the replay comes behind it in the queue.
    desk.inbound(&json!({"from": "+15550010007", "text": "Hello"}))
        .await;
    contact_once(&desk, "wa_id", "15550010007").await;
    let event = desk.get(&path).await.with(200);
    assert_eq!(event["state"], "applied");
    conversation_once(&desk, contact["id"].as_str().unwrap(), 1).await;
}
