//! What becomes of a message that the sweeper finds due: written down as expired, as unknown, or as waiting longer;
//! given another hint; looked at again later.

use super::attempt::lapse;
use super::held;
use crate::domain::id::MessageId;
use crate::domain::identity::TenantId;
use crate::domain::message::Outbound;
use crate::domain::queue::LONGEST_DELAY;
use crate::domain::state::State;
use crate::store::{Store, StoreError};
use jiff::{SignedDuration, Timestamp};

/// A message is not looked at again sooner than this after it was due.
const SOONEST: SignedDuration = SignedDuration::from_secs(10);

/// Nor later.
const LATEST: SignedDuration = SignedDuration::from_mins(10);

/// One that is held back goes on this soon after what held it has ended, whatever became of its own hint.
const LATEST_HELD: SignedDuration = SignedDuration::from_mins(2);

/// A message whose hint has just been put is looked at this long after its time: the hint may have been lost.
const AFTER_HINT: SignedDuration = SignedDuration::from_secs(35);

/// A message that needs a hint, and the time until it may go.
#[derive(Debug, Clone, PartialEq)]
pub struct Hint {
    /// The message.
    pub message: Outbound,
    /// Not to be received sooner.
    pub wait: SignedDuration,
}

/// Looks after a message that is due; the hint it needs, if it needs one.
pub async fn look_after(
    store: &Store,
    tenant: &TenantId,
    id: &MessageId,
    now: Timestamp,
) -> Result<Option<Hint>, StoreError> {
    let Some(message) = store.outbound(tenant, id).await? else {
        return Ok(None);
    };
    let message = lapse(store, message, now).await?;
    if !message.state.is_open() {
        return Ok(None);
    }
    let wait = until_its_time(&message, now);
    let needs_hint = message.state == State::Queued && wait <= LONGEST_DELAY;
    // One that is held back has a hint that comes again and again: another one would do so beside it.
    let is_held = needs_hint && held::of_message(store, &message, now).await?.is_some();
    let until_again = until_again(&message, now);
    let until_again = if is_held {
        until_again.min(LATEST_HELD)
    } else {
        until_again
    };
    let again = now.saturating_add(until_again).unwrap_or(now);
    store.postpone(&message, again).await?;
    Ok((needs_hint && !is_held).then_some(Hint { message, wait }))
}

fn until_its_time(message: &Outbound, now: Timestamp) -> SignedDuration {
    let until = |time: Timestamp| time.duration_since(now);
    message
        .not_before
        .map_or(SignedDuration::ZERO, until)
        .max(SignedDuration::ZERO)
}

/// Before its time: soon after it. Afterwards as long again as it is overdue, so that what stays open does not stand
/// before what comes due after it.
fn until_again(message: &Outbound, now: Timestamp) -> SignedDuration {
    let wait = until_its_time(message, now);
    if wait > SignedDuration::ZERO {
        return wait.saturating_add(AFTER_HINT);
    }
    let due = message.not_before.unwrap_or(message.created_at);
    now.duration_since(due).clamp(SOONEST, LATEST)
}
