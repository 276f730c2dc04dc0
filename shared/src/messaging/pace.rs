//! When a single message may go: the next free slot of its sender.
//!
//! Bulk jobs take their slots a second at a time (function `dispatch`); while one runs, single messages have the
//! share of the rate that jobs leave to them, otherwise all of it. So the two never add up to more than the rate.

use crate::domain::identity::{PhoneNumberId, TenantId};
use crate::domain::pace::interval;
use crate::store::{Sender, Store, StoreError};
use jiff::Timestamp;

/// The slot of one more single message of a sender.
pub async fn single_slot(
    store: &Store,
    sender: &Sender,
    now: Timestamp,
) -> Result<Timestamp, StoreError> {
    let (pace, row) = store.pace_and_row(&sender.tenant, &sender.id, now).await?;
    let share = if pace.jobs.is_empty() {
        100
    } else {
        sender.reserved_percent
    };
    store
        .single_slot(
            &sender.tenant,
            &sender.id,
            interval(sender.messages_per_second, share),
            row,
            now,
        )
        .await
}

/// The slot of one more single message of the sender of this id; `now` if there is no such sender any more.
pub async fn slot_of(
    store: &Store,
    tenant: &TenantId,
    sender: &PhoneNumberId,
    now: Timestamp,
) -> Result<Timestamp, StoreError> {
    match store.sender(tenant, sender).await? {
        Some(sender) => single_slot(store, &sender, now).await,
        None => Ok(now),
    }
}
