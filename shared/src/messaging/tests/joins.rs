//! Contacts that turn out to be one person, while others write, and while workers die.

use super::people::{message, person, tenant};
use super::*;
use crate::domain::identity::Identity;
use crate::domain::ledger::tests::queued;
use crate::domain::message::{Message, Outbound};
use crate::domain::webhook::InboundMessage;
use crate::messaging::people::{contact_of, person_of};
use crate::messaging::receive::apply_inbound;
use crate::messaging::submit::{Submission, submit};
use crate::store::tests::store_behind;
use crate::store::{Contact, Conversation, ConversationState, Sender, StoreError, Transaction};
use axum::http::HeaderMap;
use std::sync::atomic::{AtomicUsize, Ordering};

const PHONE: Option<&str> = Some("15550001111");
const USER: Option<&str> = Some("US.1");

fn demo_sender() -> Sender {
    sender(WindowPolicy::Enforce)
}

async fn receive(store: &Store, message: &InboundMessage, second: i64) {
    let applied = apply_inbound(store, &demo_sender(), message, at(second)).await;
    applied.unwrap();
}

/// A message that says that both names are one person's.
fn telling(second: i64) -> InboundMessage {
    message(second, person(PHONE, USER, "Ada"), None)
}

/// Two contacts that have written once each: the older is known by the user id, the younger by the phone.
async fn two_strangers(store: &Store) -> (Contact, Contact) {
    receive(store, &message(10, person(None, USER, "Ada"), None), 100).await;
    receive(store, &message(20, person(PHONE, None, "Ada"), None), 101).await;
    (found(store, &user()).await, found(store, &phone()).await)
}

fn phone() -> Identity {
    Identity::Phone(PHONE.unwrap().parse().unwrap())
}

fn user() -> Identity {
    Identity::User(USER.unwrap().parse().unwrap())
}

pub(super) async fn found(store: &Store, identity: &Identity) -> Contact {
    let id = store.pointed_to(&tenant(), identity).await.unwrap();
    let found = store.contact(&tenant(), &id.unwrap()).await;
    found.unwrap().unwrap()
}

async fn inbox(store: &Store) -> Vec<Conversation> {
    let open = ConversationState::Open;
    let page = store.conversations(&tenant(), open, &ALL).await;
    page.unwrap().entries
}

/// The one contact that is left, with the one conversation that shows and counts every message.
async fn the_one(store: &Store) -> (Contact, Conversation) {
    let contacts = store.contacts(&tenant(), &ALL).await.unwrap().entries;
    let inbox = inbox(store).await;
    assert_eq!((contacts.len(), inbox.len()), (1, 1));
    let contact = contacts.into_iter().next().unwrap();
    let conversation = inbox.into_iter().next().unwrap();
    assert_eq!(conversation.contact, contact.id);
    assert!(contact.absorbed.is_empty());
    let threads: Vec<String> = conversation.threads.iter().cloned().collect();
    let shown = store.messages_by_thread(&threads, &ALL).await.unwrap();
    let shown = shown.entries.into_iter();
    let unread = shown.filter(|it| matches!(it, Message::Inbound(_))).count();
    assert_eq!(conversation.unread, u64::try_from(unread).unwrap());
    (contact, conversation)
}

/// What writes an outbound message for a contact as it was read.
fn writing(store: &Store, contact: &Contact) -> (Outbound, Transaction) {
    let message = queued(at(200));
    let mut transaction = Transaction::new();
    let boxed = Message::Outbound(Box::new(message.clone()));
    store.create_message(&mut transaction, &boxed).unwrap();
    store
        .open_thread(&mut transaction, contact, &message, None)
        .unwrap();
    (message, transaction)
}

#[tokio::test]
async fn a_message_to_a_contact_joined_since_it_was_read_is_written_anew_for_the_survivor() {
    let store = store_with(WindowPolicy::Off).await;
    let (_, read) = two_strangers(&store).await;
    receive(&store, &telling(30), 102).await;
    let (message, late) = writing(&store, &read);
    assert!(matches!(
        store.commit(late).await,
        Err(StoreError::Conflict)
    ));
    let written = store.outbound(&tenant(), &message.id).await.unwrap();
    assert_eq!(written, None);
    let submission = Submission::read(&text_message(), at(200)).unwrap();
    let submitted = submit(&store, &tenant(), submission, None, at(200), ()).await;
    let (contact, conversation) = the_one(&store).await;
    let message = submitted.unwrap().message;
    assert_eq!(message.contact, Some(contact.id));
    assert_eq!(message.conversation, Some(conversation.id));
    assert_eq!(conversation.last_activity_at, Some(at(200)));
}

#[tokio::test]
async fn a_first_message_to_a_contact_joined_since_it_was_read_makes_no_conversation_of_its_own() {
    let store = store_with(WindowPolicy::Off).await;
    receive(&store, &message(10, person(None, USER, "Ada"), None), 100).await;
    let phone = person_of(&queued(at(0)).to).unwrap();
    let read = contact_of(&store, &tenant(), &phone, at(101)).await;
    let read = read.unwrap().unwrap();
    receive(&store, &telling(30), 102).await;
    let (_, late) = writing(&store, &read);
    assert!(matches!(
        store.commit(late).await,
        Err(StoreError::Conflict)
    ));
    the_one(&store).await;
}

#[tokio::test]
async fn a_message_written_in_the_middle_of_a_join_is_carried_over() {
    let store = store_with(WindowPolicy::Off).await;
    let (survivor, joined) = two_strangers(&store).await;
    let names = [phone()];
    let done = store.join_contacts(&survivor, &joined, &names).await;
    assert!(done.unwrap());
    let (message, between) = writing(&store, &joined);
    store.commit(between).await.unwrap();
    let conversation = Conversation::id_of(&joined.id, &message.sender);
    store.settled(&tenant(), &joined.id).await.unwrap();
    // Its time is noted after its conversation has left.
    store
        .note_activity(&tenant(), &conversation, at(200))
        .await
        .unwrap();
    let (_, conversation) = the_one(&store).await;
    assert_eq!(conversation.last_activity_at, Some(at(200)));
    let threads: Vec<String> = conversation.threads.iter().cloned().collect();
    let shown = store.messages_by_thread(&threads, &ALL).await.unwrap();
    assert_eq!(shown.entries.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_joins_in_opposite_order_one_survivor_is_left() {
    for _ in 0..10 {
        let store = store_with(WindowPolicy::Off).await;
        let (older, younger) = two_strangers(&store).await;
        let (theirs, others) = ([phone()], [user()]);
        let (one, other) = tokio::join!(
            store.join_contacts(&older, &younger, &theirs),
            store.join_contacts(&younger, &older, &others),
        );
        assert_ne!(one.unwrap(), other.unwrap(), "one of them is too late");
        let (first, second) = (telling(30), telling(40));
        tokio::join!(receive(&store, &first, 102), receive(&store, &second, 103));
        let (survivor, conversation) = the_one(&store).await;
        assert_eq!(conversation.unread, 4);
        for id in [&older.id, &younger.id] {
            let found = store.contact(&tenant(), id).await.unwrap();
            assert_eq!(found.as_ref(), Some(&survivor));
        }
    }
}

#[tokio::test]
async fn a_join_brings_the_conversations_with_every_sender() {
    let store = store_with(WindowPolicy::Off).await;
    let senders = ["100000000000001", "100000000000002", "100000000000003"].map(|id| Sender {
        id: id.parse().unwrap(),
        ..demo_sender()
    });
    for (second, sender) in (10..).zip(&senders) {
        store.put_sender(sender).await.unwrap();
        for (of, who) in [
            (0, person(None, USER, "Ada")),
            (50, person(PHONE, None, "Ada")),
        ] {
            let message = message(second + of, who, None);
            apply_inbound(&store, sender, &message, at(100 + second + of))
                .await
                .unwrap();
        }
    }
    assert_eq!(inbox(&store).await.len(), 6);
    receive(&store, &telling(90), 200).await;
    let survivor = found(&store, &phone()).await;
    let mut left: Vec<_> = inbox(&store).await.into_iter().collect();
    left.sort_by(|one, other| one.sender.cmp(&other.sender));
    let left: Vec<_> = left
        .into_iter()
        .map(|it| (it.sender, it.contact, it.unread, it.threads.len()))
        .collect();
    let wanted = senders.map(|it| {
        let unread = if it.id == demo_sender().id { 3 } else { 2 };
        (it.id, survivor.id.clone(), unread, 2)
    });
    assert_eq!(left, wanted);
}

/// A store that reaches the database at `url` so many times, and then never again.
async fn dying_store(url: &str, calls: usize) -> Store {
    let made = Arc::<AtomicUsize>::default();
    let passes = move |_: &HeaderMap| made.fetch_add(1, Ordering::SeqCst) < calls;
    store_behind(url, "ValidationException", passes).await
}

/// Two contacts, and what became of their join by a worker that died after so many calls of the database.
async fn cut_off(calls: usize) -> (Store, bool) {
    let (store, url) = store_and_url_with(WindowPolicy::Off).await;
    two_strangers(&store).await;
    let dying = dying_store(&url, calls).await;
    let applied = apply_inbound(&dying, &demo_sender(), &telling(30), at(102)).await;
    (store, applied.is_ok())
}

#[tokio::test]
async fn a_message_to_somebody_whose_join_is_not_done_with_is_found_with_the_one_that_is_left() {
    let mut calls = 0;
    loop {
        let (store, done) = cut_off(calls).await;
        let submission = Submission::read(&text_message(), at(103)).unwrap();
        let message = submit(&store, &tenant(), submission, None, at(103), ()).await;
        let message = message.unwrap().message;
        receive(&store, &telling(40), 104).await;
        let (_, left) = the_one(&store).await;
        let conversation = message.conversation.as_ref().unwrap();
        let found = store.conversation(&tenant(), conversation).await.unwrap();
        assert_eq!(found.unwrap().id, left.id, "{calls}");
        let threads: Vec<String> = left.threads.into_iter().collect();
        let shown = store.messages_by_thread(&threads, &ALL).await.unwrap();
        let message = Message::Outbound(Box::new(message));
        assert!(shown.entries.contains(&message), "{calls}");
        if done {
            break;
        }
        calls += 1;
    }
}

#[tokio::test]
async fn whatever_a_join_had_not_done_when_its_worker_died_the_next_event_does() {
    let mut calls = 0;
    loop {
        let (store, done) = cut_off(calls).await;
        receive(&store, &telling(40), 103).await;
        let (_, conversation) = the_one(&store).await;
        assert_eq!(conversation.last_inbound_at, Some(at(40)), "{calls}");
        assert_eq!(conversation.last_activity_at, Some(at(40)), "{calls}");
        if done {
            break;
        }
        calls += 1;
    }
    assert!(calls > 15, "a join took {calls} calls");
}
