//! The end of a pass: the job is over, or another pass follows.

use crate::recipients::Taken;
use heliograph::domain::job::{Job, JobEvent, Numbers, are_all_done};
use heliograph::store::{Asked, JobError, Store, StoreError};
use jiff::{SignedDuration, Timestamp};

/// The time between two passes, in which what was handed out is sent.
const BETWEEN_PASSES: SignedDuration = SignedDuration::from_secs(2);

/// The time between two looks at counters that trail.
const BETWEEN_LOOKS: SignedDuration = SignedDuration::from_secs(1);

/// A job does not wait longer for its counters.
const COUNTED_WITHIN: SignedDuration = SignedDuration::from_secs(30);

/// A pass that met nobody open ends the job. By consistent reads: the counters are only waited for, so that whoever is
/// told that a job is finished is told counts that close.
pub(crate) async fn end_pass(
    store: &Store,
    taken: &mut Taken,
    now: Timestamp,
) -> Result<(), StoreError> {
    let progress = &mut taken.progress;
    progress.after = None;
    progress.offset = 0;
    progress.lap = None;
    let is_over = progress.pass > 0 && !progress.open_seen && progress.again.is_none();
    if !is_over {
        progress.pass += 1;
        progress.open_seen = progress.again.is_some();
        progress.all_ended_at = None;
        progress.elsewhere.clear();
        progress.resume_at = now.saturating_add(BETWEEN_PASSES).ok();
        return Ok(());
    }
    let since = *progress.all_ended_at.get_or_insert(now);
    if now.duration_since(since) < COUNTED_WITHIN && !is_counted(store, &taken.job).await? {
        progress.resume_at = now.saturating_add(BETWEEN_LOOKS).ok();
        return Ok(());
    }
    end(store, &taken.job, now).await
}

async fn is_counted(store: &Store, job: &Job) -> Result<bool, StoreError> {
    let of = format!("job:{}", job.id);
    let numbers: Numbers = store.numbers(&job.tenant, &of, "-").await?;
    Ok(are_all_done(job, &numbers))
}

async fn end(store: &Store, job: &Job, now: Timestamp) -> Result<(), StoreError> {
    match store
        .move_job(job.clone(), &JobEvent::AllEnded, Asked::default(), now)
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
