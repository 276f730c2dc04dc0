//! Slots that many workers want at the same time: each gets one, in order, and none costs more than it must.

use super::pace::pause;
use super::*;
use crate::domain::pace::{Behind, Held, Shares, Slot};
use crate::messaging::pace::{Leave, Pacer};
use futures_util::future::join_all;
use jiff::SignedDuration;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

fn start() -> Timestamp {
    at(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_workers_that_want_one_slot_each_all_get_one_and_the_rate_is_kept() {
    let store = empty_store().await;
    let sender = sender(WindowPolicy::Off);
    store.put_sender(&sender).await.unwrap();
    let workers: Vec<Pacer> = (0..200).map(|_| Pacer::new(store.clone(), start)).collect();
    let leaves = workers
        .iter()
        .map(|worker| worker.leave(&sender.tenant, &sender.id, Lane::Single, None));
    let leaves = join_all(leaves).await.into_iter().map(Result::unwrap);
    let mut slots: Vec<Slot> = leaves
        .filter_map(|leave| match leave {
            Leave::At(held) => Some(held.slot),
            Leave::After(_) | Leave::Paused(_) => None,
        })
        .collect();
    assert_eq!(slots.len(), 200);
    slots.sort_by_key(|slot| slot.at);
    let limit = usize::try_from(Shares::of(80, 10).alone).unwrap();
    for (slot, limit_later) in slots.iter().zip(slots.iter().skip(limit)) {
        assert!(limit_later.at.duration_since(slot.until) >= SignedDuration::from_secs(1));
    }
    let distinct: BTreeSet<Timestamp> = slots.iter().map(|slot| slot.at).collect();
    assert_eq!(distinct.len(), 200);
}

#[tokio::test]
async fn slots_behind_the_last_one_are_leased_whoever_took_that_and_only_while_the_row_is_as_it_must_be()
 {
    let store = empty_store().await;
    let known = sender(WindowPolicy::Off);
    let (tenant, sender) = (&known.tenant, &known.id);
    let shares = Shares::of(80, 10);
    let first = Pace::default().rows().take(Lane::Single, shares, 1, at(0));
    let (none, first) = (Pace::default(), first.unwrap());
    let leased = store.lease_slots(tenant, sender, &none, &first).await;
    assert!(leased.unwrap());
    let seen = store.pace(tenant, sender).await.unwrap();
    let behind = seen.rows().behind(Lane::Single, shares, 2, at(0)).unwrap();
    let mut slots = Vec::new();
    for _ in 0..2 {
        let leased = store.lease_behind(tenant, sender, &seen, &behind).await;
        slots.extend(leased.unwrap().unwrap());
    }
    let in_order = seen.rows().take(Lane::Single, shares, 4, at(0)).unwrap();
    assert_eq!(slots, in_order.slots);
    let changed = [
        |behind: &mut Behind| behind.slack_us -= 1,
        |behind: &mut Behind| behind.from_us = behind.to_us,
        |behind: &mut Behind| behind.to_us = behind.from_us,
    ];
    for change in changed {
        let mut changed = behind;
        change(&mut changed);
        let leased = store.lease_behind(tenant, sender, &seen, &changed).await;
        assert_eq!(leased.unwrap(), None, "{changed:?}");
    }
    let elsewhere = Pace {
        epoch: seen.epoch + 1,
        ..seen.clone()
    };
    let leased = store
        .lease_behind(tenant, sender, &elsewhere, &behind)
        .await;
    assert_eq!(leased.unwrap(), None);
    let paused = store.pause_sender(tenant, sender, &pause(at(1))).await;
    assert!(paused.unwrap());
    let leased = store.lease_behind(tenant, sender, &seen, &behind).await;
    assert_eq!(leased.unwrap(), None);
}

#[tokio::test]
async fn who_always_comes_second_asks_again_soon_and_not_when_every_slot_is_free_again() {
    let url = serve(&engine()).await;
    store_at(&url).create_tables().await.unwrap();
    let known = sender(WindowPolicy::Off);
    store_at(&url).put_sender(&known).await.unwrap();
    let beaten = |headers: &HeaderMap| !asks_for(headers, "UpdateItem");
    let store = store_behind(&url, "ConditionalCheckFailedException", beaten).await;
    let worker = Pacer::new(store, start);
    let leave = worker
        .leave(&known.tenant, &known.id, Lane::Single, None)
        .await;
    assert_eq!(leave.unwrap(), Leave::After(SignedDuration::from_secs(1)));
}

#[tokio::test]
async fn what_was_known_of_a_sender_a_moment_ago_gives_no_slot_twice_and_none_to_one_paused_since()
{
    let store = empty_store().await;
    let known = sender(WindowPolicy::Off);
    store.put_sender(&known).await.unwrap();
    let (tenant, id) = (&known.tenant, &known.id);
    let fresh = store.paced_sender(tenant, id).await.unwrap();
    let leave = async |worker: Pacer, read: &PacedSender| {
        let known = Some(PacedSender {
            as_of: Instant::now(),
            ..read.clone()
        });
        worker.leave(tenant, id, Lane::Single, known).await.unwrap()
    };
    let mut taken = BTreeSet::new();
    for _ in 0..10 {
        let leave = leave(Pacer::new(store.clone(), start), &fresh).await;
        assert!(matches!(leave, Leave::At(held) if taken.insert(held.slot.at)));
    }
    let pause = pause(at(1));
    assert!(store.pause_sender(tenant, id, &pause).await.unwrap());
    let refused = leave(Pacer::new(store.clone(), start), &fresh).await;
    assert_eq!(refused, Leave::Paused(pause));
}

#[tokio::test]
async fn a_sender_known_from_a_moment_ago_is_not_read_again_and_one_known_for_longer_is() {
    let (store, url) = empty_store_and_url().await;
    let sender = sender(WindowPolicy::Off);
    store.put_sender(&sender).await.unwrap();
    let (tenant, id) = (&sender.tenant, &sender.id);
    let (store, calls) = watched_store(&url).await;
    let worker = Pacer::new(store.clone(), start);
    for (age, expected) in [
        (Duration::ZERO, &["UpdateItem"][..]),
        (Duration::from_secs(1), &["BatchGetItem", "UpdateItem"]),
    ] {
        let read = store.paced_sender(tenant, id).await.unwrap();
        calls.look();
        let known = PacedSender {
            as_of: Instant::now().checked_sub(age).unwrap(),
            ..read
        };
        let leave = worker.leave(tenant, id, Lane::Single, Some(known)).await;
        assert!(matches!(leave.unwrap(), Leave::At(_)));
        assert_eq!(calls.look(), expected, "{age:?}");
    }
}

/// The clock of the test below, in milliseconds.
static MILLIS: AtomicI64 = AtomicI64::new(0);

fn by_the_millisecond() -> Timestamp {
    at(0) + SignedDuration::from_millis(MILLIS.load(Ordering::Relaxed))
}

#[tokio::test]
async fn a_thousand_single_messages_a_second_are_leased_by_few_writes_and_the_rate_is_kept() {
    let (store, url) = empty_store_and_url().await;
    let sender = Sender {
        messages_per_second: 1_000,
        ..sender(WindowPolicy::Off)
    };
    store.put_sender(&sender).await.unwrap();
    let (store, calls) = watched_store(&url).await;
    let workers = [(); 30].map(|()| Pacer::new(store.clone(), by_the_millisecond));
    let mut slots = BTreeSet::new();
    for second in 0..3 {
        calls.look();
        for (worker, _) in workers.iter().cycle().zip(0..1_000) {
            let leave = worker.leave(&sender.tenant, &sender.id, Lane::Single, None);
            let Leave::At(Held { slot, .. }) = leave.await.unwrap() else {
                unreachable!("no slot in second {second}");
            };
            assert!(!slot.is_over(by_the_millisecond()));
            assert!(slots.insert((slot.at, slot.until)), "{slot:?} given twice");
            MILLIS.fetch_add(1, Ordering::Relaxed);
        }
        let writes = calls.look();
        let writes = writes.iter().filter(|call| *call == "UpdateItem").count();
        // In the first second the workers learn how many they need.
        let most = if second == 0 { 400 } else { 250 };
        assert!(writes < most, "{writes} in second {second}");
    }
    let limit = usize::try_from(Shares::of(1_000, 10).alone).unwrap();
    for ((_, until), (at, _)) in slots.iter().zip(slots.iter().skip(limit)) {
        assert!(at.duration_since(*until) >= SignedDuration::from_secs(1));
    }
}
