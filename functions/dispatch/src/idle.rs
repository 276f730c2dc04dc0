//! Jobs that no sender is ready to send for: one of whom nobody is open any more ends all the same.
//!
//! What was under way when the senders stopped has ended since, and no pass would come by to see it. Nothing is kept of
//! looking in vain.

use crate::ending::end_pass;
use crate::recipients::{CHUNKS_PER_TICK, Taken, look_at, next_chunks};
use heliograph::domain::job::Job;
use heliograph::service::telemetry::chain;
use heliograph::store::{Store, StoreError};
use jiff::Timestamp;

/// Looks at each of these jobs. One that fails is looked at again.
pub(crate) async fn all(store: &Store, jobs: Vec<Job>, now: Timestamp) {
    for job in jobs {
        let id = job.id.clone();
        if let Err(error) = one(store, job, now).await {
            tracing::error!(job.id = %id, error = chain(&error), "it is not known whether a job is over");
        }
    }
}

async fn one(store: &Store, job: Job, now: Timestamp) -> Result<(), StoreError> {
    // Those who are queued again are open, wherever they stand.
    if job.progress.again.is_some() {
        return Ok(());
    }
    let mut taken = Taken::nothing(job);
    if taken.progress.pass > 0 {
        // Whom this pass has met open may have ended.
        taken.progress.after = None;
        taken.progress.offset = 0;
        taken.progress.open_seen = false;
    }
    let mut looked_at = 0;
    while looked_at < CHUNKS_PER_TICK {
        let chunks = next_chunks(store, &taken).await?;
        if chunks.is_empty() {
            let was_first = taken.progress.pass == 0;
            end_pass(store, &mut taken, now).await?;
            if was_first {
                continue;
            }
            break;
        }
        for (place, chunk) in chunks {
            looked_at += 1;
            let (is_open, _) = look_at(store, &taken.job, &chunk, now).await?;
            if is_open {
                return Ok(());
            }
            taken.progress.after = Some(place);
            taken.progress.offset = 0;
        }
    }
    taken.save(store).await?;
    Ok(())
}
