//! A business number with everything Meta keeps of it.

use super::origin::Origin;
use super::profile::Profile;
use super::registration::Registration;
use super::verification::Verification;
use super::waba::Subscription;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A business number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_field_names,
    reason = "Meta's names, the same in every struct"
)]
pub(crate) struct Number {
    pub(crate) phone_number_id: String,
    /// The number, as `+E.164`.
    pub(crate) display_phone_number: String,
    pub(crate) waba_id: String,
    /// Whose it is with us, if the simulator was told so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<Account>,
    pub(crate) messages_per_second: u32,
    pub(crate) verified_name: String,
    pub(crate) name_status: NameStatus,
    pub(crate) status: NumberStatus,
    pub(crate) quality_rating: Quality,
    pub(crate) messaging_limit: Tier,
    pub(crate) verification: Verification,
    pub(crate) registration: Registration,
    #[serde(default)]
    pub(crate) profile: Profile,
    /// As they were posted.
    #[serde(default)]
    pub(crate) settings: Map<String, Value>,
    /// Where an app wants the webhooks of this number, if not where those of its WABA go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) callback: Option<Subscription>,
    pub(crate) origin: Origin,
}

/// Our account a number belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Account {
    /// Our id of it, which ends the path of its webhook.
    pub(crate) account_id: String,
    /// The app that signs its webhooks.
    pub(crate) app_id: String,
}

/// Meta's `status` of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum NumberStatus {
    Pending,
    Connected,
    Disconnected,
    Flagged,
    Restricted,
    RateLimited,
    Banned,
    Migrated,
    Unverified,
    Unknown,
}

/// Meta's `name_status` of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum NameStatus {
    Approved,
    AvailableWithoutReview,
    Declined,
    Expired,
    PendingReview,
    None,
}

/// Meta's `quality_rating` of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Quality {
    Green,
    Yellow,
    Red,
    Unknown,
    Na,
}

/// How many people may be written to in 24 hours, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Tier {
    #[serde(rename = "TIER_50")]
    Fifty,
    #[serde(rename = "TIER_250")]
    TwoHundredFifty,
    #[serde(rename = "TIER_1K")]
    Thousand,
    #[serde(rename = "TIER_2K")]
    TwoThousand,
    #[serde(rename = "TIER_10K")]
    TenThousand,
    #[serde(rename = "TIER_100K")]
    HundredThousand,
    #[serde(rename = "TIER_UNLIMITED")]
    Unlimited,
}

impl Number {
    /// A number as it is when a business has added it: neither verified nor registered.
    pub(crate) fn new(phone_number_id: &str, display_phone_number: &str, waba_id: &str) -> Self {
        Self {
            phone_number_id: phone_number_id.to_owned(),
            display_phone_number: display_phone_number.to_owned(),
            waba_id: waba_id.to_owned(),
            account: None,
            messages_per_second: 80,
            verified_name: "Simulated business".to_owned(),
            name_status: NameStatus::PendingReview,
            status: NumberStatus::Pending,
            quality_rating: Quality::Unknown,
            messaging_limit: Tier::TwoHundredFifty,
            verification: Verification::default(),
            registration: Registration::default(),
            profile: Profile::default(),
            settings: Map::new(),
            callback: None,
            origin: Origin::Added,
        }
    }

    /// The number as it is when all of it is done: verified, registered, connected, of good quality.
    pub(crate) fn connected(mut self) -> Self {
        self.name_status = NameStatus::Approved;
        self.status = NumberStatus::Connected;
        self.quality_rating = Quality::Green;
        self.verification.verified = true;
        self.registration.registered = true;
        self
    }

    /// What its webhooks are queued under: numbers that share a URL share it mostly.
    pub(crate) fn outbox(&self) -> &str {
        let account = self.account.as_ref();
        account.map_or(&self.waba_id, |account| &account.account_id)
    }

    /// The number as Meta writes it in webhooks: digits alone.
    pub(crate) fn digits(&self) -> &str {
        self.display_phone_number.trim_start_matches('+')
    }
}
