//! What the sweeper does: a hint in time, another attempt only on evidence, nothing of a cancelled job.

use super::*;
use crate::domain::failure::ProviderFailure;
use crate::domain::ledger::Event;
use crate::domain::ledger::tests::{ended, queued, settlement};
use crate::domain::ledger::{CallResult, LEASE};
use crate::domain::message::{Lane, OnUnknown, Outbound};
use crate::domain::settlement::Verdict;
use crate::domain::state::State;
use crate::domain::waiting::WaitMinutes;
use crate::messaging::attempt::Sending;
use crate::messaging::overdue::{Hint, look_after};
use crate::store::JobStatus;
use crate::store::tests::{job, recipient, write, write_job};
use jiff::{SignedDuration, Timestamp};

const MINUTE: i64 = 60;

async fn stored(store: &Store, message: &Outbound) -> Outbound {
    let stored = store.outbound(&message.tenant, &message.id).await;
    stored.unwrap().unwrap()
}

/// What the sweeper meets at `now`: looks after all that is due; the hints it puts.
async fn sweep(store: &Store, now: Timestamp) -> Vec<Hint> {
    let mut hints = Vec::new();
    for (tenant, id) in store.overdue(now, 100).await.unwrap().messages {
        hints.extend(look_after(store, &tenant, &id, now).await.unwrap());
    }
    hints
}

/// Claims the message at second 0, and its call has no answer.
async fn lost(store: &Store, message: &Outbound) -> Outbound {
    let claim = store.claim(&message.tenant, &message.id, "one", at(0));
    let held = claim.await.unwrap();
    let silence = CallResult::Ambiguous(ProviderFailure::ambiguous("no answer"));
    let event = ended("one", silence);
    store.apply(held, &event, at(0)).await.unwrap()
}

#[tokio::test]
async fn a_message_scheduled_far_ahead_has_its_hint_before_its_time() {
    let store = empty_store().await;
    let mut message = queued(at(0));
    message.not_before = Some(at(3_600));
    write(&store, &message).await;
    assert_eq!(sweep(&store, at(2_999)).await, []);
    let hints = sweep(&store, at(3_030)).await;
    let waits: Vec<_> = hints.iter().map(|hint| hint.wait).collect();
    assert_eq!(waits, [SignedDuration::from_secs(570)]);
    assert_eq!(sweep(&store, at(3_610)).await, [], "the hint is on its way");
    assert_eq!(
        sweep(&store, at(3_640)).await.len(),
        1,
        "it may have been lost"
    );
}

#[tokio::test]
async fn a_late_start_does_not_send() {
    let (store, meta) = (empty_store().await, Meta::answering(200, ACCEPTED).await);
    let mut message = queued(at(0));
    (message.not_before, message.expires_at) = (Some(at(60)), Some(at(120)));
    write(&store, &message).await;
    assert_eq!(sweep(&store, at(121)).await, []);
    assert_eq!(stored(&store, &message).await.state, State::Expired);
    assert!(meta.bodies().is_empty());
}

#[tokio::test]
async fn an_unknown_message_that_waits_is_opened_when_statuses_of_others_kept_coming() {
    let store = empty_store().await;
    let mut message = queued(at(0));
    message.on_unknown = OnUnknown::Wait(WaitMinutes::default());
    write(&store, &message).await;
    let message = lost(&store, &message).await;
    assert_eq!(message.state, State::Unknown);
    for minute in 1..=20 {
        let now = at(MINUTE * minute);
        let noted = store.note_status(&message.tenant, &message.sender, now);
        noted.await.unwrap();
        let hints = sweep(&store, now + SignedDuration::from_secs(1)).await;
        if minute < 15 {
            assert_eq!(hints, [], "minute {minute}");
        }
    }
    let message = stored(&store, &message).await;
    assert_eq!(message.state, State::Queued);
}

#[tokio::test]
async fn an_unknown_message_that_waits_stays_so_while_nothing_is_heard() {
    let store = empty_store().await;
    let mut message = queued(at(0));
    message.on_unknown = OnUnknown::Wait(WaitMinutes::default());
    write(&store, &message).await;
    lost(&store, &message).await;
    for minute in 1..=120 {
        assert_eq!(sweep(&store, at(MINUTE * minute)).await, []);
    }
    let message = stored(&store, &message).await;
    assert_eq!(message.state, State::Unknown);
    assert!(message.waiting.is_some());
}

#[tokio::test]
async fn the_newest_status_is_noted_once_a_minute_and_never_an_older_one() {
    let store = empty_store().await;
    let (tenant, sender) = ("demo".parse().unwrap(), "100000000000001".parse().unwrap());
    assert_eq!(store.newest_status(&tenant, &sender).await.unwrap(), None);
    for (came, newest) in [(100, 100), (130, 100), (161, 161), (20, 161), (400, 400)] {
        store.note_status(&tenant, &sender, at(came)).await.unwrap();
        let noted = store.newest_status(&tenant, &sender).await.unwrap();
        assert_eq!(noted, Some(at(newest)), "{came}");
    }
}

fn later() -> Timestamp {
    at(0) + LEASE
}

/// A recipient whose call had no answer, of a job that ended as `status`, and that is to be sent again.
async fn retried_recipient(store: &Store, status: JobStatus) -> Outbound {
    let mut job = job(at(0));
    job.status = JobStatus::Ready;
    write_job(store, &job).await;
    let message = recipient(&job, 1111);
    let added = store.add_recipients(&job, std::slice::from_ref(&message), at(0));
    added.await.unwrap();
    assert!(store.start_job(&job, at(0)).await.unwrap());
    let message = lost(store, &message).await;
    assert_eq!((message.lane, message.state), (Lane::Bulk, State::Unknown));
    if status == JobStatus::Finished {
        let finished = store.finish_job(&job, at(1)).await;
        assert!(finished.unwrap());
    }
    let retry = settlement(Verdict::Retry, at(2));
    let event = Event::Settled(&retry);
    store.apply(message, &event, at(2)).await.unwrap()
}

#[tokio::test]
async fn a_recipient_of_a_finished_job_that_is_sent_again_arrives() {
    let (store, meta) = (empty_store().await, Meta::answering(200, ACCEPTED).await);
    let message = retried_recipient(&store, JobStatus::Finished).await;
    let hints = sweep(&store, at(60)).await;
    assert_eq!(
        hints.len(),
        1,
        "the sweeper sees it, though its job is over"
    );
    let sending = Sending::new(store.clone(), meta.client.clone(), later);
    let credential = credential();
    let attempt = sending.attempt(&message.tenant, &message.id, Some(&credential));
    attempt.await.unwrap();
    let message = stored(&store, &message).await;
    assert_eq!(message.state, State::Accepted);
    let bodies = meta.bodies();
    let text = bodies.first().unwrap().pointer("/text/body");
    assert_eq!(text, Some(&json!("Hi Ada")));
}

#[tokio::test]
async fn a_recipient_that_holds_is_never_seen_by_the_sweeper() {
    let store = empty_store().await;
    let mut job = job(at(0));
    job.status = JobStatus::Ready;
    write_job(&store, &job).await;
    let message = recipient(&job, 1111);
    let added = store.add_recipients(&job, std::slice::from_ref(&message), at(0));
    added.await.unwrap();
    assert!(store.start_job(&job, at(0)).await.unwrap());
    lost(&store, &message).await;
    assert_eq!(store.overdue(at(100_000), 10).await.unwrap().messages, []);
}
