//! A single message that is overdue: given another hint, or written down as expired or unknown.

use crate::{State, SweepError};
use heliograph::domain::id::MessageId;
use heliograph::domain::identity::TenantId;
use heliograph::domain::ledger::claimable;
use heliograph::messaging::attempt::lapse;
use jiff::{SignedDuration, Timestamp};

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
    if claimable(&message, now) {
        state
            .lanes
            .put(tenant, &message, SignedDuration::ZERO, None)
            .await?;
    }
    Ok(())
}
