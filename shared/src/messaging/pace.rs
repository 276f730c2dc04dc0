//! When a single message may go: the next free slot of its sender.
//!
//! Bulk jobs take their slots a second at a time (function `dispatch`); while one runs, single messages have the
//! share of the rate that jobs leave to them, otherwise all of it. So the two never add up to more than the rate.

use crate::domain::identity::{PhoneNumberId, TenantId};
use crate::store::{Sender, Store, StoreError};
use jiff::{SignedDuration, Timestamp};

/// The slot of one more single message of a sender.
pub async fn single_slot(
    store: &Store,
    sender: &Sender,
    now: Timestamp,
) -> Result<Timestamp, StoreError> {
    let pace = store.pace(&sender.tenant, &sender.id).await?;
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

/// The time between two messages at `share` percent of a rate.
#[must_use]
pub fn interval(messages_per_second: u32, share: u8) -> SignedDuration {
    let percents = u64::from(messages_per_second.max(1)) * u64::from(share.clamp(1, 100));
    let micros = 100_000_000_u64.div_ceil(percents);
    SignedDuration::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_of_a_rate_add_up_to_no_more_than_the_rate() {
        for rate in [1, 20, 80, 1_000] {
            let (bulk, singles) = (interval(rate, 90), interval(rate, 10));
            let in_a_minute = |every: SignedDuration| 60_000_000 / every.as_micros();
            assert!(
                in_a_minute(bulk) + in_a_minute(singles) <= i128::from(rate) * 60,
                "{rate}"
            );
        }
    }
}
