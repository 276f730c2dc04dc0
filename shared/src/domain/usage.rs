//! What a message counts as in the usage of its tenant, and under which name that is kept.
//!
//! An outbound message counts once the provider took it, whatever becomes of it then, and once however many attempts it
//! had; an inbound one when it is received. Both count on the UTC day they were written down.

use super::id::AccountId;
use super::ledger::was_taken;
use super::message::{Attempt, Price};
use super::state::State;
use serde_json::Value;

/// Before the names of these numbers, among a sender's numbers of a day.
const PREFIX: &str = "used_";

/// Meta's categories. The list is closed: the names stand in items and expressions, which have a size, and whoever holds
/// an app secret could sign any name. Source: Meta, "Pricing" and the `pricing` object of the messages webhook.
const CATEGORIES: [&str; 7] = [
    "authentication",
    "authentication_international",
    "marketing",
    "marketing_lite",
    "referral_conversion",
    "service",
    "utility",
];

const INBOUND: &str = "inbound";
const UNKNOWN: &str = "unknown";
const OTHER: &str = "other";

/// What a message is charged as, by the provider's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Category(&'static str);

impl Category {
    /// A message that came in.
    pub const INBOUND: Self = Self(INBOUND);

    /// By Meta's `pricing` object: `unknown` if it does not tell, `other` if it tells what is not known here. Meta writes
    /// `authentication-international` with a dash and without.
    #[must_use]
    pub fn of(pricing: &Value) -> Self {
        let Some(name) = pricing.get("category").and_then(Value::as_str) else {
            return Self(UNKNOWN);
        };
        let name = name.to_ascii_lowercase().replace('-', "_");
        let known = CATEGORIES.into_iter().find(|known| *known == name);
        Self(known.unwrap_or(OTHER))
    }

    fn named(name: &str) -> Option<Self> {
        let mut names = CATEGORIES.into_iter().chain([INBOUND, UNKNOWN, OTHER]);
        names.find(|known| *known == name).map(Self)
    }

    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// Whether the provider charges for a message, by its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Charge {
    /// It said that it does.
    Billable,
    /// It did not.
    Free,
}

impl Charge {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Billable => "billable",
            Self::Free => "free",
        }
    }

    /// Of a message in this state: what was not delivered is not charged. Meta means to leave `billable` out one day;
    /// then `type` says it.
    fn of(state: State, pricing: &Value) -> Self {
        let told = pricing.get("billable").and_then(Value::as_bool);
        let by_type = || pricing.get("type").and_then(Value::as_str) == Some("regular");
        if state != State::Failed && told.unwrap_or_else(by_type) {
            Self::Billable
        } else {
            Self::Free
        }
    }
}

/// What one message counts as. Its day and its sender say where that is kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// The account it left from or came in to, when it did: a sender may move to another one.
    pub account: AccountId,
    /// What it is charged as.
    pub category: Category,
    /// Whether it is charged.
    pub charge: Charge,
}

impl Use {
    /// Of a message from us, once the provider took it.
    #[must_use]
    pub fn of_outbound(
        account: &AccountId,
        state: State,
        attempts: &[Attempt],
        price: Option<&Price>,
    ) -> Option<Self> {
        let pricing = price.map_or(&Value::Null, |price| &price.pricing);
        was_taken(state, attempts).then(|| Self {
            account: account.clone(),
            category: Category::of(pricing),
            charge: Charge::of(state, pricing),
        })
    }

    /// Of a message to us.
    #[must_use]
    pub fn of_inbound(account: &AccountId) -> Self {
        Self {
            account: account.clone(),
            category: Category::INBOUND,
            charge: Charge::Free,
        }
    }

    /// The name of its number. It stands in DynamoDB's expressions, which know letters, digits and `_`; an account's id
    /// has no capital letters, so these stand in for what else it may have.
    #[must_use]
    pub fn counter(&self) -> String {
        let account = self.account.as_str().trim_start_matches("acct_");
        let account = account.replace('-', "D").replace('.', "P");
        let (charge, category) = (self.charge.as_str(), self.category.as_str());
        format!("{PREFIX}{account}_{charge}_{category}")
    }

    /// What a number of this name counts, if it is one of these.
    #[must_use]
    pub fn counted_by(counter: &str) -> Option<Self> {
        let mut parts = counter.strip_prefix(PREFIX)?.splitn(3, '_');
        let account = parts.next()?.replace('D', "-").replace('P', ".");
        let charge = match parts.next()? {
            "billable" => Charge::Billable,
            "free" => Charge::Free,
            _ => return None,
        };
        Some(Self {
            account: format!("acct_{account}").parse().ok()?,
            category: Category::named(parts.next()?)?,
            charge,
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::domain::identity::Wamid;
    use crate::domain::message::Outcome;
    use crate::domain::state::Status;
    use jiff::Timestamp;
    use serde_json::json;

    fn account() -> AccountId {
        "acct_a-b.c1".parse().unwrap()
    }

    fn attempt(outcome: Option<Outcome>, named: bool) -> Attempt {
        let name: Wamid = "wamid.A".parse().unwrap();
        Attempt {
            outcome,
            provider_id: named.then_some(name),
            ..Attempt::starting(Timestamp::UNIX_EPOCH)
        }
    }

    fn used(
        state: State,
        attempts: &[Attempt],
        pricing: Option<Value>,
    ) -> Option<(String, Charge)> {
        let price = pricing.map(|pricing| Price {
            told_by: Status::Sent,
            pricing,
        });
        let used = Use::of_outbound(&account(), state, attempts, price.as_ref());
        used.map(|used| (used.category.as_str().to_owned(), used.charge))
    }

    #[test]
    fn a_message_counts_once_the_provider_took_it_and_not_before() {
        let (accepted, refused) = (Some(Outcome::Accepted), Some(Outcome::Refused));
        for (state, attempts, counts) in [
            (State::Queued, vec![], false),
            (State::Sending, vec![attempt(None, false)], false),
            (State::Unknown, vec![attempt(None, false)], false),
            (State::Failed, vec![attempt(refused, false)], false),
            (State::Cancelled, vec![attempt(refused, false)], false),
            (State::Accepted, vec![attempt(accepted, true)], true),
            // It failed after the provider had taken it, or a status alone tells that it had.
            (State::Failed, vec![attempt(accepted, true)], true),
            (State::Failed, vec![attempt(refused, true)], true),
            // An operator says that it was sent.
            (State::Sent, vec![attempt(None, false)], true),
            // One attempt was taken, and another one is open.
            (
                State::Queued,
                vec![attempt(accepted, true), attempt(None, false)],
                true,
            ),
        ] {
            assert_eq!(
                used(state, &attempts, None).is_some(),
                counts,
                "{state:?} {attempts:?}"
            );
        }
    }

    #[test]
    fn it_is_charged_as_the_provider_said_and_unknown_until_then() {
        let taken = [attempt(Some(Outcome::Accepted), true)];
        let marketing = json!({"billable": true, "category": "marketing", "type": "regular"});
        for (state, pricing, category, charge) in [
            (State::Sent, None, "unknown", Charge::Free),
            (State::Sent, Some(json!({})), "unknown", Charge::Free),
            (
                State::Read,
                Some(marketing.clone()),
                "marketing",
                Charge::Billable,
            ),
            (State::Failed, Some(marketing), "marketing", Charge::Free),
            (
                State::Sent,
                Some(json!({"category": "utility", "type": "regular"})),
                "utility",
                Charge::Billable,
            ),
            (
                State::Sent,
                Some(json!({"category": "service", "billable": false, "type": "regular"})),
                "service",
                Charge::Free,
            ),
            (
                State::Sent,
                Some(json!({"category": "authentication-international", "billable": true})),
                "authentication_international",
                Charge::Billable,
            ),
            (
                State::Sent,
                Some(json!({"category": "inbound"})),
                "other",
                Charge::Free,
            ),
            (
                State::Sent,
                Some(json!({"category": "telepathy #1"})),
                "other",
                Charge::Free,
            ),
        ] {
            let found = used(state, &taken, pricing.clone());
            assert_eq!(
                found,
                Some((category.to_owned(), charge)),
                "{state:?} {pricing:?}"
            );
        }
    }

    #[test]
    fn a_number_is_known_by_its_name_and_no_other_number_is_taken_for_one() {
        let price = json!({"category": "authentication-international", "billable": true});
        for used in [
            Use::of_inbound(&account()),
            Use {
                account: account(),
                category: Category::of(&price),
                charge: Charge::Billable,
            },
        ] {
            let name = used.counter();
            assert!(
                name.bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'),
                "{name}"
            );
            assert_eq!(Use::counted_by(&name), Some(used));
        }
        for other in [
            "outbound_sent",
            "inbound_received",
            "used_a_often_service",
            "used_a_free_telepathy",
            "used_",
        ] {
            assert_eq!(Use::counted_by(other), None, "{other}");
        }
    }
}
