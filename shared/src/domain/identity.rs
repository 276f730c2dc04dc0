//! Names that others gave: tenants' names, Meta's ids, people's addresses.
//!
//! Each is its own type, so that a phone number cannot stand where a phone number id belongs. What a provider
//! sends is kept as given: an inbound `wa_id` is never validated or rewritten.

use super::phone::PhoneNumber;
use super::provider::{Gateway, Provider};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
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
    |text| is_label(text, 40)
);
name!(
    /// Meta's id of a phone number; what a message is sent from. Not the number itself.
    PhoneNumberId,
    "a phone number id: 5 to 32 digits without a +",
    |text| is_digits(text, 5, 32)
);
name!(
    /// What a message leaves from: Meta's id of a phone number, or another provider's name and what it calls the sender,
    /// `fonnte-15550002000`.
    SenderId,
    "a sender: Meta's id of a phone number, or a provider's name, a dash and the provider's own name for it",
    is_sender
);
name!(
    /// What people and attempts call a provider's key: it fits a path and a log. No two keys of an account have the same.
    KeyAlias,
    "an alias: 1 to 40 lower-case letters, digits and dashes",
    |text| is_label(text, 40)
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

impl Wamid {
    /// A name for a message that its provider has none for: the same for the same content.
    #[must_use]
    pub fn hashed(prefix: &'static str, content: &[u8]) -> Self {
        Self(format!("{prefix}{}", hex::encode(Sha256::digest(content))))
    }
}

/// Meta's ids of numbers are digits alone; before a name of any other provider's stands the provider's.
fn is_sender(text: &str) -> bool {
    let named = text
        .split_once('-')
        .and_then(|(provider, name)| Some((Provider::named(provider)?, name)));
    match named {
        None => is_digits(text, 5, 32),
        Some((Provider::Gateway(_), name)) => is_digits(name, 5, 32),
        Some((Provider::Meta, _)) => false,
    }
}

impl SenderId {
    /// The provider's sender of this name.
    pub fn of(provider: Provider, name: &str) -> Result<Self, NameError> {
        match provider {
            Provider::Meta => name.parse(),
            Provider::Gateway(gateway) => format!("{}-{name}", gateway.as_str()).parse(),
        }
    }

    /// The provider that it sends through.
    #[must_use]
    pub fn provider(&self) -> Provider {
        let named = self.0.split_once('-');
        let named = named.and_then(|(name, _)| Provider::named(name));
        named.unwrap_or(Provider::Meta)
    }

    /// What its provider calls it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.split_once('-').map_or(&self.0, |(_, name)| name)
    }

    /// The same, as Meta's if it is.
    #[must_use]
    pub fn at(&self) -> SenderAt {
        match self.provider() {
            Provider::Meta => SenderAt::Meta(PhoneNumberId(self.0.clone())),
            Provider::Gateway(gateway) => SenderAt::Gateway(gateway),
        }
    }

    /// The same as a log may tell it: what another provider than Meta calls it is a phone number.
    #[must_use]
    pub fn logged(&self) -> String {
        match self.at() {
            SenderAt::Meta(id) => id.to_string(),
            SenderAt::Gateway(gateway) => {
                let name = self.name();
                let shown = name.get(name.len().saturating_sub(4)..).unwrap_or_default();
                format!("{}-***{shown}", gateway.as_str())
            }
        }
    }

    /// Meta's id of its phone number, if it is one of Meta's.
    #[must_use]
    pub fn phone_number_id(&self) -> Option<PhoneNumberId> {
        match self.at() {
            SenderAt::Meta(id) => Some(id),
            SenderAt::Gateway(_) => None,
        }
    }
}

/// Where a sender is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SenderAt {
    /// At Meta, under this id.
    Meta(PhoneNumberId),
    /// At another provider.
    Gateway(Gateway),
}

impl From<PhoneNumberId> for SenderId {
    fn from(id: PhoneNumberId) -> Self {
        Self(id.0)
    }
}

fn is_label(text: &str, most: usize) -> bool {
    let is_one = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=most).contains(&text.len()) && text.bytes().all(is_one)
}

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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_sender_names_its_provider_and_what_that_calls_it() {
        let metas: SenderId = "100000000000001".parse().unwrap();
        assert_eq!(
            (metas.provider(), metas.name()),
            (Provider::Meta, "100000000000001")
        );
        let number = metas.phone_number_id().unwrap();
        assert_eq!(SenderId::from(number), metas);
        for provider in Gateway::ALL.iter().copied().map(Provider::from) {
            let sender = SenderId::of(provider, "15550002000").unwrap();
            assert_eq!(
                (sender.provider(), sender.name()),
                (provider, "15550002000")
            );
            assert_eq!(sender.phone_number_id(), None);
            assert_eq!(sender.logged(), format!("{}-***2000", provider.as_str()));
            assert_eq!(sender.as_str().parse::<SenderId>().unwrap(), sender);
        }
    }

    #[test]
    fn what_is_no_sender_of_any_provider_is_none() {
        for text in [
            "",
            "1234",
            "meta-100000000000001",
            "other-15550002000",
            "fonnte-",
            "fonnte-15550002000@g.us",
            "fonnte-fonnte-15550002000",
        ] {
            assert!(text.parse::<SenderId>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_alias_fits_a_path_and_a_log() {
        for good in ["main", "backup-2", "0"] {
            assert_eq!(good.parse::<KeyAlias>().unwrap().as_str(), good);
        }
        for bad in ["", "Main", "a b", "a/b", "a#b", &"a".repeat(41)] {
            assert!(bad.parse::<KeyAlias>().is_err(), "{bad}");
        }
    }
}
