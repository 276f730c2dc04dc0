//! How a credential stands: what every environment knows of it, and whether it may be called.

use super::breaker::{Breaker, Stance};
use super::held::Holds;
use super::limits::Used;
use super::provider_key::ProviderKey;
use jiff::fmt::serde::timestamp::millisecond;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How long a refused access token is passed over where there is another one. Meta refuses some for a reason that
/// passes, and whoever mends that does not put the same token in again. Refused later than that, it is refused anew.
const TOKEN_REFUSED_FOR: SignedDuration = SignedDuration::from_mins(5);

/// What every environment knows of a credential.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Known {
    /// The credential's name among its account's: a key's alias, or what tells an access token from others.
    pub name: String,
    /// When the key was put in that this is about, in milliseconds of Unix time: of a newer one nothing is known. Access
    /// tokens have names of their own, so theirs is 0.
    pub since: i64,
    /// That the provider has refused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refusal>,
    /// What its latest calls say.
    #[serde(default)]
    pub breaker: Breaker,
    /// How much of its limits is used.
    #[serde(default)]
    pub used: Used,
}

/// A provider's word that it does not take a credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// When.
    #[serde(with = "millisecond::required")]
    pub at: Timestamp,
    /// Why, in our words.
    pub message: String,
}

impl Refusal {
    /// A refusal of the same credential since then is this one: it was met by several calls that were under way.
    #[must_use]
    pub fn same_since(&self) -> Timestamp {
        self.at.saturating_sub(TOKEN_REFUSED_FOR).unwrap_or(self.at)
    }
}

impl Known {
    /// What is known of this key, and not of one before it.
    #[must_use]
    pub fn of_key<'a>(known: &'a [Self], key: &ProviderKey) -> Option<&'a Self> {
        let is_it =
            |it: &&Self| it.name == key.alias.as_str() && it.since == key.since.as_millisecond();
        known.iter().find(is_it)
    }

    /// Whether this access token is to be passed over, if there is another one.
    #[must_use]
    pub fn is_refused_token(&self, now: Timestamp) -> bool {
        let refused = self.refused.as_ref();
        refused.is_some_and(|refused| now.duration_since(refused.at) < TOKEN_REFUSED_FOR)
    }

    /// Whether it rests because the provider asks for it: one that has nothing left is as good as none.
    #[must_use]
    pub fn is_asked_to_rest(&self, now: Timestamp) -> bool {
        let rest = self.breaker.rest.as_ref();
        rest.is_some_and(|rest| rest.reason.is_some() && now < rest.until)
    }
}

/// How a key stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It may be called.
    Healthy,
    /// It has rested, and one call may show whether it is good again.
    Rested,
    /// It is not called before this time.
    Resting {
        /// When.
        until: Timestamp,
        /// What the provider said, if it asked for the rest.
        reason: Option<String>,
    },
    /// One of its limits is reached until this time.
    Full(Timestamp),
    /// The provider does not take it.
    Refused(Refusal),
    /// Its time is over since then.
    Expired(Timestamp),
    /// Somebody has taken it out.
    Disabled,
}

/// How a key stands, by what is known of it.
#[must_use]
pub fn standing(key: &ProviderKey, known: Option<&Known>, now: Timestamp) -> Standing {
    if !key.enabled {
        return Standing::Disabled;
    }
    if let Some(end) = key.expires_at.filter(|end| *end <= now) {
        return Standing::Expired(end);
    }
    let unknown = Known::default();
    let known = known.unwrap_or(&unknown);
    if let Some(refused) = &known.refused {
        return Standing::Refused(refused.clone());
    }
    let rest = known.breaker.rest.as_ref();
    match known.breaker.stance(now) {
        Stance::Open(until) => Standing::Resting {
            until,
            reason: rest.and_then(|rest| rest.reason.clone()),
        },
        stance @ (Stance::Closed | Stance::HalfOpen) => {
            match (known.used.taking(&key.limits, now), stance) {
                (Err(until), _) => Standing::Full(until),
                (Ok(_), Stance::HalfOpen) => Standing::Rested,
                (Ok(_), Stance::Closed | Stance::Open(_)) => Standing::Healthy,
            }
        }
    }
}

/// Until when none of a sender's keys may be called, if there are any that may be called then.
#[must_use]
pub fn resting(keys: &[&ProviderKey], known: &[Known], now: Timestamp) -> Option<Timestamp> {
    held(keys, known, now).and_then(|(_, until)| until)
}

/// What holds back what is sent with these keys, and until when, if none of them may be called now: of those that come
/// back, the first.
#[must_use]
pub fn held(
    keys: &[&ProviderKey],
    known: &[Known],
    now: Timestamp,
) -> Option<(Holds, Option<Timestamp>)> {
    let mut first: Option<(Holds, Timestamp)> = None;
    for key in keys {
        let held = match standing(key, Known::of_key(known, key), now) {
            Standing::Healthy | Standing::Rested => return None,
            Standing::Resting { until, .. } => (Holds::Resting, until),
            Standing::Full(until) => (Holds::Limit, until),
            Standing::Refused(_) | Standing::Expired(_) | Standing::Disabled => continue,
        };
        if first.is_none_or(|(_, soonest)| held.1 < soonest) {
            first = Some(held);
        }
    }
    Some(first.map_or((Holds::Credential, None), |(by, until)| (by, Some(until))))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::domain::limits::Limits;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn key(alias: &str) -> ProviderKey {
        ProviderKey {
            alias: alias.parse().unwrap(),
            mask: String::new(),
            sender: "mock-15550004000".parse().unwrap(),
            weight: 1,
            enabled: true,
            since: at(0),
            expires_at: None,
            limits: Limits::default(),
        }
    }

    fn known(alias: &str) -> Known {
        Known {
            name: alias.to_owned(),
            since: at(0).as_millisecond(),
            ..Known::default()
        }
    }

    fn resting_until(alias: &str, second: i64) -> Known {
        let wait = SignedDuration::from_secs(second);
        Known {
            breaker: Breaker::default().asked_to_rest("no quota", wait, at(0)),
            ..known(alias)
        }
    }

    fn refused(alias: &str) -> Known {
        let message = "not known".to_owned();
        Known {
            refused: Some(Refusal { at: at(0), message }),
            ..known(alias)
        }
    }

    #[test]
    fn what_is_known_of_a_key_is_void_for_the_one_that_takes_its_place() {
        let mut key = key("one");
        let known = [refused("one")];
        let standing = |key: &ProviderKey| standing(key, Known::of_key(&known, key), at(1));
        assert!(matches!(standing(&key), Standing::Refused(_)));
        key.since = at(1);
        assert_eq!(standing(&key), Standing::Healthy);
    }

    #[test]
    fn a_message_waits_for_the_first_key_that_may_be_called_again() {
        let (one, two) = (key("one"), key("two"));
        let rest = |known: &[Known]| resting(&[&one, &two], known, at(1));
        let (sooner, later) = (resting_until("one", 60), resting_until("two", 90));
        assert_eq!(rest(&[sooner.clone(), later.clone()]), Some(at(60)));
        assert_eq!(rest(&[refused("one"), later]), Some(at(90)));
        assert_eq!(rest(&[sooner]), None, "the other one is healthy");
        assert_eq!(rest(&[refused("one"), refused("two")]), None);
    }

    #[test]
    fn what_holds_a_message_back_is_told_by_the_key_that_is_good_again_first() {
        let (mut one, two) = (key("one"), key("two"));
        one.limits.per_minute = Some(1);
        let full = Known {
            used: Used::default().taking(&one.limits, at(0)).unwrap(),
            ..known("one")
        };
        let told = |known: &[Known]| held(&[&one, &two], known, at(1));
        let by_rest = [full.clone(), resting_until("two", 40)];
        assert_eq!(told(&by_rest), Some((Holds::Resting, Some(at(40)))));
        let by_limit = [full, resting_until("two", 90)];
        assert_eq!(told(&by_limit), Some((Holds::Limit, Some(at(60)))));
        let by_none = [refused("one"), refused("two")];
        assert_eq!(told(&by_none), Some((Holds::Credential, None)));
        assert_eq!(told(&[]), None);
        assert_eq!(held(&[], &[], at(1)), Some((Holds::Credential, None)));
    }

    #[test]
    fn a_key_says_why_it_is_not_called() {
        let mut one = key("one");
        one.limits.per_minute = Some(1);
        let full = Known {
            used: Used::default().taking(&one.limits, at(0)).unwrap(),
            ..known("one")
        };
        assert_eq!(standing(&one, Some(&full), at(1)), Standing::Full(at(60)));
        one.expires_at = Some(at(5));
        assert_eq!(standing(&one, None, at(5)), Standing::Expired(at(5)));
        one.enabled = false;
        assert_eq!(standing(&one, None, at(5)), Standing::Disabled);
    }
}
