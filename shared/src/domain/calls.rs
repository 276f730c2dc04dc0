//! How calls to providers are counted: by the key they were made with and the hour (UTC) in which they began, under names
//! that stand in items.
//!
//! A call counts once it has ended, as it is known to have ended: what is learnt later moves it. One whose worker died has
//! ended in a way that nobody knows, from when that is found out. One that was given back before it began is none.

use super::failure::Class;
use super::id::AccountId;
use super::latency::{Latencies, bucket_of};
use super::message::{Attempt, Leg, Outcome};
use super::provider::Provider;
use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const ACCEPTED: &str = "accepted";
const AMBIGUOUS: &str = "ambiguous";
/// Before the class of a refusal.
const REFUSED: &str = "refused_";
/// Before the bucket of a call's duration.
const TOOK: &str = "took_";

/// In the place of a key, for what was refused because there was none to call with.
const NO_KEY: &str = "-";

/// The most of an error's text that is kept beside the counters: their item is written with every batch.
const LONGEST_TEXT: usize = 200;

/// What a call was made with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CalledWith {
    /// Whom it went to.
    pub provider: Provider,
    /// The account that it was made for.
    pub account: AccountId,
    /// The alias of the key; `None` if there was no key, and so no call.
    pub key: Option<String>,
}

impl CalledWith {
    /// What an attempt was made with that left from here.
    #[must_use]
    pub fn of(leg: Leg, attempt: &Attempt) -> Self {
        Self {
            provider: leg.sender.provider(),
            account: leg.account,
            key: attempt.credential.clone(),
        }
    }

    /// Its name among a tenant's keys.
    #[must_use]
    pub fn name(&self) -> String {
        let key = self.key.as_deref().unwrap_or(NO_KEY);
        format!("{}{key}", Self::prefix(self.provider, Some(&self.account)))
    }

    /// Its name in an hour, among a day's.
    #[must_use]
    pub fn name_at(&self, hour: i8) -> String {
        format!("{}#{hour:02}", self.name())
    }

    /// How the names of a provider's keys begin; of one account's, if it is told.
    #[must_use]
    pub fn prefix(provider: Provider, account: Option<&AccountId>) -> String {
        let provider = provider.as_str();
        account.map_or_else(
            || format!("{provider}#"),
            |account| format!("{provider}#{account}#"),
        )
    }

    /// What has this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let mut parts = name.splitn(3, '#');
        let provider = Provider::named(parts.next()?)?;
        let account = parts.next()?.parse().ok()?;
        let key = parts.next()?;
        Some(Self {
            provider,
            account,
            key: (key != NO_KEY).then(|| key.to_owned()),
        })
    }

    /// What has this name in an hour, and the hour.
    #[must_use]
    pub fn named_at(name: &str) -> Option<(Self, i8)> {
        let (name, hour) = name.rsplit_once('#')?;
        Some((Self::named(name)?, hour.parse().ok()?))
    }
}

/// Under what the end of a call is counted; `None` while it has none.
#[must_use]
pub fn ended_as(attempt: &Attempt) -> Option<String> {
    match attempt.outcome {
        Some(Outcome::Accepted) => Some(ACCEPTED.to_owned()),
        Some(Outcome::Ambiguous) => Some(AMBIGUOUS.to_owned()),
        Some(Outcome::Refused) => {
            let class = attempt.failure.as_ref().map(|failure| failure.class);
            let class = class.unwrap_or(Class::Permanent).as_str();
            Some(format!("{REFUSED}{class}"))
        }
        Some(Outcome::NotStarted) => None,
        None => ended_unheard(attempt).map(str::to_owned),
    }
}

/// The same of a call whose worker has not said how it ended: a status tells that it was accepted; else the worker died, if
/// the attempt says so. Without a key there was no call.
fn ended_unheard(attempt: &Attempt) -> Option<&'static str> {
    attempt.credential.as_ref()?;
    match (&attempt.provider_id, &attempt.failure) {
        (Some(_), _) => Some(ACCEPTED),
        (None, Some(_)) => Some(AMBIGUOUS),
        (None, None) => None,
    }
}

/// Under what its duration is counted. Without a key there was no call, and nothing that took time.
#[must_use]
pub fn took_as(attempt: &Attempt) -> Option<String> {
    let bucket = bucket_of(attempt.duration_ms?);
    attempt.credential.as_ref()?;
    Some(format!("{TOOK}{bucket}"))
}

/// What went wrong with a call, without a name of anybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallError {
    /// What it means.
    pub class: Class,
    /// The provider's own code, if it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    /// What went wrong, in plain words.
    pub message: String,
    /// When the call began.
    #[serde(with = "millisecond::required")]
    pub at: Timestamp,
}

impl CallError {
    /// Of a call that was not accepted.
    #[must_use]
    pub fn of(attempt: &Attempt) -> Option<Self> {
        let failed = match attempt.outcome {
            Some(Outcome::Refused | Outcome::Ambiguous) => true,
            Some(Outcome::Accepted | Outcome::NotStarted) => false,
            None => ended_unheard(attempt) == Some(AMBIGUOUS),
        };
        let failure = attempt.failure.as_ref().filter(|_| failed)?;
        Some(Self {
            class: failure.class,
            code: failure.code,
            message: failure.message.chars().take(LONGEST_TEXT).collect(),
            at: attempt.started_at,
        })
    }
}

/// How many calls ended in which way, and how long they took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallCounts {
    /// The provider took the message.
    pub accepted: u64,
    /// It did not, by the class of its reason.
    pub refused: BTreeMap<&'static str, u64>,
    /// Nobody knows.
    pub ambiguous: u64,
    /// How long they took.
    pub latencies: Latencies,
}

impl CallCounts {
    /// What counters say. Any other number among them is left out.
    #[must_use]
    pub fn counted(numbers: &BTreeMap<String, i64>) -> Self {
        let mut counts = Self::default();
        for (name, number) in numbers {
            let Some(number) = u64::try_from(*number).ok().filter(|number| *number > 0) else {
                continue;
            };
            if let Some(class) = name.strip_prefix(REFUSED).and_then(Class::named) {
                *counts.refused.entry(class.as_str()).or_default() += number;
            } else if let Some(bucket) = name.strip_prefix(TOOK) {
                counts
                    .latencies
                    .add(bucket.parse().unwrap_or(usize::MAX), number);
            } else if name == ACCEPTED {
                counts.accepted += number;
            } else if name == AMBIGUOUS {
                counts.ambiguous += number;
            }
        }
        counts
    }

    /// Adds all that were counted elsewhere.
    pub fn merge(&mut self, others: &Self) {
        self.accepted += others.accepted;
        self.ambiguous += others.ambiguous;
        for (class, more) in &others.refused {
            *self.refused.entry(class).or_default() += more;
        }
        self.latencies.merge(&others.latencies);
    }

    /// Those that the provider did not take.
    #[must_use]
    pub fn all_refused(&self) -> u64 {
        self.refused.values().sum()
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> u64 {
        self.accepted + self.all_refused() + self.ambiguous
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "a test fails by panicking"
    )]
    use super::*;
    use crate::domain::failure::ProviderFailure;
    use crate::domain::provider::Gateway;

    fn attempt(outcome: Option<Outcome>, key: Option<&str>) -> Attempt {
        Attempt {
            outcome,
            duration_ms: Some(120),
            credential: key.map(str::to_owned),
            ..Attempt::starting(Timestamp::UNIX_EPOCH)
        }
    }

    #[test]
    fn what_a_call_was_made_with_is_known_by_its_name() {
        for key in [None, Some("main"), Some("de#mo")] {
            let with = CalledWith {
                provider: Provider::Gateway(Gateway::Fonnte),
                account: "acct_demo-fonnte".parse().unwrap(),
                key: key.map(str::to_owned),
            };
            assert_eq!(CalledWith::named(&with.name()).as_ref(), Some(&with));
            let named = CalledWith::named_at(&with.name_at(7));
            assert_eq!(named, Some((with.clone(), 7)));
            let prefix = CalledWith::prefix(with.provider, Some(&with.account));
            assert!(with.name().starts_with(&prefix));
        }
        for other in ["", "fonnte", "other#acct_demo#main", "fonnte#demo#main"] {
            assert_eq!(CalledWith::named(other), None, "{other}");
        }
    }

    #[test]
    fn a_call_counts_as_it_ended_and_not_before() {
        let failure = ProviderFailure::unreachable("nobody was there");
        let refused = Attempt {
            failure: Some(failure),
            ..attempt(Some(Outcome::Refused), Some("main"))
        };
        let died = Attempt {
            failure: Some(ProviderFailure::worker_died()),
            duration_ms: None,
            ..attempt(None, Some("main"))
        };
        let without_key = Attempt {
            credential: None,
            ..died.clone()
        };
        let told_by_status = Attempt {
            provider_id: Some("wamid.A".parse().unwrap()),
            ..attempt(None, Some("main"))
        };
        for (attempt, ended) in [
            (attempt(None, Some("main")), None),
            (attempt(Some(Outcome::NotStarted), None), None),
            (
                attempt(Some(Outcome::Accepted), Some("main")),
                Some("accepted"),
            ),
            (
                attempt(Some(Outcome::Ambiguous), Some("main")),
                Some("ambiguous"),
            ),
            (refused.clone(), Some("refused_transient")),
            (died.clone(), Some("ambiguous")),
            (without_key, None),
            (told_by_status, Some("accepted")),
        ] {
            assert_eq!(ended_as(&attempt).as_deref(), ended, "{attempt:?}");
        }
        assert_eq!(took_as(&refused).as_deref(), Some("took_16"));
        assert_eq!(took_as(&died), None, "nobody knows how long it took");
        assert!(CallError::of(&died).is_some());
        let uncalled = attempt(Some(Outcome::Refused), None);
        assert_eq!(took_as(&uncalled), None, "no key, no call, no time");
    }

    #[test]
    fn counters_are_read_as_they_were_written_and_add_up() {
        let numbers = BTreeMap::from([
            ("accepted".to_owned(), 3),
            ("refused_transient".to_owned(), 2),
            ("refused_telepathy".to_owned(), 9),
            ("ambiguous".to_owned(), 1),
            ("took_16".to_owned(), 6),
            ("took_99".to_owned(), 6),
            ("outbound_sent".to_owned(), 4),
        ]);
        let mut counts = CallCounts::counted(&numbers);
        assert_eq!((counts.all(), counts.all_refused()), (6, 2));
        counts.merge(&CallCounts::counted(&numbers));
        assert_eq!((counts.all(), counts.refused["transient"]), (12, 4));
        assert_eq!(counts.latencies.within(500), Some(134));
    }
}
