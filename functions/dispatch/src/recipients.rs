//! Which of a job's recipients a tick hands out.
//!
//! The first pass goes through every chunk, and marks those it leaves with open recipients. Later passes go through
//! the marked chunks alone, however large the job is. They read the recipients consistently: what is still queued is
//! handed out again, what hangs is settled, and a chunk whose recipients have all ended loses its marker. A pass that
//! meets no open recipient ends the job (`ending`). While the first pass lasts, `lap` looks at what it has left behind.

use crate::ending::end_pass;
use crate::lap;
use crate::legs::{Place, Places, Routed};
use heliograph::domain::audit::Author;
use heliograph::domain::id::MessageId;
use heliograph::domain::identity::SenderId;
use heliograph::domain::job::{
    Job, JobEvent, Numbers, Outcomes, PausedBy, Progress, done, too_many_fail,
};
use heliograph::domain::ledger::claimable;
use heliograph::domain::message::{Attempt, Message, Outbound};
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
    /// Those that leave from the job's own sender, as it has no other.
    pub(crate) ids: Vec<MessageId>,
    /// Those of a job over a route.
    pub(crate) routed: Vec<Routed>,
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
            routed: Vec::new(),
            fresh: 0,
            first: 0,
            job,
        }
    }

    /// How many were taken.
    pub(crate) fn len(&self) -> usize {
        self.ids.len() + self.routed.len()
    }

    /// How many were taken that leave from the job's own sender.
    pub(crate) fn own(&self) -> usize {
        let own = |routed: &&Routed| routed.leg.sender == self.job.sender;
        self.ids.len() + self.routed.iter().filter(own).count()
    }

    /// Takes a recipient, if there is a slot.
    pub(crate) fn put(&mut self, recipient: Claimable, ask: Ask<'_>) -> Put {
        let Claimable {
            id, at, attempts, ..
        } = recipient;
        let own = ask.most.saturating_sub(self.ids.len());
        let who = (&at, attempts.as_slice());
        let place = ask.places.place(&self.job, who, own, &self.routed);
        if at != self.job.sender {
            self.progress.elsewhere.insert(at);
        }
        match place {
            Place::Own => self.ids.push(id),
            Place::Over(leg, passed) => self.routed.push(Routed { id, leg, passed }),
            Place::Full => return Put::Full,
            Place::Nowhere => return Put::Nowhere,
        }
        Put::Taken
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

/// Whether a recipient was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    /// It was.
    Taken,
    /// Its sender has no slot left.
    Full,
    /// None of its senders is ready.
    Nowhere,
}

/// How many recipients are asked for.
#[derive(Clone, Copy)]
pub(crate) struct Ask<'a> {
    /// How many there are slots for of the job's own sender.
    pub(crate) most: usize,
    /// Those of the other senders of its route.
    pub(crate) places: &'a Places,
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
    ask: Ask<'_>,
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
    let met_again = taken.len();
    let takes_room = taken.job.takes_room(now);
    let fresh = if takes_room { ask.fresh } else { usize::MAX };
    let first = if is_first_pass { ask.first } else { usize::MAX };
    let room = met_again.saturating_add(fresh.min(first));
    hand_on(store, &mut taken, (ask, room), now).await?;
    let handed_on = taken.len() - met_again;
    taken.fresh = if takes_room { handed_on } else { 0 };
    taken.first = if is_first_pass { handed_on } else { 0 };
    Ok(taken)
}

/// Goes on through the chunks of this pass, until so many are taken, or there is no slot for the next.
async fn hand_on(
    store: &Store,
    taken: &mut Taken,
    (ask, room): (Ask<'_>, usize),
    now: Timestamp,
) -> Result<(), StoreError> {
    let most = room.min(ask.most.saturating_add(ask.places.count()));
    let mut looked_at = 0;
    loop {
        let chunks = next_chunks(store, taken).await?;
        if chunks.is_empty() {
            return end_pass(store, taken, now).await;
        }
        for (place, chunk) in chunks {
            // Without room for more it is still seen that all were handed out.
            if taken.len() >= most {
                return Ok(());
            }
            looked_at += 1;
            let is_whole = take_chunk(store, taken, (&place, &chunk), (ask, most), now);
            if !is_whole.await? {
                return Ok(());
            }
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

/// Takes a chunk's recipients. `false` if there was no slot for all of them: the pass goes on there.
async fn take_chunk(
    store: &Store,
    taken: &mut Taken,
    (place, chunk): (&str, &Chunk),
    (ask, most): (Ask<'_>, usize),
    now: Timestamp,
) -> Result<bool, StoreError> {
    let open = if taken.progress.pass == 0 {
        unseen(store, taken, chunk).await?
    } else {
        still_open(store, taken, chunk, now).await?
    };
    for recipient in open {
        let next = recipient.place;
        // Whom nobody can send to now is met in a later pass.
        if taken.len() >= most || taken.put(recipient, ask) == Put::Full {
            taken.progress.offset = next;
            return Ok(false);
        }
    }
    taken.progress.after = Some(place.to_owned());
    taken.progress.offset = 0;
    Ok(true)
}

/// Every recipient of a chunk that no pass has met. From now on the chunk has a marker.
async fn unseen(store: &Store, taken: &Taken, chunk: &Chunk) -> Result<Vec<Claimable>, StoreError> {
    let offset = taken.progress.offset;
    if offset == 0 {
        store.mark_chunk(&taken.job, chunk).await?;
    }
    let placed = chunk.ids.iter().cloned().enumerate().skip(offset);
    let unmet = |(place, id)| Claimable {
        place,
        id,
        at: taken.job.sender.clone(),
        attempts: Vec::new(),
    };
    Ok(placed.map(unmet).collect())
}

/// Those of a marked chunk that this pass has not handed out yet and may.
async fn still_open(
    store: &Store,
    taken: &mut Taken,
    chunk: &Chunk,
    now: Timestamp,
) -> Result<Vec<Claimable>, StoreError> {
    let offset = taken.progress.offset;
    let (is_open, claimable) = look_at(store, &taken.job, chunk, now).await?;
    taken.progress.open_seen |= is_open;
    let left = claimable.into_iter().filter(|it| it.place >= offset);
    Ok(left.collect())
}

/// A recipient that may be handed out.
pub(crate) struct Claimable {
    /// Its place in its chunk.
    pub(crate) place: usize,
    id: MessageId,
    /// The sender whose turn it is.
    at: SenderId,
    /// What was called for it before.
    attempts: Vec<Attempt>,
}

/// Whether a chunk has open recipients, and those that may be handed out again. One without loses its marker.
pub(crate) async fn look_at(
    store: &Store,
    job: &Job,
    chunk: &Chunk,
    now: Timestamp,
) -> Result<(bool, Vec<Claimable>), StoreError> {
    let mut is_open = chunk.is_filling(now);
    let mut claimables = Vec::new();
    for message in recipients_of(store, job, chunk).await? {
        let message = lapse(store, message, now).await?;
        is_open |= message.state.is_open();
        if claimable(&message, now) {
            let place = chunk.ids.iter().position(|other| *other == message.id);
            claimables.extend(place.map(|place| Claimable {
                place,
                id: message.id,
                at: message.sender,
                attempts: message.attempts,
            }));
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
