//! Submitting: written once per key, refused early, and part of the person's conversation.

use super::*;
use crate::domain::id::MessageId;
use crate::domain::identity::TenantId;
use crate::domain::message::Outbound;
use crate::domain::pace::{Pause, PauseCause};
use crate::domain::state::State;
use crate::messaging::submit::{
    Meanwhile, Origin, Submission, SubmitError, Submitted, WINDOW, submit,
};
use crate::store::IdempotencyClaim;
use crate::store::tests::{asks_for, store_behind, watched_store};
use crate::store::{ConversationState, PacedSender};
use axum::http::HeaderMap;
use futures_util::future::join_all;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

/// Something that does not end is waited for no longer.
const PATIENCE: Duration = Duration::from_mins(1);

fn key(body: &str) -> IdempotencyClaim {
    IdempotencyClaim {
        key_hash: "key".to_owned(),
        body_hash: body.to_owned(),
    }
}

async fn send(
    store: &Store,
    key: Option<&IdempotencyClaim>,
    now: Timestamp,
) -> Result<Submitted<()>, SubmitError> {
    let submission = Submission::read(&text_message(), now).unwrap();
    submit(store, &tenant(), submission, key, now, ()).await
}

fn tenant() -> TenantId {
    "demo".parse().unwrap()
}

#[tokio::test]
async fn a_message_for_now_is_refused_while_its_sender_is_paused() {
    let store = store_with(WindowPolicy::Off).await;
    let pause = Pause {
        since: at(0),
        code: Some(368),
        reason: "blocked".into(),
        remedy: "appeal".into(),
        cause: PauseCause::Provider,
    };
    let sender = "100000000000001".parse().unwrap();
    let paused = store.pause_sender(&tenant(), &sender, &pause).await;
    assert!(paused.unwrap());
    let refused = send(&store, None, at(1)).await;
    assert!(matches!(refused, Err(SubmitError::SenderPaused(why)) if why == pause));
    let mut later = text_message();
    let members = later.as_object_mut().unwrap();
    members.insert("send_at".to_owned(), json!(at(3_600)));
    let submission = Submission::read(&later, at(1)).unwrap();
    let submitted = submit(&store, &tenant(), submission, None, at(1), ()).await;
    assert_eq!(submitted.unwrap().message.state, State::Queued);
    assert!(
        store
            .resume_sender(&tenant(), &sender, None, at(2))
            .await
            .unwrap()
    );
    assert!(send(&store, None, at(3)).await.is_ok());
}

#[tokio::test]
async fn a_message_is_written_with_its_person_and_conversation() {
    let store = store_with(WindowPolicy::Off).await;
    let submitted = send(&store, None, at(0)).await.unwrap();
    let message = submitted.message;
    assert_eq!(
        (message.state, submitted.origin),
        (State::Queued, Origin::New)
    );
    let read = store.outbound(&tenant(), &message.id).await.unwrap();
    assert_eq!(read.as_ref(), Some(&message));
    let page = store
        .conversations(&tenant(), ConversationState::Open, &ALL)
        .await;
    let conversation = page.unwrap().entries.pop().unwrap();
    assert_eq!(Some(conversation.id), message.conversation);
    assert_eq!(conversation.unread, 0);
    assert_eq!(conversation.last_activity_at, Some(at(0)));
    let threads: Vec<String> = conversation.threads.into_iter().collect();
    let page = store.messages_by_thread(&threads, &ALL).await.unwrap();
    assert_eq!(page.entries.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_writes_one_message_however_often_and_fast_it_comes() {
    let store = store_with(WindowPolicy::Off).await;
    let key = key("body");
    let sent = join_all((0..8).map(|_| send(&store, Some(&key), at(0)))).await;
    let sent: Vec<Submitted<()>> = sent.into_iter().map(Result::unwrap).collect();
    let new = sent.iter().filter(|one| one.origin == Origin::New);
    assert_eq!(new.count(), 1);
    let first = sent.first().unwrap();
    assert!(sent.iter().all(|one| one.message == first.message));
    let page = store.messages_by_time(&tenant(), &ALL).await.unwrap();
    assert_eq!(page.entries.len(), 1);
}

#[tokio::test]
async fn a_key_used_with_another_body_is_refused_until_it_is_forgotten() {
    let store = store_with(WindowPolicy::Off).await;
    send(&store, Some(&key("one")), at(0)).await.unwrap();
    let other = send(&store, Some(&key("two")), at(1)).await;
    assert!(matches!(other, Err(SubmitError::OtherBody)));
    let day = 24 * 60 * 60;
    let later = send(&store, Some(&key("two")), at(day)).await.unwrap();
    assert_eq!(later.origin, Origin::New);
}

#[tokio::test]
async fn free_form_needs_an_open_window_where_it_is_enforced() {
    for (policy, taken, warnings) in [
        (WindowPolicy::Enforce, false, 0),
        (WindowPolicy::Warn, true, 1),
        (WindowPolicy::Off, true, 0),
    ] {
        let store = store_with(policy).await;
        let sent = send(&store, None, at(0)).await;
        assert_eq!(sent.is_ok(), taken, "{policy:?}");
        assert_eq!(sent.map_or(0, |sent| sent.warnings.len()), warnings);
        let page = store.messages_by_time(&tenant(), &ALL).await.unwrap();
        assert_eq!(page.entries.len(), usize::from(taken));
    }
}

#[tokio::test]
async fn a_persons_message_opens_the_window_for_a_day() {
    let store = store_with(WindowPolicy::Off).await;
    let sent = send(&store, None, at(0)).await.unwrap();
    let conversation = sent.message.conversation.unwrap();
    store
        .put_sender(&sender(WindowPolicy::Enforce))
        .await
        .unwrap();
    store
        .note_inbound(&tenant(), &conversation, at(10))
        .await
        .unwrap();
    let closes = at(10) + WINDOW;
    let second = jiff::SignedDuration::from_secs(1);
    assert!(send(&store, None, closes - second).await.is_ok());
    let late = send(&store, None, closes).await;
    assert!(matches!(late, Err(SubmitError::WindowClosed)));
}

#[tokio::test]
async fn a_sender_of_another_tenant_is_unknown() {
    let store = store_with(WindowPolicy::Off).await;
    let submission = Submission::read(&text_message(), at(0)).unwrap();
    let other = "other".parse().unwrap();
    let sent = submit(&store, &other, submission, None, at(0), ()).await;
    assert!(matches!(sent, Err(SubmitError::UnknownSender)));
}

#[tokio::test]
async fn messages_to_one_person_go_in_a_burst_and_then_wait_for_their_turn() {
    let store = store_with(WindowPolicy::Off).await;
    let mut waits = Vec::new();
    for _ in 0..50 {
        let submitted = send(&store, None, at(0)).await.unwrap();
        waits.push(submitted.message.not_before);
    }
    let (now, later) = waits.split_at(44);
    assert!(now.iter().all(Option::is_none));
    assert!(later.iter().all(|time| *time == Some(at(264))));
    let submitted = send(&store, None, at(2_000)).await.unwrap();
    assert_eq!(submitted.message.not_before, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_messages_that_come_at_once_each_takes_its_place() {
    let store = store_with(WindowPolicy::Off).await;
    let sent = join_all((0..20).map(|_| send(&store, None, at(0)))).await;
    let conversation = sent
        .into_iter()
        .map(|sent| sent.unwrap().message.conversation);
    let id = conversation.last().unwrap().unwrap();
    let conversation = store.conversation(&tenant(), &id).await.unwrap().unwrap();
    assert_eq!(conversation.burst().unwrap().count, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_come_at_once_no_burst_to_a_person_is_larger_than_it_may_be() {
    let store = store_with(WindowPolicy::Off).await;
    let sent = join_all((0..100).map(|_| send(&store, None, at(0)))).await;
    let mut waits = BTreeMap::new();
    for submitted in sent {
        let goes_at = submitted.unwrap().message.not_before;
        *waits.entry(goes_at).or_insert(0) += 1;
    }
    let bursts = [(None, 44), (Some(at(264)), 44), (Some(at(528)), 12)];
    assert_eq!(waits, BTreeMap::from(bursts));
}

#[tokio::test]
async fn a_refused_message_leaves_no_person_behind() {
    let store = store_with(WindowPolicy::Enforce).await;
    let refused = send(&store, None, at(0)).await.unwrap_err();
    assert!(matches!(refused, SubmitError::WindowClosed));
    let contacts = store.contacts(&tenant(), &ALL).await.unwrap();
    assert!(contacts.entries.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn first_messages_that_come_at_once_to_a_stranger_all_find_the_one_person_they_made() {
    let store = store_with(WindowPolicy::Off).await;
    let noting = Noting::default();
    let first = async || {
        let submission = Submission::read(&text_message(), at(0)).unwrap();
        submit(&store, &tenant(), submission, None, at(0), &noting).await
    };
    let sent = join_all((0..8).map(|_| first())).await;
    let people: BTreeSet<_> = sent
        .into_iter()
        .map(|sent| sent.unwrap().message.contact.unwrap())
        .collect();
    let page = store.contacts(&tenant(), &ALL).await.unwrap();
    let made: BTreeSet<_> = page.entries.into_iter().map(|contact| contact.id).collect();
    assert_eq!((people.len(), &people), (1, &made));
    let begun = noting.0.lock().unwrap().len();
    assert_eq!(begun, 8, "each does what it does beside the writing once");
    let page = store.messages_by_time(&tenant(), &ALL).await.unwrap();
    assert_eq!(page.entries.len(), 8);
}

/// Notes which messages it was told of.
#[derive(Default)]
struct Noting(Mutex<Vec<MessageId>>);

impl Meanwhile for &Noting {
    type Done = ();

    async fn run(&self, message: &Outbound, sender: &PacedSender) {
        assert!(sender.sender.is_some());
        self.0.lock().unwrap().push(message.id.clone());
    }
}

#[tokio::test]
async fn beside_the_writing_something_is_done_for_a_new_message_alone() {
    let store = store_with(WindowPolicy::Off).await;
    let noting = Noting::default();
    let (ours, other) = (tenant(), "other".parse().unwrap());
    let key = key("body");
    let send = async |tenant: &TenantId, now: Timestamp| {
        let submission = Submission::read(&text_message(), now).unwrap();
        submit(&store, tenant, submission, Some(&key), now, &noting).await
    };
    let new = send(&ours, at(0)).await.unwrap();
    assert_eq!(send(&ours, at(1)).await.unwrap().meanwhile, None);
    assert!(send(&other, at(2)).await.is_err());
    assert_eq!(new.meanwhile, Some(()));
    assert_eq!(*noting.0.lock().unwrap(), [new.message.id]);
}

#[tokio::test]
async fn a_message_is_taken_in_by_two_reads_and_one_write_be_its_person_known_or_not() {
    let (store, url) = store_and_url_with(WindowPolicy::Off).await;
    let (watched, calls) = watched_store(&url).await;
    // How its tenant stands was asked when the caller was, and is remembered.
    watched.standing(&tenant()).await.unwrap();
    assert_eq!(calls.look(), ["GetItem"]);
    // What is said of its provider is read beside the first, once a second.
    let one_after_the_other = || {
        let mut looked = calls.look();
        looked.retain(|call| call != "GetItem");
        looked
    };
    send(&watched, None, at(0)).await.unwrap();
    let unknown = ["BatchGetItem", "TransactWriteItems"];
    assert_eq!(one_after_the_other(), unknown);
    send(&watched, None, at(60)).await.unwrap();
    let known = ["BatchGetItem", "BatchGetItem", "TransactWriteItems"];
    assert_eq!(one_after_the_other(), known);
    let page = store.messages_by_time(&tenant(), &ALL).await.unwrap();
    assert_eq!(page.entries.len(), 2);
}

/// Never ends.
struct Endless;

impl Meanwhile for Endless {
    type Done = ();

    async fn run(&self, _: &Outbound, _: &PacedSender) {
        std::future::pending::<()>().await;
    }
}

#[tokio::test]
async fn what_is_done_beside_the_writing_is_given_up_when_that_fails() {
    let (store, url) = store_and_url_with(WindowPolicy::Off).await;
    let no_writes = |headers: &HeaderMap| !asks_for(headers, "TransactWriteItems");
    let broken = store_behind(&url, "ValidationException", no_writes).await;
    let submission = Submission::read(&text_message(), at(0)).unwrap();
    let tenant = tenant();
    let submitting = submit(&broken, &tenant, submission, None, at(0), Endless);
    let refused = tokio::time::timeout(PATIENCE, submitting).await.unwrap();
    assert!(matches!(refused, Err(SubmitError::Store(_))));
    let page = store.messages_by_time(&tenant, &ALL).await.unwrap();
    assert!(page.entries.is_empty());
}
