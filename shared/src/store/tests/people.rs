//! Contacts and conversations: found by every name, counted once, and the latest time wins.

use super::*;
use crate::domain::id::{ContactId, MessageId};
use crate::domain::identity::Identity;
use crate::domain::ledger::tests::{at, queued};
use crate::domain::message::Inbound;
use crate::domain::webhook::Person;

pub(super) fn ada() -> Contact {
    Contact {
        id: ContactId::at(at(0)),
        tenant: "demo".parse().unwrap(),
        wa_id: Some("15550001111".parse().unwrap()),
        user_id: None,
        name: Some("Ada".to_owned()),
        username: None,
        created_at: at(0),
        senders: std::collections::BTreeSet::default(),
        absorbed: std::collections::BTreeSet::default(),
    }
}

fn phone() -> Identity {
    Identity::Phone("15550001111".parse().unwrap())
}

pub(super) fn inbound(contact: &Contact, wamid: &str, second: i64) -> Inbound {
    let sender = "100000000000001".parse().unwrap();
    Inbound {
        id: MessageId::derived(at(second), &[wamid]),
        tenant: contact.tenant.clone(),
        account: "acct_demo".parse().unwrap(),
        conversation: Conversation::id_of(&contact.id, &sender),
        sender,
        provider_id: wamid.parse().unwrap(),
        from: Person {
            wa_id: contact.wa_id.clone(),
            ..Person::default()
        },
        group: None,
        kind: "text".to_owned(),
        object: json!({"text": {"body": ""}, "n": 1.5}),
        context: None,
        contact: contact.id.clone(),
        sent_at: at(second),
        received_at: at(second),
    }
}

#[tokio::test]
async fn what_is_said_in_a_group_is_in_no_thread_of_a_persons_own() {
    let store = empty_store().await;
    let ada = ada();
    assert!(store.create_contact(&ada, &[phone()]).await.unwrap());
    let alone = inbound(&ada, "wamid.A", 1);
    let in_group = Inbound {
        group: Some("120363000000000000@g.us".parse().unwrap()),
        ..inbound(&ada, "wamid.B", 2)
    };
    for message in [&alone, &in_group] {
        store.receive(message, &ada).await.unwrap();
    }
    let found = store.conversation(&ada.tenant, &alone.conversation).await;
    let conversation = found.unwrap().unwrap();
    let own: Vec<String> = conversation.own_threads().cloned().collect();
    assert_eq!(conversation.threads.len(), 2);
    assert_eq!(
        own,
        Store::threads_of(&ada.tenant, &alone.sender, &alone.from)
    );
}

#[tokio::test]
async fn a_contact_is_made_once_and_found_by_every_name() {
    let store = empty_store().await;
    let ada = ada();
    assert!(store.create_contact(&ada, &[phone()]).await.unwrap());
    let twin = Contact {
        id: ContactId::at(at(1)),
        ..ada.clone()
    };
    assert!(!store.create_contact(&twin, &[phone()]).await.unwrap());
    let user: crate::domain::identity::Bsuid = "US.1".parse().unwrap();
    let other = Identity::User(user.clone());
    assert!(store.add_identity(&ada, &other).await.unwrap());
    assert!(!store.add_identity(&ada, &other).await.unwrap());
    let told = Person {
        name: Some("Ada L.".to_owned()),
        username: Some("ada".to_owned()),
        ..Person::default()
    };
    store
        .tell_contact(&ada.tenant, &ada.id, &told, at(1))
        .await
        .unwrap();
    let id = store.pointed_to(&ada.tenant, &other).await.unwrap();
    let found = store.contact(&ada.tenant, &id.unwrap()).await.unwrap();
    let wanted = Contact {
        user_id: Some(user),
        name: Some("Ada L.".to_owned()),
        username: Some("ada".to_owned()),
        ..ada.clone()
    };
    assert_eq!(found, Some(wanted));
    let tenant = "other".parse().unwrap();
    let found = store.pointed_to(&tenant, &phone()).await.unwrap();
    assert_eq!(found, None);
}

#[tokio::test]
async fn a_message_received_twice_is_kept_and_counted_once() {
    let store = empty_store().await;
    let ada = ada();
    store.create_contact(&ada, &[phone()]).await.unwrap();
    for (wamid, outcome) in [
        ("wamid.A", Received::Written),
        ("wamid.A", Received::ThereAlready),
        ("wamid.B", Received::Written),
    ] {
        let message = inbound(&ada, wamid, 5);
        assert_eq!(store.receive(&message, &ada).await.unwrap(), outcome);
        let read = store.message(&ada.tenant, &message.id).await.unwrap();
        assert_eq!(read, Some(Message::Inbound(Box::new(message))));
    }
    let id = inbound(&ada, "wamid.A", 5).conversation;
    let conversation = store.conversation(&ada.tenant, &id).await.unwrap().unwrap();
    assert_eq!(conversation.unread, 2);
    assert_eq!(conversation.threads.len(), 1);
}

#[tokio::test]
async fn both_sides_of_a_conversation_stand_in_one_thread() {
    let store = empty_store().await;
    let ada = ada();
    store.create_contact(&ada, &[phone()]).await.unwrap();
    let message = inbound(&ada, "wamid.A", 5);
    store.receive(&message, &ada).await.unwrap();
    let answer = queued(at(9));
    let mut transaction = Transaction::new();
    let boxed = Message::Outbound(Box::new(answer.clone()));
    store.create_message(&mut transaction, &boxed).unwrap();
    store
        .open_thread(&mut transaction, &ada, &answer, None)
        .unwrap();
    store.commit(transaction).await.unwrap();
    let found = store.conversation(&ada.tenant, &message.conversation).await;
    let conversation = found.unwrap().unwrap();
    assert_eq!(
        (conversation.unread, conversation.state),
        (1, ConversationState::Open)
    );
    let threads: Vec<String> = conversation.threads.into_iter().collect();
    let slice = Slice {
        limit: 9,
        after: None,
    };
    let page = store.messages_by_thread(&threads, &slice).await.unwrap();
    assert_eq!(page.entries, [boxed, Message::Inbound(Box::new(message))]);
}

#[tokio::test]
async fn the_latest_activity_wins_whatever_the_order_of_the_notes() {
    for notes in [[10, 20, 30], [30, 10, 20], [20, 30, 10], [30, 30, 20]] {
        let store = empty_store().await;
        let ada = ada();
        store.create_contact(&ada, &[phone()]).await.unwrap();
        let message = inbound(&ada, "wamid.A", 5);
        store.receive(&message, &ada).await.unwrap();
        let id = &message.conversation;
        for second in notes {
            store
                .note_activity(&ada.tenant, id, at(second))
                .await
                .unwrap();
            store
                .note_inbound(&ada.tenant, id, at(second))
                .await
                .unwrap();
        }
        let slice = Slice {
            limit: 9,
            after: None,
        };
        let open = ConversationState::Open;
        let page = store
            .conversations(&ada.tenant, open, &slice)
            .await
            .unwrap();
        let conversation = page.entries.first().unwrap();
        assert_eq!(conversation.last_activity_at, Some(at(30)));
        assert_eq!(conversation.last_inbound_at, Some(at(30)));
    }
}

#[tokio::test]
async fn a_note_about_a_conversation_that_is_not_there_makes_none() {
    let store = empty_store().await;
    let message = inbound(&ada(), "wamid.A", 5);
    let id = &message.conversation;
    store
        .note_activity(&message.tenant, id, at(1))
        .await
        .unwrap();
    store
        .note_inbound(&message.tenant, id, at(1))
        .await
        .unwrap();
    assert_eq!(store.conversation(&message.tenant, id).await.unwrap(), None);
}

#[tokio::test]
async fn an_account_id_that_is_taken_leads_to_its_first_tenant_alone() {
    let store = empty_store().await;
    let account = |tenant: &str, name: &str| Account {
        waba: Some("200000000000001".parse().unwrap()),
        ..Account::new(
            "acct_demo".parse().unwrap(),
            tenant.parse().unwrap(),
            name.to_owned(),
            at(0),
        )
    };
    let first = account("demo", "Demo");
    store.put_account(&first).await.unwrap();
    let taken = store.put_account(&account("other", "Other")).await;
    assert!(matches!(taken, Err(StoreError::Conflict)));
    let renamed = account("demo", "Demo Ltd");
    store.put_account(&renamed).await.unwrap();
    let pointer = store.account_pointer(&first.id).await.unwrap().unwrap();
    assert_eq!(pointer.tenant, first.tenant);
    let waba = "200000000000001".parse().unwrap();
    let of_waba = |tenant| store.account_of_waba(tenant, &waba);
    assert_eq!(of_waba(&first.tenant).await.unwrap(), Some(renamed.id));
    assert_eq!(of_waba(&"other".parse().unwrap()).await.unwrap(), None);
}
