//! The body of `POST /v1/messages`: Meta's own message object plus our fields.

use crate::domain::content::{Content, read_recipient};
use crate::domain::fault::{Fault, FaultCode, Faults};
use crate::domain::fields::Fields;
use crate::domain::id::RouteId;
use crate::domain::identity::{Recipient, SenderId};
use crate::domain::message::{Lane, OnUnknown};
use crate::domain::purpose::Purpose;
use crate::domain::waiting::WaitMinutes;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::str::FromStr;

/// The longest `reference` and `biz_opaque_callback_data`. Source of the latter: Meta, "Messages" reference.
const LONGEST_REFERENCE: usize = 512;

/// The most that `metadata` may hold, as JSON: it travels in the message's item.
const LARGEST_METADATA: usize = 4_096;

/// How far ahead a time may lie: what is meant for later than that is a slip of the keyboard.
const FARTHEST: SignedDuration = SignedDuration::from_hours(366 * 24);

/// A message to take in.
#[derive(Debug, Clone, PartialEq)]
pub struct Submission {
    /// What it leaves from.
    pub from: Source,
    /// Whom it goes to.
    pub to: Recipient,
    /// What it says.
    pub content: Content,
    /// What it may not wait behind.
    pub lane: Lane,
    /// The caller's own name for it.
    pub reference: Option<String>,
    /// The caller's own facts about it.
    pub metadata: Option<Value>,
    /// The caller's own `biz_opaque_callback_data`.
    pub callback_data: Option<String>,
    /// Not to be sent before.
    pub send_at: Option<Timestamp>,
    /// Not to be sent after.
    pub expires_at: Option<Timestamp>,
    /// What to do when the outcome is not known, if it says so itself.
    pub on_unknown: Option<OnUnknown>,
    /// What it is sent for: to be read, whatever a body says.
    pub purpose: Purpose,
}

/// What `from` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A sender.
    Sender(SenderId),
    /// The first that may of a route's senders.
    Route(RouteId),
}

impl FromStr for Source {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let sender = || text.parse().map(Self::Sender);
        let route = text.parse().map(Self::Route);
        route
            .or_else(|_| sender())
            .map_err(|_| "must be a sender (Meta's id of a phone number, or a provider's name, a dash and its number) or a route")
    }
}

impl Submission {
    /// Reads a body; every fault of it at once.
    pub fn read(body: &Value, now: Timestamp) -> Result<Self, Vec<Fault>> {
        let faults = Faults::new();
        let submission = Fields::of(body, "", &faults).and_then(|fields| read(fields, now));
        faults.into_result(submission)
    }
}

fn read(mut fields: Fields<'_>, now: Timestamp) -> Option<Submission> {
    let from = read_from(&mut fields);
    let to = read_recipient(&mut fields);
    let content = Content::read(&mut fields);
    let lane = fields.parsed("lane", lane);
    let reference = fields
        .text("reference", 1..=LONGEST_REFERENCE)
        .map(str::to_owned);
    let metadata = read_metadata(&mut fields);
    let callback_data = fields
        .text("biz_opaque_callback_data", 0..=LONGEST_REFERENCE)
        .map(str::to_owned);
    let send_at = read_time(&mut fields, "send_at", now);
    let expires_at = read_time(&mut fields, "expires_at", now);
    if expires_at.is_some_and(|expires_at| expires_at <= send_at.unwrap_or(now)) {
        fields.fault(
            "expires_at",
            FaultCode::NotAllowed,
            "must be later than now and than send_at",
        );
    }
    let on_unknown = read_on_unknown(&mut fields);
    fields.finish();
    let content = content?;
    Some(Submission {
        from: from?,
        to: to?,
        lane: lane.unwrap_or_else(|| lane_of(&content)),
        content,
        reference,
        metadata,
        callback_data,
        send_at,
        expires_at,
        on_unknown,
        purpose: Purpose::Delivery,
    })
}

/// Reads `from`, the sender or the route.
pub fn read_from(fields: &mut Fields<'_>) -> Option<Source> {
    fields.required("from")?;
    fields.parsed("from", str::parse)
}

/// Reads `on_unknown`, and the `wait_minutes` that go with `wait`.
pub fn read_on_unknown(fields: &mut Fields<'_>) -> Option<OnUnknown> {
    let policy = fields.choice("on_unknown", &["hold", "retry", "wait"]);
    let minutes = fields.value("wait_minutes");
    match (policy, minutes) {
        (Some("wait"), minutes) => Some(OnUnknown::Wait(wait_minutes(fields, minutes))),
        (policy, None) => policy.map(|policy| match policy {
            "retry" => OnUnknown::Retry,
            _ => OnUnknown::Hold,
        }),
        (_, Some(_)) => {
            let detail = "goes only with on_unknown wait";
            fields.fault("wait_minutes", FaultCode::NotAllowed, detail);
            None
        }
    }
}

fn wait_minutes(fields: &Fields<'_>, minutes: Option<&Value>) -> WaitMinutes {
    let Some(minutes) = minutes else {
        return WaitMinutes::default();
    };
    let number = minutes.as_u64().and_then(|it| u16::try_from(it).ok());
    let read = WaitMinutes::try_from(number.unwrap_or(0));
    if let Err(detail) = read {
        fields.fault("wait_minutes", FaultCode::OutOfRange, detail);
    }
    read.unwrap_or_default()
}

fn lane(text: &str) -> Result<Lane, &'static str> {
    match text {
        "otp" => Ok(Lane::Otp),
        "single" => Ok(Lane::Single),
        _ => Err("must be otp or single; bulk messages are sent by a bulk job"),
    }
}

/// The lane of a message that names none.
fn lane_of(content: &Content) -> Lane {
    if content.brings_code() {
        Lane::Otp
    } else {
        Lane::Single
    }
}

fn read_metadata(fields: &mut Fields<'_>) -> Option<Value> {
    if !fields.value("metadata")?.is_object() {
        fields.fault("metadata", FaultCode::WrongType, "must be an object");
        return None;
    }
    fields.value_within("metadata", LARGEST_METADATA).cloned()
}

/// Reads a time that is not farther away than any message waits.
pub fn read_time(fields: &mut Fields<'_>, name: &'static str, now: Timestamp) -> Option<Timestamp> {
    let time = fields.time(name)?;
    if time.duration_since(now) > FARTHEST {
        let detail = "must be within a year from now";
        fields.fault(name, FaultCode::OutOfRange, detail);
        return None;
    }
    Some(time)
}
