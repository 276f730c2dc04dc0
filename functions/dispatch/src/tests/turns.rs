//! Who goes next: those refused for now beside those nobody has met, jobs that wait beside jobs that can go on, and
//! when a job is over.

use super::chain::{NOWHERE, queue_at};
use super::*;
use crate::legs::Legs;
use crate::{DispatchError, handing};
use heliograph::domain::failure::ProviderFailure;
use heliograph::domain::job::{Outcomes, PausedBy};
use heliograph::domain::ledger::{CallResult, Event};
use heliograph::domain::message::{Attempt, Outcome};
use heliograph::domain::pace::{Held, Slot};
use heliograph::domain::tier::Rooms;
use heliograph::domain::webhook::Person;
use heliograph::service::clock;
use heliograph::store::{Asked, CounterDelta, Slice};
use std::collections::BTreeSet;

/// A recipient the provider has refused for a reason that may pass.
pub(super) fn refused(job: &Job, number: usize) -> Outbound {
    let failure = ProviderFailure::from_meta(130_429, &[]);
    let attempt = Attempt {
        outcome: Some(Outcome::Refused),
        failure: Some(failure),
        ..Attempt::starting(at(90))
    };
    Outbound {
        attempts: vec![attempt],
        times: Times {
            ended: Some(at(91)),
            ..Times::default()
        },
        not_before: None,
        ..recipient(job, number, State::Failed)
    }
}

/// A job of these recipients, started.
pub(super) async fn started(store: &Store, recipients: impl Fn(&Job) -> Vec<Outbound>) -> Job {
    let job = draft(store).await;
    for (number, chunk) in recipients(&job).chunks(CHUNK_SIZE).enumerate() {
        let now = at(i64::try_from(number).unwrap());
        store.add_recipients(&job, chunk, now).await.unwrap();
    }
    let ready = read(store, &job).await;
    happens(store, ready, &JobEvent::Started, 100).await
}

/// A started job of which so many recipients, all there are, were refused.
async fn started_with_failures(store: &Store, count: usize) -> Job {
    let refused = |job: &Job| (0..count).map(|number| refused(job, number)).collect();
    started(store, refused).await
}

/// A finished job of so many failures, all of them counted, that is to try them again.
async fn asked_again(store: &Store, failures: usize) -> Job {
    let job = started_with_failures(store, failures).await;
    tick(store, &job, 101).await;
    let failed = i64::try_from(failures).unwrap();
    count(store, &job, "1", &[(State::Failed, failed)]).await;
    tick(store, &job, 105).await;
    let job = read(store, &job).await;
    assert_eq!(job.status, JobStatus::Finished);
    happens(store, job, &JobEvent::TriedAgain(Outcomes::default()), 150).await
}

pub(super) async fn happens(store: &Store, job: Job, event: &JobEvent, second: i64) -> Job {
    store
        .move_job(job, event, Asked::default(), at(second))
        .await
        .unwrap()
}

/// Counts so many of the job's recipients in each state.
pub(super) async fn count(store: &Store, job: &Job, sequence: &str, states: &[(State, i64)]) {
    let counter = |state: State| Counter {
        tenant: job.tenant.clone(),
        of: format!("job:{}", job.id),
        part: "-".to_owned(),
        name: state.as_str().to_owned(),
    };
    let delta: CounterDelta = states
        .iter()
        .map(|(state, by)| (counter(*state), *by))
        .collect();
    let from = store.position("shard-1").await.unwrap();
    assert!(store.count(&delta, &from, sequence).await.unwrap());
}

/// The function over this store; its queues lead nowhere.
pub(super) fn function(store: &Store) -> crate::State {
    crate::State {
        store: store.clone(),
        bulk: queue_at(NOWHERE),
        dispatch: queue_at(NOWHERE),
    }
}

pub(super) fn many(job: &Job, numbers: std::ops::Range<usize>) -> Vec<Outbound> {
    let queued = |number| Outbound {
        not_before: None,
        ..recipient(job, number, State::Queued)
    };
    numbers.map(queued).collect()
}

#[tokio::test]
async fn whoever_is_refused_for_now_is_handed_out_again_while_the_first_pass_lasts() {
    let (store, _) = counted_store().await;
    let job = started(&store, |job| many(job, 0..5 * CHUNK_SIZE)).await;
    let mut met = Vec::new();
    for second in 100..103 {
        met.extend(handed_out(&store, &job, CHUNK_SIZE, second).await);
    }
    assert_eq!(met.len(), 3 * CHUNK_SIZE);
    // All of them were sent but one, who was refused and may be tried again at once.
    let (late, sent) = met.split_first().unwrap();
    for id in sent {
        send(&store, &job, id).await;
    }
    let mut again = Vec::new();
    for second in 104..120 {
        let of_this_tick = handed_out(&store, &job, 3, second).await;
        assert!(of_this_tick.len() <= 3, "no more than there are slots for");
        again.extend(of_this_tick.into_iter().filter(|id| met.contains(id)));
    }
    assert!(again.contains(late), "it waits for no other");
    assert!(again.iter().all(|id| id == late), "nobody who was sent to");
    assert_eq!(read(&store, &job).await.progress.pass, 0);
}

/// Claims a recipient, whom the provider takes.
pub(super) async fn send(store: &Store, job: &Job, id: &MessageId) {
    let claimed = store
        .claim(&job.tenant, id, "one", Attempt::starting(at(103)))
        .await
        .unwrap();
    let accepted = Event::CallEnded {
        token: "one",
        result: CallResult::Accepted {
            provider_id: format!("wamid.{id}").parse().unwrap(),
            recipient: Person::default(),
        },
        duration_ms: 40,
        credential: None,
        onward: None,
    };
    store.apply(claimed, &accepted, at(103)).await.unwrap();
}

#[tokio::test]
async fn a_job_that_waits_leaves_its_share_to_the_others() {
    let (store, _) = counted_store().await;
    let busy = started(&store, |job| many(job, 0..200)).await;
    let mut idle = started(&store, |job| many(job, 300..310)).await;
    idle.progress.pass = 1;
    idle.progress.resume_at = Some("2099-01-01T00:00:00Z".parse().unwrap());
    let taken = handing::take(
        &function(&store),
        vec![busy.clone(), idle],
        own(72),
        &Rooms::default(),
        0,
    )
    .await;
    let of_busy = taken.iter().find(|taken| taken.job.id == busy.id);
    assert_eq!(of_busy.unwrap().ids.len(), 72);
}

#[tokio::test]
async fn jobs_take_turns_when_there_are_fewer_slots_than_jobs() {
    let (store, _) = counted_store().await;
    let mut jobs = Vec::new();
    for from in [0, 10, 20] {
        jobs.push(started(&store, |job| many(job, from..from + 10)).await);
    }
    let mut served = BTreeSet::new();
    for turn in 7..10 {
        let taken = handing::take(
            &function(&store),
            jobs.clone(),
            own(1),
            &Rooms::default(),
            turn,
        )
        .await;
        let of_this_turn = taken.iter().filter(|taken| !taken.ids.is_empty());
        let of_this_turn: Vec<_> = of_this_turn.map(|taken| taken.job.id.clone()).collect();
        assert_eq!(of_this_turn.len(), 1);
        served.extend(of_this_turn);
    }
    assert_eq!(served.len(), 3);
}

#[tokio::test]
async fn a_later_pass_after_more_than_a_day_hands_out_no_more_than_there_is_room_for() {
    let (store, _) = counted_store().await;
    let job = started(&store, |job| many(job, 0..20)).await;
    assert_eq!(tick(&store, &job, 101).await, 20);
    tick(&store, &job, 102).await;
    let mut job = read(&store, &job).await;
    assert_eq!(job.progress.pass, 1);
    job.progress.resume_at = None;
    job.message = template();
    let ask = Ask {
        fresh: 3,
        ..at_most(10)
    };
    let tomorrow = job.started_at.unwrap() + SignedDuration::from_hours(24);
    for (now, taken, taking_room) in [(at(4_000), 10, 0), (tomorrow, 3, 3)] {
        let from_job = take(&store, job.clone(), ask, now).await.unwrap();
        assert_eq!((from_job.ids.len(), from_job.fresh), (taken, taking_room));
    }
}

#[tokio::test]
async fn of_two_ticks_that_overlap_one_alone_hands_out_a_recipient() {
    let (store, _) = counted_store().await;
    let job = started(&store, |job| many(job, 0..CHUNK_SIZE)).await;
    let read = read(&store, &job).await;
    let mut handed_out = Vec::new();
    for _ in 0..2 {
        let taken = take(&store, read.clone(), at_most(40), at(101)).await;
        for taken in handing::keep(&store, vec![taken.unwrap()]).await {
            handed_out.extend(taken.ids);
        }
    }
    assert_eq!(handed_out.len(), 40);
    handed_out.extend(super::handed_out(&store, &job, 40, 102).await);
    handed_out.sort();
    handed_out.dedup();
    assert_eq!(handed_out.len(), 80, "the next tick goes on behind them");
}

#[tokio::test]
async fn how_far_a_job_has_come_is_kept_before_its_recipients_are_put_on_the_queue() {
    let (store, _) = counted_store().await;
    let job = started(&store, |job| many(job, 0..CHUNK_SIZE)).await;
    let now = clock::now();
    let until = now + SignedDuration::from_mins(1);
    let slot = Slot { at: now, until };
    let held = Held {
        slot,
        since: now,
        era: 0,
    };
    let slots = [held; 40];
    let (dispatch, sender) = (function(&store), sender(80));
    let nobody = Legs::default();
    let handed_out = handing::hand_out(&dispatch, &sender, vec![job.clone()], (&slots, &nobody));
    let failure = handed_out.await.unwrap_err();
    assert!(matches!(failure, DispatchError::Queue(_)), "{failure}");
    assert_eq!(read(&store, &job).await.progress.offset, 40);
}

#[tokio::test]
async fn while_failures_are_queued_again_no_pass_ends_the_job_wherever_a_tick_dies() {
    let (store, _) = counted_store().await;
    let mut job = Box::pin(asked_again(&store, 3)).await;
    // The end of a pass, the pause behind it, and the next pass: each before the first failure is queued.
    for second in [151, 152, 154] {
        let taken = take(&store, job, at_most(9), at(second)).await.unwrap();
        assert!(taken.progress.open_seen, "second {second}");
        job = Job {
            progress: taken.progress,
            ..taken.job
        };
    }
}

#[tokio::test]
async fn whoever_is_about_to_be_queued_again_is_not_forgotten_by_a_tick_that_comes_first() {
    let (store, _) = counted_store().await;
    let job = started_with_failures(&store, 3).await;
    tick(&store, &job, 101).await;
    let job = read(&store, &job).await;
    let ids: Vec<_> = (0..3).map(|number| refused(&job, number).id).collect();
    let named: Vec<_> = ids.iter().collect();
    assert!(store.name_again(&job, &named, at(103)).await.unwrap());
    let all = Slice {
        limit: 9,
        after: None,
    };
    let open = async || store.open_chunks(&job, &all).await.unwrap().len();
    // The tick that named them may queue them for so long.
    tick(&store, &job, 117).await;
    assert_eq!(open().await, 1);
    for second in [120, 123] {
        tick(&store, &job, second).await;
    }
    assert_eq!(open().await, 0);
}

#[tokio::test]
async fn a_cancelled_job_ends_also_while_its_failures_are_being_tried_again() {
    let (store, _) = counted_store().await;
    let job = started_with_failures(&store, 30).await;
    for second in [101, 105, 140] {
        tick(&store, &job, second).await;
    }
    let job = read(&store, &job).await;
    assert_eq!(job.status, JobStatus::Finished);
    let job = happens(&store, job, &JobEvent::TriedAgain(Outcomes::default()), 150).await;
    assert!(job.progress.again.is_some());
    let job = happens(&store, job, &JobEvent::Cancelled, 151).await;
    for second in [152, 156, 190] {
        tick(&store, &job, second).await;
    }
    assert_eq!(read(&store, &job).await.status, JobStatus::Cancelled);
}

#[tokio::test]
async fn failures_that_are_tried_again_do_not_pause_their_job_once_more() {
    let (store, _) = counted_store().await;
    let job = Box::pin(asked_again(&store, 30)).await;
    // Until they have caught up the counters count all of them as failed.
    let mut handed_out = 0;
    for second in 151..156 {
        handed_out += tick(&store, &job, second).await;
    }
    count(
        &store,
        &job,
        "2",
        &[(State::Failed, -30), (State::Queued, 30)],
    )
    .await;
    for second in 156..159 {
        handed_out += tick(&store, &job, second).await;
    }
    assert_eq!(read(&store, &job).await.status, JobStatus::Running);
    assert!(handed_out >= 30, "{handed_out}");
}

#[tokio::test]
async fn a_job_with_nobody_left_to_send_to_is_not_paused_for_its_failures() {
    let (store, _) = counted_store().await;
    let job = started_with_failures(&store, 30).await;
    let paused = started(&store, |job| many(job, 100..130)).await;
    for (job, sequence) in [(&job, "1"), (&paused, "2")] {
        tick(&store, job, 101).await;
        count(
            &store,
            job,
            sequence,
            &[(State::Failed, 25), (State::Queued, 5)],
        )
        .await;
        tick(&store, job, 105).await;
    }
    assert_eq!(read(&store, &job).await.status, JobStatus::Running);
    let pause = read(&store, &paused).await.pause.unwrap();
    assert_eq!(pause.by, PausedBy::Platform);
}

#[tokio::test]
async fn a_job_is_over_when_its_counters_say_so_too() {
    let (store, _) = counted_store().await;
    let job = started_with_failures(&store, 3).await;
    for second in [101, 105, 109] {
        tick(&store, &job, second).await;
    }
    assert_eq!(read(&store, &job).await.status, JobStatus::Running);
    count(&store, &job, "1", &[(State::Failed, 3)]).await;
    tick(&store, &job, 111).await;
    assert_eq!(read(&store, &job).await.status, JobStatus::Finished);
}
