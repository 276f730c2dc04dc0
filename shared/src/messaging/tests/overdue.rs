//! What the sweeper does: a hint in time, another attempt only on evidence, nothing of a cancelled job.

use super::*;
use crate::domain::failure::ProviderFailure;
use crate::domain::job::{Changes, Job, JobEvent};
use crate::domain::ledger::Event;
use crate::domain::ledger::tests::{ended, queued, settlement};
use crate::domain::ledger::{CallResult, LEASE};
use crate::domain::message::{Attempt, Lane, OnUnknown, Outbound};
use crate::domain::pace::{Pause, PauseCause};
use crate::domain::settlement::Verdict;
use crate::domain::state::State;
use crate::domain::waiting::WaitMinutes;
use crate::messaging::attempt::Sending;
use crate::messaging::overdue::{Hint, look_after};
use crate::store::tests::{happens, job, recipient, write, write_job};
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
    let claim = store.claim(
        &message.tenant,
        &message.id,
        "one",
        Attempt::starting(at(0)),
    );
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

/// A recipient of a running job, whose call had no answer.
async fn lost_recipient(store: &Store) -> (Job, Outbound) {
    let job = job(at(0));
    write_job(store, &job).await;
    let message = recipient(&job, 1111);
    let added = store.add_recipients(&job, std::slice::from_ref(&message), at(0));
    added.await.unwrap();
    let job = happens(store, &job, &JobEvent::Started, at(0)).await;
    let message = lost(store, &message).await;
    assert_eq!((message.lane, message.state), (Lane::Bulk, State::Unknown));
    (job, message)
}

async fn sent_again(store: &Store, meta: &Meta, message: Outbound) -> Outbound {
    let retry = settlement(Verdict::Retry, at(2));
    let event = Event::Settled(&retry);
    let message = store.apply(message, &event, at(2)).await.unwrap();
    let hints = sweep(store, at(60)).await;
    assert_eq!(
        hints.len(),
        1,
        "the sweeper sees it, though its job is over"
    );
    let sending = Sending::new(store.clone(), meta.client.clone(), later);
    // Boxed, because a call with all that may follow it is large.
    Box::pin(attempt(&sending, &message)).await;
    stored(store, &message).await
}

#[tokio::test]
async fn a_recipient_of_a_finished_job_that_is_sent_again_arrives() {
    let (store, meta) = (empty_store().await, Meta::answering(200, ACCEPTED).await);
    let (job, message) = lost_recipient(&store).await;
    happens(&store, &job, &JobEvent::AllEnded, at(1)).await;
    let message = sent_again(&store, &meta, message).await;
    assert_eq!(message.state, State::Accepted);
    let bodies = meta.bodies();
    let text = bodies.first().unwrap().pointer("/text/body");
    assert_eq!(text, Some(&json!("Hi Ada")));
}

#[tokio::test]
async fn nothing_is_sent_again_of_a_job_that_was_given_up_or_whose_time_has_passed() {
    let (store, meta) = (empty_store().await, Meta::answering(200, ACCEPTED).await);
    let expires = JobEvent::Changed(Changes {
        expires_at: Some(at(20)),
        ..Changes::default()
    });
    for ends in [JobEvent::Cancelled, expires] {
        let (job, message) = lost_recipient(&store).await;
        happens(&store, &job, &ends, at(1)).await;
        happens(&store, &job, &JobEvent::AllEnded, at(1)).await;
        let message = sent_again(&store, &meta, message).await;
        // The lost attempt may have been sent: it is not said not to be.
        assert_eq!(message.state, State::Unknown, "{ends:?}");
    }
    assert!(meta.bodies().is_empty());
}

#[tokio::test]
async fn a_recipient_that_holds_is_never_seen_by_the_sweeper() {
    let store = empty_store().await;
    lost_recipient(&store).await;
    assert_eq!(store.overdue(at(100_000), 10).await.unwrap().messages, []);
}

#[tokio::test]
async fn a_message_of_a_paused_sender_has_no_hint_until_it_is_resumed_and_leaves_others_their_turn()
{
    let store = empty_store().await;
    let message = queued(at(0));
    write(&store, &message).await;
    let (tenant, sender) = (&message.tenant, &message.sender);
    let pause = Pause {
        since: at(0),
        code: Some(131_048),
        reason: "too many blocks".into(),
        remedy: "look at the quality".into(),
        cause: PauseCause::Provider,
    };
    assert!(store.pause_sender(tenant, sender, &pause).await.unwrap());
    for second in [40, 60, 600] {
        assert_eq!(sweep(&store, at(second)).await, []);
    }
    assert_eq!(store.overdue(at(700), 100).await.unwrap().messages, []);
    assert!(
        store
            .resume_sender(tenant, sender, None, at(701))
            .await
            .unwrap()
    );
    assert_eq!(sweep(&store, at(721)).await.len(), 1);
}
