//! When what happened to a message.

use super::state::Status;
use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond;
use serde::{Deserialize, Serialize};

/// When each thing happened to a message. The earliest report of each wins, so that order does not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Times {
    /// The provider took it.
    #[serde(
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub accepted: Option<Timestamp>,
    /// Sent on.
    #[serde(
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub sent: Option<Timestamp>,
    /// Reached the device.
    #[serde(
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub delivered: Option<Timestamp>,
    /// Read.
    #[serde(
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub read: Option<Timestamp>,
    /// Played.
    #[serde(
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub played: Option<Timestamp>,
    /// Failed, cancelled or expired.
    #[serde(
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub ended: Option<Timestamp>,
}

impl Times {
    /// Notes that `status` was reached at `at`.
    pub fn note(&mut self, status: Status, at: Timestamp) {
        let slot = match status {
            Status::Sent => &mut self.sent,
            Status::Delivered => &mut self.delivered,
            Status::Read => &mut self.read,
            Status::Played => &mut self.played,
            Status::Failed => &mut self.ended,
        };
        *slot = Some(slot.map_or(at, |known| known.min(at)));
    }
}
