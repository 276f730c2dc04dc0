//! Which of a job's recipients a tick hands out.
//!
//! The first pass goes through every chunk, and marks those it leaves with open recipients. Later passes go through
//! the marked chunks alone, however large the job is. They read the recipients consistently: what is still queued is
//! handed out again, what hangs is settled, and a chunk whose recipients have all ended loses its marker. A pass that
//! meets no open recipient ends the job (`ending`). While the first pass lasts, `lap` looks at what it has left behind.

use crate::ending::end_pass;
use crate::lap;
use heliograph::domain::audit::Author;
use heliograph::domain::id::MessageId;
use heliograph::domain::job::{
    Job, JobEvent, Numbers, Outcomes, PausedBy, Progress, done, too_many_fail,
};
use heliograph::domain::ledger::claimable;
use heliograph::domain::message::{Message, Outbound};
use heliograph::domain::state::State;
use heliograph::messaging::attempt::lapse;
use heliograph::store::{Asked, Chunk, JobError, Slice, Store, StoreError};
use jiff::Timestamp;
use std::time::Instant;

/// Chunks read at a time.
const CHUNKS_AT_ONCE: usize = 20;

/// Chunks looked at in one tick: bounds its time and memory, whatever the size of the job.
pub(crate) const CHUNKS_PER_TICK: usize = 60;

/// What was taken from a job.
pub(crate) struct Taken {
    pub(crate) job: Job,
    pub(crate) ids: Vec<MessageId>,
    /// How many of them take room in the portfolio.
    pub(crate) fresh: usize,
    /// How many of them nobody has handed out before: they take room in the tenant's day.
    pub(crate) first: usize,
    /// To be saved before the recipients are put on the queue.
    pub(crate) progress: Progress,
}

impl Taken {
    /// Nothing yet.
    pub(crate) fn nothing(job: Job) -> Self {
        Self {
            progress: job.progress.clone(),
            ids: Vec::new(),
            fresh: 0,
            first: 0,
            job,
        }
    }

    /// Keeps how far the job has come. `false`, and nothing is kept, if another tick has kept its own meanwhile; `true`
    /// also if there is nothing to keep.
    pub(crate) async fn save(&mut self, store: &Store) -> Result<bool, StoreError> {
        if self.progress == self.job.progress {
            return Ok(true);
        }
        let is_saved = store.save_progress(&self.job, &self.progress).await?;
        if is_saved {
            self.job.progress = self.progress.clone();
        }
        Ok(is_saved)
    }
}

/// How many recipients are asked for.
#[derive(Clone, Copy)]
pub(crate) struct Ask {
    /// How many there are slots for.
    pub(crate) most: usize,
    /// How many of them may take room in the portfolio.
    pub(crate) fresh: usize,
    /// How many of them may be handed out for the first time, today.
    pub(crate) first: usize,
    /// When no further chunk is looked at: slots do not wait.
    pub(crate) until: Instant,
}

/// The recipients of `job` to hand out now.
pub(crate) async fn take(
    store: &Store,
    job: Job,
    ask: Ask,
    now: Timestamp,
) -> Result<Taken, StoreError> {
    let mut taken = Taken::nothing(job);
    if let Some(paused) = look_back(store, &mut taken, now).await? {
        return Ok(Taken::nothing(paused));
    }
    // A pass that has gone by the place of those who are queued again may not end the job.
    taken.progress.open_seen |= taken.progress.again.is_some();
    if taken.progress.resume_at.is_some_and(|time| now < time) {
        return Ok(taken);
    }
    let is_first_pass = taken.progress.pass == 0;
    if is_first_pass {
        lap::step(store, &mut taken, ask, now).await?;
    }
    let met_again = taken.ids.len();
    let takes_room = taken.job.takes_room(now);
    let fresh = if takes_room { ask.fresh } else { usize::MAX };
    let first = if is_first_pass { ask.first } else { usize::MAX };
    let most = ask.most.min(met_again.saturating_add(fresh.min(first)));
    hand_on(store, &mut taken, Ask { most, ..ask }, now).await?;
    let handed_on = taken.ids.len() - met_again;
    taken.fresh = if takes_room { handed_on } else { 0 };
    taken.first = if is_first_pass { handed_on } else { 0 };
    Ok(taken)
}

/// Goes on through the chunks of this pass.
async fn hand_on(
    store: &Store,
    taken: &mut Taken,
    ask: Ask,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut looked_at = 0;
    loop {
        let chunks = next_chunks(store, taken).await?;
        if chunks.is_empty() {
            return end_pass(store, taken, now).await;
        }
        for (place, chunk) in chunks {
            // Without room for more it is still seen that all were handed out.
            if taken.ids.len() >= ask.most {
                return Ok(());
            }
            looked_at += 1;
            take_chunk(store, taken, &place, &chunk, ask.most, now).await?;
        }
        if looked_at >= CHUNKS_PER_TICK || Instant::now() >= ask.until {
            return Ok(());
        }
    }
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
    if !is_anybody_queued(store, taken).await? {
        return Ok(None);
    }
    let job = &taken.job;
    tracing::warn!(job.id = %job.id, "bulk job paused: too many failures");
    let event = JobEvent::Paused {
        by: PausedBy::Platform,
        reason,
    };
    let asked = Asked {
        by: Some(&Author::platform()),
        record: None,
    };
    match store.move_job(job.clone(), &event, asked, now).await {
        Ok(job) => Ok(Some(job)),
        // Somebody has ended it meanwhile.
        Err(JobError::Refused(_)) => Ok(Some(job.clone())),
        Err(JobError::Store(error)) => Err(error),
    }
}

/// Whether a pause would keep anybody from being sent to.
async fn is_anybody_queued(store: &Store, taken: &Taken) -> Result<bool, StoreError> {
    if taken.progress.pass == 0 {
        return Ok(!next_chunks(store, taken).await?.is_empty());
    }
    let slice = Slice {
        limit: CHUNKS_AT_ONCE,
        after: None,
    };
    for (_, chunk) in store.open_chunks(&taken.job, &slice).await? {
        let recipients = recipients_of(store, &taken.job, &chunk).await?;
        if recipients.iter().any(|it| it.state == State::Queued) {
            return Ok(true);
        }
    }
    Ok(false)
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
        still_open(store, taken, chunk, now).await?
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

/// Those of a marked chunk that this pass has not handed out yet and may.
async fn still_open(
    store: &Store,
    taken: &mut Taken,
    chunk: &Chunk,
    now: Timestamp,
) -> Result<Vec<(usize, MessageId)>, StoreError> {
    let offset = taken.progress.offset;
    let (is_open, claimable) = look_at(store, &taken.job, chunk, now).await?;
    taken.progress.open_seen |= is_open;
    let left = claimable.into_iter().filter(|(place, _)| *place >= offset);
    Ok(left.collect())
}

/// Whether a chunk has open recipients, and those that may be handed out again, with their places in it. One without
/// loses its marker.
pub(crate) async fn look_at(
    store: &Store,
    job: &Job,
    chunk: &Chunk,
    now: Timestamp,
) -> Result<(bool, Vec<(usize, MessageId)>), StoreError> {
    let mut is_open = chunk.is_filling(now);
    let mut claimables = Vec::new();
    for message in recipients_of(store, job, chunk).await? {
        let message = lapse(store, message, now).await?;
        is_open |= message.state.is_open();
        if claimable(&message, now) {
            let place = chunk.ids.iter().position(|other| *other == message.id);
            claimables.extend(place.map(|place| (place, message.id)));
        }
    }
    if !is_open {
        store.close_chunk(job, chunk).await?;
    }
    Ok((is_open, claimables))
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
