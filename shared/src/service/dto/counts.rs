//! How many messages stand in each state: each message in exactly one.

use crate::domain::state::State;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// How many messages stand in each state. The states sum to `total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = Counts)]
pub struct CountsDto {
    /// All of them.
    pub total: u64,
    /// Written down, waiting for their turn.
    pub queued: u64,
    /// Being handed to the provider.
    pub sending: u64,
    /// The call's outcome is not known.
    pub unknown: u64,
    /// The provider took them.
    pub accepted: u64,
    /// Sent on.
    pub sent: u64,
    /// Reached the device, not read.
    pub delivered: u64,
    /// Read.
    pub read: u64,
    /// Will not arrive.
    pub failed: u64,
    /// Taken back before they were sent.
    pub cancelled: u64,
    /// Their time passed before they were sent.
    pub expired: u64,
}

impl CountsDto {
    /// The counters `<prefix><state>` of `numbers`.
    #[must_use]
    pub fn counted(numbers: &BTreeMap<String, i64>, prefix: &str) -> Self {
        let of = |state: State| number_of(numbers, &format!("{prefix}{}", state.as_str()));
        Self {
            total: 0,
            queued: of(State::Queued),
            sending: of(State::Sending),
            unknown: of(State::Unknown),
            accepted: of(State::Accepted),
            sent: of(State::Sent),
            delivered: of(State::Delivered),
            read: of(State::Read),
            failed: of(State::Failed),
            cancelled: of(State::Cancelled),
            expired: of(State::Expired),
        }
        .summed()
    }

    /// The same with `total` messages: those that nobody has counted yet wait for their turn.
    #[must_use]
    pub fn closed_at(self, total: u64) -> Self {
        Self {
            queued: self.queued + total.saturating_sub(self.total),
            ..self
        }
        .summed()
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: &Self) -> Self {
        Self {
            total: self.total + other.total,
            queued: self.queued + other.queued,
            sending: self.sending + other.sending,
            unknown: self.unknown + other.unknown,
            accepted: self.accepted + other.accepted,
            sent: self.sent + other.sent,
            delivered: self.delivered + other.delivered,
            read: self.read + other.read,
            failed: self.failed + other.failed,
            cancelled: self.cancelled + other.cancelled,
            expired: self.expired + other.expired,
        }
    }

    fn summed(self) -> Self {
        let waiting = self.queued + self.sending + self.unknown;
        let taken = self.accepted + self.sent + self.delivered + self.read;
        let ended = self.failed + self.cancelled + self.expired;
        Self {
            total: waiting + taken + ended,
            ..self
        }
    }
}

/// A counter; one that is not there, or not counted whole yet, is 0.
#[must_use]
pub fn number_of(numbers: &BTreeMap<String, i64>, name: &str) -> u64 {
    let number = numbers.get(name).copied().unwrap_or(0);
    u64::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(counted: &[(&str, i64)]) -> BTreeMap<String, i64> {
        let counted = counted.iter();
        counted
            .map(|(name, number)| ((*name).to_owned(), *number))
            .collect()
    }

    #[test]
    fn the_states_sum_to_the_total_also_while_not_all_is_counted() {
        let counted = numbers(&[("queued", 2), ("sent", 3), ("failed", 1), ("colour", 9)]);
        for total in [6, 7, 1_000] {
            let counts = CountsDto::counted(&counted, "").closed_at(total);
            assert_eq!(counts.total, total);
            assert_eq!(counts.queued, total - 4);
            assert_eq!((counts.sent, counts.failed), (3, 1));
        }
    }

    #[test]
    fn only_the_counters_of_the_prefix_count() {
        let counted = numbers(&[("outbound_read", 4), ("inbound_received", 5), ("read", 6)]);
        let counts = CountsDto::counted(&counted, "outbound_");
        assert_eq!((counts.total, counts.read), (4, 4));
        assert_eq!(counts.plus(&counts).total, 8);
    }
}
