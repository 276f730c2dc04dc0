//! A message that is due: what the rules make of it is written down, and the hint it needs is put.

use crate::{State, SweepError};
use heliograph::domain::id::MessageId;
use heliograph::domain::identity::TenantId;
use heliograph::messaging::overdue;
use jiff::Timestamp;

pub(crate) async fn look_after(
    state: &State,
    tenant: &TenantId,
    id: &MessageId,
    now: Timestamp,
) -> Result<(), SweepError> {
    if let Some(hint) = overdue::look_after(&state.store, tenant, id, now).await? {
        state.lanes.put(&hint.message, hint.wait).await?;
    }
    Ok(())
}
