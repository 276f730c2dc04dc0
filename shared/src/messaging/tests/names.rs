//! Meta may call a person otherwise than we did: whoever answers under that name is the same contact, in the same
//! conversation.

use super::people::{message, person, tenant};
use super::*;
use crate::domain::id::EventId;
use crate::domain::job::JobStatus;
use crate::domain::provider::Provider;
use crate::domain::queue::{Change, WebhookRecord};
use crate::domain::state::State;
use crate::messaging::receive::{Receiving, apply_inbound};
use crate::messaging::submit::{Submission, submit};
use crate::store::tests::{
    asks_for, job, recipient, store_behind, watched_store, write, write_job,
};
use crate::store::{Conversation, ConversationState, EventState};
use axum::http::HeaderMap;
use serde_json::value::to_raw_value;

/// As people dial it, and as Meta writes it.
const DIALLED: &str = "+5511987654321";
const METAS: &str = "551187654321";

const RENAMED: &str = r#"{"contacts":[{"input":"+5511987654321","wa_id":"551187654321"}],
    "messages":[{"id":"wamid.A"}]}"#;
const UNNAMED: &str = r#"{"messages":[{"id":"wamid.A"}]}"#;

async fn submitted(store: &Store) -> Outbound {
    let mut body = text_message();
    *body.pointer_mut("/to").unwrap() = json!(DIALLED);
    let submission = Submission::read(&body, at(0)).unwrap();
    let submitted = submit(store, &tenant(), submission, None, at(0), ()).await;
    submitted.unwrap().message
}

/// A recipient of a running job.
async fn of_a_job(store: &Store) -> Outbound {
    let mut job = job(at(0));
    job.status = JobStatus::Running;
    write_job(store, &job).await;
    let mut message = recipient(&job, 1);
    message.to = crate::domain::identity::Recipient::Phone(DIALLED.parse().unwrap());
    write(store, &message).await;
    message
}

async fn send(store: &Store, message: &Outbound, answer: &'static str) {
    let meta = Meta::answering(200, answer).await;
    let sending = Sending::new(store.clone(), meta.client, || at(1));
    let Attempted::Made(made) = attempt(&sending, message).await else {
        unreachable!("no call was made");
    };
    assert_eq!(made.state, State::Accepted);
}

async fn status(store: &Store, message: &Outbound, name: &str) -> Vec<EventState> {
    let value = json!({
        "metadata": {"phone_number_id": "100000000000001"},
        "statuses": [{"id": "wamid.A", "status": name, "timestamp": at(2).as_second().to_string(),
            "recipient_id": METAS, "biz_opaque_callback_data": message.id}],
    });
    let record = WebhookRecord {
        id: EventId::at(at(2)),
        tenant: tenant(),
        account: "acct_demo".parse().unwrap(),
        provider: Provider::Meta,
        received_at: at(2),
        changes: vec![Change {
            entry: "200000000000001".to_owned(),
            time: None,
            field: "messages".to_owned(),
            value: to_raw_value(&value).unwrap(),
        }],
    };
    let receiving = Receiving::new(store.clone());
    let stored = receiving.receive(&record, "{}", 0, at(2)).await.unwrap();
    stored.events.iter().map(|event| event.state).collect()
}

async fn answer(store: &Store) {
    let answer = message(10, person(Some(METAS), None, "Ada"), None);
    let sender = sender(WindowPolicy::Enforce);
    apply_inbound(store, &sender, &answer, at(11))
        .await
        .unwrap();
}

async fn inbox(store: &Store) -> Vec<Conversation> {
    let open = ConversationState::Open;
    let page = store.conversations(&tenant(), open, &ALL).await;
    page.unwrap().entries
}

/// One contact, and its one conversation with this many messages.
async fn assert_joined(store: &Store, messages: usize) {
    let contacts = store.contacts(&tenant(), &ALL).await.unwrap().entries;
    let inbox = inbox(store).await;
    assert_eq!((contacts.len(), inbox.len()), (1, 1));
    let conversation = inbox.first().unwrap();
    assert_eq!(conversation.last_inbound_at, Some(at(10)));
    let threads: Vec<String> = conversation.threads.iter().cloned().collect();
    let shown = store.messages_by_thread(&threads, &ALL).await.unwrap();
    assert_eq!(shown.entries.len(), messages);
    let contact = contacts.first().unwrap();
    assert_eq!(contact.wa_id, Some(METAS.parse().unwrap()));
}

#[tokio::test]
async fn who_answers_under_the_name_in_metas_acceptance_is_the_contact_we_wrote_to() {
    let store = store_with(WindowPolicy::Warn).await;
    let message = submitted(&store).await;
    send(&store, &message, RENAMED).await;
    answer(&store).await;
    assert_joined(&store, 2).await;
}

#[tokio::test]
async fn who_answers_under_the_name_in_a_status_is_the_contact_we_wrote_to() {
    for answers_first in [false, true] {
        let store = store_with(WindowPolicy::Warn).await;
        let message = submitted(&store).await;
        send(&store, &message, UNNAMED).await;
        if answers_first {
            answer(&store).await;
        }
        for name in ["sent", "delivered", "read"] {
            assert_eq!(status(&store, &message, name).await, [EventState::Applied]);
        }
        if !answers_first {
            answer(&store).await;
        }
        assert_joined(&store, 2).await;
    }
}

#[tokio::test]
async fn a_bulk_message_is_in_the_history_of_who_answers_it_and_makes_no_contact_before() {
    for acceptance in [RENAMED, UNNAMED] {
        let store = store_with(WindowPolicy::Enforce).await;
        let message = of_a_job(&store).await;
        send(&store, &message, acceptance).await;
        assert_eq!(
            status(&store, &message, "sent").await,
            [EventState::Applied]
        );
        let contacts = store.contacts(&tenant(), &ALL).await.unwrap().entries;
        assert_eq!((contacts.len(), inbox(&store).await.len()), (0, 0));
        answer(&store).await;
        assert_joined(&store, 2).await;
    }
}

#[tokio::test]
async fn who_answers_a_bulk_message_under_another_name_can_be_written_to_by_the_number_of_the_job()
{
    let store = store_with(WindowPolicy::Enforce).await;
    let message = of_a_job(&store).await;
    send(&store, &message, RENAMED).await;
    for name in ["sent", "delivered", "read"] {
        status(&store, &message, name).await;
    }
    answer(&store).await;
    let reply = submitted(&store).await;
    let conversation = inbox(&store).await.pop().unwrap();
    assert_eq!(reply.conversation, Some(conversation.id));
    assert_joined(&store, 3).await;
}

#[tokio::test]
async fn a_user_id_told_beside_the_number_leads_to_the_same_contact() {
    const BOTH: &str = r#"{"contacts":[{"input":"+5511987654321","wa_id":"5511987654321","user_id":"BR.1"}],
        "messages":[{"id":"wamid.A"}]}"#;
    let store = store_with(WindowPolicy::Warn).await;
    let message = submitted(&store).await;
    send(&store, &message, BOTH).await;
    let hidden = person(None, Some("BR.1"), "Ada");
    let answer = self::message(10, hidden, None);
    let sender = sender(WindowPolicy::Enforce);
    apply_inbound(&store, &sender, &answer, at(11))
        .await
        .unwrap();
    let conversation = inbox(&store).await.pop().unwrap();
    assert_eq!(Some(conversation.id), message.conversation);
    let threads: Vec<String> = conversation.threads.into_iter().collect();
    let shown = store.messages_by_thread(&threads, &ALL).await.unwrap();
    assert_eq!(shown.entries.len(), 2);
}

#[tokio::test]
async fn a_bulk_message_to_a_user_id_is_in_the_history_of_who_answers_it_with_a_number() {
    const BOTH: &str = r#"{"contacts":[{"input":"BR.1","wa_id":"551187654321","user_id":"BR.1"}],
        "messages":[{"id":"wamid.A"}]}"#;
    for (wa_id, user_id) in [(Some(METAS), None), (Some(METAS), Some("BR.1"))] {
        for acceptance in [BOTH, UNNAMED] {
            if acceptance == UNNAMED && user_id.is_none() {
                continue; // Nobody told that these are one person.
            }
            let store = store_with(WindowPolicy::Warn).await;
            let mut job = job(at(0));
            job.status = JobStatus::Running;
            write_job(&store, &job).await;
            let mut message = recipient(&job, 1);
            message.to = crate::domain::identity::Recipient::User("BR.1".parse().unwrap());
            write(&store, &message).await;
            send(&store, &message, acceptance).await;
            let answer = self::message(10, person(wa_id, user_id, "Ada"), None);
            let sender = sender(WindowPolicy::Enforce);
            apply_inbound(&store, &sender, &answer, at(11))
                .await
                .unwrap();
            assert_joined(&store, 2).await;
        }
    }
}

#[tokio::test]
async fn a_bulk_message_shows_with_the_single_message_to_the_same_number() {
    let store = store_with(WindowPolicy::Warn).await;
    let single = submitted(&store).await;
    let bulk = of_a_job(&store).await;
    send(&store, &bulk, RENAMED).await;
    answer(&store).await;
    assert_joined(&store, 3).await;
    let found = store
        .outbound(&tenant(), &single.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.thread(), single.thread());
}

#[tokio::test]
async fn a_name_that_agrees_and_one_that_nobody_goes_by_cost_no_write() {
    const SAME: &str = r#"{"contacts":[{"input":"+5511987654321","wa_id":"5511987654321"}],
        "messages":[{"id":"wamid.A"}]}"#;
    for acceptance in [SAME, UNNAMED, RENAMED] {
        let (store, url) = empty_store_and_url().await;
        let message = of_a_job(&store).await;
        let (counted, calls) = watched_store(&url).await;
        send(&counted, &message, acceptance).await;
        let calls = calls.look().into_iter();
        let writes: Vec<String> = calls.filter(|call| call != "GetItem").collect();
        // The claim and the outcome.
        assert_eq!(writes, ["UpdateItem", "PutItem"], "{acceptance}");
    }
}

#[tokio::test]
async fn a_name_that_cannot_be_noted_costs_no_message_and_the_next_status_notes_it() {
    let (store, url) = store_and_url_with(WindowPolicy::Warn).await;
    let message = submitted(&store).await;
    let no_joins = |headers: &HeaderMap| !asks_for(headers, "TransactWriteItems");
    let broken = store_behind(&url, "ValidationException", no_joins).await;
    send(&broken, &message, RENAMED).await;
    assert_eq!(
        status(&store, &message, "sent").await,
        [EventState::Applied]
    );
    answer(&store).await;
    assert_joined(&store, 2).await;
}
