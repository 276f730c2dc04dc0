//! Looks, while the first pass lasts, at those it has left behind: whoever was refused for now is tried again in time,
//! and not hours later, when a large job's first pass is over.
//!
//! A lap is about those who were handed out when it was planned, and begins when their slots are over. So it hands nobody
//! out whose hint is still under way. The next one is planned when it ends.

use crate::recipients::{Ask, Put, Taken, look_at};
use heliograph::domain::job::Lap;
use heliograph::store::{Slice, Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use std::time::Instant;

/// After so long every slot that was given away is over: one begins a second and a half after it was taken at the latest,
/// and has a second of slack at most. Less than three ticks last, so that a lap begins with the third.
const SETTLED_AFTER: SignedDuration = SignedDuration::from_millis(2_700);

/// Chunks looked at in one tick: twice what the first pass hands out of the fastest sender in a second.
const CHUNKS_PER_TICK: usize = 20;

/// Takes some of those who may be handed out again, if there is time.
pub(crate) async fn step(
    store: &Store,
    taken: &mut Taken,
    ask: Ask<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let lap = match taken.progress.lap.take() {
        Some(lap) if lap.from <= now => go_on(store, taken, (lap, ask), now).await?,
        not_yet => not_yet,
    };
    taken.progress.lap = lap.or_else(|| planned(taken, now));
    Ok(())
}

/// What is left of the lap, unless it is over. Where somebody finds no slot the next tick goes on.
async fn go_on(
    store: &Store,
    taken: &mut Taken,
    (mut lap, ask): (Lap, Ask<'_>),
    now: Timestamp,
) -> Result<Option<Lap>, StoreError> {
    let slice = Slice {
        limit: CHUNKS_PER_TICK,
        after: lap.after.clone(),
    };
    let chunks = store.open_chunks(&taken.job, &slice).await?;
    let is_last = chunks.len() < slice.limit;
    for (place, (marker, chunk)) in chunks.into_iter().enumerate() {
        let is_whole = lap.until.as_ref().is_some_and(|until| chunk.key <= *until);
        if !is_whole && lap.offset == 0 {
            return Ok(None);
        }
        // At least one, however long other jobs have taken.
        if place > 0 && Instant::now() >= ask.until {
            return Ok(Some(lap));
        }
        let (_, claimable) = look_at(store, &taken.job, &chunk, now).await?;
        for recipient in claimable {
            let place = recipient.place;
            let is_meant = place >= lap.place && (is_whole || place < lap.offset);
            if is_meant && taken.put(recipient, ask) == Put::Full {
                lap.place = place;
                return Ok(Some(lap));
            }
        }
        if !is_whole {
            return Ok(None);
        }
        (lap.after, lap.place) = (Some(marker), 0);
    }
    Ok(Some(lap).filter(|_| !is_last))
}

/// The next lap, if anybody was handed out that it can be about.
fn planned(taken: &Taken, now: Timestamp) -> Option<Lap> {
    let progress = &taken.progress;
    let is_anybody = progress.after.is_some() || progress.offset > 0;
    is_anybody.then(|| Lap {
        from: now.saturating_add(SETTLED_AFTER).unwrap_or(Timestamp::MAX),
        until: progress.after.clone(),
        offset: progress.offset,
        after: None,
        place: 0,
    })
}
