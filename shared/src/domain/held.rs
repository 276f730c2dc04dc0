//! What holds messages back whose time has come: found out when somebody asks, and kept nowhere.

use super::identity::SenderId;
use jiff::Timestamp;
use serde::Serialize;

/// Why nothing leaves a sender now, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Waiting)]
pub struct HeldBack {
    /// For what it waits.
    #[serde(rename = "for")]
    pub by: Holds,
    /// Of which sender; over a route, the one that may be ready first.
    #[schema(value_type = String, example = "100000000000001")]
    pub sender: SenderId,
    /// Until when, if that is known: then it is tried, and may have to wait again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// What holds messages back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// The limit of the provider, or of every key, is reached.
    Limit,
    /// Every credential rests: its calls failed too often, or the provider asked for it.
    Resting,
    /// The sender is paused.
    Paused,
    /// The provider is disabled.
    Disabled,
    /// There is no credential that may be used.
    Credential,
}

/// What holds back a message that any of these senders may send: of those that it waits for, the first to be ready.
#[must_use]
pub fn first(held: Vec<HeldBack>) -> Option<HeldBack> {
    let until = |held: &HeldBack| held.until.unwrap_or(Timestamp::MAX);
    held.into_iter().min_by_key(until)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn held(sender: &str, second: Option<i64>) -> HeldBack {
        HeldBack {
            by: Holds::Limit,
            sender: format!("mock-1555000400{sender}").parse().unwrap(),
            until: second.map(|second| Timestamp::from_second(second).unwrap()),
        }
    }

    #[test]
    fn a_message_waits_for_the_sender_that_is_ready_first_as_far_as_that_is_known() {
        let (never, late, soon) = (held("1", None), held("2", Some(9)), held("3", Some(5)));
        let among = first(vec![never.clone(), late, soon.clone()]);
        assert_eq!(among, Some(soon));
        assert_eq!(first(vec![never.clone(), held("4", None)]), Some(never));
        assert_eq!(first(Vec::new()), None);
    }
}
