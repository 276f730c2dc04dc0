//! What the samples name, as it would be there: a message, a job, a contact with its conversation, an account to set up.

use super::parse;
use heliograph::domain::account::{Step, StepState};
use heliograph::domain::bot::Knowledge;
use heliograph::domain::job::Job;
use heliograph::domain::message::{Inbound, Message, Outbound};
use heliograph::domain::route::Route;
use heliograph::store::{Account, Contact, Conversation, Store, Transaction, User};
use serde_json::json;

const CREATED_MS: i64 = 1_795_174_245_000;

/// Writes all of it down.
pub(super) async fn make(store: &Store) {
    let mut transaction = Transaction::new();
    let message = Message::Outbound(Box::new(message()));
    store.create_message(&mut transaction, &message).unwrap();
    store.create_job(&mut transaction, &job()).unwrap();
    store.add_user(&mut transaction, &user()).unwrap();
    store.add_route(&mut transaction, &route()).unwrap();
    let (account, known) = (playground(), knowledge());
    let of = (&account.tenant, &account.id);
    store.put_knowledge(&mut transaction, of, &known).unwrap();
    store.commit(transaction).await.unwrap();
    store.put_account(&account).await.unwrap();
    store.put_account(&retired()).await.unwrap();
    let contact = contact();
    assert!(store.create_contact(&contact, &[]).await.unwrap());
    let inbound = inbound(&contact);
    store.receive(&inbound, &contact).await.unwrap();
    let Inbound {
        tenant,
        conversation,
        sent_at,
        ..
    } = &inbound;
    store
        .note_inbound(tenant, conversation, *sent_at)
        .await
        .unwrap();
}

/// A message that waits to be sent.
pub(super) fn message() -> Outbound {
    parse(json!({
        "list_sort": "msg_019e92a7c8887000a000000000000001", "tenant": "demo", "account": "acct_demo", "sender": "100000000000001",
        "to": {"phone": "+15550002001"}, "lane": "single", "state": "queued", "rev": 0,
        "content": json!({"kind": "text", "object": {"body": "Your order is ready."}}).to_string(),
        "created_at": CREATED_MS,
    }))
}

fn route() -> Route {
    parse(json!({
        "list_sort": "route_019e92a7c8887000a000000000000001", "tenant": "demo", "name": "Offers",
        "senders": ["100000000000001", "mock-15550004000"], "changed_at": CREATED_MS,
        "policy": {"fail_over_on": ["transient"], "on_unknown": "hold", "other_number": true, "try_for_s": 3600},
    }))
}

fn job() -> Job {
    let body =
        json!({"type": "text", "text": {"body": "Hello {{name}}, order {{order}} is ready."}});
    parse(json!({
        "list_sort": "job_019e92a7c8887000a000000000000002", "tenant": "demo", "account": "acct_demo", "sender": "100000000000001",
        "name": "Order ready", "status": "draft", "total": 0, "created_at": CREATED_MS,
        "message": json!({"kind": "text", "body": body}).to_string(),
    }))
}

fn user() -> User {
    parse(json!({
        "sk": "usr_019e92a7c8887000a000000000000001", "tenant": "demo", "email": "grace@example.com", "name": "Grace",
        "role": "agent", "created_at": CREATED_MS, "sessions_era": 0,
    }))
}

pub(super) fn contact() -> Contact {
    parse(json!({
        "id": "cont_019e92a7c8887000a000000000000001", "tenant": "demo", "wa_id": "15550002009", "name": "Ida", "created_at": CREATED_MS,
    }))
}

pub(super) fn inbound(contact: &Contact) -> Inbound {
    let sender = parse(json!("100000000000001"));
    let conversation = Conversation::id_of(&contact.id, &sender);
    parse(json!({
        "list_sort": "msg_019e92a7c8887000a000000000000009", "tenant": "demo", "account": "acct_demo",
        "sender": sender, "provider_id": "wamid.SAMPLE", "from": {"wa_id": contact.wa_id}, "kind": "text",
        "object": json!({"type": "text", "text": {"body": "Is it ready?"}}).to_string(),
        "contact": contact.id, "conversation": conversation, "sent_at": CREATED_MS, "received_at": CREATED_MS,
    }))
}

/// An account whose set-up is to be gone through. Its last step is done already: here nobody answers Meta's handshake.
fn playground() -> Account {
    let mut account = account("acct_playground");
    let at = account.created_at;
    account.setup.note(Step::Webhook, StepState::Done, at);
    account
}

/// An account that is to be deleted.
fn retired() -> Account {
    let mut account = account("acct_retired");
    account.disabled_at = Some(account.created_at);
    account
}

fn account(id: &str) -> Account {
    parse(json!({"id": id, "tenant": "demo", "name": "Shop", "created_at": CREATED_MS}))
}

fn knowledge() -> Knowledge {
    parse(json!({
        "sk": "kb_019e92a7c8887000a000000000000001", "question": "When are you open?", "answer": "Always.",
        "changed_at": CREATED_MS,
    }))
}
