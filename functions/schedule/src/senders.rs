//! A sender with running jobs whose dispatch was not heard of: it gets a new hint.

use crate::{State, SweepError};
use heliograph::domain::identity::{PhoneNumberId, TenantId};
use heliograph::domain::queue::DispatchBody;
use heliograph::service::queue::Entry;

pub(crate) async fn kick(
    state: &State,
    tenant: &TenantId,
    sender: &PhoneNumberId,
) -> Result<(), SweepError> {
    let hint = DispatchBody::V1 {
        tenant: tenant.clone(),
        sender: sender.clone(),
        handed_out: Vec::new(),
    };
    tracing::info!(sender.id = %sender, "dispatch kicked");
    Ok(state.dispatch.send(tenant, Entry::of(&hint)?).await?)
}
