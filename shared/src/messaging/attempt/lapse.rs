//! What the time alone does to a message.

use crate::domain::ledger::Event;
use crate::domain::message::Outbound;
use crate::domain::state::State;
use crate::store::{Store, StoreError};
use jiff::Timestamp;

/// The message after what time alone has done to it: its lease, the time to send it, or its wait for a status may
/// have run out.
pub async fn lapse(
    store: &Store,
    message: Outbound,
    now: Timestamp,
) -> Result<Outbound, StoreError> {
    let event = match message.state {
        State::Sending => Event::LeaseRanOut,
        State::Queued => Event::TimePassed,
        State::Unknown if is_to_be_looked_at(&message, now) => Event::WaitLookedAt {
            newest_status: store
                .newest_status(&message.tenant, &message.sender)
                .await?,
        },
        State::Unknown
        | State::Accepted
        | State::Sent
        | State::Failed
        | State::Delivered
        | State::Read
        | State::Received
        | State::Cancelled
        | State::Expired => return Ok(message),
    };
    store.apply(message, &event, now).await
}

fn is_to_be_looked_at(message: &Outbound, now: Timestamp) -> bool {
    let waiting = message.waiting.as_ref();
    waiting.is_some_and(|waiting| waiting.look_at <= now)
}
