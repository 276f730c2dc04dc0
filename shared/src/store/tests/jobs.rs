//! A job's life as it is written: with its sender's list, its due time, and against others who write at once.

use super::*;
use crate::domain::job::{JobEvent, JobStatus, Outcomes, PausedBy};
use crate::domain::ledger::tests::at;

async fn with_recipients(store: &Store, job: Job) -> Job {
    write_job(store, &job).await;
    store
        .add_recipients(&job, &[recipient(&job, 1)], at(1))
        .await
        .unwrap();
    read(store, &job).await
}

async fn read(store: &Store, job: &Job) -> Job {
    store.job(&job.tenant, &job.id).await.unwrap().unwrap()
}

async fn on_the_list(store: &Store, job: &Job) -> bool {
    let pace = store.pace(&job.tenant, &job.sender).await.unwrap();
    pace.job_ids().contains(&job.id)
}

fn paused() -> JobEvent {
    JobEvent::Paused {
        by: PausedBy::User,
        reason: "asked for".to_owned(),
    }
}

#[tokio::test]
async fn a_job_is_on_its_senders_list_exactly_while_there_is_something_to_do_for_it() {
    let store = empty_store().await;
    let mut job = with_recipients(&store, job(at(0))).await;
    let life = [
        (JobEvent::Started, JobStatus::Running, true),
        (paused(), JobStatus::Paused, false),
        (
            JobEvent::Resumed(Outcomes::default()),
            JobStatus::Running,
            true,
        ),
        (paused(), JobStatus::Paused, false),
        (JobEvent::Cancelled, JobStatus::Cancelling, true),
        (JobEvent::AllEnded, JobStatus::Cancelled, false),
    ];
    for (event, status, listed) in life {
        let moved = store
            .move_job(job, &event, Asked::default(), at(5))
            .await
            .unwrap();
        assert_eq!(moved.status, status);
        assert_eq!(on_the_list(&store, &moved).await, listed, "{event:?}");
        assert_eq!(read(&store, &moved).await, moved);
        job = moved;
    }
}

#[tokio::test]
async fn an_event_decided_on_an_old_job_is_decided_again_on_the_new_one() {
    let store = empty_store().await;
    let draft = job(at(0));
    let ready = with_recipients(&store, draft.clone()).await;
    // Recipients came after it was read: it may be started all the same.
    let running = store
        .move_job(draft, &JobEvent::Started, Asked::default(), at(2))
        .await;
    assert!(running.is_err(), "a draft may not, and nothing was written");
    let running = store
        .move_job(ready.clone(), &JobEvent::Started, Asked::default(), at(2))
        .await
        .unwrap();
    let cancelled = store
        .move_job(ready, &JobEvent::Cancelled, Asked::default(), at(3))
        .await
        .unwrap();
    assert_eq!(cancelled.started_at, running.started_at);
    assert_eq!(cancelled.status, JobStatus::Cancelling);
    let late = store
        .move_job(running, &paused(), Asked::default(), at(4))
        .await;
    assert!(matches!(late, Err(JobError::Refused(_))));
}

#[tokio::test]
async fn an_event_leaves_progress_and_recipients_as_they_are() {
    let store = empty_store().await;
    let ready = with_recipients(&store, job(at(0))).await;
    let running = store
        .move_job(ready, &JobEvent::Started, Asked::default(), at(2))
        .await
        .unwrap();
    let mut progress = running.progress.clone();
    progress.offset = 1;
    assert!(store.save_progress(&running, &progress).await.unwrap());
    // Decided on a job whose progress is old.
    store
        .move_job(running.clone(), &paused(), Asked::default(), at(3))
        .await
        .unwrap();
    let read = read(&store, &running).await;
    assert_eq!((read.progress, read.total), (progress, 1));
}

#[tokio::test]
async fn a_job_that_waits_is_found_when_its_time_has_come_and_not_before() {
    let store = empty_store().await;
    let mut job = job(at(0));
    job.send_at = Some(at(100));
    let job = with_recipients(&store, job).await;
    let waiting = store
        .move_job(job, &JobEvent::Started, Asked::default(), at(2))
        .await
        .unwrap();
    assert_eq!(waiting.status, JobStatus::Ready);
    assert!(!on_the_list(&store, &waiting).await);
    let key = (waiting.tenant.clone(), waiting.id.clone());
    assert_eq!(store.overdue(at(100), 10).await.unwrap().jobs, []);
    assert_eq!(store.overdue(at(101), 10).await.unwrap().jobs, [key]);
    let running = store
        .move_job(waiting, &JobEvent::TimeCame, Asked::default(), at(101))
        .await
        .unwrap();
    assert_eq!(running.status, JobStatus::Running);
    assert!(on_the_list(&store, &running).await);
    assert_eq!(store.overdue(at(9_000), 10).await.unwrap().jobs, []);
}

#[tokio::test]
async fn who_saw_a_job_end_before_it_was_tried_again_does_not_end_it_a_second_time() {
    let store = empty_store().await;
    let seen = running_job(&store).await;
    happens(&store, &seen, &JobEvent::AllEnded, at(5)).await;
    let event = JobEvent::TriedAgain(Outcomes::default());
    happens(&store, &seen, &event, at(6)).await;
    let late = store
        .move_job(seen, &JobEvent::AllEnded, Asked::default(), at(7))
        .await;
    assert_eq!(late.unwrap().status, JobStatus::Running);
}

#[tokio::test]
async fn a_key_that_changed_nothing_is_kept_and_changes_nothing_later() {
    let store = empty_store().await;
    let mut job = with_recipients(&store, job(at(0))).await;
    for event in [JobEvent::Started, JobEvent::AllEnded] {
        job = store
            .move_job(job, &event, Asked::default(), at(2))
            .await
            .unwrap();
    }
    let event = JobEvent::TriedAgain(Outcomes::default());
    let [first, second] = ["first", "second"].map(|key| IdempotencyRecord {
        tenant: job.tenant.clone(),
        key_hash: key.to_owned(),
        body_hash: "body".to_owned(),
        resource: job.id.to_string(),
        answer: Some("{}".to_owned()),
        expires_at: at(9_000),
    });
    let with = |record| Asked {
        by: None,
        record: Some(record),
    };
    let running = store.move_job(job, &event, with(&first), at(3)).await;
    let running = running.unwrap();
    let same = store.move_job(running.clone(), &event, with(&second), at(4));
    assert_eq!(same.await.unwrap(), running);
    for record in [&first, &second] {
        let known = store.idempotency(&record.tenant, &record.key_hash, at(5));
        assert_eq!(known.await.unwrap().as_ref(), Some(record));
        let again = store.move_job(running.clone(), &event, with(record), at(5));
        let again = again.await;
        assert!(
            matches!(again, Err(JobError::Store(StoreError::Conflict))),
            "{again:?}"
        );
    }
}
