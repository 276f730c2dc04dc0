//! A single message that is overdue: given another hint, or written down as expired or unknown.

use crate::{State, SweepError};
use heliograph::domain::id::MessageId;
use heliograph::domain::identity::TenantId;
use heliograph::domain::ledger::claimable;
use heliograph::domain::message::Outbound;
use heliograph::messaging::attempt::lapse;
use jiff::{SignedDuration, Timestamp};

/// A message is not looked at again sooner than this.
const SOONEST: SignedDuration = SignedDuration::from_secs(10);

/// Nor later.
const LATEST: SignedDuration = SignedDuration::from_mins(10);

pub(crate) async fn look_after(
    state: &State,
    tenant: &TenantId,
    id: &MessageId,
    now: Timestamp,
) -> Result<(), SweepError> {
    let Some(message) = state.store.outbound(tenant, id).await? else {
        return Ok(());
    };
    let message = lapse(&state.store, message, now).await?;
    let claimable = claimable(&message, now);
    let paused = claimable && is_paused(state, &message).await?;
    // Looked at again later and later, so that what stays open does not stand before what comes due after it. What waits
    // for its sender goes on soon after that is resumed.
    let wait = if paused { SOONEST } else { wait(&message, now) };
    let again = now.saturating_add(wait).unwrap_or(now);
    state.store.postpone(&message, again).await?;
    if claimable && !paused {
        state.lanes.put(&message, SignedDuration::ZERO).await?;
    }
    Ok(())
}

async fn is_paused(state: &State, message: &Outbound) -> Result<bool, SweepError> {
    let pace = state.store.pace(&message.tenant, &message.sender).await?;
    Ok(pace.paused.is_some())
}

/// As long again as the message is overdue, within bounds.
fn wait(message: &Outbound, now: Timestamp) -> SignedDuration {
    let due = message.not_before.unwrap_or(message.created_at);
    now.duration_since(due).clamp(SOONEST, LATEST)
}
