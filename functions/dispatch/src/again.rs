//! Queues a finished job's failures again, page by page, where somebody has asked for it.
//!
//! An index gives the keys; each is read consistently and written under a condition. The recipients of a page are
//! named in a chunk of their own before the first of them is queued, so that none is forgotten. Those that fail once
//! more are not met again: they failed after it was asked.

use crate::recipients::Taken;
use futures_util::future::try_join_all;
use heliograph::domain::ledger::{Event, apply};
use heliograph::domain::message::{Message, Outbound};
use heliograph::domain::state::State;
use heliograph::store::{Slice, Store, StoreError};
use jiff::Timestamp;

/// Failures looked at together.
const PAGE: usize = 98;

/// Pages in one tick.
const PAGES_PER_TICK: usize = 8;

/// Goes on through the failures, if they are to be tried again.
pub(crate) async fn step(
    store: &Store,
    taken: &mut Taken,
    now: Timestamp,
) -> Result<(), StoreError> {
    for _ in 0..PAGES_PER_TICK {
        let Some(again) = taken.progress.again.as_mut() else {
            return Ok(());
        };
        let slice = Slice {
            limit: PAGE,
            after: again.after.clone(),
        };
        let failed = store
            .job_problems(&taken.job.id, State::Failed, &slice)
            .await?;
        let event = Event::TriedAgain(again.asked_at);
        again.after.clone_from(&failed.next);
        if failed.next.is_none() {
            taken.progress.again = None;
        }
        queue_again(store, taken, failed.entries, &event, now).await?;
    }
    Ok(())
}

async fn queue_again(
    store: &Store,
    taken: &mut Taken,
    failed: Vec<Message>,
    event: &Event<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let meant: Vec<Outbound> = failed
        .into_iter()
        .filter_map(|message| match message {
            Message::Outbound(message) => Some(*message),
            Message::Inbound(_) => None,
        })
        .filter(|message| apply(message, event, now).is_some())
        .collect();
    if meant.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = meant.iter().map(|message| &message.id).collect();
    store.name_again(&taken.job, &ids, now).await?;
    try_join_all(
        meant
            .into_iter()
            .map(|message| store.apply(message, event, now)),
    )
    .await?;
    // A pass that has gone by this chunk's place may not end the job.
    taken.progress.open_seen = true;
    Ok(())
}
