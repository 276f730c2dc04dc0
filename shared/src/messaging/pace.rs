//! When a single message may go: the next free slot of its sender.
//!
//! Bulk jobs take their slots a second at a time (function `dispatch`); while one runs, single messages have the
//! share of the rate that jobs leave to them, otherwise all of it. So the two never add up to more than the rate.

use crate::domain::identity::{PhoneNumberId, TenantId};
use crate::domain::pace::interval;
use crate::store::{Row, Store, StoreError};
use jiff::Timestamp;
use tokio::try_join;

/// The slot of one more single message of the sender of this id; `now` if there is no such sender any more.
pub async fn single_slot(
    store: &Store,
    tenant: &TenantId,
    id: &PhoneNumberId,
    now: Timestamp,
) -> Result<Timestamp, StoreError> {
    let (sender, (pace, ahead)) = try_join!(
        store.sender(tenant, id),
        store.pace_and_row(tenant, id, now)
    )?;
    let Some(sender) = sender else {
        return Ok(now);
    };
    let share = if pace.jobs.is_empty() {
        100
    } else {
        sender.reserved()
    };
    let interval = interval(sender.messages_per_second, share);
    let row = ahead.map_or(Row::Free, |_| Row::Waiting);
    store.single_slot(tenant, id, interval, row, now).await
}
