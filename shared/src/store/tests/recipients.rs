//! A job's recipients: each there once, whatever is repeated, and none once the job has begun.

use super::*;
use crate::domain::job::{JobEvent, JobStatus, Progress, Refusal};
use crate::domain::ledger::tests::at;

async fn ids(store: &Store, job: &Job) -> Vec<crate::domain::id::MessageId> {
    let slice = Slice {
        limit: 100,
        after: None,
    };
    let chunks = store.chunks(job, &slice).await.unwrap().entries;
    chunks.into_iter().flat_map(|chunk| chunk.ids).collect()
}

async fn total(store: &Store, job: &Job) -> u64 {
    store
        .job(&job.tenant, &job.id)
        .await
        .unwrap()
        .unwrap()
        .total
}

fn numbered(job: &Job, numbers: impl IntoIterator<Item = u32>) -> Vec<Outbound> {
    numbers
        .into_iter()
        .map(|number| recipient(job, number))
        .collect()
}

#[tokio::test]
async fn a_job_is_read_as_it_was_written() {
    let store = empty_store().await;
    let mut job = job(at(0));
    job.progress.after = Some("CHUNK#chunk_a".to_owned());
    write_job(&store, &job).await;
    assert_eq!(
        store.job(&job.tenant, &job.id).await.unwrap(),
        Some(job.clone())
    );
    let slice = Slice {
        limit: 5,
        after: None,
    };
    assert_eq!(
        store.jobs(&job.tenant, &slice).await.unwrap().entries,
        [job]
    );
}

#[tokio::test]
async fn a_repeated_chunk_adds_nobody() {
    let store = empty_store().await;
    let job = job(at(0));
    write_job(&store, &job).await;
    let chunk = numbered(&job, 0..u32::try_from(CHUNK_SIZE).unwrap());
    let added = store.add_recipients(&job, &chunk, at(1)).await.unwrap();
    assert_eq!(added, RecipientsAdded::AllBut(vec![]));
    let again = store.add_recipients(&job, &chunk, at(2)).await.unwrap();
    assert_eq!(again, RecipientsAdded::AllBut((0..CHUNK_SIZE).collect()));
    assert_eq!(total(&store, &job).await, 98);
    assert_eq!(ids(&store, &job).await.len(), 98);
}

#[tokio::test]
async fn of_a_chunk_that_overlaps_only_the_new_ones_are_added() {
    let store = empty_store().await;
    let job = job(at(0));
    write_job(&store, &job).await;
    store
        .add_recipients(&job, &numbered(&job, 3..6), at(1))
        .await
        .unwrap();
    let added = store
        .add_recipients(&job, &numbered(&job, 1..8), at(2))
        .await
        .unwrap();
    assert_eq!(added, RecipientsAdded::AllBut(vec![2, 3, 4]));
    let found = ids(&store, &job).await;
    let wanted = numbered(&job, [3, 4, 5, 1, 2, 6, 7])
        .into_iter()
        .map(|one| one.id);
    assert_eq!(found, wanted.collect::<Vec<_>>());
    assert_eq!(total(&store, &job).await, 7);
    let messages = store.messages(&job.tenant, &found).await.unwrap();
    assert_eq!(messages.len(), 7);
}

#[tokio::test]
async fn a_person_named_twice_in_one_chunk_is_added_once() {
    let store = empty_store().await;
    let job = job(at(0));
    write_job(&store, &job).await;
    let chunk = numbered(&job, [1, 2, 1, 3, 2]);
    let added = store.add_recipients(&job, &chunk, at(1)).await.unwrap();
    assert_eq!(added, RecipientsAdded::AllBut(vec![2, 4]));
    assert_eq!(total(&store, &job).await, 3);
}

#[tokio::test]
async fn a_job_that_has_begun_takes_nobody_more() {
    let store = empty_store().await;
    let job = job(at(0));
    write_job(&store, &job).await;
    let started = store.move_job(job.clone(), &JobEvent::Started, Asked::default(), at(1));
    assert!(
        matches!(started.await, Err(JobError::Refused(Refusal::Empty))),
        "it is empty"
    );
    store
        .add_recipients(&job, &numbered(&job, [1]), at(1))
        .await
        .unwrap();
    let started = happens(&store, &job, &JobEvent::Started, at(1)).await;
    assert_eq!(started.status, JobStatus::Running);
    let late = store
        .add_recipients(&job, &numbered(&job, [1, 2]), at(2))
        .await;
    assert_eq!(late.unwrap(), RecipientsAdded::Closed);
    assert_eq!(total(&store, &job).await, 1);
}

#[tokio::test]
async fn progress_is_kept_and_never_written_over_that_of_another_tick() {
    let store = empty_store().await;
    let job = job(at(0));
    write_job(&store, &job).await;
    let progress = Progress {
        pass: 2,
        after: Some("CHUNK#chunk_a".to_owned()),
        offset: 7,
        open_seen: true,
        resume_at: Some(at(9)),
        ..Progress::default()
    };
    assert!(store.save_progress(&job, &progress).await.unwrap());
    let late = Progress {
        pass: 1,
        ..Progress::default()
    };
    assert!(!store.save_progress(&job, &late).await.unwrap());
    let read = store.job(&job.tenant, &job.id).await.unwrap().unwrap();
    assert_eq!(read.progress, progress);
}

#[tokio::test]
async fn only_marked_chunks_are_found_open_until_they_are_closed() {
    let store = empty_store().await;
    let job = job(at(0));
    write_job(&store, &job).await;
    for number in 1..4 {
        store
            .add_recipients(&job, &numbered(&job, [number]), at(number.into()))
            .await
            .unwrap();
    }
    let all = Slice {
        limit: 9,
        after: None,
    };
    let chunks = store.chunks(&job, &all).await.unwrap().entries;
    for chunk in chunks.iter().skip(1) {
        store.mark_chunk(&job, chunk).await.unwrap();
        store.mark_chunk(&job, chunk).await.unwrap();
    }
    let open = store.open_chunks(&job, &all).await.unwrap();
    let found: Vec<&Chunk> = open.iter().map(|(_, chunk)| chunk).collect();
    assert_eq!(found, chunks.iter().skip(1).collect::<Vec<_>>());
    let after_the_first = Slice {
        limit: 9,
        after: open.first().map(|(marker, _)| marker.clone()),
    };
    let rest = store.open_chunks(&job, &after_the_first).await.unwrap();
    assert_eq!(rest.len(), 1);
    for chunk in found {
        store.close_chunk(&job, chunk).await.unwrap();
    }
    assert_eq!(store.open_chunks(&job, &all).await.unwrap(), []);
    assert_eq!(store.chunks(&job, &all).await.unwrap().entries, chunks);
}

#[tokio::test]
async fn recipients_named_to_be_tried_again_are_found_once_more_and_listed_once() {
    let store = empty_store().await;
    let job = job(at(0));
    write_job(&store, &job).await;
    let both = numbered(&job, [1, 2]);
    store.add_recipients(&job, &both, at(1)).await.unwrap();
    let named: Vec<_> = both.iter().map(|one| &one.id).collect();
    assert!(store.name_again(&job, &named, at(2)).await.unwrap());
    assert_eq!(ids(&store, &job).await.len(), 2);
    let all = Slice {
        limit: 9,
        after: None,
    };
    let open = store.open_chunks(&job, &all).await.unwrap();
    let (_, chunk) = open.first().unwrap();
    assert_eq!(chunk.ids.iter().collect::<Vec<_>>(), named);
    assert!(chunk.is_filling(at(16)) && !chunk.is_filling(at(17)));
    store.close_chunk(&job, chunk).await.unwrap();
    assert_eq!(store.open_chunks(&job, &all).await.unwrap(), []);
}

#[tokio::test]
async fn nobody_is_named_to_be_tried_again_by_a_tick_that_another_one_has_followed() {
    let store = empty_store().await;
    let job = job(at(0));
    write_job(&store, &job).await;
    let one = numbered(&job, [1]);
    store.add_recipients(&job, &one, at(1)).await.unwrap();
    let progress = Progress {
        pass: 1,
        ..Progress::default()
    };
    assert!(store.save_progress(&job, &progress).await.unwrap());
    let named: Vec<_> = one.iter().map(|one| &one.id).collect();
    assert!(!store.name_again(&job, &named, at(2)).await.unwrap());
    let all = Slice {
        limit: 9,
        after: None,
    };
    assert_eq!(store.open_chunks(&job, &all).await.unwrap(), []);
}
