//! Puts the next open recipients of the jobs on the queue, one slot each, in time for their slots.

use crate::legs::{Borrowed, Legs, Places};
use crate::recipients::{self, Ask, Taken};
use crate::{DispatchError, State, again, withdraw};
use futures_util::future::join_all;
use futures_util::join;
use heliograph::domain::id::MessageId;
use heliograph::domain::identity::SenderId;
use heliograph::domain::job::{Duty, Job};
use heliograph::domain::message::{Lane, Leg, Passed};
use heliograph::domain::pace::{Held, Slot, probes};
use heliograph::domain::queue::{DeliverBody, Probe, Seat, micros};
use heliograph::domain::tier::{DayRoom, Rooms};
use heliograph::messaging::pace;
use heliograph::service::clock;
use heliograph::service::queue::{Entry, QueueError};
use heliograph::service::telemetry::chain;
use heliograph::store::{Sender, Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// Hints for slots of so short a time are put on the queue together.
const TOGETHER: SignedDuration = SignedDuration::from_millis(100);

/// Looking for recipients may take this long, of the time before the first slot.
const LOOKS_FOR: Duration = Duration::from_millis(200);

/// Takes open recipients from the jobs in turn and puts them on the queue; meanwhile takes back those of jobs that are
/// cancelled or too late. Gives some that were handed out, whose use tells whether the workers keep up.
pub(crate) async fn hand_out(
    state: &State,
    sender: &Sender,
    jobs: Vec<Job>,
    (held, legs): (&[Held], &Legs),
) -> Result<Vec<Probe>, DispatchError> {
    let now = clock::now();
    let (sending, gone) = jobs
        .into_iter()
        .partition(|job| job.duty(now) == Duty::Send);
    let taking_back = Box::pin(withdraw::all(&state.store, gone, now));
    let sending = Box::pin(send(state, sender, sending, (held, legs)));
    let (handed_out, ()) = join!(sending, taking_back);
    handed_out
}

async fn send(
    state: &State,
    sender: &Sender,
    jobs: Vec<Job>,
    (held, legs): (&[Held], &Legs),
) -> Result<Vec<Probe>, DispatchError> {
    let now = clock::now();
    let rooms = state.store.rooms(sender, now).await?;
    let mut borrowed = legs.borrow(&state.store, &jobs).await?;
    let places = places(state, legs, &borrowed, now).await?;
    let turn = usize::try_from(now.as_second()).unwrap_or(0);
    let taken = take(state, jobs, (held.len(), places), &rooms, turn).await;
    let taken = with_room(state, sender, &rooms, taken).await?;
    let mut taken = keep(&state.store, taken).await;
    let now = clock::now();
    let own = held.iter().copied().filter(|held| !held.slot.is_over(now));
    borrowed.insert(sender.id.clone(), own.collect());
    let given = seated(state, sender, legs, in_turn(&taken), borrowed).await?;
    let (put, ()) = join!(
        put_all(state, sender, &given),
        try_again(state, &mut taken, now)
    );
    put?;
    Ok(looked_at(&given, sender))
}

/// Those whose slots are looked at again: some of each sender's.
pub(crate) fn looked_at(given: &[(MessageId, Seat)], home: &Sender) -> Vec<Probe> {
    let mut seats: BTreeMap<&SenderId, Vec<(&MessageId, &Seat)>> = BTreeMap::new();
    for (message, seat) in given {
        let of = seats.entry(&seat.leg.sender).or_default();
        of.push((message, seat));
    }
    let mut looked_at = Vec::new();
    for (sender, seats) in seats {
        let some = probes(seats.len()).filter_map(|place| seats.get(place));
        looked_at.extend(some.map(|(message, seat)| Probe {
            message: (*message).clone(),
            until: micros(seat.held.slot).1,
            lender: (*sender != home.id).then(|| sender.clone()),
        }));
    }
    looked_at
}

/// How many recipients there are places for at the other senders: as many as were borrowed of each, and as its
/// portfolio has room for.
pub(crate) async fn places(
    state: &State,
    legs: &Legs,
    borrowed: &Borrowed,
    now: Timestamp,
) -> Result<Places, StoreError> {
    let mut places = Places {
        unready: legs.unready.clone(),
        ..Places::default()
    };
    for (id, held) in borrowed {
        let left = legs.room(&state.store, id).await?;
        let left = room(left.map(|room| room.left(now)));
        places.slots.insert(id.clone(), held.len().min(left));
    }
    Ok(places)
}

/// Gives each recipient the next slot of its sender, and takes room in the portfolios of the other senders for those who
/// may need it. Those for whom there is none are met again.
async fn seated(
    state: &State,
    sender: &Sender,
    legs: &Legs,
    picked: Vec<Picked>,
    mut held: Borrowed,
) -> Result<Vec<(MessageId, Seat)>, StoreError> {
    let mut given = Vec::new();
    for Picked { id, leg, passed } in picked {
        let leg = leg.unwrap_or_else(|| Leg {
            account: sender.account.clone(),
            sender: sender.id.clone(),
        });
        let slot = held.get_mut(&leg.sender).and_then(VecDeque::pop_front);
        given.extend(slot.map(|held| (id, Seat { leg, held, passed })));
    }
    for id in held.keys().filter(|id| **id != sender.id) {
        let there = given.iter().filter(|(_, seat)| seat.leg.sender == *id);
        let count = u64::try_from(there.count()).unwrap_or(u64::MAX);
        let room = legs.room(&state.store, id).await?;
        if let (Some(room), 1..) = (room, count)
            && !state
                .store
                .take_room(&sender.tenant, &room, count, clock::now())
                .await?
        {
            given.retain(|(_, seat)| seat.leg.sender != *id);
        }
    }
    given.sort_by_key(|(_, seat)| seat.held.slot.at);
    Ok(given)
}

/// Takes recipients for so many slots. A job that fails keeps no other from being sent, and is asked again. Each turn
/// begins with another job: there may be fewer slots than jobs.
pub(crate) async fn take(
    state: &State,
    mut jobs: Vec<Job>,
    (slots, mut places): (usize, Places),
    rooms: &Rooms,
    turn: usize,
) -> Vec<Taken> {
    let now = clock::now();
    let until = Instant::now() + LOOKS_FOR;
    let portfolio = rooms.portfolio.as_ref();
    let mut people = room(portfolio.map(|room| room.left(now)));
    let mut today = room(rooms.day.as_ref().map(DayRoom::left));
    if let Some(first) = turn.checked_rem(jobs.len()) {
        jobs.rotate_left(first);
    }
    if jobs.len() <= slots {
        // Those that will take little come first: what they leave of their share goes to the others.
        let has_room = |job: &Job| today > 0 && (people > 0 || !job.takes_room(now));
        jobs.sort_by_key(|job| job.progress.pass == 0 && has_room(job));
    }
    let (mut left, mut waiting) = (slots, jobs.len());
    let mut taken = Vec::new();
    for job in jobs {
        let id = job.id.clone();
        let part = places.part(waiting);
        let ask = Ask {
            most: left.div_ceil(waiting.max(1)),
            places: &part,
            fresh: people,
            first: today,
            until,
        };
        waiting -= 1;
        match recipients::take(&state.store, job, ask, now).await {
            Ok(from_job) => {
                left -= from_job.own();
                places.take(&from_job.routed);
                people -= from_job.fresh;
                today -= from_job.first;
                taken.push(from_job);
            }
            Err(error) => {
                tracing::error!(job.id = %id, error = chain(&error), "a job was not handed out");
            }
        }
    }
    taken
}

/// Keeps how far the jobs have come before anybody is put on the queue: of two ticks that overlap one alone hands out
/// a recipient. Those of a tick that ends here are met in a later lap or pass. What was taken of the rooms for a job
/// that is left to another tick stays taken: too few may be sent, and never too many.
pub(crate) async fn keep(store: &Store, mut taken: Vec<Taken>) -> Vec<Taken> {
    let saving = taken.iter_mut().map(|taken| taken.save(store));
    let saved = join_all(saving).await;
    let kept = taken.into_iter().zip(saved).filter_map(|(taken, saved)| match saved {
        Ok(is_saved) => is_saved.then_some(taken),
        Err(error) => {
            tracing::error!(job.id = %taken.job.id, error = chain(&error), "a job's progress was not saved");
            None
        }
    });
    kept.collect()
}

/// Queues failures again where that was asked for, while the queue gets those that were taken.
async fn try_again(state: &State, taken: &mut [Taken], now: Timestamp) {
    for taken in taken {
        if let Err(error) = again::step(&state.store, taken, now).await {
            let job = &taken.job;
            tracing::error!(job.id = %job.id, error = chain(&error), "failures were not queued again");
        }
    }
}

/// How many may be taken where so much room is left.
fn room(left: Option<u64>) -> usize {
    left.map_or(usize::MAX, |left| {
        usize::try_from(left).unwrap_or(usize::MAX)
    })
}

/// Takes room for those who have none, in the portfolio and in the tenant's day. Where others were faster, the next tick
/// asks anew for those whom that limit counts.
pub(crate) async fn with_room(
    state: &State,
    sender: &Sender,
    rooms: &Rooms,
    mut taken: Vec<Taken>,
) -> Result<Vec<Taken>, StoreError> {
    let (store, tenant) = (&state.store, &sender.tenant);
    let fresh = sum(&taken, |taken| taken.fresh);
    if let (Some(room), 1..) = (&rooms.portfolio, fresh)
        && !store.take_room(tenant, room, fresh, clock::now()).await?
    {
        taken.retain(|taken| taken.fresh == 0);
    }
    let first = sum(&taken, |taken| taken.first);
    if let (Some(day), 1..) = (&rooms.day, first)
        && !store.take_day_room(tenant, day, first).await?
    {
        taken.retain(|taken| taken.first == 0);
    }
    Ok(taken)
}

fn sum(taken: &[Taken], of: impl Fn(&Taken) -> usize) -> u64 {
    let sum: usize = taken.iter().map(of).sum();
    u64::try_from(sum).unwrap_or(u64::MAX)
}

/// A recipient that is handed out; over a route, where it leaves from, and whose turn it was before.
struct Picked {
    id: MessageId,
    leg: Option<Leg>,
    passed: Option<Vec<Passed>>,
}

/// One of each job, then the next of each, so that no job waits behind another.
fn in_turn(taken: &[Taken]) -> Vec<Picked> {
    let longest = taken.iter().map(Taken::len).max().unwrap_or(0);
    (0..longest)
        .flat_map(|place| taken.iter().filter_map(move |taken| picked(taken, place)))
        .collect()
}

fn picked(taken: &Taken, place: usize) -> Option<Picked> {
    if let Some(id) = taken.ids.get(place) {
        return Some(Picked {
            id: id.clone(),
            leg: None,
            passed: None,
        });
    }
    let routed = taken.routed.get(place.checked_sub(taken.ids.len())?)?;
    Some(Picked {
        id: routed.id.clone(),
        leg: Some(routed.leg.clone()),
        passed: Some(routed.passed.clone()),
    })
}

fn part(slot: Slot) -> i128 {
    i128::from(slot.at.as_millisecond()) / TOGETHER.as_millis()
}

async fn put_all(
    state: &State,
    sender: &Sender,
    given: &[(MessageId, Seat)],
) -> Result<(), QueueError> {
    for together in
        given.chunk_by(|(_, one), (_, other)| part(one.held.slot) == part(other.held.slot))
    {
        put(state, sender, together).await?;
    }
    Ok(())
}

/// Puts hints on the queue when it is time for the first of their slots: a worker that has one sooner only waits.
async fn put(
    state: &State,
    sender: &Sender,
    together: &[(MessageId, Seat)],
) -> Result<(), QueueError> {
    let mut entries = Vec::new();
    for (message, seat) in together {
        let body = DeliverBody::in_seat(&sender.tenant, message, Lane::Bulk, seat.clone());
        entries.push(Entry::of(&body)?);
    }
    if let Some((_, first)) = together.first() {
        let wait = first.held.slot.hint_at().duration_since(clock::now());
        pace::wait(wait).await;
    }
    state.bulk.send_all(&sender.tenant, entries).await
}
