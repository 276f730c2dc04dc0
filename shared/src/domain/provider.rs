//! The services behind accounts. A closed list: what each of them speaks stands in `provider`, one module each.

use super::fault::{Fault, FaultCode};
use super::message::OnUnknown;
use serde::{Deserialize, Serialize};

/// The service behind an account.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Meta's WhatsApp Cloud API.
    Meta,
    /// NotifAPI, also known as Woo-wa: no official API of WhatsApp's.
    Notifapi,
    /// Fonnte: no official API of WhatsApp's.
    Fonnte,
    /// A provider to try things with, which reaches nobody.
    Mock,
}

impl Provider {
    /// Every provider.
    pub const ALL: [Self; 4] = [Self::Meta, Self::Notifapi, Self::Fonnte, Self::Mock];

    /// Its name on the wire and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Notifapi => "notifapi",
            Self::Fonnte => "fonnte",
            Self::Mock => "mock",
        }
    }

    /// Its name for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Meta => "Meta",
            Self::Notifapi => "NotifAPI",
            Self::Fonnte => "Fonnte",
            Self::Mock => "the mock provider",
        }
    }

    /// Whether messages whose outcome is not known can be handled so: who waits for a status must know it when it comes.
    pub fn allows(self, on_unknown: OnUnknown) -> Result<(), Fault> {
        match (self, on_unknown) {
            (Self::Meta, _) | (_, OnUnknown::Hold | OnUnknown::Retry) => Ok(()),
            (Self::Notifapi | Self::Fonnte | Self::Mock, OnUnknown::Wait(_)) => Err(Fault {
                pointer: "/on_unknown".to_owned(),
                code: FaultCode::NotAllowed,
                detail: format!(
                    "must be hold or retry: no status of {} tells which unknown message it is of",
                    self.title()
                ),
            }),
        }
    }

    /// Whether it tells what became of a message that it took.
    #[must_use]
    pub const fn tells_statuses(self) -> bool {
        match self {
            Self::Meta | Self::Fonnte => true,
            Self::Notifapi | Self::Mock => false,
        }
    }

    /// Whether it lists the WhatsApp groups that a sender is in.
    #[must_use]
    pub const fn lists_groups(self) -> bool {
        match self {
            Self::Notifapi | Self::Fonnte => true,
            Self::Meta | Self::Mock => false,
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_provider_has_one_name_everywhere() {
        for provider in Provider::ALL {
            let name = provider.as_str();
            assert_eq!(Provider::named(name), Some(provider));
            let json = serde_json::to_string(&provider).unwrap();
            assert_eq!(json, format!("\"{name}\""));
        }
        assert_eq!(Provider::named("Fonnte"), None);
    }
}
