//! Takes a job's next open recipients, chunk by chunk.
//!
//! The first pass hands out every recipient unseen. Later passes read the recipients of open chunks consistently:
//! what is still queued is handed out again, what hangs is settled, and a chunk whose recipients have all ended is
//! closed. A pass that meets no open recipient finishes the job.

use heliograph::domain::id::MessageId;
use heliograph::domain::ledger::claimable;
use heliograph::domain::message::Message;
use heliograph::messaging::attempt::lapse;
use heliograph::store::{Chunk, Job, Progress, Slice, Store, StoreError};
use jiff::{SignedDuration, Timestamp};

/// Chunks read at a time.
const CHUNKS_AT_ONCE: usize = 20;

/// Chunks looked at in one tick: bounds its time and memory, whatever the size of the job.
const CHUNKS_PER_TICK: usize = 60;

/// The time between two passes, in which what was handed out is sent.
const BETWEEN_PASSES: SignedDuration = SignedDuration::from_secs(2);

/// What was taken from a job.
pub(crate) struct Taken {
    pub(crate) job: Job,
    pub(crate) ids: Vec<MessageId>,
    /// To be saved once the recipients are on the queue.
    pub(crate) progress: Progress,
}

/// Up to `most` recipients of `job` to hand out now.
pub(crate) async fn take(
    store: &Store,
    job: Job,
    most: usize,
    now: Timestamp,
) -> Result<Taken, StoreError> {
    let progress = job.progress.clone();
    let mut taken = Taken {
        job,
        ids: Vec::new(),
        progress,
    };
    if taken.progress.resume_at.is_some_and(|time| now < time) {
        return Ok(taken);
    }
    let mut looked_at = 0;
    while taken.ids.len() < most && looked_at < CHUNKS_PER_TICK {
        let slice = Slice {
            limit: CHUNKS_AT_ONCE,
            after: taken.progress.after.clone(),
        };
        let chunks = store.chunks(&taken.job, &slice).await?.entries;
        if chunks.is_empty() {
            end_pass(store, &mut taken, now).await?;
            break;
        }
        for chunk in chunks {
            looked_at += 1;
            take_chunk(store, &mut taken, &chunk, most, now).await?;
            if taken.ids.len() >= most {
                break;
            }
        }
    }
    Ok(taken)
}

async fn take_chunk(
    store: &Store,
    taken: &mut Taken,
    chunk: &Chunk,
    most: usize,
    now: Timestamp,
) -> Result<(), StoreError> {
    let offset = taken.progress.offset;
    let open = if taken.progress.pass == 0 {
        chunk
            .ids
            .iter()
            .enumerate()
            .skip(offset)
            .map(|(place, id)| (place, id.clone()))
            .collect()
    } else if chunk.closed {
        Vec::new()
    } else {
        look_at(store, taken, chunk, now).await?
    };
    let room = most.saturating_sub(taken.ids.len());
    if let Some((next, _)) = open.get(room) {
        taken.progress.offset = *next;
    } else {
        taken.progress.after = Some(chunk.key.clone());
        taken.progress.offset = 0;
    }
    taken
        .ids
        .extend(open.into_iter().take(room).map(|(_, id)| id));
    Ok(())
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
    for message in store.messages(&taken.job.tenant, &chunk.ids).await? {
        let Message::Outbound(message) = message else {
            continue;
        };
        let message = lapse(store, *message, now).await?;
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

/// The end of the chunks: the job is finished, or another pass follows.
async fn end_pass(store: &Store, taken: &mut Taken, now: Timestamp) -> Result<(), StoreError> {
    let Progress {
        pass, open_seen, ..
    } = taken.progress;
    if pass > 0 && !open_seen {
        if store.finish_job(&taken.job, now).await? {
            tracing::info!(job.id = %taken.job.id, "bulk job finished");
        }
        return Ok(());
    }
    let resume_at = now.saturating_add(BETWEEN_PASSES).ok();
    taken.progress = Progress {
        pass: pass + 1,
        resume_at,
        ..Progress::default()
    };
    Ok(())
}
