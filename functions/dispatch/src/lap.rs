//! Looks, while the first pass lasts, at those it has left behind: whoever was refused for now is tried again in time,
//! and not hours later, when a large job's first pass is over.
//!
//! A lap is about the chunks that were handed out whole when it was planned, and begins when their slots are over. So it
//! hands nobody out whose hint is still under way.

use crate::recipients::{Ask, Put, Taken, look_at};
use heliograph::domain::job::Lap;
use heliograph::store::{Slice, Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use std::time::Instant;

/// After so long every slot that was given away is over, and its call has mostly ended.
const SETTLED_AFTER: SignedDuration = SignedDuration::from_secs(5);

/// Chunks looked at in one tick: twice what the first pass hands out of the fastest sender in a second.
const CHUNKS_PER_TICK: usize = 20;

/// Takes some of those who may be handed out again, if there is time.
pub(crate) async fn step(
    store: &Store,
    taken: &mut Taken,
    ask: Ask<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(mut lap) = taken.progress.lap.take() else {
        taken.progress.lap = planned(taken, now);
        return Ok(());
    };
    if now < lap.from {
        taken.progress.lap = Some(lap);
        return Ok(());
    }
    let slice = Slice {
        limit: CHUNKS_PER_TICK,
        after: lap.after.clone(),
    };
    let chunks = store.open_chunks(&taken.job, &slice).await?;
    let is_last = chunks.len() < slice.limit;
    for (place, (marker, chunk)) in chunks.into_iter().enumerate() {
        if chunk.key > lap.until {
            return Ok(());
        }
        // At least one, however long other jobs have taken.
        if place > 0 && Instant::now() >= ask.until {
            taken.progress.lap = Some(lap);
            return Ok(());
        }
        let (_, claimable) = look_at(store, &taken.job, &chunk, now).await?;
        let mut is_full = false;
        for (_, id, at) in claimable {
            is_full |= taken.put(id, &at, ask) == Put::Full;
        }
        if is_full {
            // Those that find no slot are met in the next lap, as are those of the chunks that follow.
            return Ok(());
        }
        lap.after = Some(marker);
    }
    taken.progress.lap = Some(lap).filter(|_| !is_last);
    Ok(())
}

/// The next lap, if chunks were handed out that it can be about.
fn planned(taken: &Taken, now: Timestamp) -> Option<Lap> {
    Some(Lap {
        from: now.saturating_add(SETTLED_AFTER).ok()?,
        until: taken.progress.after.clone()?,
        after: None,
    })
}
