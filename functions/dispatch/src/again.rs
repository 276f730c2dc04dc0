//! Queues a finished job's failures again, page by page, where somebody has asked for it.
//!
//! An index gives the keys; each is read consistently and written under a condition. The recipients of a page are
//! named in a chunk of their own before the first of them is queued, so that none is forgotten. Those that fail once
//! more are not met again: they failed after it was asked. The index may trail what has failed, so all of it is looked
//! at once more some seconds later.

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

/// Goes on through the failures, if they are to be tried again, and keeps how far it has come.
pub(crate) async fn run(
    store: &Store,
    taken: &mut Taken,
    now: Timestamp,
) -> Result<(), StoreError> {
    step(store, taken, now).await?;
    // Another tick that has come further meanwhile has met them, too.
    taken.save(store).await?;
    Ok(())
}

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
        if queue_again(store, taken, failed.entries, again.asked_at, now).await? {
            again.queued_at = Some(now);
        }
        let is_last = failed.next.is_none();
        again.after = failed.next;
        taken.progress.again = Some(again).filter(|again| !is_last || !again.has_met_all(now));
        if is_last {
            return Ok(());
        }
    }
    Ok(())
}

/// Queues those that are meant again; says whether there were any.
async fn queue_again(
    store: &Store,
    taken: &mut Taken,
    failed: Vec<Message>,
    asked_at: Timestamp,
    now: Timestamp,
) -> Result<bool, StoreError> {
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
        return Ok(false);
    }
    let ids: Vec<_> = meant.iter().map(|message| &message.id).collect();
    store.name_again(&taken.job, &ids, now).await?;
    try_join_all(
        meant
            .into_iter()
            .map(|message| store.apply(message, &event, now)),
    )
    .await?;
    Ok(true)
}
