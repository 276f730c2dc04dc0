//! A tenant's messages a day: a tick hands out as many for the first time as the day has room for, and goes on the next.

use super::turns::{function, many, started};
use super::*;
use crate::handing;
use heliograph::domain::tier::{Limits, Rooms, day_of};
use heliograph::store::Tenant;
use jiff::{SignedDuration, Timestamp};

const LIMIT: u64 = 25;

async fn limited() -> Store {
    let (store, _) = counted_store().await;
    let tenant = Tenant {
        limits: Limits {
            messages_per_day: Some(LIMIT),
            ..Limits::default()
        },
        ..Tenant::new("demo".parse().unwrap(), "Demo", at(0))
    };
    store.put_tenant(&tenant).await.unwrap();
    store
}

/// The recipients that a tick hands out, with slots for ten, after `rooms` were read.
async fn handed_out(store: &Store, job: &Job, rooms: &Rooms) -> usize {
    let (state, job) = (function(store), read(store, job).await);
    let taken = handing::take(&state, vec![job], own(10), rooms, 0).await;
    let taken = handing::with_room(&state, &sender(80), rooms, taken).await;
    let kept = handing::keep(store, taken.unwrap()).await;
    kept.iter().map(|taken| taken.ids.len()).sum()
}

async fn rooms(store: &Store, now: Timestamp) -> Rooms {
    store.rooms(&sender(80), now).await.unwrap()
}

async fn used(store: &Store, now: Timestamp) -> u64 {
    rooms(store, now).await.day.unwrap().used()
}

#[tokio::test]
async fn a_job_hands_out_what_the_day_has_room_for_and_the_rest_the_next_day() {
    let store = limited().await;
    let job = started(&store, |job| many(job, 0..40)).await;
    let today = at(200);
    let mut by_tick = Vec::new();
    for _ in 0..5 {
        let rooms = rooms(&store, today).await;
        by_tick.push(handed_out(&store, &job, &rooms).await);
    }
    assert_eq!(by_tick, [10, 10, 5, 0, 0]);
    assert_eq!(used(&store, today).await, LIMIT);
    assert_eq!(
        read(&store, &job).await.status,
        JobStatus::Running,
        "it waits"
    );
    let tomorrow = today + SignedDuration::from_hours(24);
    assert_ne!(day_of(today), day_of(tomorrow));
    for expected in [10, 5] {
        let rooms = rooms(&store, tomorrow).await;
        assert_eq!(handed_out(&store, &job, &rooms).await, expected);
    }
    assert_eq!(
        (used(&store, today).await, used(&store, tomorrow).await),
        (25, 15)
    );
}

#[tokio::test]
async fn ticks_that_saw_the_same_room_do_not_both_take_the_last_of_it() {
    let store = limited().await;
    let (one, other) = (
        started(&store, |job| many(job, 0..40)).await,
        started(&store, |job| many(job, 50..90)).await,
    );
    let mut sum = 0;
    for _ in 0..6 {
        let seen = rooms(&store, at(200)).await;
        for job in [&one, &other] {
            sum += handed_out(&store, job, &seen).await;
        }
    }
    assert_eq!(sum, 25);
    assert_eq!(used(&store, at(200)).await, LIMIT);
}

#[tokio::test]
async fn whoever_is_handed_out_again_takes_no_second_place() {
    let store = limited().await;
    let job = started(&store, |job| many(job, 0..20)).await;
    for _ in 0..2 {
        let rooms = rooms(&store, at(200)).await;
        handed_out(&store, &job, &rooms).await;
    }
    assert_eq!(used(&store, at(200)).await, 20);
    // The first pass is over; nobody has called for any of them.
    let mut job = read(&store, &job).await;
    let taken = take(&store, job.clone(), at_most(10), at(202))
        .await
        .unwrap();
    job.progress = taken.progress;
    assert_eq!(job.progress.pass, 1);
    job.progress.resume_at = None;
    let none_left = Ask {
        first: 0,
        ..at_most(10)
    };
    let again = take(&store, job, none_left, at(300)).await.unwrap();
    assert_eq!((again.ids.len(), again.first), (10, 0));
}
