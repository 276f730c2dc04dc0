//! What happened to a message we sent: found by our own id if the provider gave it back, else by the provider's.

use super::Applied;
use crate::domain::identity::{TenantId, Wamid};
use crate::domain::ledger::Event;
use crate::domain::message::Outbound;
use crate::domain::webhook::StatusUpdate;
use crate::messaging::people;
use crate::store::{EventState, Sender, Store, StoreError};
use jiff::Timestamp;

pub(super) async fn apply(
    store: &Store,
    sender: &Sender,
    status: &StatusUpdate,
    now: Timestamp,
) -> Result<Applied, StoreError> {
    let tenant = &sender.tenant;
    let Some(message) = find(store, tenant, status).await? else {
        return Ok(waiting("no message of ours has this provider id yet"));
    };
    if message.sender != sender.id {
        return Ok(Applied::not(
            EventState::Malformed,
            "the message left from another sender",
        ));
    }
    let message = store
        .apply(message, &Event::StatusCame(status), now)
        .await?;
    if !knows(&message, &status.wamid) {
        return Ok(waiting(
            "no attempt of the message can have this provider id",
        ));
    }
    people::learn_names(store, &message, &status.recipient, status.at).await?;
    Ok(Applied::to(&message.id))
}

async fn find(
    store: &Store,
    tenant: &TenantId,
    status: &StatusUpdate,
) -> Result<Option<Outbound>, StoreError> {
    if let Some(id) = &status.message
        && let Some(message) = store.outbound(tenant, id).await?
    {
        return Ok(Some(message));
    }
    for id in store.ids_by_provider_id(tenant, &status.wamid).await? {
        if let Some(message) = store.outbound(tenant, &id).await?
            && knows(&message, &status.wamid)
        {
            return Ok(Some(message));
        }
    }
    Ok(None)
}

fn knows(message: &Outbound, wamid: &Wamid) -> bool {
    message
        .attempts
        .iter()
        .any(|attempt| attempt.provider_id.as_ref() == Some(wamid))
}

fn waiting(why: &str) -> Applied {
    Applied::not(EventState::Waiting, why)
}
