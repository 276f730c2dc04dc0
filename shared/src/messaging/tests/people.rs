//! Webhooks in any order end with the same contact and the same conversation.

use super::joins::found;
use super::*;
use crate::domain::identity::{Identity, TenantId};
use crate::domain::message::Message;
use crate::domain::webhook::{InboundMessage, Person};
use crate::messaging::receive::apply_inbound;
use crate::store::{Contact, Conversation, ConversationState};

pub(super) fn tenant() -> TenantId {
    "demo".parse().unwrap()
}

pub(super) fn person(phone: Option<&str>, user: Option<&str>, name: &str) -> Person {
    Person {
        wa_id: phone.map(|phone| phone.parse().unwrap()),
        user_id: user.map(|user| user.parse().unwrap()),
        name: Some(name.to_owned()),
        ..Person::default()
    }
}

pub(super) fn message(second: i64, from: Person, moved_to: Option<Person>) -> InboundMessage {
    InboundMessage {
        wamid: format!("wamid.{second}").parse().unwrap(),
        from,
        group: None,
        sent_at: at(second),
        kind: "text".to_owned(),
        object: json!({"text": {"body": "hi"}}),
        context: None,
        moved_to,
    }
}

#[tokio::test]
async fn a_message_told_twice_is_from_whom_either_telling_says() {
    let bare = Person {
        name: None,
        ..person(Some("15550001111"), None, "")
    };
    let named = person(Some("15550001111"), Some("US.1"), "Ada");
    for tellings in orders(&[bare, named.clone()]) {
        let store = store_with(WindowPolicy::Off).await;
        for from in tellings {
            let message = message(10, from, None);
            let sender = sender(WindowPolicy::Off);
            let applied = apply_inbound(&store, &sender, &message, at(11)).await;
            applied.unwrap();
        }
        let kept = store.messages_by_time(&tenant(), &ALL).await.unwrap();
        let kept = kept.entries.as_slice();
        assert!(
            matches!(kept, [Message::Inbound(it)] if it.from == named),
            "{kept:?}"
        );
    }
}

/// Every order of `items`.
fn orders<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for place in 0..items.len() {
        let mut rest = items.to_vec();
        let first = rest.remove(place);
        for mut order in orders(&rest) {
            order.insert(0, first.clone());
            all.push(order);
        }
    }
    all
}

/// Applies each message, the first of them a second time at the end.
async fn after(order: &[InboundMessage]) -> (Store, Contact, Conversation) {
    let store = store_with(WindowPolicy::Enforce).await;
    let sender = sender(WindowPolicy::Enforce);
    let again = order.first().cloned();
    for (second, message) in (100..).zip(order.iter().cloned().chain(again)) {
        apply_inbound(&store, &sender, &message, at(second))
            .await
            .unwrap();
    }
    let contacts = store.contacts(&tenant(), &ALL).await.unwrap().entries;
    let open = ConversationState::Open;
    let inbox = store.conversations(&tenant(), open, &ALL).await.unwrap();
    assert_eq!((contacts.len(), inbox.entries.len()), (1, 1));
    let contact = contacts.into_iter().next().unwrap();
    let conversation = inbox.entries.into_iter().next().unwrap();
    assert_eq!(conversation.contact, contact.id);
    (store, contact, conversation)
}

#[tokio::test]
async fn the_order_of_messages_changes_neither_the_contact_nor_the_conversation() {
    let (phone, user) = (Some("15550001111"), Some("US.1"));
    let set = [
        message(10, person(None, user, "Ada"), None),
        message(20, person(phone, None, "Ada B."), None),
        message(30, person(phone, user, "Ada"), None),
        message(40, person(phone, None, "Ada L."), None),
    ];
    for order in orders(&set) {
        let (store, contact, conversation) = after(&order).await;
        assert_eq!(contact.wa_id, phone.map(|it| it.parse().unwrap()));
        assert_eq!(contact.user_id, user.map(|it| it.parse().unwrap()));
        assert_eq!(contact.name.as_deref(), Some("Ada L."));
        assert!(contact.absorbed.is_empty());
        assert_eq!(conversation.unread, 4);
        assert_eq!(conversation.last_inbound_at, Some(at(40)));
        assert_eq!(conversation.last_activity_at, Some(at(40)));
        let threads: Vec<String> = conversation.threads.iter().cloned().collect();
        let page = store.messages_by_thread(&threads, &ALL).await.unwrap();
        assert_eq!(page.entries.len(), 4);
        let inbound = page.entries.into_iter().filter_map(|entry| match entry {
            Message::Inbound(it) => Some(it),
            Message::Outbound(_) => None,
        });
        for it in inbound {
            let found = store.conversation(&tenant(), &it.conversation).await;
            assert_eq!(found.unwrap().as_ref(), Some(&conversation));
            let found = store.contact(&tenant(), &it.contact).await.unwrap();
            assert_eq!(found.as_ref(), Some(&contact));
        }
    }
}

#[tokio::test]
async fn a_person_who_changed_number_is_one_contact_whichever_number_was_seen_first() {
    let (old, new) = (Some("15550001111"), Some("15550002222"));
    let moved = Some(person(new, None, "Ada"));
    let set = [
        message(10, person(old, None, "Ada"), None),
        message(20, person(old, None, "Ada"), moved),
        message(30, person(new, None, "Ada"), None),
    ];
    for order in orders(&set) {
        let (store, contact, conversation) = after(&order).await;
        assert_eq!(contact.wa_id, new.map(|it| it.parse().unwrap()));
        assert_eq!((conversation.unread, conversation.threads.len()), (3, 2));
        for phone in [old, new] {
            let identity = Identity::Phone(phone.unwrap().parse().unwrap());
            assert_eq!(found(&store, &identity).await, contact);
        }
    }
}
