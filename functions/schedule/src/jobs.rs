//! A job whose time has come, or has passed while it waited or was paused: it runs, and its sender gets a hint.

use crate::{State, SweepError, senders};
use heliograph::domain::id::JobId;
use heliograph::domain::identity::TenantId;
use heliograph::domain::job::JobEvent;
use heliograph::store::Asked;
use jiff::Timestamp;

pub(crate) async fn look_after(
    state: &State,
    tenant: &TenantId,
    id: &JobId,
    now: Timestamp,
) -> Result<(), SweepError> {
    let Some(job) = state.store.job(tenant, id).await? else {
        return Ok(());
    };
    let event = JobEvent::TimeCame;
    let job = state
        .store
        .move_job(job, &event, Asked::default(), now)
        .await?;
    senders::kick(state, tenant, &job.sender).await
}
