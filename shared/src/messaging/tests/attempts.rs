//! One attempt: at most one call, and its outcome is written.

use super::*;
use crate::domain::id::MessageId;
use crate::domain::identity::SenderId;
use crate::domain::job::{Changes, JobEvent, PausedBy};
use crate::domain::ledger::LEASE;
use crate::domain::ledger::tests::queued;
use crate::domain::message::{Attempt, OnUnknown, Outcome};
use crate::domain::provider::Provider;
use crate::domain::provider_settings::ProviderSettings;
use crate::domain::state::State;
use crate::store::Transaction;
use crate::store::tests::{happens, job, recipient, write, write_job};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use std::sync::atomic::{AtomicI64, Ordering};

fn start() -> Timestamp {
    at(0)
}

fn later() -> Timestamp {
    at(0) + LEASE
}

async fn stored(store: &Store, message: &Outbound) -> Outbound {
    let stored = store.outbound(&message.tenant, &message.id).await;
    stored.unwrap().unwrap()
}

#[tokio::test]
async fn an_accepted_message_is_written_as_accepted_and_carries_our_id() {
    let (store, meta) = (empty_store().await, Meta::answering(200, ACCEPTED).await);
    let message = queued(at(0));
    write(&store, &message).await;
    let sending = Sending::new(store.clone(), meta.client.clone(), start);
    let Attempted::Made(made) = attempt(&sending, &message).await else {
        unreachable!("no call was made");
    };
    assert_eq!(made.state, State::Accepted);
    assert_eq!(stored(&store, &message).await, *made);
    let attempt = made.attempts.first().unwrap();
    assert_eq!(attempt.credential.as_deref(), Some("main"));
    let bodies = meta.bodies();
    let body = bodies.first().unwrap();
    assert_eq!(
        body.get("biz_opaque_callback_data"),
        Some(&json!(message.id))
    );
    assert_eq!(body.get("to"), Some(&json!("+15550001111")));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_workers_make_one_call() {
    let (store, meta) = (empty_store().await, Meta::answering(200, ACCEPTED).await);
    let message = queued(at(0));
    write(&store, &message).await;
    let sending = Sending::new(store.clone(), meta.client.clone(), start);
    join_all((0..10).map(|_| attempt(&sending, &message))).await;
    assert!(matches!(
        attempt(&sending, &message).await,
        Attempted::NotNow(Some(_))
    ));
    assert_eq!(meta.bodies().len(), 1);
}

#[tokio::test]
async fn an_unclear_answer_is_never_blindly_repeated() {
    let (store, meta) = (empty_store().await, Meta::answering(500, "<html>").await);
    let message = queued(at(0));
    write(&store, &message).await;
    let sending = Sending::new(store.clone(), meta.client.clone(), start);
    for _ in 0..3 {
        attempt(&sending, &message).await;
    }
    let message = stored(&store, &message).await;
    assert_eq!((message.state, meta.bodies().len()), (State::Unknown, 1));
    assert!(message.failure().is_some());
}

#[tokio::test]
async fn a_dead_workers_message_becomes_unknown_once_its_lease_has_run_out() {
    let (store, meta) = (empty_store().await, Meta::answering(200, ACCEPTED).await);
    let message = queued(at(0));
    write(&store, &message).await;
    let dead = store
        .claim(
            &message.tenant,
            &message.id,
            "dead",
            Attempt::starting(at(0)),
        )
        .await;
    assert!(dead.is_ok());
    let early = Sending::new(store.clone(), meta.client.clone(), start);
    attempt(&early, &message).await;
    assert_eq!(stored(&store, &message).await.state, State::Sending);
    let late = Sending::new(store.clone(), meta.client.clone(), later);
    attempt(&late, &message).await;
    assert_eq!(stored(&store, &message).await.state, State::Unknown);
    assert!(meta.bodies().is_empty());
}

#[tokio::test]
async fn a_refusal_that_may_pass_waits_and_a_permanent_one_is_final() {
    let throttled = r#"{"error":{"message":"x","code":130429}}"#;
    let permanent = r#"{"error":{"message":"x","code":100}}"#;
    for (answer, state) in [(throttled, State::Queued), (permanent, State::Failed)] {
        let (store, meta) = (empty_store().await, Meta::answering(400, answer).await);
        let message = queued(at(0));
        write(&store, &message).await;
        let sending = Sending::new(store.clone(), meta.client.clone(), start);
        attempt(&sending, &message).await;
        attempt(&sending, &message).await;
        let message = stored(&store, &message).await;
        assert_eq!((message.state, meta.bodies().len()), (state, 1));
        assert!(message.failure().is_some());
    }
}

#[tokio::test]
async fn a_message_whose_time_has_passed_is_not_sent() {
    let (store, meta) = (empty_store().await, Meta::answering(200, ACCEPTED).await);
    let mut message = queued(at(0));
    message.expires_at = Some(at(30));
    write(&store, &message).await;
    let sending = Sending::new(store.clone(), meta.client.clone(), later);
    attempt(&sending, &message).await;
    assert_eq!(stored(&store, &message).await.state, State::Expired);
    assert!(meta.bodies().is_empty());
}

/// A clock that jumps by three seconds whenever it is read.
fn jumping() -> Timestamp {
    static SECOND: AtomicI64 = AtomicI64::new(0);
    at(SECOND.fetch_add(3, Ordering::SeqCst))
}

#[tokio::test]
async fn a_call_that_could_not_begin_in_time_does_not_begin() {
    let (store, meta) = (empty_store().await, Meta::answering(200, ACCEPTED).await);
    let message = queued(at(0));
    write(&store, &message).await;
    let sending = Sending::new(store.clone(), meta.client.clone(), jumping);
    attempt(&sending, &message).await;
    let message = stored(&store, &message).await;
    assert_eq!(message.state, State::Queued);
    let outcome = message.attempts.first().unwrap().outcome;
    assert_eq!(outcome, Some(Outcome::NotStarted));
    assert!(meta.bodies().is_empty());
}

#[tokio::test]
async fn a_call_that_cannot_begin_in_its_slot_does_not_begin() {
    let (store, meta) = (empty_store().await, Meta::answering(200, ACCEPTED).await);
    let message = queued(at(0));
    write(&store, &message).await;
    // The first slot is over at once, the second while the message is being claimed.
    for (clock, until) in [(start as fn() -> Timestamp, at(0)), (ticking, at(1))] {
        let slot = Slot { at: at(-1), until };
        let sending = Sending::new(store.clone(), meta.client.clone(), clock);
        let attempted = attempt_in(&sending, &message, slot, at(-1)).await;
        assert!(matches!(attempted, Attempted::TooLate(_)));
        assert_eq!(stored(&store, &message).await.state, State::Queued);
    }
    assert!(meta.bodies().is_empty());
}

#[tokio::test]
async fn of_the_slots_given_away_before_a_sender_was_slowed_down_only_what_is_left_of_its_rate_is_used()
 {
    let (store, meta) = (empty_store().await, Meta::answering(200, ACCEPTED).await);
    let first = queued(at(0));
    // Down to the least there is: a twentieth.
    for second in 0..6 {
        let (tenant, sender) = (&first.tenant, &first.sender);
        store.slow_down(tenant, sender, at(second)).await.unwrap();
    }
    let sending = Sending::new(store.clone(), meta.client.clone(), slowed);
    let slot = Slot {
        at: slowed(),
        until: at(60),
    };
    let mut waiting = 0;
    for number in 0..20 {
        let id = MessageId::derived(at(0), &[&number.to_string()]);
        let message = Outbound {
            id,
            ..first.clone()
        };
        write(&store, &message).await;
        let (before, after) = (at(4), slowed());
        if let Attempted::TooLate(message) = attempt_in(&sending, &message, slot, before).await {
            waiting += 1;
            assert_eq!(message.state, State::Queued);
            let again = attempt_in(&sending, &message, slot, after).await;
            assert!(matches!(again, Attempted::Made(_)), "{again:?}");
        }
    }
    assert!(waiting > 5, "{waiting} of 20 took another slot");
    assert_eq!(meta.bodies().len(), 20);
}

/// When the sender has just been slowed down.
fn slowed() -> Timestamp {
    at(6)
}

/// A clock that goes on by half a second whenever it is read.
fn ticking() -> Timestamp {
    static HALVES: AtomicI64 = AtomicI64::new(0);
    at(0)
        + SignedDuration::from_millis(500)
            * i32::try_from(HALVES.fetch_add(1, Ordering::SeqCst)).unwrap()
}

#[tokio::test]
async fn a_refusal_slows_down_or_pauses_the_sender_it_is_about() {
    let refusals = [
        (r#"{"error":{"message":"x","code":130429}}"#, true, false),
        (r#"{"error":{"message":"x","code":131048}}"#, false, true),
        (r#"{"error":{"message":"x","code":368}}"#, false, true),
        (r#"{"error":{"message":"x","code":131056}}"#, false, false),
        (r#"{"error":{"message":"x","code":131026}}"#, false, false),
    ];
    for (answer, slowed, paused) in refusals {
        let (store, meta) = (empty_store().await, Meta::answering(400, answer).await);
        let message = queued(at(0));
        write(&store, &message).await;
        let sending = Sending::new(store.clone(), meta.client.clone(), start);
        attempt(&sending, &message).await;
        let pace = store.pace(&message.tenant, &message.sender).await.unwrap();
        assert_eq!(
            (pace.slowed.is_some(), pace.paused.is_some()),
            (slowed, paused),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_paused_sender_sends_nothing_and_its_messages_stay_queued() {
    let refused = r#"{"error":{"message":"x","code":131048}}"#;
    let (store, meta) = (empty_store().await, Meta::answering(400, refused).await);
    let (first, mut second) = (queued(at(0)), queued(at(0)));
    second.id = MessageId::derived(at(0), &["second"]);
    write(&store, &first).await;
    write(&store, &second).await;
    let sending = Sending::new(store.clone(), meta.client.clone(), start);
    attempt(&sending, &first).await;
    attempt(&sending, &second).await;
    assert_eq!(stored(&store, &second).await.state, State::Queued);
    assert_eq!(meta.bodies().len(), 1);
}

#[tokio::test]
async fn a_refused_credential_pauses_its_accounts_senders_once_it_is_known_to_be_the_last_one() {
    let refused = r#"{"error":{"message":"x","code":190}}"#;
    let (store, meta) = (empty_store().await, Meta::answering(401, refused).await);
    let message = queued(at(0));
    write(&store, &message).await;
    let other: SenderId = "100000000000009".parse().unwrap();
    let (id, tenant) = (message.account.clone(), message.tenant.clone());
    let mut account = Account::new(id, tenant, "Shop".to_owned(), at(0));
    account.senders = vec![message.sender.clone(), other.clone()];
    store.put_account(&account).await.unwrap();
    let sending = Sending::new(store.clone(), meta.client.clone(), start);
    let later = Sending::new(store.clone(), meta.client.clone(), || at(60));
    let paused = async |sender| {
        let pace = store.pace(&message.tenant, sender).await.unwrap();
        pace.paused.map(|pause| pause.code)
    };
    let refused = async |sending: &Sending| match attempt(sending, &message).await {
        Attempted::CredentialRefused(refused) => *refused,
        other => unreachable!("no credential was refused: {other:?}"),
    };
    let again = sending.with_another(refused(&sending).await).await.unwrap();
    assert_eq!(again.state, State::Queued);
    assert_eq!(paused(&message.sender).await, None);
    let given_up = later.with_no_other(refused(&later).await).await.unwrap();
    assert_eq!(given_up.state, State::Failed);
    for sender in [&message.sender, &other] {
        assert_eq!(paused(sender).await, Some(Some(190)));
    }
}

#[tokio::test]
async fn a_recipient_is_sent_only_while_its_job_runs() {
    let (store, meta) = (empty_store().await, Meta::answering(200, ACCEPTED).await);
    let job = job(at(0));
    write_job(&store, &job).await;
    let message = recipient(&job, 1111);
    let added = store.add_recipients(&job, std::slice::from_ref(&message), at(0));
    added.await.unwrap();
    let sending = Sending::new(store.clone(), meta.client.clone(), start);
    attempt(&sending, &message).await;
    assert_eq!(stored(&store, &message).await.state, State::Queued);
    assert!(meta.bodies().is_empty());
    happens(&store, &job, &JobEvent::Started, at(0)).await;
    // Another worker: the first remembers the job for a second.
    let sending = Sending::new(store.clone(), meta.client.clone(), start);
    attempt(&sending, &message).await;
    assert_eq!(stored(&store, &message).await.state, State::Accepted);
    let bodies = meta.bodies();
    let body = bodies.first().unwrap();
    assert_eq!(body.pointer("/text/body"), Some(&json!("Hi Ada")));
}

#[tokio::test]
async fn a_recipient_of_a_job_that_does_not_run_waits_or_ends_and_is_not_sent() {
    let (store, meta) = (empty_store().await, Meta::answering(200, ACCEPTED).await);
    let paused = JobEvent::Paused {
        by: PausedBy::User,
        reason: "asked for".to_owned(),
    };
    let expired = JobEvent::Changed(Changes {
        expires_at: Some(at(1)),
        ..Changes::default()
    });
    for (event, state) in [
        (paused, State::Queued),
        (expired, State::Expired),
        (JobEvent::Cancelled, State::Cancelled),
    ] {
        let job = job(at(0));
        write_job(&store, &job).await;
        let message = recipient(&job, 1111);
        let added = store.add_recipients(&job, std::slice::from_ref(&message), at(0));
        added.await.unwrap();
        happens(&store, &job, &JobEvent::Started, at(0)).await;
        happens(&store, &job, &event, at(0)).await;
        let later = || at(1);
        let sending = Sending::new(store.clone(), meta.client.clone(), later);
        attempt(&sending, &message).await;
        assert_eq!(stored(&store, &message).await.state, state);
    }
    assert!(meta.bodies().is_empty());
}

#[tokio::test]
async fn a_one_time_code_is_tried_again_where_its_sender_prefers_that() {
    let (store, meta) = (empty_store().await, Meta::answering(502, "").await);
    let mut message = queued(at(0));
    message.on_unknown = OnUnknown::Retry;
    write(&store, &message).await;
    let sending = Sending::new(store.clone(), meta.client.clone(), start);
    for _ in 0..9 {
        attempt(&sending, &message).await;
    }
    let message = stored(&store, &message).await;
    assert_eq!((message.state, meta.bodies().len()), (State::Unknown, 5));
}

#[tokio::test]
async fn a_message_is_given_back_while_its_provider_is_disabled() {
    let (store, meta) = (empty_store().await, Meta::answering(200, ACCEPTED).await);
    let message = queued(at(0));
    write(&store, &message).await;
    let disabled = ProviderSettings {
        enabled: false,
        ..ProviderSettings::of(Provider::Meta)
    };
    let mut transaction = Transaction::new();
    store
        .put_provider_settings(&mut transaction, &message.tenant, disabled, at(0))
        .unwrap();
    store.commit(transaction).await.unwrap();
    let sending = Sending::new(store.clone(), meta.client.clone(), start);
    let Attempted::NotNow(Some(given_back)) = attempt(&sending, &message).await else {
        unreachable!("it was sent");
    };
    assert_eq!(given_back.state, State::Queued);
    assert_eq!(meta.bodies().len(), 0);
}
