//! Puts the next open recipients of the jobs on the queue, one slot each, in time for their slots.

use crate::recipients::{self, Taken};
use crate::{DispatchError, State};
use heliograph::domain::content::Kind;
use heliograph::domain::id::MessageId;
use heliograph::domain::job::Job;
use heliograph::domain::message::Lane;
use heliograph::domain::pace::{Room, Slot, probes};
use heliograph::domain::queue::{DeliverBody, Probe, millis};
use heliograph::service::clock;
use heliograph::service::queue::{Entry, QueueError};
use heliograph::store::{Sender, StoreError};
use jiff::SignedDuration;

/// Hints for slots of so short a time are put on the queue together.
const TOGETHER: SignedDuration = SignedDuration::from_millis(100);

/// Takes open recipients from the jobs in turn and puts them on the queue. Gives some of them, whose use tells whether
/// the workers keep up.
pub(crate) async fn hand_out(
    state: &State,
    sender: &Sender,
    jobs: Vec<Job>,
    slots: &[Slot],
) -> Result<Vec<Probe>, DispatchError> {
    let room = state.store.room(sender).await?;
    let taken = take(state, jobs, slots.len(), room.as_ref()).await?;
    if !take_room(state, sender, room.as_ref(), &taken).await? {
        // Another sender of the portfolio was faster: the next tick asks anew.
        return Ok(Vec::new());
    }
    let given: Vec<(MessageId, Slot)> = in_turn(&taken)
        .into_iter()
        .cloned()
        .zip(slots.iter().copied())
        .collect();
    for together in given.chunk_by(|(_, one), (_, other)| part(*one) == part(*other)) {
        put(state, sender, together).await?;
    }
    for Taken { job, progress, .. } in &taken {
        if *progress != job.progress {
            state.store.save_progress(job, progress).await?;
        }
    }
    let looked_at = probes(given.len()).filter_map(|place| given.get(place));
    let probe = |(message, slot): &(MessageId, Slot)| Probe {
        message: message.clone(),
        until: millis(*slot).1,
    };
    Ok(looked_at.map(probe).collect())
}

async fn take(
    state: &State,
    jobs: Vec<Job>,
    slots: usize,
    room: Option<&Room>,
) -> Result<Vec<Taken>, StoreError> {
    let now = clock::now();
    let mut places = room.map_or(usize::MAX, |room| {
        usize::try_from(room.left(now)).unwrap_or(usize::MAX)
    });
    let (mut left, mut waiting) = (slots, jobs.len());
    let mut taken = Vec::new();
    for job in jobs {
        let share = left.div_ceil(waiting.max(1));
        let limited = counts(&job);
        let fresh = if limited { places } else { usize::MAX };
        let from_job = recipients::take(&state.store, job, share, fresh, now).await?;
        left -= from_job.ids.len();
        places -= if limited { from_job.fresh } else { 0 };
        waiting -= 1;
        taken.push(from_job);
    }
    Ok(taken)
}

/// Whether the portfolio's limit counts a job's recipients. Who gets no template has written within a day.
fn counts(job: &Job) -> bool {
    job.message.kind() == Kind::Template
}

/// Takes room in the portfolio for those who are handed out for the first time.
async fn take_room(
    state: &State,
    sender: &Sender,
    room: Option<&Room>,
    taken: &[Taken],
) -> Result<bool, StoreError> {
    let fresh = taken.iter().filter(|taken| counts(&taken.job));
    let count: usize = fresh.map(|taken| taken.fresh).sum();
    match (room, u64::try_from(count)) {
        (Some(room), Ok(count @ 1..)) => {
            let (tenant, now) = (&sender.tenant, clock::now());
            state.store.take_room(tenant, room, count, now).await
        }
        (Some(_) | None, _) => Ok(true),
    }
}

/// One of each job, then the next of each, so that no job waits behind another.
fn in_turn(taken: &[Taken]) -> Vec<&MessageId> {
    let longest = taken.iter().map(|taken| taken.ids.len()).max().unwrap_or(0);
    (0..longest)
        .flat_map(|place| taken.iter().filter_map(move |taken| taken.ids.get(place)))
        .collect()
}

fn part(slot: Slot) -> i128 {
    i128::from(slot.at.as_millisecond()) / TOGETHER.as_millis()
}

/// Puts hints on the queue when it is time for the first of their slots: a worker that has one sooner only waits.
async fn put(
    state: &State,
    sender: &Sender,
    together: &[(MessageId, Slot)],
) -> Result<(), QueueError> {
    let mut entries = Vec::new();
    for (message, slot) in together {
        let (begins, until) = millis(*slot);
        entries.push(Entry::of(&DeliverBody::V1 {
            tenant: sender.tenant.clone(),
            account: sender.account.clone(),
            message: message.clone(),
            lane: Lane::Bulk,
            slot: Some(begins),
            until: Some(until),
        })?);
    }
    if let Some((_, first)) = together.first() {
        let wait = first.hint_at().duration_since(clock::now());
        tokio::time::sleep(wait.try_into().unwrap_or_default()).await;
    }
    state.bulk.send_all(&sender.tenant, entries).await
}
