//! What comes again, and what only seems to.

use super::*;

#[tokio::test]
async fn a_message_that_comes_twice_is_there_once_and_opens_the_window() {
    let store = store_with(WindowPolicy::Enforce).await;
    let units = [text("wamid.IN2", 20), text("wamid.IN1", 10)];
    let record = record("200000000000001", &value("messages", &units));
    for tries in 0..2 {
        let stored = receive(&store, &record, tries).await;
        assert_eq!(states(&stored), [EventState::Applied; 2]);
    }
    let tenant = "demo".parse().unwrap();
    let page = store
        .conversations(&tenant, ConversationState::Open, &ALL)
        .await;
    let conversations = page.unwrap().entries;
    assert_eq!(conversations.len(), 1);
    let conversation = conversations.first().unwrap();
    assert_eq!(conversation.unread, 2);
    assert_eq!(conversation.last_inbound_at, Some(at(20)));
    let messages = store.messages_by_time(&tenant, &ALL).await.unwrap().entries;
    assert_eq!(messages.len(), 2);
    assert!(matches!(messages.first(), Some(Message::Inbound(newest)) if newest.sent_at == at(20)));
    assert_eq!(
        store.contacts(&tenant, &ALL).await.unwrap().entries.len(),
        1
    );
}

#[tokio::test]
async fn what_bears_one_id_and_says_another_thing_is_kept_too_and_a_new_link_says_nothing_new() {
    let store = store_with(WindowPolicy::Enforce).await;
    let image = |caption: &str, url: &str| {
        let timestamp = at(10).as_second().to_string();
        let image = json!({"id": "1", "caption": caption, "url": url});
        json!({"from": "15550001111", "id": "wamid.IN1", "timestamp": timestamp, "type": "image", "image": image})
    };
    let units = [
        image("one", "https://example.com/a"),
        image("other", "https://example.com/a"),
        image("one", "https://example.com/b"),
        text("wamid.IN1", 10),
    ];
    let record = record("200000000000001", &value("messages", &units));
    assert_eq!(
        states(&receive(&store, &record, 0).await),
        [EventState::Applied; 4]
    );
    let tenant = "demo".parse().unwrap();
    let messages = store.messages_by_time(&tenant, &ALL).await.unwrap().entries;
    assert_eq!(messages.len(), 3);
}
