//! The services behind accounts. A closed list: what each of them speaks stands in `provider`, one module each.
//!
//! Meta is one of a kind. All others are gateways, and what is known of one before it is called is a row of this file:
//! nothing else asks which of them it is, save `provider::gateway`, where each meets its module.

use super::fault::{Fault, FaultCode};
use super::message::OnUnknown;
use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

/// The service behind an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provider {
    /// Meta's WhatsApp Cloud API.
    Meta,
    /// Any other.
    Gateway(Gateway),
}

/// What is known of a gateway before it is called.
#[derive(Debug)]
pub struct Facts {
    /// Its name on the wire, in the ids of its senders and in the store.
    pub word: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// Where it answers, unless the installation says otherwise.
    pub address: &'static str,
    /// How many messages a second a sender sends, unless somebody says otherwise.
    pub messages_per_second: u32,
    /// What it does beside sending.
    pub abilities: &'static [Ability],
    /// How it is asked whether numbers are on WhatsApp, if it can be.
    pub number_checks: Option<NumberChecks>,
}

/// What a gateway may do beside sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ability {
    /// It tells what became of a message that it took.
    TellStatuses,
    /// It lists the WhatsApp groups that a sender is in.
    ListGroups,
    /// It calls an address that it is told with a key.
    CallUs,
    /// It tells the number that is sent from with a key.
    TellNumber,
}

/// How a gateway is asked whether numbers are on WhatsApp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberChecks {
    /// What an answer is called where evidence is told.
    pub evidence: &'static str,
    /// How many numbers one call takes.
    pub numbers: usize,
    /// How many calls may be made at the same time.
    pub calls: usize,
}

/// Messages a second of a phone that a gateway sends through: one that sends as fast as Meta's servers is blocked.
const RATE_OF_A_PHONE: u32 = 1;

/// The gateways, each with what is known of it.
macro_rules! gateways {
    ($($(#[$doc:meta])+ $name:ident: $facts:expr;)+) => {
        /// A provider that is not Meta: it is opened with keys, of which an account may have many.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Gateway { $($(#[$doc])+ $name,)+ }

        impl Gateway {
            /// Every gateway.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// What is known of it.
            #[must_use]
            pub const fn facts(self) -> &'static Facts {
                match self { $(Self::$name => &$facts,)+ }
            }
        }

        impl Provider {
            /// Every provider.
            pub const ALL: [Self; 1 + Gateway::ALL.len()] =
                [Self::Meta, $(Self::Gateway(Gateway::$name)),+];
        }
    };
}

gateways! {
    /// NotifAPI, also known as Woo-wa: no official API of WhatsApp's.
    Notifapi: Facts {
        word: "notifapi",
        title: "NotifAPI",
        address: "https://notifapi.com",
        messages_per_second: RATE_OF_A_PHONE,
        abilities: &[Ability::ListGroups],
        number_checks: Some(NumberChecks {
            evidence: "notifapi_check_number",
            numbers: 1,
            calls: 4,
        }),
    };

    /// Fonnte: no official API of WhatsApp's.
    Fonnte: Facts {
        word: "fonnte",
        title: "Fonnte",
        address: "https://api.fonnte.com",
        messages_per_second: RATE_OF_A_PHONE,
        abilities: &[
            Ability::TellStatuses,
            Ability::ListGroups,
            Ability::CallUs,
            Ability::TellNumber,
        ],
        // It wants one such call at a time.
        number_checks: Some(NumberChecks {
            evidence: "fonnte_validate",
            numbers: 500,
            calls: 1,
        }),
    };

    /// A provider to try things with, which reaches nobody and blocks nobody. In AWS nobody is at its address.
    Mock: Facts {
        word: "mock",
        title: "the mock provider",
        address: "http://localhost:3002/mock",
        messages_per_second: 80,
        abilities: &[],
        number_checks: None,
    };
}

impl Gateway {
    /// Its name on the wire, in the ids of its senders and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.facts().word
    }

    /// Its name for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.facts().title
    }

    /// The variable that says where it answers: `FONNTE_URL` of Fonnte.
    #[must_use]
    pub fn variable(self) -> String {
        format!("{}_URL", self.as_str().to_uppercase())
    }

    /// Whether it does this.
    #[must_use]
    pub fn can(self, ability: Ability) -> bool {
        self.facts().abilities.contains(&ability)
    }

    /// What its answer whether a number is on WhatsApp is called where evidence is told.
    #[must_use]
    pub fn evidence(self) -> &'static str {
        let checks = self.facts().number_checks;
        checks.map_or(self.as_str(), |checks| checks.evidence)
    }

    /// The gateway of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Provider::named(name)?.gateway()
    }
}

impl Provider {
    /// Its name on the wire and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Gateway(gateway) => gateway.as_str(),
        }
    }

    /// Its name for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Meta => "Meta",
            Self::Gateway(gateway) => gateway.title(),
        }
    }

    /// The gateway that it is, unless it is Meta.
    #[must_use]
    pub const fn gateway(self) -> Option<Gateway> {
        match self {
            Self::Meta => None,
            Self::Gateway(gateway) => Some(gateway),
        }
    }

    /// Whether messages whose outcome is not known can be handled so: who waits for a status must know it when it comes.
    pub fn allows(self, on_unknown: OnUnknown) -> Result<(), Fault> {
        match (self, on_unknown) {
            (Self::Meta, _) | (_, OnUnknown::Hold | OnUnknown::Retry) => Ok(()),
            (Self::Gateway(gateway), OnUnknown::Wait(_)) => Err(Fault {
                pointer: "/on_unknown".to_owned(),
                code: FaultCode::NotAllowed,
                detail: format!(
                    "must be hold or retry: no status of {} tells which unknown message it is of",
                    gateway.title()
                ),
            }),
        }
    }

    /// Whether it tells what became of a message that it took.
    #[must_use]
    pub fn tells_statuses(self) -> bool {
        match self {
            Self::Meta => true,
            Self::Gateway(gateway) => gateway.can(Ability::TellStatuses),
        }
    }

    /// Whether it lists the WhatsApp groups that a sender is in.
    #[must_use]
    pub fn lists_groups(self) -> bool {
        match self {
            Self::Meta => false,
            Self::Gateway(gateway) => gateway.can(Ability::ListGroups),
        }
    }

    /// The provider of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|provider| provider.as_str() == name)
    }
}

impl From<Gateway> for Provider {
    fn from(gateway: Gateway) -> Self {
        Self::Gateway(gateway)
    }
}

impl Serialize for Provider {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Provider {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::named(&name)
            .ok_or_else(|| Error::invalid_value(Unexpected::Str(&name), &"a provider's name"))
    }
}

impl Serialize for Gateway {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Provider::from(*self).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Gateway {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let provider = Provider::deserialize(deserializer)?;
        provider.gateway().ok_or_else(|| {
            Error::invalid_value(Unexpected::Str(provider.as_str()), &"a gateway's name")
        })
    }
}

impl utoipa::ToSchema for Provider {}

impl utoipa::PartialSchema for Provider {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("The service behind an account."))
            .enum_values(Some(Self::ALL.map(Self::as_str)))
            .into()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_provider_has_one_name_everywhere() {
        for provider in Provider::ALL {
            let name = provider.as_str();
            assert_eq!(Provider::named(name), Some(provider));
            let json = serde_json::to_string(&provider).unwrap();
            assert_eq!(json, format!("\"{name}\""));
            assert_eq!(serde_json::from_str::<Provider>(&json).unwrap(), provider);
            let gateway = serde_json::from_str::<Gateway>(&json).ok();
            assert_eq!(gateway, provider.gateway());
        }
        assert_eq!(Provider::named("Fonnte"), None);
        assert!(serde_json::from_str::<Provider>("\"Fonnte\"").is_err());
        assert_eq!(
            Provider::ALL.map(Provider::as_str),
            ["meta", "notifapi", "fonnte", "mock"]
        );
    }

    #[test]
    fn every_gateway_has_a_row_that_can_be_gone_by() {
        let names: BTreeSet<_> = Provider::ALL.iter().map(|it| it.as_str()).collect();
        assert_eq!(names.len(), Provider::ALL.len());
        for gateway in Gateway::ALL {
            let facts = gateway.facts();
            // It stands before the dash in the ids of senders, and is the beginning of a variable's name.
            let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            assert!(facts.word.bytes().all(is_word), "{facts:?}");
            assert!(facts.address.starts_with("http") && !facts.address.ends_with('/'));
            assert!(facts.messages_per_second > 0, "{facts:?}");
            if let Some(checks) = facts.number_checks {
                assert!(checks.numbers > 0 && checks.calls > 0, "{facts:?}");
                assert!(checks.evidence.starts_with(facts.word), "{facts:?}");
            }
        }
    }
}
