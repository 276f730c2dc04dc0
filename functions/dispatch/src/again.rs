//! Queues a finished job's failures again, page by page, where somebody has asked for it.
//!
//! An index gives the keys; each is read consistently and written under a condition. The recipients of a page are
//! named in a chunk of their own before the first of them is queued, so that none is forgotten. Those that fail once
//! more are not met again: they failed after it was asked. The index may trail what has failed, so all of it is looked
//! at once more some seconds later.

use crate::recipients::Taken;
use futures_util::future::try_join_all;
use heliograph::domain::job::Job;
use heliograph::domain::ledger::{Event, apply};
use heliograph::domain::message::{Message, Outbound};
use heliograph::domain::state::State;
use heliograph::store::{Slice, Store, StoreError};
use jiff::Timestamp;

/// Failures looked at together.
const PAGE: usize = 98;

/// Pages in one tick.
const PAGES_PER_TICK: usize = 8;

/// Goes on through the failures, if they are to be tried again. Stops where another tick has kept its progress: that
/// one goes on, or has ended the job.
pub(crate) async fn step(
    store: &Store,
    taken: &mut Taken,
    now: Timestamp,
) -> Result<(), StoreError> {
    for _ in 0..PAGES_PER_TICK {
        let Some(mut again) = taken.progress.again.take() else {
            return Ok(());
        };
        let slice = Slice {
            limit: PAGE,
            after: again.after.take(),
        };
        let failed = store
            .job_problems(&taken.job.id, State::Failed, &slice)
            .await?;
        match queue_again(store, &taken.job, failed.entries, again.asked_at, now).await? {
            Queued::Some => again.queued_at = Some(now),
            Queued::Nobody => {}
            Queued::Followed => return Ok(()),
        }
        let is_last = failed.next.is_none();
        again.after = failed.next;
        taken.progress.again = Some(again).filter(|again| !is_last || !again.has_met_all(now));
        if !taken.save(store).await? || is_last {
            return Ok(());
        }
    }
    Ok(())
}

/// What a page came to.
enum Queued {
    Some,
    Nobody,
    /// Another tick has kept its progress meanwhile.
    Followed,
}

/// Queues those that are meant again.
async fn queue_again(
    store: &Store,
    job: &Job,
    failed: Vec<Message>,
    asked_at: Timestamp,
    now: Timestamp,
) -> Result<Queued, StoreError> {
    let event = Event::TriedAgain(asked_at);
    let meant: Vec<Outbound> = failed
        .into_iter()
        .filter_map(|message| match message {
            Message::Outbound(message) => Some(*message),
            Message::Inbound(_) => None,
        })
        .filter(|message| apply(message, &event, now).is_some())
        .collect();
    if meant.is_empty() {
        return Ok(Queued::Nobody);
    }
    let ids: Vec<_> = meant.iter().map(|message| &message.id).collect();
    if !store.name_again(job, &ids, now).await? {
        return Ok(Queued::Followed);
    }
    try_join_all(
        meant
            .into_iter()
            .map(|message| store.apply(message, &event, now)),
    )
    .await?;
    Ok(Queued::Some)
}
