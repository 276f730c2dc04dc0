//! What happened to a message that a device sent: found by the id of the answer, or by WhatsApp's own once that is known.
//!
//! Neither is unique over providers, and anybody who knows the address can name any: the message must be the sender's.

use super::Applied;
use super::status::{apply_to, knows, waiting};
use crate::domain::identity::Wamid;
use crate::domain::message::Outbound;
use crate::domain::webhook::DeviceStatus;
use crate::store::{Sender, StateId, Store, StoreError};
use jiff::Timestamp;

pub(super) async fn apply(
    store: &Store,
    sender: &Sender,
    told: &DeviceStatus,
    now: Timestamp,
) -> Result<Applied, StoreError> {
    let Some((message, wamid)) = find(store, sender, told).await? else {
        // The status that tells both ids, or the answer to the send, has been overtaken.
        return Ok(waiting("no message of this sender has this id yet"));
    };
    if let (Some(_), Some(state_id)) = (&told.id, &told.state_id) {
        let of = StateId {
            message: message.id.clone(),
            provider_id: wamid.clone(),
        };
        let whose = (&sender.tenant, &sender.id);
        store.note_state_id(whose, state_id, &of, told.at).await?;
    }
    match told.of(wamid) {
        Some(status) => apply_to(store, sender, message, &status, now).await,
        None => Ok(Applied::kept()),
    }
}

/// The message, and the provider's id of the attempt.
async fn find(
    store: &Store,
    sender: &Sender,
    told: &DeviceStatus,
) -> Result<Option<(Outbound, Wamid)>, StoreError> {
    let tenant = &sender.tenant;
    if let Some(id) = &told.id {
        for message in store.ids_by_provider_id(tenant, id).await? {
            if let Some(message) = store.outbound(tenant, &message).await?
                && message.sender == sender.id
                && knows(&message, id)
            {
                return Ok(Some((message, id.clone())));
            }
        }
    }
    let Some(state_id) = &told.state_id else {
        return Ok(None);
    };
    let Some(known) = store.state_id(tenant, &sender.id, state_id).await? else {
        return Ok(None);
    };
    let message = store.outbound(tenant, &known.message).await?;
    Ok(message.map(|message| (message, known.provider_id)))
}
