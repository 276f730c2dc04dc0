//! Jobs over routes: who leaves from where, and that no sender's rate is passed for it.

use super::turns::{function, many, started};
use super::*;
use crate::handing;
use crate::legs::{Legs, Routed};
use heliograph::domain::identity::SenderId;
use heliograph::domain::message::{Leg, Unready};
use heliograph::domain::pace::{Pause, PauseCause};
use heliograph::domain::route::{Failover, Stop, Way};
use heliograph::domain::tier::Rooms;
use heliograph::service::clock;

const OTHER: &str = "mock-15550004000";

/// A running job of so many recipients over its sender and another one, whose pace is there as well.
async fn routed(store: &Store, recipients: usize) -> Job {
    let other: SenderId = OTHER.parse().unwrap();
    let mut second = sender(80);
    second.id = other.clone();
    second.account = "acct_mock".parse().unwrap();
    store.put_sender(&sender(80)).await.unwrap();
    store.put_sender(&second).await.unwrap();
    let stop = |account: &str, sender: SenderId| Stop {
        leg: Leg {
            account: account.parse().unwrap(),
            sender,
        },
        number: None,
    };
    let way = |job: &Job| Way {
        route: "route_test".parse().unwrap(),
        stops: vec![
            stop("acct_demo", job.sender.clone()),
            stop("acct_mock", other.clone()),
        ],
        policy: Failover {
            other_number: true,
            ..Failover::default()
        },
    };
    let mut job = started(store, |job| many(job, 0..recipients)).await;
    job.way = Some(Box::new(way(&job)));
    job
}

async fn legs(store: &Store, job: &Job) -> Legs {
    let read = store.paced_sender(&job.tenant, &job.sender).await.unwrap();
    let of = (&job.sender, &read);
    let legs = Legs::read(store, &job.tenant, of, std::slice::from_ref(job), at(101));
    legs.await.unwrap()
}

async fn pause(store: &Store, job: &Job, sender: &str) {
    let pause = Pause {
        since: at(1),
        cause: PauseCause::Provider,
        code: Some(190),
        reason: "refused".to_owned(),
        remedy: "look at it".to_owned(),
    };
    let sender = sender.parse().unwrap();
    store
        .pause_sender(&job.tenant, &sender, &pause)
        .await
        .unwrap();
}

/// What a tick takes that has ten slots of its own and those it borrows.
async fn taken(store: &Store, job: &Job) -> Vec<Routed> {
    let legs = legs(store, job).await;
    assert!(legs.are_ready(job));
    let borrowed = legs.borrow(store, std::slice::from_ref(job)).await.unwrap();
    let state = function(store);
    let places = handing::places(&state, &legs, &borrowed, at(101)).await;
    let slots = (10, places.unwrap());
    let taken = handing::take(&state, vec![job.clone()], slots, &Rooms::default(), 0).await;
    taken.into_iter().flat_map(|taken| taken.routed).collect()
}

#[tokio::test]
async fn all_leave_from_the_first_sender_while_it_is_ready() {
    let (store, _) = counted_store().await;
    let job = routed(&store, 30).await;
    let taken = taken(&store, &job).await;
    assert_eq!(taken.len(), 10);
    assert!(taken.iter().all(|it| it.leg.sender == job.sender));
    assert!(taken.iter().all(|it| it.passed.is_empty()));
}

#[tokio::test]
async fn all_leave_from_the_next_sender_while_the_first_one_is_paused() {
    let (store, _) = counted_store().await;
    let job = routed(&store, 30).await;
    pause(&store, &job, job.sender.as_str()).await;
    let taken = taken(&store, &job).await;
    assert_eq!(taken.len(), 30, "its rate is higher than ten");
    for it in &taken {
        assert_eq!(it.leg.sender.as_str(), OTHER);
        let why: Vec<_> = it.passed.iter().map(|it| (&it.sender, it.why)).collect();
        assert_eq!(why, [(&job.sender, Unready::Paused)]);
    }
    pause(&store, &job, OTHER).await;
    assert!(!legs(&store, &job).await.are_ready(&job));
}

#[tokio::test]
async fn slots_that_are_borrowed_keep_the_rate_of_the_sender_they_are_of() {
    let (store, _) = counted_store().await;
    let job = routed(&store, 400).await;
    pause(&store, &job, job.sender.as_str()).await;
    let mut slots = Vec::new();
    for _ in 0..3 {
        let legs = legs(&store, &job).await;
        let borrowed = legs.borrow(&store, std::slice::from_ref(&job)).await;
        slots.extend(borrowed.unwrap().into_values().flatten());
    }
    let mut begins: Vec<Timestamp> = slots.iter().map(|held| held.slot.at).collect();
    assert!(begins.len() > 60, "{}", begins.len());
    begins.sort_unstable();
    let share = 72;
    for (first, later) in begins.iter().zip(begins.iter().skip(share)) {
        assert!(later.duration_since(*first) >= SignedDuration::from_millis(999));
    }
    let other = OTHER.parse().unwrap();
    let pace = store.pace(&job.tenant, &other).await.unwrap();
    assert!(
        pace.shared,
        "single messages leave bulk its share meanwhile"
    );
    let later = clock::now() + SignedDuration::from_secs(120);
    let overdue = store.overdue(later, 10).await.unwrap();
    let is_other = |(_, sender): &(_, SenderId)| *sender == other;
    assert!(
        overdue.senders.iter().any(is_other),
        "and the sweeper gives it back"
    );
}
