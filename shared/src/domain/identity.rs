//! Names that others gave: tenants' names, Meta's ids, people's addresses.
//!
//! Each is its own type, so that a phone number cannot stand where a phone number id belongs. What a provider
//! sends is kept as given: an inbound `wa_id` is never validated or rewritten.

use super::phone::PhoneNumber;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// Why a text is not a name of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not {expected}")]
pub struct NameError {
    expected: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) { Ok(Self(text.to_owned())) } else { Err(NameError { expected: $expected }) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// The isolation unit. Lower-case letters, digits and dashes: it is part of keys and of secrets' names.
    TenantId,
    "a tenant name: 1 to 40 lower-case letters, digits and dashes",
    |text| (1..=40).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
);
name!(
    /// Meta's id of a phone number; what a message is sent from. Not the number itself.
    PhoneNumberId,
    "a phone number id: 5 to 32 digits without a +",
    |text| is_digits(text, 5, 32)
);
name!(
    /// Meta's id of a WhatsApp Business Account.
    WabaId,
    "a WABA id: 1 to 32 digits",
    |text| is_digits(text, 1, 32)
);
name!(
    /// Meta's id of an app.
    AppId,
    "an app id: 1 to 32 digits",
    |text| is_digits(text, 1, 32)
);
name!(
    /// Meta's id of a business portfolio: what owns WABAs and has the messaging limit.
    PortfolioId,
    "a business portfolio id: 1 to 32 digits",
    |text| is_digits(text, 1, 32)
);
name!(
    /// A provider's id of a message (`wamid.…` at Meta).
    Wamid,
    "a provider's message id: 1 to 512 characters without spaces",
    |text| is_opaque(text, 512)
);
name!(
    /// Meta's name for a person's phone, as Meta writes it. Never validated as a number.
    WaId,
    "a wa_id: 1 to 64 characters without spaces",
    |text| is_opaque(text, 64)
);
name!(
    /// A business-scoped user id: a person without a phone number in sight, opaque to us.
    Bsuid,
    "a business-scoped user id: letters of the country, a dot, up to 160 characters",
    |text| text.contains('.') && is_opaque(text, 160)
);
name!(
    /// Meta's id of a WhatsApp group.
    GroupId,
    "a group id: 1 to 256 characters without spaces",
    |text| is_opaque(text, 256)
);

fn is_digits(text: &str, least: usize, most: usize) -> bool {
    (least..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `#` divides our keys, so no name may hold one.
fn is_opaque(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'#')
}

/// Whom an outbound message goes to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipient {
    /// A phone number typed by one of our users.
    Phone(PhoneNumber),
    /// A business-scoped user id, where no phone number is known.
    User(Bsuid),
    /// A WhatsApp group.
    Group(GroupId),
}

impl Recipient {
    /// What makes two recipients the same: used to derive ids and thread keys.
    #[must_use]
    pub fn canonical(&self) -> String {
        match self {
            Self::Phone(number) => format!("p:{}", number.digits()),
            Self::User(user) => format!("u:{user}"),
            Self::Group(group) => format!("g:{group}"),
        }
    }
}

/// Something that points to a contact.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// A phone, as digits: a `wa_id` as Meta gave it, or the digits of a number typed by our users.
    Phone(WaId),
    /// A business-scoped user id.
    User(Bsuid),
}

impl Identity {
    /// The same form as [`Recipient::canonical`], so that both meet in one key.
    #[must_use]
    pub fn canonical(&self) -> String {
        match self {
            Self::Phone(wa_id) => format!("p:{wa_id}"),
            Self::User(user) => format!("u:{user}"),
        }
    }
}
