//! Our own ids: a prefix that names the thing and a UUIDv7 body that sorts by time.
//!
//! An id is either drawn (`at`) or derived from what it stands for (`derived`), so that writing the same thing
//! twice writes the same item. A provider's ids are other types: see [`super::identity`].

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;
use uuid::{Builder, Uuid};

/// Why a text is not one of our ids.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not an id of the form {prefix}_ followed by 32 hexadecimal digits or a short name")]
pub struct IdError {
    prefix: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The prefix every such id begins with.
            pub const PREFIX: &'static str = $prefix;

            /// A fresh id for something that happens at `now`.
            #[must_use]
            pub fn at(now: Timestamp) -> Self {
                Self::from_uuid(drawn(now))
            }

            /// The one id of the thing that `parts` describe, placed in time at `at`.
            #[must_use]
            pub fn derived(at: Timestamp, parts: &[&str]) -> Self {
                Self::from_uuid(derived(at, parts))
            }

            /// When what it names was made, to the millisecond; the beginning of time if a person chose it.
            #[must_use]
            pub fn made_at(&self) -> Timestamp {
                made_at(self.0.rsplit('_').next().unwrap_or_default())
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            fn from_uuid(uuid: Uuid) -> Self {
                Self(format!(concat!($prefix, "_{}"), uuid.simple()))
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let body = text.strip_prefix(concat!($prefix, "_")).filter(|body| is_body(body));
                body.map(|_| Self(text.to_owned())).ok_or(IdError { prefix: $prefix })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// A message, in or out. A provider's name for it is a [`super::identity::Wamid`].
    MessageId,
    "msg"
);
id!(
    /// A bulk job.
    JobId,
    "job"
);
id!(
    /// A tenant's connection to one provider.
    AccountId,
    "acct"
);
id!(
    /// An ordered list of senders with a failover policy.
    RouteId,
    "route"
);
id!(
    /// A person.
    ContactId,
    "cont"
);
id!(
    /// One contact with one sender.
    ConversationId,
    "conv"
);
id!(
    /// An API key; the key itself is never stored.
    KeyId,
    "key"
);
id!(
    /// A person who signs in.
    UserId,
    "usr"
);
id!(
    /// What a person is signed in by.
    SessionId,
    "ses"
);
id!(
    /// One entry of the audit trail.
    AuditId,
    "aud"
);
id!(
    /// A webhook event: one change as a provider sent it.
    EventId,
    "evt"
);
id!(
    /// Something a bot knows.
    KnowledgeId,
    "kb"
);
id!(
    /// A chunk of a bulk job's recipients, written in one transaction.
    ChunkId,
    "chunk"
);

/// Ids made by us are 32 hexadecimal digits; `acct_demo` and its like are chosen by people.
fn is_body(body: &str) -> bool {
    (1..=48).contains(&body.len())
        && body.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.'
        })
}

fn drawn(now: Timestamp) -> Uuid {
    let random = Uuid::new_v4();
    body(now, random.as_bytes())
}

fn derived(at: Timestamp, parts: &[&str]) -> Uuid {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    body(at, &hash.finalize())
}

fn body(at: Timestamp, bytes: &[u8]) -> Uuid {
    let millis = u64::try_from(at.as_millisecond()).unwrap_or(0);
    let mut rest = [0; 10];
    for (to, from) in rest.iter_mut().zip(bytes) {
        *to = *from;
    }
    Builder::from_unix_timestamp_millis(millis, &rest).into_uuid()
}

/// The time in the body of an id. A name that is no UUID has none.
fn made_at(body: &str) -> Timestamp {
    let time = Uuid::try_parse(body).ok().and_then(|id| id.get_timestamp());
    let (seconds, nanoseconds) = time.map_or((0, 0), |time| time.to_unix());
    let seconds = i64::try_from(seconds).unwrap_or(0);
    let nanoseconds = i32::try_from(nanoseconds).unwrap_or(0);
    Timestamp::new(seconds, nanoseconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn ids_sort_by_the_time_they_were_made() {
        let early = MessageId::at(Timestamp::from_millisecond(1_000).unwrap());
        let late = MessageId::at(Timestamp::from_millisecond(2_000).unwrap());
        assert!(early < late);
    }

    #[test]
    fn an_id_tells_when_it_was_made_and_a_chosen_one_does_not() {
        let at = Timestamp::from_millisecond(1_700_000_000_123).unwrap();
        assert_eq!(ContactId::at(at).made_at(), at);
        assert_eq!(ContactId::derived(at, &["a"]).made_at(), at);
        let chosen: ContactId = "cont_demo".parse().unwrap();
        assert_eq!(chosen.made_at(), Timestamp::UNIX_EPOCH);
    }

    #[test]
    fn the_same_parts_derive_the_same_id_and_other_parts_another() {
        let at = Timestamp::from_millisecond(1_700_000_000_000).unwrap();
        assert_eq!(
            MessageId::derived(at, &["a", "b"]),
            MessageId::derived(at, &["a", "b"])
        );
        assert_ne!(
            MessageId::derived(at, &["a", "b"]),
            MessageId::derived(at, &["ab", ""])
        );
    }

    #[test]
    fn an_id_of_another_kind_does_not_parse() {
        let id = JobId::at(Timestamp::UNIX_EPOCH);
        assert!(id.as_str().parse::<MessageId>().is_err());
        assert_eq!(id.as_str().parse::<JobId>(), Ok(id));
        for wrong in ["", "msg", "msg_", "msg_UPPER", "msg_a#b", "msg_a/b"] {
            assert!(wrong.parse::<MessageId>().is_err(), "{wrong}");
        }
    }
}
