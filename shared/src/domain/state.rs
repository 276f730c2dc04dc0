//! A message's states, what a provider may report, and what may follow what.
//!
//! What happens to a message beyond that is decided in [`super::ledger`].

use serde::{Deserialize, Serialize};

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Written down, waiting for its turn.
    Queued,
    /// Claimed by a worker that is calling, or about to call, the provider.
    Sending,
    /// The call's outcome is not known; never blindly repeated.
    Unknown,
    /// The provider took it.
    Accepted,
    /// The provider sent it on.
    Sent,
    /// It will not arrive; the last attempt says why.
    Failed,
    /// It reached the person's device.
    Delivered,
    /// The person read it.
    Read,
    /// Inbound: we have it.
    Received,
    /// Taken back before it was sent.
    Cancelled,
    /// Its time passed before it was sent.
    Expired,
}

impl State {
    /// Every state, in the order people meet them.
    pub const ALL: [Self; 11] = [
        Self::Queued,
        Self::Sending,
        Self::Unknown,
        Self::Accepted,
        Self::Sent,
        Self::Delivered,
        Self::Read,
        Self::Failed,
        Self::Cancelled,
        Self::Expired,
        Self::Received,
    ];

    /// The state's name on the wire and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Unknown => "unknown",
            Self::Accepted => "accepted",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Received => "received",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }

    /// The state of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether a worker may still have to act on it.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Sending)
    }

    /// Whether a person may want to look at it: it ended, or hangs, without having been sent.
    #[must_use]
    pub const fn is_problem(self) -> bool {
        matches!(
            self,
            Self::Unknown | Self::Failed | Self::Cancelled | Self::Expired
        )
    }

    /// The order of states: a status never moves a message to a lower one. The states in which nothing was
    /// sent have no place in it.
    const fn rank(self) -> u8 {
        match self {
            Self::Queued => 0,
            Self::Sending => 1,
            Self::Unknown => 2,
            Self::Accepted => 3,
            Self::Sent => 4,
            Self::Failed => 5,
            Self::Delivered => 6,
            Self::Read => 7,
            Self::Received | Self::Cancelled | Self::Expired => u8::MAX,
        }
    }
}

/// What a provider says has happened to a message it took.
/// Ordered as things happen, so that of two reports the later one can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Sent on to the person.
    Sent,
    /// Reached the device.
    Delivered,
    /// Read.
    Read,
    /// A voice message was played; a fact of its own, not a state.
    Played,
    /// Not delivered.
    Failed,
}

impl Status {
    /// The state this status speaks of; [`Status::Played`] implies that it was read.
    #[must_use]
    pub const fn state(self) -> State {
        match self {
            Self::Sent => State::Sent,
            Self::Delivered => State::Delivered,
            Self::Read | Self::Played => State::Read,
            Self::Failed => State::Failed,
        }
    }

    /// The name of the timestamp this status fills.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Played => "played",
            Self::Failed => "failed",
        }
    }
}

/// Which attempt of its message a status belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfAttempt {
    /// The newest one.
    Latest,
    /// One that a newer attempt has replaced.
    Earlier,
}

/// The state after `status`, or `None` if the message stays where it is (late facts still fill their timestamps).
///
/// Sent, delivered and read of any attempt advance the message; failed counts only from the latest.
#[must_use]
pub fn advance(current: State, status: Status, of: OfAttempt) -> Option<State> {
    let next = status.state();
    if next == State::Failed && of == OfAttempt::Earlier {
        return None;
    }
    (next.rank() > current.rank()).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_sent_does_not_hide_a_failure_and_a_failure_does_not_hide_a_delivery() {
        assert_eq!(
            advance(State::Failed, Status::Sent, OfAttempt::Latest),
            None
        );
        assert_eq!(
            advance(State::Sent, Status::Failed, OfAttempt::Latest),
            Some(State::Failed)
        );
        assert_eq!(
            advance(State::Failed, Status::Delivered, OfAttempt::Latest),
            Some(State::Delivered)
        );
        assert_eq!(
            advance(State::Read, Status::Failed, OfAttempt::Latest),
            None
        );
    }

    #[test]
    fn the_failure_of_an_earlier_attempt_changes_nothing_but_its_delivery_does() {
        assert_eq!(
            advance(State::Sending, Status::Failed, OfAttempt::Earlier),
            None
        );
        assert_eq!(
            advance(State::Sending, Status::Delivered, OfAttempt::Earlier),
            Some(State::Delivered)
        );
    }

    #[test]
    fn a_status_never_moves_a_message_that_was_not_sent_by_us() {
        for state in [State::Received, State::Cancelled, State::Expired] {
            assert_eq!(advance(state, Status::Read, OfAttempt::Latest), None);
        }
    }

    #[test]
    fn every_state_is_found_by_its_name() {
        for state in State::ALL {
            assert_eq!(State::named(state.as_str()), Some(state));
        }
    }
}
