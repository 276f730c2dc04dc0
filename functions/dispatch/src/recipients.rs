//! What a job's tick does with its recipients: hands the next ones out, or takes back those that wait.
//!
//! The first pass goes through every chunk, and marks those it leaves with open recipients. Later passes go through
//! the marked chunks alone, however large the job is. They read the recipients consistently: what is still queued is
//! handed out again, what hangs is settled, and a chunk whose recipients have all ended loses its marker. A pass that
//! meets no open recipient ends the job.

use crate::{again, withdraw};
use heliograph::domain::id::MessageId;
use heliograph::domain::job::{
    Duty, Job, JobEvent, Numbers, Outcomes, PausedBy, Progress, done, too_many_fail,
};
use heliograph::domain::ledger::claimable;
use heliograph::domain::message::{Message, Outbound};
use heliograph::messaging::attempt::lapse;
use heliograph::store::{Chunk, JobError, Slice, Store, StoreError};
use jiff::{SignedDuration, Timestamp};

/// Chunks read at a time.
const CHUNKS_AT_ONCE: usize = 20;

/// Chunks looked at in one tick: bounds its time and memory, whatever the size of the job.
pub(crate) const CHUNKS_PER_TICK: usize = 60;

/// The time between two passes, in which what was handed out is sent.
const BETWEEN_PASSES: SignedDuration = SignedDuration::from_secs(2);

/// What was taken from a job.
pub(crate) struct Taken {
    pub(crate) job: Job,
    pub(crate) ids: Vec<MessageId>,
    /// How many of them nobody has handed out before.
    pub(crate) fresh: usize,
    /// To be saved once the recipients are on the queue.
    pub(crate) progress: Progress,
}

impl Taken {
    fn nothing(job: Job) -> Self {
        Self {
            progress: job.progress.clone(),
            ids: Vec::new(),
            fresh: 0,
            job,
        }
    }
}

/// Up to `most` recipients of `job` to hand out now, and up to `fresh` of them for the first time; none while they are
/// being taken back.
pub(crate) async fn take(
    store: &Store,
    job: Job,
    most: usize,
    fresh: usize,
    now: Timestamp,
) -> Result<Taken, StoreError> {
    let mut taken = Taken::nothing(job);
    match taken.job.duty(now) {
        Duty::Nothing => return Ok(taken),
        Duty::Withdraw(withdrawal) => {
            withdraw::step(store, &mut taken, withdrawal, now).await?;
            return Ok(taken);
        }
        Duty::Send => {}
    }
    if let Some(paused) = look_back(store, &mut taken, now).await? {
        return Ok(Taken::nothing(paused));
    }
    again::step(store, &mut taken, now).await?;
    if taken.progress.resume_at.is_some_and(|time| now < time) {
        return Ok(taken);
    }
    let is_first_pass = taken.progress.pass == 0;
    let most = if is_first_pass { most.min(fresh) } else { most };
    if most == 0 {
        // No room for more: that all were handed out is seen all the same.
        if next_chunks(store, &taken).await?.is_empty() {
            end_pass(store, &mut taken, now).await?;
        }
        return Ok(taken);
    }
    let mut looked_at = 0;
    while taken.ids.len() < most && looked_at < CHUNKS_PER_TICK {
        let chunks = next_chunks(store, &taken).await?;
        if chunks.is_empty() {
            end_pass(store, &mut taken, now).await?;
            break;
        }
        for (place, chunk) in chunks {
            looked_at += 1;
            take_chunk(store, &mut taken, &place, &chunk, most, now).await?;
            if taken.ids.len() >= most {
                break;
            }
        }
    }
    if is_first_pass {
        taken.fresh = taken.ids.len();
    }
    Ok(taken)
}

/// Looks at the job's counters: for its rate, and whether so many have failed that it pauses itself.
async fn look_back(
    store: &Store,
    taken: &mut Taken,
    now: Timestamp,
) -> Result<Option<Job>, StoreError> {
    let job = &taken.job;
    let of = format!("job:{}", job.id);
    let numbers: Numbers = store.numbers(&job.tenant, &of, "-").await?;
    if let Some(since) = job.running_since {
        taken.progress.sample(done(&numbers), since, now);
    }
    let Some(reason) = too_many_fail(job, Outcomes::of(&numbers)) else {
        return Ok(None);
    };
    tracing::warn!(job.id = %job.id, "bulk job paused: too many failures");
    let event = JobEvent::Paused {
        by: PausedBy::Platform,
        reason,
    };
    match store.move_job(job.clone(), &event, None, now).await {
        Ok(job) => Ok(Some(job)),
        // Somebody has ended it meanwhile.
        Err(JobError::Refused(_)) => Ok(Some(job.clone())),
        Err(JobError::Store(error)) => Err(error),
    }
}

/// The next chunks of this pass, each with its place in it.
pub(crate) async fn next_chunks(
    store: &Store,
    taken: &Taken,
) -> Result<Vec<(String, Chunk)>, StoreError> {
    let slice = Slice {
        limit: CHUNKS_AT_ONCE,
        after: taken.progress.after.clone(),
    };
    if taken.progress.pass > 0 {
        return store.open_chunks(&taken.job, &slice).await;
    }
    let chunks = store.chunks(&taken.job, &slice).await?.entries;
    let placed = chunks.into_iter().map(|chunk| (chunk.key.clone(), chunk));
    Ok(placed.collect())
}

async fn take_chunk(
    store: &Store,
    taken: &mut Taken,
    place: &str,
    chunk: &Chunk,
    most: usize,
    now: Timestamp,
) -> Result<(), StoreError> {
    let open = if taken.progress.pass == 0 {
        unseen(store, taken, chunk).await?
    } else {
        look_at(store, taken, chunk, now).await?
    };
    let room = most.saturating_sub(taken.ids.len());
    if let Some((next, _)) = open.get(room) {
        taken.progress.offset = *next;
    } else {
        taken.progress.after = Some(place.to_owned());
        taken.progress.offset = 0;
    }
    taken
        .ids
        .extend(open.into_iter().take(room).map(|(_, id)| id));
    Ok(())
}

/// Every recipient of a chunk that no pass has met. From now on the chunk has a marker.
async fn unseen(
    store: &Store,
    taken: &Taken,
    chunk: &Chunk,
) -> Result<Vec<(usize, MessageId)>, StoreError> {
    let offset = taken.progress.offset;
    if offset == 0 {
        store.mark_chunk(&taken.job, chunk).await?;
    }
    let placed = chunk.ids.iter().cloned().enumerate();
    Ok(placed.skip(offset).collect())
}

/// The recipients of an open chunk that may be handed out again, with their places in it.
async fn look_at(
    store: &Store,
    taken: &mut Taken,
    chunk: &Chunk,
    now: Timestamp,
) -> Result<Vec<(usize, MessageId)>, StoreError> {
    let offset = taken.progress.offset;
    let mut open = 0;
    let mut claimables = Vec::new();
    for message in recipients_of(store, &taken.job, chunk).await? {
        let message = lapse(store, message, now).await?;
        open += usize::from(message.state.is_open());
        if claimable(&message, now) {
            claimables.push(message.id);
        }
    }
    if open == 0 {
        store.close_chunk(&taken.job, chunk).await?;
        return Ok(Vec::new());
    }
    taken.progress.open_seen = true;
    let placed = claimables.into_iter().filter_map(|id| {
        let place = chunk.ids.iter().position(|other| *other == id)?;
        Some((place, id))
    });
    Ok(placed.filter(|(place, _)| *place >= offset).collect())
}

/// The recipients of a chunk, read consistently.
pub(crate) async fn recipients_of(
    store: &Store,
    job: &Job,
    chunk: &Chunk,
) -> Result<Vec<Outbound>, StoreError> {
    let messages = store.messages(&job.tenant, &chunk.ids).await?;
    let outbound = messages.into_iter().filter_map(|message| match message {
        Message::Outbound(message) => Some(*message),
        Message::Inbound(_) => None,
    });
    Ok(outbound.collect())
}

/// The end of the chunks: the job is over, or another pass follows.
pub(crate) async fn end_pass(
    store: &Store,
    taken: &mut Taken,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Progress {
        pass,
        open_seen,
        again,
        ..
    } = &taken.progress;
    if *pass > 0 && !open_seen && again.is_none() {
        return end(store, &taken.job, now).await;
    }
    taken.progress.pass += 1;
    taken.progress.after = None;
    taken.progress.offset = 0;
    taken.progress.open_seen = false;
    taken.progress.resume_at = now.saturating_add(BETWEEN_PASSES).ok();
    Ok(())
}

async fn end(store: &Store, job: &Job, now: Timestamp) -> Result<(), StoreError> {
    match store
        .move_job(job.clone(), &JobEvent::AllEnded, None, now)
        .await
    {
        Ok(job) => {
            tracing::info!(job.id = %job.id, status = job.status.as_str(), "bulk job ended");
            Ok(())
        }
        Err(JobError::Refused(_)) => Ok(()),
        Err(JobError::Store(error)) => Err(error),
    }
}
