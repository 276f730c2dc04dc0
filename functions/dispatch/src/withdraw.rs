//! Takes back the recipients of a job that was cancelled, or whose time has passed: what is queued ends, what is being
//! sent settles as it does.

use crate::ending::end_pass;
use crate::recipients::{CHUNKS_PER_TICK, Taken, next_chunks, recipients_of};
use futures_util::future::try_join_all;
use heliograph::domain::job::{Duty, Job, Withdrawal};
use heliograph::domain::message::Outbound;
use heliograph::domain::state::State;
use heliograph::messaging::attempt::lapse;
use heliograph::service::telemetry::chain;
use heliograph::store::{Chunk, Store, StoreError};
use jiff::Timestamp;

/// Recipients written in one tick: what the indexes they enter take in a second, and what fits its time.
const RECIPIENTS_PER_TICK: usize = 1_000;

/// Recipients written side by side.
const TOGETHER: usize = 32;

/// Goes on with each of these jobs. One that fails is met again in the next tick.
pub(crate) async fn all(store: &Store, jobs: Vec<Job>, now: Timestamp) {
    for job in jobs {
        let id = job.id.clone();
        if let Err(error) = one(store, job, now).await {
            tracing::error!(job.id = %id, error = chain(&error), "a job's recipients were not all taken back");
        }
    }
}

async fn one(store: &Store, job: Job, now: Timestamp) -> Result<(), StoreError> {
    let Duty::Withdraw(withdrawal) = job.duty(now) else {
        return Ok(());
    };
    let mut taken = Taken::nothing(job);
    step(store, &mut taken, withdrawal, now).await?;
    taken.save(store).await?;
    Ok(())
}

/// Goes on through the chunks, as many as fit a tick.
async fn step(
    store: &Store,
    taken: &mut Taken,
    withdrawal: Withdrawal,
    now: Timestamp,
) -> Result<(), StoreError> {
    // Nobody is tried again any more, nor looked at for it.
    (taken.progress.again, taken.progress.lap) = (None, None);
    let (mut looked_at, mut written) = (0, 0);
    while looked_at < CHUNKS_PER_TICK && written < RECIPIENTS_PER_TICK {
        let chunks = next_chunks(store, taken).await?;
        if chunks.is_empty() {
            let was_first = taken.progress.pass == 0;
            end_pass(store, taken, now).await?;
            if was_first {
                continue;
            }
            break;
        }
        for (place, chunk) in chunks {
            looked_at += 1;
            written += take_back(store, taken, &chunk, withdrawal, now).await?;
            taken.progress.after = Some(place);
            taken.progress.offset = 0;
        }
    }
    Ok(())
}

/// Takes back what is queued of a chunk; says how many that were. A chunk in which somebody is being sent to keeps, or
/// gets, its marker.
async fn take_back(
    store: &Store,
    taken: &mut Taken,
    chunk: &Chunk,
    withdrawal: Withdrawal,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let (mut written, mut open) = (0, usize::from(chunk.is_filling(now)));
    let recipients = recipients_of(store, &taken.job, chunk).await?;
    for together in recipients.chunks(TOGETHER) {
        let ends = together
            .iter()
            .map(|recipient| withdrawn(store, recipient.clone(), withdrawal, now));
        for (before, after) in together.iter().zip(try_join_all(ends).await?) {
            written += usize::from(before.state != after.state);
            open += usize::from(after.state.is_open());
        }
    }
    taken.progress.open_seen |= open > 0;
    match (open, taken.progress.pass) {
        (0, 0) => {}
        (0, _) => store.close_chunk(&taken.job, chunk).await?,
        (_, _) => store.mark_chunk(&taken.job, chunk).await?,
    }
    Ok(written)
}

async fn withdrawn(
    store: &Store,
    recipient: Outbound,
    withdrawal: Withdrawal,
    now: Timestamp,
) -> Result<Outbound, StoreError> {
    let recipient = lapse(store, recipient, now).await?;
    if recipient.state != State::Queued {
        return Ok(recipient);
    }
    store.apply(recipient, &withdrawal.event(), now).await
}
