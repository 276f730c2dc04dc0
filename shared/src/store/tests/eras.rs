//! A sender that is given another rate: no second holds calls of both.

use super::*;
use crate::domain::pace::{Held, Leasable, REST_BETWEEN_RATES, SHORT_REST, Shares};
use crate::messaging::pace::{Leave, Pacer};
use jiff::SignedDuration;

fn start() -> Timestamp {
    at(0)
}

fn a_second_later() -> Timestamp {
    at(1)
}

/// Gives the sender this rate.
async fn change(store: &Store, before: &Sender, rate: u32, now: Timestamp) -> Sender {
    let after = Sender {
        messages_per_second: rate,
        ..before.clone()
    };
    let mut transaction = Transaction::new();
    let change = store.change_sender(&mut transaction, (before, &after), now);
    change.await.unwrap();
    store.commit(transaction).await.unwrap();
    let changed = store.sender(&after.tenant, &after.id).await.unwrap();
    changed.unwrap()
}

async fn taken(worker: &Pacer, sender: &Sender) -> Held {
    let leave = worker.leave(&sender.tenant, &sender.id, Lane::Single, None);
    match leave.await.unwrap() {
        Leave::At(held) => held,
        other => unreachable!("no slot: {other:?}"),
    }
}

#[tokio::test]
async fn slots_given_away_at_another_rate_are_not_used_and_the_next_begin_when_none_of_them_can() {
    let store = empty_store().await;
    let sender = sender(WindowPolicy::Off);
    store.put_sender(&sender).await.unwrap();
    let before = taken(&Pacer::new(store.clone(), start), &sender).await;
    let known = store.pace(&sender.tenant, &sender.id).await.unwrap();
    assert!(known.lets(before, start(), 0));

    let slower = change(&store, &sender, 20, at(1)).await;
    let pace = store.pace(&sender.tenant, &sender.id).await.unwrap();
    assert!(!pace.lets(before, at(1), 0));
    let after = taken(&Pacer::new(store.clone(), a_second_later), &slower).await;
    assert!(pace.lets(after, at(1), 0));
    assert!(after.slot.at >= at(1) + REST_BETWEEN_RATES, "{after:?}");
    // Whoever has read the sender before takes none at the rate it had.
    let shares = Shares::of(80, 10);
    let leasable = known.rows().leasable(Lane::Single, shares, 1, at(1), 0);
    let leased = match leasable.unwrap() {
        Leasable::Behind(behind) => {
            let leased = store.lease_behind(&sender.tenant, &sender.id, &known, &behind);
            leased.await.unwrap().is_some()
        }
        Leasable::Exactly(taken) => {
            let leased = store.lease_slots(&sender.tenant, &sender.id, &known, &taken);
            leased.await.unwrap()
        }
    };
    assert!(!leased);
}

#[tokio::test]
async fn a_sender_that_has_not_sent_lately_rests_a_second_and_one_of_the_same_rate_does_not() {
    let store = empty_store().await;
    let sender = sender(WindowPolicy::Off);
    store.put_sender(&sender).await.unwrap();
    change(&store, &sender, sender.messages_per_second, at(0)).await;
    let pace = store.pace(&sender.tenant, &sender.id).await.unwrap();
    assert_eq!(pace, Pace::default());
    let slower = change(&store, &sender, 20, at(0)).await;
    let held = taken(&Pacer::new(store.clone(), start), &slower).await;
    let rests = held.slot.at.duration_since(at(0));
    // No longer than a single message waits for its slot.
    let longest = SignedDuration::from_millis(1_500);
    assert!((SHORT_REST..longest).contains(&rests), "{rests}");
}

#[tokio::test]
async fn nobody_goes_by_the_rate_of_one_time_and_the_slots_of_another() {
    let store = empty_store().await;
    let before = sender(WindowPolicy::Off);
    store.put_sender(&before).await.unwrap();
    let changed = change(&store, &before, 20, at(0)).await;
    let changed = change(&store, &changed, 50, at(1)).await;
    let read = store.paced_sender(&before.tenant, &before.id).await;
    let PacedSender { sender, pace, .. } = read.unwrap();
    assert_eq!((sender.as_ref(), pace.era), (Some(&changed), 2));
    // As a read finds them that the change falls into.
    store.put_sender(&before).await.unwrap();
    let torn = store.paced_sender(&before.tenant, &before.id).await;
    assert!(matches!(torn, Err(StoreError::Conflict)), "{torn:?}");
}
