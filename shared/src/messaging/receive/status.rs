//! What happened to a message we sent: found by our own id if the provider gave it back, else by the provider's.

use super::Applied;
use crate::domain::identity::{TenantId, Wamid};
use crate::domain::ledger::Event;
use crate::domain::message::Outbound;
use crate::domain::pace::{Consequence, consequence};
use crate::domain::webhook::StatusUpdate;
use crate::messaging::people;
use crate::store::{EventState, Sender, Store, StoreError};
use jiff::{SignedDuration, Timestamp};

/// A status that tells of more than this long ago no longer pauses its sender, nor slows it down.
const NEWS: SignedDuration = SignedDuration::from_mins(10);

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
    if !message.left_from(&sender.id) {
        return Ok(Applied::not(
            EventState::Malformed,
            "the message left from another sender",
        ));
    }
    apply_to(store, sender, message, status, now).await
}

/// The same to the message that was found, which is the sender's.
pub(super) async fn apply_to(
    store: &Store,
    sender: &Sender,
    message: Outbound,
    status: &StatusUpdate,
    now: Timestamp,
) -> Result<Applied, StoreError> {
    let message = store
        .apply(message, &Event::StatusCame(status), now)
        .await?;
    if !knows(&message, &status.wamid) {
        return Ok(waiting(
            "no attempt of the message can have this provider id",
        ));
    }
    heed(store, sender, status, now).await?;
    people::learn_names(store, &message, &status.recipient, status.at).await?;
    Ok(Applied::to(&message.id))
}

/// A refusal that reaches beyond its message, or says that the sender is too fast, may come by a status alone. An old
/// one tells nothing of today.
async fn heed(
    store: &Store,
    sender: &Sender,
    status: &StatusUpdate,
    now: Timestamp,
) -> Result<(), StoreError> {
    let told = status.failure.as_ref();
    let Some(failure) = told.filter(|_| now.duration_since(status.at) < NEWS) else {
        return Ok(());
    };
    let (tenant, id) = (&sender.tenant, &sender.id);
    match consequence(failure, status.at) {
        Consequence::Nothing => {}
        Consequence::Pause(pause) => {
            store.pause_sender(tenant, id, &pause).await?;
        }
        // When it was told, the sender has been recovering since.
        Consequence::SlowDown => store.slow_down(tenant, id, status.at).await?,
    }
    Ok(())
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

pub(super) fn knows(message: &Outbound, wamid: &Wamid) -> bool {
    message
        .attempts
        .iter()
        .any(|attempt| attempt.provider_id.as_ref() == Some(wamid))
}

pub(super) fn waiting(why: &str) -> Applied {
    Applied::not(EventState::Waiting, why)
}
