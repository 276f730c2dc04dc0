//! What stands in a queue's messages. Versioned: a body written before a deployment is read after it.
//!
//! A queue message is a hint; the ledger decides. A body that does not decode goes to the dead-letter queue.

mod packing;

pub use packing::PackingError;

use super::id::{AccountId, EventId, MessageId};
use super::identity::{SenderId, TenantId};
use super::message::{Lane, Leg, Outbound, Passed};
use super::pace::{Held, Slot};
use super::provider::Provider;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The longest time a queue keeps a message back. Source: AWS, "Amazon SQS message quotas".
pub const LONGEST_DELAY: SignedDuration = SignedDuration::from_mins(15);

/// What a webhook record may be on the queue, so that its item in the database (400 KB at most) still holds it.
pub const LARGEST_RECORD: usize = 350_000;

/// Queues `otp`, `single` and `bulk`: try to send this message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "v")]
pub enum DeliverBody {
    /// The first form.
    #[serde(rename = "1")]
    V1 {
        /// Whose message.
        tenant: TenantId,
        /// The account it leaves from: its credential is fetched before the message is claimed.
        account: AccountId,
        /// The sender it leaves from: other providers than Meta give each a key of its own.
        sender: SenderId,
        /// Which message.
        message: MessageId,
        /// What it may not wait behind; tells what becomes of a slot that was missed.
        #[serde(default = "single")]
        lane: Lane,
        /// When it may go: the slot leased for it, in microseconds of Unix time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        slot: Option<i64>,
        /// When that slot is over, in microseconds of Unix time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<i64>,
        /// When that slot was given away, in microseconds of Unix time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<i64>,
        /// Of which of the sender's rates it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        era: Option<u64>,
        /// Over a route: the senders whose turn it was before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        passed: Option<Vec<Passed>>,
    },
}

/// A slot of one of a message's senders, and those whose turn it was before where it has a choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seat {
    /// What it leaves from.
    pub leg: Leg,
    /// The slot.
    pub held: Held,
    /// Over a route: whose turn it was before.
    pub passed: Option<Vec<Passed>>,
}

impl DeliverBody {
    /// A hint to send a message, when it may.
    #[must_use]
    pub fn to(message: &Outbound) -> Self {
        let Leg { account, sender } = message.leg();
        Self::V1 {
            tenant: message.tenant.clone(),
            account,
            sender,
            message: message.id.clone(),
            lane: message.lane,
            slot: None,
            until: None,
            since: None,
            era: None,
            passed: None,
        }
    }

    /// A hint to send a message of this lane in this slot.
    #[must_use]
    pub fn in_seat(tenant: &TenantId, message: &MessageId, lane: Lane, seat: Seat) -> Self {
        let (begins, until) = micros(seat.held.slot);
        Self::V1 {
            tenant: tenant.clone(),
            account: seat.leg.account,
            sender: seat.leg.sender,
            message: message.clone(),
            lane,
            slot: Some(begins),
            until: Some(until),
            since: Some(seat.held.since.as_microsecond()),
            era: Some(seat.held.era),
            passed: seat.passed,
        }
    }
}

/// When a slot begins and when it is over, in microseconds of Unix time.
#[must_use]
pub fn micros(slot: Slot) -> (i64, i64) {
    (slot.at.as_microsecond(), slot.until.as_microsecond())
}

/// The slot that stands in a hint. One from before a deployment does not say since when it is held, nor of which rate it is:
/// it was given away a moment before, at the rate there is.
#[must_use]
pub fn held(
    (begins, until): (Option<i64>, Option<i64>),
    since: Option<i64>,
    era: Option<u64>,
) -> Option<Held> {
    let slot = Slot {
        at: Timestamp::from_microsecond(begins?).ok()?,
        until: Timestamp::from_microsecond(until?).ok()?,
    };
    let since = since.and_then(|since| Timestamp::from_microsecond(since).ok());
    Some(Held {
        slot,
        since: since.unwrap_or(slot.at),
        era: era.unwrap_or(u64::MAX),
    })
}

const fn single() -> Lane {
    Lane::Single
}

/// A record from before there were other providers' webhooks.
const fn meta() -> Provider {
    Provider::Meta
}

/// Queue `dispatch`: hand out the next second of this sender's running jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "v")]
pub enum DispatchBody {
    /// The first form.
    #[serde(rename = "1")]
    V1 {
        /// Whose sender.
        tenant: TenantId,
        /// Which sender.
        sender: SenderId,
        /// Some of what the last ticks handed out: what became of it tells whether the workers keep up.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        handed_out: Vec<Probe>,
    },
}

/// A recipient that was handed out with a slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Which.
    pub message: MessageId,
    /// When its slot is over, in microseconds of Unix time.
    pub until: i64,
    /// Whose slot it is, if it was borrowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lender: Option<SenderId>,
}

/// Queues `inbound` and `status`: changes as a provider sent them.
///
/// Not internally tagged: raw JSON must pass through untouched, and serde's internal tagging would re-read it.
#[derive(Debug, Serialize, Deserialize)]
pub enum WebhookBody {
    /// At most ten updates, as JSON.
    #[serde(rename = "1")]
    V1(WebhookRecord),
    /// The same, too large for a queue message as it is: the JSON of the record, compressed (gzip), in base64.
    #[serde(rename = "1gz")]
    V1Gzip(String),
}

/// A piece of one webhook call: at most ten updates.
#[derive(Debug, Serialize, Deserialize)]
pub struct WebhookRecord {
    /// Names the piece; its updates are this id and their place in it.
    pub id: EventId,
    /// Whose account.
    pub tenant: TenantId,
    /// The account in the webhook's path, which chose the secret.
    pub account: AccountId,
    /// The provider that called: its changes are read as it writes them.
    #[serde(default = "meta")]
    pub provider: Provider,
    /// When we had it.
    pub received_at: Timestamp,
    /// What it holds.
    pub changes: Vec<Change>,
}

/// One change of a webhook's envelope, cut to the updates that travel in this record. A provider without envelopes tells
/// one change a call.
#[derive(Debug, Serialize, Deserialize)]
pub struct Change {
    /// Meta's `entry.id`: the WABA the change is about. The number of Fonnte's device.
    pub entry: String,
    /// Meta's `entry.time`, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<i64>,
    /// Meta's name for the kind of change, or ours where its provider has none.
    pub field: String,
    /// The change itself, byte for byte save for what was cut out of its arrays.
    pub value: Box<RawValue>,
}
