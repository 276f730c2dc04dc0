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
    // Looked at again later and later, so that what stays open does not stand before what comes due after it.
    state
        .store
        .postpone(
            &message,
            now.saturating_add(wait(&message, now)).unwrap_or(now),
        )
        .await?;
    if claimable(&message, now) {
        state
            .lanes
            .put(tenant, &message, SignedDuration::ZERO, None)
            .await?;
    }
    Ok(())
}

/// As long again as the message is overdue, within bounds.
fn wait(message: &Outbound, now: Timestamp) -> SignedDuration {
    let due = message.not_before.unwrap_or(message.created_at);
    now.duration_since(due).clamp(SOONEST, LATEST)
}
