//! The queues of single messages, one per lane.

use super::queue::{Entry, Queue, QueueError};
use crate::domain::message::{Lane, Outbound};
use crate::domain::queue::{DeliverBody, Seat};
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
    pub async fn put(&self, message: &Outbound, wait: SignedDuration) -> Result<(), QueueError> {
        let seconds = u32::try_from(wait.as_secs()).unwrap_or(0);
        // A part of a second is a second too late, not too early: the claim refuses a message before its time.
        let rounded = if wait > SignedDuration::from_secs(i64::from(seconds)) {
            seconds + 1
        } else {
            seconds
        };
        self.send(message, DeliverBody::to(message), rounded).await
    }

    /// Puts a hint to deliver `message` in its slot: received a second before it or more, for a slot cannot be used late.
    pub async fn put_for(
        &self,
        message: &Outbound,
        seat: Seat,
        now: Timestamp,
    ) -> Result<(), QueueError> {
        let seconds = u32::try_from(seat.held.slot.wait(now).as_secs()).unwrap_or(0);
        let body = DeliverBody::in_seat(&message.tenant, &message.id, message.lane, seat);
        self.send(message, body, seconds.saturating_sub(1)).await
    }

    async fn send(
        &self,
        message: &Outbound,
        body: DeliverBody,
        delay_s: u32,
    ) -> Result<(), QueueError> {
        let queue = match message.lane {
            Lane::Otp => &self.otp,
            Lane::Single | Lane::Bulk => &self.single,
        };
        let entry = Entry::of(&body)?.after(delay_s);
        queue.send(&message.tenant, entry).await
    }
}
