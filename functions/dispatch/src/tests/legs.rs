//! Jobs over routes: who leaves from where, and that no sender's rate is passed for it.

use super::turns::{function, many, started};
use super::*;
use crate::handing;
use crate::legs::{Legs, Routed};
use heliograph::domain::failure::ProviderFailure;
use heliograph::domain::identity::SenderId;
use heliograph::domain::job::Lap;
use heliograph::domain::message::{Attempt, Leg, Outcome, Unready};
use heliograph::domain::pace::{Held, Pause, PauseCause, Speed};
use heliograph::domain::queue::Seat;
use heliograph::domain::route::{Failover, Stop, Way};
use heliograph::domain::tier::Rooms;
use heliograph::service::clock;
use heliograph::store::Slice;

const OTHER: &str = "mock-15550004000";

/// A running job of so many recipients over its sender and another one, whose pace is there as well.
async fn routed(store: &Store, recipients: usize) -> Job {
    routed_to(store, |job| many(job, 0..recipients)).await
}

/// The same of these recipients.
async fn routed_to(store: &Store, recipients: impl Fn(&Job) -> Vec<Outbound>) -> Job {
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
    let mut job = started(store, recipients).await;
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
    let taken = Box::pin(taken(&store, &job)).await;
    assert_eq!(taken.len(), 10);
    assert!(taken.iter().all(|it| it.leg.sender == job.sender));
    assert!(taken.iter().all(|it| it.passed.is_empty()));
}

#[tokio::test]
async fn all_leave_from_the_next_sender_while_the_first_one_is_paused() {
    let (store, _) = counted_store().await;
    let job = routed(&store, 30).await;
    pause(&store, &job, job.sender.as_str()).await;
    let taken = Box::pin(taken(&store, &job)).await;
    assert_eq!(taken.len(), 30, "its rate is higher than ten");
    for it in &taken {
        assert_eq!(it.leg.sender.as_str(), OTHER);
        let why: Vec<_> = it.passed.iter().map(|it| (&it.sender, it.why)).collect();
        assert_eq!(why, [(&job.sender, Unready::Paused)]);
    }
    pause(&store, &job, OTHER).await;
    assert!(!legs(&store, &job).await.are_ready(&job));
}

/// Recipients whom the job's own sender has refused for good, so that the other one is to send to them.
fn passed_on(job: &Job, count: usize) -> Vec<Outbound> {
    let own = Leg {
        account: job.account.clone(),
        sender: job.sender.clone(),
    };
    let refused = Attempt {
        leg: Some(own),
        outcome: Some(Outcome::Refused),
        failure: Some(ProviderFailure::from_meta(131_026, &[])),
        ..Attempt::starting(at(90))
    };
    let next = Leg {
        account: "acct_mock".parse().unwrap(),
        sender: OTHER.parse().unwrap(),
    };
    let mut recipients = many(job, 0..count);
    for recipient in &mut recipients {
        recipient.attempts.push(refused.clone());
        recipient.leave_from(&next);
    }
    recipients
}

/// The job in its second pass, which reads those whom the first has met.
async fn in_second_pass(store: &Store, mut job: Job) -> Job {
    let slice = Slice {
        limit: 20,
        after: None,
    };
    for chunk in store.chunks(&job, &slice).await.unwrap().entries {
        store.mark_chunk(&job, &chunk).await.unwrap();
    }
    job.progress.pass = 1;
    job.progress.elsewhere.insert(OTHER.parse().unwrap());
    job
}

#[tokio::test]
async fn nobody_is_handed_to_a_sender_again_that_has_refused_him_for_good() {
    let (store, _) = counted_store().await;
    let job = routed_to(&store, |job| passed_on(job, 30)).await;
    let job = in_second_pass(&store, job).await;
    let next = Box::pin(taken(&store, &job)).await;
    assert_eq!(next.len(), 30);
    assert!(next.iter().all(|it| it.leg.sender.as_str() == OTHER));
    pause(&store, &job, OTHER).await;
    let kept = Box::pin(taken(&store, &job)).await;
    assert!(
        kept.is_empty(),
        "{kept:?} wait for the one whose turn it is"
    );
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

#[tokio::test]
async fn where_borrowed_slots_are_missed_fewer_are_borrowed_and_each_with_more_time() {
    let (store, _) = counted_store().await;
    let job = routed(&store, 400).await;
    pause(&store, &job, job.sender.as_str()).await;
    let other: SenderId = OTHER.parse().unwrap();
    let speed_after = async |seen, missed| {
        let mut legs = legs(&store, &job).await;
        legs.learnt.insert(other.clone(), Learnt { seen, missed });
        let borrowed = legs.borrow(&store, std::slice::from_ref(&job)).await;
        assert!(borrowed.unwrap().contains_key(&other));
        store.pace(&job.tenant, &other).await.unwrap().speed
    };
    let full = Some(Speed::first(72));
    assert_eq!(speed_after(0, 0).await, full, "nothing is known of it yet");
    assert_eq!(speed_after(12, 1).await, full);
    let slower = speed_after(12, 7).await;
    assert!(slower < full);
    assert_eq!(speed_after(0, 0).await, slower, "nothing was learnt");
    assert!(speed_after(12, 0).await > slower);
}

#[test]
fn some_slots_of_each_sender_are_looked_at_again() {
    let home = sender(80);
    let seat = |number: u32, sender: &str| {
        let slot = Slot {
            at: at(1),
            until: at(2),
        };
        let leg = Leg {
            account: home.account.clone(),
            sender: sender.parse().unwrap(),
        };
        let held = Held {
            slot,
            since: at(0),
            era: 0,
        };
        let id = MessageId::derived(at(0), &[sender, &number.to_string()]);
        let passed = None;
        (id, Seat { leg, held, passed })
    };
    let own = (0..40).map(|number| seat(number, home.id.as_str()));
    let given: Vec<_> = own
        .chain((0..5).map(|number| seat(number, OTHER)))
        .collect();
    let probes = handing::looked_at(&given, &home);
    let (borrowed, own): (Vec<_>, Vec<_>) = probes.iter().partition(|it| it.lender.is_some());
    assert_eq!((own.len(), borrowed.len()), (10, 5));
    let lender = borrowed.first().unwrap().lender.as_ref();
    assert_eq!(lender.map(SenderId::as_str), Some(OTHER));
}

#[tokio::test]
async fn whoever_was_refused_goes_on_before_all_of_his_chunk_were_handed_out() {
    let (store, _) = counted_store().await;
    let mut job = routed_to(&store, |job| passed_on(job, 30)).await;
    let slice = Slice {
        limit: 1,
        after: None,
    };
    let chunk = store.chunks(&job, &slice).await.unwrap().entries.remove(0);
    store.mark_chunk(&job, &chunk).await.unwrap();
    job.progress.offset = 10;
    job.progress.elsewhere.insert(OTHER.parse().unwrap());
    job.progress.lap = Some(Lap {
        from: at(-1_000_000_000),
        until: None,
        offset: 10,
        after: None,
        place: 0,
    });
    let legs = legs(&store, &job).await;
    let borrowed = legs.borrow(&store, std::slice::from_ref(&job)).await;
    let state = function(&store);
    let places = handing::places(&state, &legs, &borrowed.unwrap(), at(101)).await;
    let slots = (0, places.unwrap());
    let rooms = Rooms::default();
    let taken = Box::pin(handing::take(&state, vec![job], slots, &rooms, 0)).await;
    let taken = taken.first().unwrap();
    let ids: Vec<_> = taken.routed.iter().map(|it| it.id.clone()).collect();
    assert_eq!(ids, chunk.ids.get(..10).unwrap());
    let next = taken.progress.lap.as_ref().unwrap();
    assert_eq!((next.until.as_ref(), next.offset), (None, 10));
}

#[tokio::test]
async fn who_finds_no_slot_in_a_lap_is_the_first_to_have_one_in_the_next_tick() {
    let (store, _) = counted_store().await;
    let mut job = routed_to(&store, |job| passed_on(job, CHUNK_SIZE + 1)).await;
    let slice = Slice {
        limit: 1,
        after: None,
    };
    let chunk = store.chunks(&job, &slice).await.unwrap().entries.remove(0);
    store.mark_chunk(&job, &chunk).await.unwrap();
    job.progress.after = Some(chunk.key.clone());
    job.progress.lap = Some(Lap {
        from: at(-1_000_000_000),
        until: Some(chunk.key.clone()),
        offset: 0,
        after: None,
        place: 0,
    });
    let state = function(&store);
    let mut met = Vec::new();
    for there in [0, 60, 60] {
        let mut places = Places::default();
        places.slots.insert(OTHER.parse().unwrap(), there);
        let rooms = Rooms::default();
        let taking = handing::take(&state, vec![job], (0, places), &rooms, 0);
        let taken = Box::pin(taking).await.remove(0);
        met.extend(taken.routed.iter().map(|it| it.id.clone()));
        job = Job {
            progress: taken.progress,
            ..taken.job
        };
    }
    assert_eq!(met, chunk.ids, "everybody once");
}
