//! A sender with running jobs: it gets a hint, in case the chain of its own has broken. One that has not drops it.

use crate::{State, SweepError};
use heliograph::domain::identity::{SenderId, TenantId};
use heliograph::domain::queue::DispatchBody;
use heliograph::service::queue::Entry;
use heliograph::service::telemetry::STEPS;

pub(crate) async fn kick(
    state: &State,
    tenant: &TenantId,
    sender: &SenderId,
) -> Result<(), SweepError> {
    let hint = DispatchBody::V1 {
        tenant: tenant.clone(),
        sender: sender.clone(),
        handed_out: Vec::new(),
    };
    tracing::info!(target: STEPS, { sender.id = sender.logged() }, "dispatch kicked");
    Ok(state.dispatch.send(tenant, Entry::of(&hint)?).await?)
}
