//! A sender's pace in the store: each slot is one worker's, and what the provider asks for is written once.

use super::*;
use crate::domain::pace::{InboundRate, Line, Pause, PauseCause, Row, Shares, Slot, Speed};
use crate::messaging::pace::{Leave, Pacer};
use futures_util::future::join_all;
use jiff::SignedDuration;
use std::collections::BTreeSet;

fn at(seconds: i64) -> Timestamp {
    crate::domain::ledger::tests::at(seconds)
}

fn start() -> Timestamp {
    at(0)
}

fn lease(pace: &Pace, now: Timestamp) -> Lease {
    Lease {
        tick: "tick".to_owned(),
        taken: pace.rows().take_bulk(72, 72, now),
        now,
        next_run: now + SignedDuration::from_secs(1),
        speed: Speed::first(72),
        inbound: InboundRate::after(None, 0, now),
    }
}

/// A store with a running job.
async fn running() -> (Store, Job) {
    let store = empty_store().await;
    let job = running_job(&store).await;
    (store, job)
}

pub(super) fn pause(now: Timestamp) -> Pause {
    Pause {
        since: now,
        code: Some(131_048),
        reason: "too many blocks".into(),
        remedy: "look at the quality".into(),
        cause: PauseCause::Provider,
    }
}

#[tokio::test]
async fn slots_are_leased_to_one_dispatch_and_a_dead_one_is_found() {
    let (store, job) = running().await;
    let (tenant, sender) = (&job.tenant, &job.sender);
    let pace = store.pace(tenant, sender).await.unwrap();
    assert_eq!(pace.job_ids(), std::slice::from_ref(&job.id));
    let lease = lease(&pace, at(0));
    for first in [true, false] {
        let leased = store.lease_bulk(tenant, sender, &pace, &lease).await;
        assert_eq!(leased.unwrap(), first);
    }
    assert_eq!(store.overdue(at(0), 9).await.unwrap().senders, []);
    // Not knowing whether it lives, the sweeper gives it one more hint.
    let dead = at(0) + SignedDuration::from_millis(1);
    let stalled = store.overdue(dead, 9).await.unwrap().senders;
    assert_eq!(stalled, [(tenant.clone(), sender.clone())]);
    happens(&store, &job, &JobEvent::AllEnded, at(7)).await;
    let pace = store.pace(tenant, sender).await.unwrap();
    assert!(pace.jobs.is_empty() && pace.shared);
    assert_eq!(pace.row_bulk, lease.taken.row);
    assert!(store.rest(tenant, sender, &pace, None).await.unwrap());
    assert!(!store.pace(tenant, sender).await.unwrap().shared);
    assert_eq!(store.overdue(dead, 9).await.unwrap().senders, []);
}

#[tokio::test]
async fn a_dead_dispatch_and_a_due_job_are_found_however_many_messages_are_overdue() {
    let (store, job) = running().await;
    let (tenant, sender) = (&job.tenant, &job.sender);
    let pace = store.pace(tenant, sender).await.unwrap();
    let lease = lease(&pace, at(100));
    let leased = store.lease_bulk(tenant, sender, &pace, &lease).await;
    assert!(leased.unwrap());
    let mut waits = crate::store::tests::job(at(0));
    waits.send_at = Some(at(100));
    write_job(&store, &waits).await;
    let recipients = [recipient(&waits, 1)];
    let added = store.add_recipients(&waits, &recipients, at(0)).await;
    added.unwrap();
    happens(&store, &waits, &JobEvent::Started, at(1)).await;
    for _ in 0..150 {
        write(&store, &queued(at(0))).await;
    }
    let overdue = store.overdue(at(1_000), 2).await.unwrap();
    assert!(overdue.messages.len() > 16, "two of each of sixteen shards");
    assert_eq!(overdue.senders, [(tenant.clone(), sender.clone())]);
    assert_eq!(overdue.jobs, [(waits.tenant.clone(), waits.id.clone())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_two_messages_get_the_same_slot_whatever_worker_asks() {
    let store = empty_store().await;
    let sender = sender(WindowPolicy::Off);
    store.put_sender(&sender).await.unwrap();
    let workers = [(); 3].map(|()| Pacer::new(store.clone(), start));
    let leaves = (0..60).map(|number| {
        let worker = workers.get(number % 3).unwrap();
        let lane = if number % 2 == 0 {
            Lane::Otp
        } else {
            Lane::Single
        };
        worker.leave(&sender.tenant, &sender.id, lane, None)
    });
    let leaves = join_all(leaves).await;
    let slots: Vec<Slot> = leaves
        .into_iter()
        .filter_map(|leave| match leave.unwrap() {
            Leave::At(held) => Some(held.slot),
            Leave::After(_) | Leave::Paused(_) => None,
        })
        .collect();
    let distinct: BTreeSet<_> = slots.iter().map(|slot| slot.at).collect();
    // Both rows begin at once.
    assert!(distinct.len() >= slots.len() - 1);
    let pace = store.pace(&sender.tenant, &sender.id).await.unwrap();
    assert!(slots.len() >= 50 && pace.row_single != Row::default());
}

#[tokio::test]
async fn messages_that_wait_together_in_one_worker_share_a_write() {
    let store = empty_store().await;
    let sender = sender(WindowPolicy::Off);
    store.put_sender(&sender).await.unwrap();
    let worker = Pacer::new(store.clone(), start);
    let leaves = (0..10).map(|_| worker.leave(&sender.tenant, &sender.id, Lane::Single, None));
    let slots: BTreeSet<Timestamp> = join_all(leaves)
        .await
        .into_iter()
        .filter_map(|leave| match leave.unwrap() {
            Leave::At(held) => Some(held.slot.at),
            Leave::After(_) | Leave::Paused(_) => None,
        })
        .collect();
    assert_eq!(slots.len(), 10);
    // Ten slots, one after the other: nobody took one that was not used.
    let pace = store.pace(&sender.tenant, &sender.id).await.unwrap();
    let last = pace.rows().take(Lane::Single, Shares::of(80, 10), 1, at(0));
    let (first, last) = (*slots.first().unwrap(), last.unwrap().slots);
    let step = slots.iter().nth(1).unwrap().duration_since(first);
    assert_eq!(last.first().unwrap().at.duration_since(first), step * 10);
}

#[tokio::test]
async fn a_lease_that_was_decided_before_bulk_got_its_share_is_refused() {
    let (store, job) = running().await;
    let (tenant, sender) = (&job.tenant, &job.sender);
    let before = store.pace(tenant, sender).await.unwrap();
    let shares = Shares::of(80, 10);
    let taken = before.rows().take(Lane::Single, shares, 5, at(0)).unwrap();
    let bulk = lease(&before, at(0));
    assert!(
        store
            .lease_bulk(tenant, sender, &before, &bulk)
            .await
            .unwrap()
    );
    let leased = store.lease_slots(tenant, sender, &before, &taken).await;
    assert!(!leased.unwrap());
    let after = store.pace(tenant, sender).await.unwrap();
    let taken = after.rows().take(Lane::Single, shares, 5, at(0)).unwrap();
    assert_eq!(taken.line, Line::Single);
    for first in [true, false] {
        let leased = store.lease_slots(tenant, sender, &after, &taken).await;
        assert_eq!(leased.unwrap(), first);
    }
}

#[tokio::test]
async fn bulk_gets_its_share_only_as_the_single_slots_were_when_it_looked() {
    let (store, job) = running().await;
    let (tenant, sender) = (&job.tenant, &job.sender);
    let before = store.pace(tenant, sender).await.unwrap();
    let bulk = lease(&before, at(0));
    let taken = before
        .rows()
        .take(Lane::Single, Shares::of(80, 10), 5, at(0));
    let taken = taken.unwrap();
    let leased = store.lease_slots(tenant, sender, &before, &taken);
    assert!(leased.await.unwrap());
    assert!(
        !store
            .lease_bulk(tenant, sender, &before, &bulk)
            .await
            .unwrap()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn however_many_workers_are_refused_the_sender_is_slowed_down_once_a_second() {
    let (store, job) = running().await;
    let (tenant, sender) = (&job.tenant, &job.sender);
    for second in 1..=2 {
        let slowing = (0..20).map(|_| store.slow_down(tenant, sender, at(second)));
        join_all(slowing).await.into_iter().for_each(Result::unwrap);
    }
    let slowed = store.pace(tenant, sender).await.unwrap().slowed.unwrap();
    // Half, a second's recovery, half again.
    assert_eq!((slowed.at, slowed.permille), (at(2), 258));
}

#[tokio::test]
async fn a_paused_sender_gives_no_slots_until_it_is_resumed_and_old_news_does_not_pause_it_again() {
    let store = empty_store().await;
    let known = sender(WindowPolicy::Off);
    let (tenant, sender) = (&known.tenant, &known.id);
    store.put_sender(&known).await.unwrap();
    assert!(
        !store
            .resume_sender(tenant, sender, None, at(1))
            .await
            .unwrap()
    );
    let worker = Pacer::new(store.clone(), start);
    for first in [true, false] {
        let paused = store.pause_sender(tenant, sender, &pause(at(2))).await;
        assert_eq!(paused.unwrap(), first);
    }
    let leave = worker.leave(tenant, sender, Lane::Otp, None).await.unwrap();
    assert_eq!(leave, Leave::Paused(pause(at(2))));
    assert!(
        store
            .resume_sender(tenant, sender, None, at(3))
            .await
            .unwrap()
    );
    // Its jobs go on even if the hint is lost.
    let due = store.overdue(at(4), 9).await.unwrap().senders;
    assert_eq!(due, [(tenant.clone(), sender.clone())]);
    let pace = store.pace(tenant, sender).await.unwrap();
    assert!(store.rest(tenant, sender, &pace, None).await.unwrap());
    assert_eq!(store.overdue(at(4), 9).await.unwrap().senders, []);
    assert!(
        !store
            .pause_sender(tenant, sender, &pause(at(3)))
            .await
            .unwrap()
    );
    let leave = worker.leave(tenant, sender, Lane::Otp, None).await.unwrap();
    assert!(matches!(leave, Leave::At(_)));
    assert!(
        store
            .pause_sender(tenant, sender, &pause(at(4)))
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn a_tick_that_saw_its_sender_paused_does_not_put_one_to_rest_that_was_resumed_since() {
    let (store, job) = running().await;
    let (tenant, sender) = (&job.tenant, &job.sender);
    let paused = store.pause_sender(tenant, sender, &pause(at(1))).await;
    assert!(paused.unwrap());
    let seen = store.pace(tenant, sender).await.unwrap();
    assert!(
        store
            .resume_sender(tenant, sender, None, at(2))
            .await
            .unwrap()
    );
    assert!(!store.rest(tenant, sender, &seen, None).await.unwrap());
    let due = store.overdue(at(3), 9).await.unwrap().senders;
    assert_eq!(due, [(tenant.clone(), sender.clone())]);
}

#[tokio::test]
async fn a_tenants_senders_are_listed_and_no_others() {
    let store = empty_store().await;
    let known = sender(WindowPolicy::Off);
    let other = Sender {
        tenant: "other".parse().unwrap(),
        ..known.clone()
    };
    for sender in [&known, &other] {
        store.put_sender(sender).await.unwrap();
    }
    let slice = Slice {
        limit: 10,
        after: None,
    };
    let listed = store.senders(&known.tenant, &slice).await.unwrap();
    assert_eq!(listed.entries, [known]);
}

#[tokio::test]
async fn a_slot_costs_one_write_whether_the_row_is_free_or_messages_wait() {
    let url = serve(&engine()).await;
    store_at(&url).create_tables().await.unwrap();
    let (store, calls) = watched_store(&url).await;
    let known = sender(WindowPolicy::Off);
    store.put_sender(&known).await.unwrap();
    let worker = Pacer::new(store, start);
    calls.look();
    for _ in 0..5 {
        let leave = worker
            .leave(&known.tenant, &known.id, Lane::Single, None)
            .await;
        assert!(matches!(leave.unwrap(), Leave::At(_)));
        assert_eq!(calls.look(), ["BatchGetItem", "UpdateItem"]);
    }
}
