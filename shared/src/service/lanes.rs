//! The queues of single messages, one per lane.

use super::queue::{Entry, Queue, QueueError};
use crate::domain::identity::TenantId;
use crate::domain::message::{Lane, Outbound};
use crate::domain::queue::DeliverBody;
use aws_sdk_sqs::Client;
use jiff::{SignedDuration, Timestamp};

/// The queues `otp` and `single`.
#[derive(Debug, Clone)]
pub struct Lanes {
    otp: Queue,
    single: Queue,
}

impl Lanes {
    /// The queues at these addresses.
    #[must_use]
    pub fn new(client: &Client, otp: &str, single: &str) -> Self {
        Self {
            otp: Queue::new(client.clone(), otp),
            single: Queue::new(client.clone(), single),
        }
    }

    /// Puts a hint to deliver `message`, not to be received before `wait` has passed.
    ///
    /// A bulk recipient has no queue here: its job's dispatch hands it out.
    pub async fn put(
        &self,
        tenant: &TenantId,
        message: &Outbound,
        wait: SignedDuration,
        slot: Option<Timestamp>,
    ) -> Result<(), QueueError> {
        let queue = match message.lane {
            Lane::Otp => &self.otp,
            Lane::Single | Lane::Bulk => &self.single,
        };
        let body = DeliverBody::V1 {
            tenant: tenant.clone(),
            account: message.account.clone(),
            message: message.id.clone(),
            lane: message.lane,
            slot: slot.map(Timestamp::as_millisecond),
        };
        let seconds = u32::try_from(wait.as_secs()).unwrap_or(0);
        // A part of a second is a second too late, not too early: the claim refuses a message before its time.
        let rounded = if wait > SignedDuration::from_secs(i64::from(seconds)) {
            seconds + 1
        } else {
            seconds
        };
        queue.send(tenant, Entry::of(&body)?.after(rounded)).await
    }
}
