//! A job's recipients: each there once, whatever is repeated, and none once the job has begun.

use super::*;
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
    assert!(!store.start_job(&job, at(1)).await.unwrap(), "it is empty");
    store
        .add_recipients(&job, &numbered(&job, [1]), at(1))
        .await
        .unwrap();
    assert!(store.start_job(&job, at(1)).await.unwrap());
    let late = store
        .add_recipients(&job, &numbered(&job, [1, 2]), at(2))
        .await;
    assert_eq!(late.unwrap(), RecipientsAdded::Closed);
    assert_eq!(total(&store, &job).await, 1);
}

#[tokio::test]
async fn progress_and_closed_chunks_are_kept() {
    let store = empty_store().await;
    let job = job(at(0));
    write_job(&store, &job).await;
    store
        .add_recipients(&job, &numbered(&job, [1]), at(1))
        .await
        .unwrap();
    store
        .add_recipients(&job, &numbered(&job, [2]), at(2))
        .await
        .unwrap();
    let first = Slice {
        limit: 1,
        after: None,
    };
    let page = store.chunks(&job, &first).await.unwrap();
    let chunk = page.entries.first().unwrap();
    store.close_chunk(&job, chunk).await.unwrap();
    let progress = Progress {
        pass: 2,
        after: Some(chunk.key.clone()),
        offset: 7,
        open_seen: true,
        resume_at: Some(at(9)),
    };
    store.save_progress(&job, &progress).await.unwrap();
    let read = store.job(&job.tenant, &job.id).await.unwrap().unwrap();
    assert_eq!(read.progress, progress);
    let next = Slice {
        limit: 9,
        after: page.next,
    };
    let rest = store.chunks(&job, &next).await.unwrap().entries;
    assert_eq!(
        rest.iter().map(|chunk| chunk.closed).collect::<Vec<_>>(),
        [false]
    );
    let all = store
        .chunks(
            &job,
            &Slice {
                limit: 9,
                after: None,
            },
        )
        .await
        .unwrap();
    assert!(all.entries.first().unwrap().closed);
}
