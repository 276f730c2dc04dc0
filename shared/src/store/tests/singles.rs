//! The slots of single messages: never two at once, never faster than the rate, one write each.

use super::*;
use crate::domain::ledger::tests::at;
use futures_util::future::join_all;
use jiff::SignedDuration;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const EVERY: SignedDuration = SignedDuration::from_micros(12_500);

async fn take(store: &Store, said: Row, now: Timestamp) -> Timestamp {
    let sender = sender(WindowPolicy::Off);
    let slot = store.single_slot(&sender.tenant, &sender.id, EVERY, said, now);
    slot.await.unwrap()
}

/// As a worker takes it: told where the row stands.
async fn take_informed(store: &Store, now: Timestamp) -> Timestamp {
    let sender = sender(WindowPolicy::Off);
    let read = store.pace_and_row(&sender.tenant, &sender.id, now).await;
    let (_, ahead) = read.unwrap();
    take(store, ahead.map_or(Row::Free, |_| Row::Waiting), now).await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_two_single_messages_get_the_same_slot_whatever_they_were_told_of_the_row() {
    for said in [Row::Free, Row::Waiting] {
        let store = empty_store().await;
        let mut slots = join_all((0..50).map(|_| take(&store, said, at(0)))).await;
        slots.sort_unstable();
        let wanted: Vec<Timestamp> = (0..50).map(|number| at(0) + EVERY * number).collect();
        assert_eq!(slots, wanted);
        // Behind schedule: a late sender does not catch up by a burst.
        assert_eq!(take(&store, said, at(60)).await, at(60));
        assert_eq!(take(&store, said, at(60)).await, at(60) + EVERY);
    }
}

#[tokio::test]
async fn a_slot_costs_one_write_whether_the_row_is_free_or_messages_wait() {
    let (_, url) = empty_store_and_url().await;
    let writes = Arc::<AtomicUsize>::default();
    let seen = writes.clone();
    let counting = move |headers: &HeaderMap| {
        let is_write = asks_for(headers, "UpdateItem");
        seen.fetch_add(usize::from(is_write), Ordering::SeqCst);
        true
    };
    let store = store_behind(&url, "ValidationException", counting).await;
    let later = SignedDuration::from_millis(20);
    for (number, (now, slot)) in (1..).zip([
        (at(0), at(0)),
        (at(0), at(0) + EVERY),
        (at(0), at(0) + EVERY * 2),
        (at(0) + later, at(0) + EVERY * 3),
        (at(5), at(5)),
    ]) {
        assert_eq!(take_informed(&store, now).await, slot);
        assert_eq!(writes.load(Ordering::SeqCst), number);
    }
}

#[tokio::test]
async fn the_row_and_the_pace_are_read_together_and_only_this_senders() {
    let store = empty_store().await;
    let job = running_job(&store).await;
    take(&store, Row::Free, at(0)).await;
    let read = |sender: &str, now| {
        let sender = sender.parse().unwrap();
        let (store, tenant) = (store.clone(), job.tenant.clone());
        async move { store.pace_and_row(&tenant, &sender, now).await.unwrap() }
    };
    let (pace, ahead) = read("100000000000001", at(0)).await;
    let second = Some(at(0) + EVERY);
    assert_eq!((pace.job_ids(), ahead), (vec![job.id.clone()], second));
    let (_, ahead) = read("100000000000001", at(1)).await;
    assert_eq!(ahead, None);
    let read = read("100000000000002", at(0)).await;
    assert_eq!(read, (Pace::default(), None));
}
