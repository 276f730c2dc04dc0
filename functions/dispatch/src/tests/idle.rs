//! Jobs whose senders are not ready: they are over when nobody of them is open, and are looked at for it.

use super::turns::{count, function, many, send, started};
use super::*;
use crate::tick::begin;
use heliograph::domain::pace::{Pause, PauseCause};
use heliograph::service::clock;

/// A running job of three people, all of whom were handed out, whose sender is paused then.
async fn handed_out_and_paused(store: &Store) -> (Job, Vec<MessageId>) {
    store.put_sender(&sender(80)).await.unwrap();
    let job = started(store, |job| many(job, 0..3)).await;
    let people = handed_out(store, &job, 9, 101).await;
    assert_eq!(people.len(), 3);
    pause(store, &job).await;
    (job, people)
}

async fn pause(store: &Store, job: &Job) {
    let pause = Pause {
        since: at(102),
        code: Some(131_048),
        reason: "too many blocks".into(),
        remedy: "look at the quality".into(),
        cause: PauseCause::Provider,
    };
    let paused = store.pause_sender(&job.tenant, &job.sender, &pause);
    assert!(paused.await.unwrap());
}

/// What the next hint comes to: nothing that is sent. The job afterwards.
async fn hint(store: &Store, job: &Job) -> Job {
    let nothing = Learnt { seen: 0, missed: 0 };
    let tick = begin(&function(store), &job.tenant, &job.sender, nothing).await;
    assert!(tick.unwrap().is_none(), "nothing is sent");
    read(store, job).await
}

#[tokio::test]
async fn a_job_of_whom_all_have_ended_is_over_though_its_sender_is_paused() {
    let (store, _) = counted_store().await;
    let (job, people) = Box::pin(handed_out_and_paused(&store)).await;
    for id in &people {
        send(&store, &job, id).await;
    }
    count(&store, &job, "1", &[(State::Accepted, 3)]).await;
    assert_eq!(hint(&store, &job).await.status, JobStatus::Finished);
    let pace = store.pace(&job.tenant, &job.sender).await.unwrap();
    assert!(pace.job_ids().is_empty());
}

#[tokio::test]
async fn a_job_is_not_over_while_one_is_being_sent_though_its_sender_is_paused() {
    let (store, _) = counted_store().await;
    let (job, people) = Box::pin(handed_out_and_paused(&store)).await;
    let (late, sent) = people.split_first().unwrap();
    for id in sent {
        send(&store, &job, id).await;
    }
    let claim = store.claim(&job.tenant, late, "late", Attempt::starting(clock::now()));
    claim.await.unwrap();
    count(&store, &job, "1", &[(State::Accepted, 3)]).await;
    let before = read(&store, &job).await.progress;
    let after = hint(&store, &job).await;
    assert_eq!(after.status, JobStatus::Running, "whatever is counted");
    assert_eq!(after.progress, before, "to look in vain costs no write");
}

#[tokio::test]
async fn a_job_that_has_not_met_everybody_is_not_over_though_its_sender_is_paused() {
    let (store, _) = counted_store().await;
    store.put_sender(&sender(80)).await.unwrap();
    let job = started(&store, |job| many(job, 0..CHUNK_SIZE + 3)).await;
    for id in handed_out(&store, &job, CHUNK_SIZE, 101).await {
        send(&store, &job, &id).await;
    }
    pause(&store, &job).await;
    assert_eq!(hint(&store, &job).await.status, JobStatus::Running);
}

#[tokio::test]
async fn a_job_of_a_paused_sender_is_looked_at_again_within_half_a_minute() {
    let (store, _) = counted_store().await;
    let (job, _) = Box::pin(handed_out_and_paused(&store)).await;
    hint(&store, &job).await;
    let senders = async |seconds| {
        let now = clock::now() + SignedDuration::from_secs(seconds);
        store.overdue(now, 9).await.unwrap().senders.len()
    };
    assert_eq!((senders(0).await, senders(31).await), (0, 1));
}
