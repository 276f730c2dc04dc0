//! Messages, conversations, contacts: pages, tenants, roles, and what a caller may do wrong.

use super::desk::{Desk, ids, message, noon, tenant};
use axum::http::{Method, StatusCode};
use heliograph::domain::id::{ContactId, MessageId};
use heliograph::domain::identity::Identity;
use heliograph::domain::message::{Attempt, Inbound};
use heliograph::domain::state::State;
use heliograph::domain::webhook::Person;
use heliograph::store::{Contact, Conversation};
use serde_json::json;
use std::collections::BTreeSet;

#[tokio::test]
async fn paging_reaches_every_message_exactly_once_newest_first() {
    let desk = Desk::start().await;
    let mut written = BTreeSet::new();
    for number in 0..53 {
        let message = message(number, State::Sent);
        written.insert(message.id.to_string());
        desk.write(&message).await;
    }
    for limit in [1, 10, 53, 100] {
        let (entries, _) = desk.read_list("/v1/messages", limit).await;
        let seen = ids(&entries);
        assert_eq!(seen.len(), 53, "limit {limit}");
        assert_eq!(seen.iter().cloned().collect::<BTreeSet<_>>(), written);
        assert!(seen.is_sorted_by(|one, next| one > next));
    }
}

#[tokio::test]
async fn messages_are_listed_by_the_states_that_ask_for_attention() {
    let desk = Desk::start().await;
    for (number, state) in (0..).zip(State::ALL) {
        if state != State::Received {
            desk.write(&message(number, state)).await;
        }
    }
    for state in [
        "queued",
        "sending",
        "unknown",
        "failed",
        "cancelled",
        "expired",
    ] {
        let (entries, _) = desk
            .read_list(&format!("/v1/messages?state={state}"), 5)
            .await;
        assert_eq!(entries.len(), 1, "{state}");
        assert_eq!(entries[0]["state"], state);
    }
    for state in ["accepted", "sent", "delivered", "read", "received", "lost"] {
        let (status, problem) = desk.get(&format!("/v1/messages?state={state}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{state}");
        assert_eq!(problem["errors"][0]["pointer"], "?state");
    }
}

#[tokio::test]
async fn another_tenants_message_is_not_there() {
    let desk = Desk::start().await;
    let message = message(0, State::Sent);
    desk.write(&message).await;
    let path = format!("/v1/messages/{}", message.id);
    let (status, found) = desk.get(&path).await;
    assert_eq!((status, &found["id"]), (StatusCode::OK, &json!(message.id)));
    for path in [path.clone(), format!("{path}/attempts")] {
        let (status, problem) = desk.call(Method::GET, &path, Some("hg_stranger")).await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::NOT_FOUND, &json!("not_found"))
        );
    }
    let (_, page) = desk
        .call(Method::GET, "/v1/messages", Some("hg_stranger"))
        .await;
    assert_eq!(page, json!({"data": []}));
}

#[tokio::test]
async fn an_id_that_cannot_be_one_is_the_id_of_nothing() {
    let desk = Desk::start().await;
    for list in [
        "messages",
        "conversations",
        "contacts",
        "bulk-jobs",
        "webhook-events",
    ] {
        for id in ["1", "msg_A", "%20", "acct_demo", "evt_1.x"] {
            let (status, problem) = desk.get(&format!("/v1/{list}/{id}")).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{list} {id}");
            assert_eq!(problem["code"], "not_found");
        }
    }
}

#[tokio::test]
async fn nothing_is_shown_without_a_key() {
    let desk = Desk::start().await;
    let lists = [
        "messages",
        "conversations",
        "contacts",
        "bulk-jobs",
        "webhook-events",
        "stats",
        "usage",
    ];
    for path in lists {
        for key in [None, Some("hg_nobody"), Some("nonsense")] {
            let path = format!("/v1/{path}?colour=red");
            let (status, problem) = desk.call(Method::GET, &path, key).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
            assert_eq!(problem["code"], "unauthenticated");
        }
        let (status, _) = desk.get(&format!("/v1/{path}")).await;
        assert_eq!(status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn a_parameter_nobody_knows_and_a_cursor_of_another_list_are_refused() {
    let desk = Desk::start().await;
    for number in 0..2 {
        desk.write(&message(number, State::Failed)).await;
    }
    let (_, page) = desk.get("/v1/messages?limit=1").await;
    let cursor = page["next_cursor"].as_str().unwrap();
    for (query, code) in [
        ("colour=red".to_owned(), "invalid_request"),
        ("limit=0".to_owned(), "invalid_request"),
        ("limit=101".to_owned(), "invalid_request"),
        ("cursor=nonsense".to_owned(), "invalid_cursor"),
        (format!("state=failed&cursor={cursor}"), "invalid_cursor"),
    ] {
        let (status, problem) = desk.get(&format!("/v1/messages?{query}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(problem["code"], code, "{query}");
    }
    let path = format!("/v1/messages?limit=1&cursor={cursor}");
    let (status, _) = desk.call(Method::GET, &path, Some("hg_stranger")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (status, _) = desk
        .get(&format!(
            "/v1/messages/{}?colour=red",
            message(0, State::Failed).id
        ))
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn attempts_are_listed_oldest_first_and_page_by_page() {
    let desk = Desk::start().await;
    let mut message = message(0, State::Queued);
    message.attempts = vec![Attempt::starting(noon()); 3];
    desk.write(&message).await;
    let path = format!("/v1/messages/{}/attempts", message.id);
    let (attempts, pages) = desk.read_list(&path, 2).await;
    let numbers: Vec<_> = attempts
        .iter()
        .map(|attempt| attempt["number"].as_u64())
        .collect();
    assert_eq!((numbers, pages), (vec![Some(1), Some(2), Some(3)], 2));
}

#[tokio::test]
async fn a_person_who_writes_is_shown_with_the_conversation_and_its_messages() {
    let desk = Desk::start().await;
    let contact = Contact {
        id: ContactId::at(noon()),
        tenant: tenant(),
        wa_id: Some("15550001111".parse().unwrap()),
        user_id: None,
        name: Some("Ann".to_owned()),
        username: None,
        created_at: noon(),
        senders: std::collections::BTreeSet::default(),
        absorbed: std::collections::BTreeSet::default(),
    };
    let phone = Identity::Phone(contact.wa_id.clone().unwrap());
    assert!(desk.store.create_contact(&contact, &[phone]).await.unwrap());
    let inbound = inbound_from(&contact);
    desk.store.receive(&inbound, &contact).await.unwrap();
    let conversation = &inbound.conversation;
    desk.store
        .note_inbound(&tenant(), conversation, noon())
        .await
        .unwrap();
    // Ours, to the same person: the conversation shows both.
    desk.write(&message(5, State::Read)).await;

    let (contacts, _) = desk.read_list("/v1/contacts", 10).await;
    assert_eq!(contacts.len(), 1);
    assert_eq!(contacts[0]["name"], "Ann");
    let (status, one) = desk.get(&format!("/v1/contacts/{}", contact.id)).await;
    assert_eq!((status, &one), (StatusCode::OK, &contacts[0]));

    let (conversations, _) = desk.read_list("/v1/conversations", 10).await;
    assert_eq!(ids(&conversations), [conversation.to_string()]);
    assert_eq!(conversations[0]["unread"], 1);
    assert_eq!(conversations[0]["window_closes_at"], "2026-11-21T12:00:00Z");
    let (closed, _) = desk.read_list("/v1/conversations?state=closed", 10).await;
    assert_eq!(closed, Vec::<serde_json::Value>::new());

    let path = format!("/v1/conversations/{conversation}/messages");
    let (messages, pages) = desk.read_list(&path, 1).await;
    let directions: Vec<_> = messages
        .iter()
        .map(|message| message["direction"].as_str().unwrap())
        .collect();
    assert_eq!((directions, pages), (vec!["outbound", "inbound"], 2));
    for path in [path, format!("/v1/contacts/{}", contact.id)] {
        let (status, _) = desk.call(Method::GET, &path, Some("hg_stranger")).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }
}

fn inbound_from(contact: &Contact) -> Inbound {
    let sender = "100000000000001".parse().unwrap();
    Inbound {
        id: MessageId::derived(noon(), &["inbound"]),
        tenant: tenant(),
        account: "acct_demo".parse().unwrap(),
        provider_id: "wamid.1".parse().unwrap(),
        from: Person {
            wa_id: contact.wa_id.clone(),
            ..Person::default()
        },
        group: None,
        kind: "text".to_owned(),
        object: json!({"type": "text", "text": {"body": "hi"}}),
        context: None,
        contact: contact.id.clone(),
        conversation: Conversation::id_of(&contact.id, &sender),
        sender,
        sent_at: noon(),
        received_at: noon(),
    }
}
