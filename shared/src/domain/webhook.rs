//! What a webhook tells us, in our words. `provider` reads it from the wire; `messaging` applies it.

use super::failure::ProviderFailure;
use super::id::MessageId;
use super::identity::{Bsuid, GroupId, Identity, Recipient, SenderId, WaId, Wamid};
use super::state::Status;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One thing a change says: a message, a status, or something we only keep.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// Meta's `entry.id`: the WABA it is about. The number of Fonnte's device.
    pub entry: String,
    /// Meta's name for the kind of change (`messages`, `account_update`, …), or ours where its provider has none.
    pub field: String,
    /// The sender it is about, where it names one.
    pub sender: Option<SenderId>,
    /// What it says.
    pub fact: Fact,
    /// This update as sent: the change's `value` with nothing but this update in its arrays.
    pub raw: Value,
}

/// How many different people a business portfolio may write to in 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortfolioLimit {
    /// As many as this.
    People(u64),
    /// As many as it likes.
    Unlimited,
}

impl PortfolioLimit {
    /// The limit of one of Meta's tiers: `TIER_250`, `TIER_2K`, `TIER_UNLIMITED`.
    #[must_use]
    pub fn of_tier(tier: &str) -> Option<Self> {
        let amount = tier.strip_prefix("TIER_")?;
        if amount == "UNLIMITED" {
            return Some(Self::Unlimited);
        }
        let (digits, unit) = match amount.strip_suffix('K') {
            Some(thousands) => (thousands, 1_000),
            None => (amount, 1),
        };
        let people = digits.parse::<u64>().ok()?.checked_mul(unit)?;
        (people > 0).then_some(Self::People(people))
    }

    /// How many, if it is a number.
    #[must_use]
    pub const fn people(self) -> Option<u64> {
        match self {
            Self::People(people) => Some(people),
            Self::Unlimited => None,
        }
    }
}

/// What an update says.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// A person wrote to a sender.
    Message(Box<InboundMessage>),
    /// Something happened to a message we sent.
    Status(Box<StatusUpdate>),
    /// The same, by a provider that may name the message by an id that its answer did not give.
    DeviceStatus(DeviceStatus),
    /// A device was connected to WhatsApp or lost: kept, and told in the log.
    Connection(Connection),
    /// How many people the business portfolio of a WABA may write to.
    PortfolioLimit {
        /// Its name, as for what is only kept.
        name: String,
        /// The limit.
        limit: PortfolioLimit,
        /// When the provider told it, if it says so.
        told_at: Option<Timestamp>,
    },
    /// Anything else: kept raw and counted under this name (`account_update/ACCOUNT_DELETED`, `messages/errors`, …).
    Other(String),
    /// Of a kind we know, but not of its shape: kept raw with what is wrong with it.
    Malformed(String),
}

/// Who is meant, by every name the provider gave. Any of them may be absent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Person {
    /// The phone, as the provider writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wa_id: Option<WaId>,
    /// The business-scoped user id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Bsuid>,
    /// The name the person chose to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The person's user name, without `@`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
}

impl From<Identity> for Person {
    /// Of whom no more is known than this name.
    fn from(name: Identity) -> Self {
        match name {
            Identity::Phone(wa_id) => Self {
                wa_id: Some(wa_id),
                ..Self::default()
            },
            Identity::User(user) => Self {
                user_id: Some(user),
                ..Self::default()
            },
        }
    }
}

impl Person {
    /// The same, with what another telling of the same message says of its writer: the same whichever came first. What
    /// they are threaded by stays.
    #[must_use]
    pub fn with(&self, told: &Self) -> Self {
        let wider = Self {
            wa_id: self.wa_id.clone(),
            user_id: self.user_id.clone().max(told.user_id.clone()),
            name: self.name.clone().max(told.name.clone()),
            username: self.username.clone().max(told.username.clone()),
        };
        let user_id = if wider.identity() == self.identity() {
            wider.user_id
        } else {
            self.user_id.clone()
        };
        Self { user_id, ..wider }
    }

    /// The name the person's messages are threaded by: the phone, where it is known.
    #[must_use]
    pub fn identity(&self) -> Option<Identity> {
        let phone = self.wa_id.clone().map(Identity::Phone);
        phone.or_else(|| self.user_id.clone().map(Identity::User))
    }

    /// All names, the user id first: a phone number may change hands.
    pub fn identities(&self) -> impl Iterator<Item = Identity> {
        let user = self.user_id.iter().cloned().map(Identity::User);
        let phone = self.wa_id.iter().cloned().map(Identity::Phone);
        user.chain(phone)
    }

    /// The name the person's messages are threaded by, where it is not the one we sent to. Meta tells another one for
    /// numbers that have an older form, as in Brazil, Mexico and Argentina: the answer then comes from that one.
    #[must_use]
    pub fn identity_beside(&self, to: &Recipient) -> Option<Identity> {
        self.identity().filter(|identity| !is_name_of(identity, to))
    }

    /// The names besides the one we sent to.
    pub fn identities_beside(&self, to: &Recipient) -> impl Iterator<Item = Identity> {
        self.identities()
            .filter(move |identity| !is_name_of(identity, to))
    }
}

/// Whether it is the name we sent to, which the provider may tell back as either kind. What was sent to a group has no
/// person whose names could be others.
fn is_name_of(identity: &Identity, to: &Recipient) -> bool {
    let name = match identity {
        Identity::Phone(phone) => phone.as_str(),
        Identity::User(user) => user.as_str(),
    };
    match to {
        Recipient::Phone(number) => name.trim_start_matches('+') == number.digits(),
        Recipient::User(user) => name == user.as_str(),
        Recipient::Group(_) => true,
    }
}

/// A message from a person.
#[derive(Debug, Clone, PartialEq)]
pub struct InboundMessage {
    /// The provider's id.
    pub wamid: Wamid,
    /// Who wrote.
    pub from: Person,
    /// The group it was written in.
    pub group: Option<GroupId>,
    /// When, by the provider's clock.
    pub sent_at: Timestamp,
    /// Meta's `type` (`text`, `image`, …); unknown ones are kept as they are.
    pub kind: String,
    /// The message object as sent, whole; another provider's message as Meta's object would say it.
    pub object: Value,
    /// The provider's id of the message this one answers, reacts to, edits or revokes.
    pub context: Option<Wamid>,
    /// For a `system` message about a person who changed number or user id: the new names.
    pub moved_to: Option<Person>,
}

/// What happened to a message we sent.
#[derive(Debug, Clone, PartialEq)]
pub struct StatusUpdate {
    /// The provider's id.
    pub wamid: Wamid,
    /// Our id, if the provider gave it back (`biz_opaque_callback_data`) and it is one of ours.
    pub message: Option<MessageId>,
    /// What happened.
    pub status: Status,
    /// When, by the provider's clock.
    pub at: Timestamp,
    /// Who it was sent to, by every name the provider now gives.
    pub recipient: Person,
    /// Meta's `pricing` object.
    pub pricing: Option<Value>,
    /// Why it failed.
    pub failure: Option<ProviderFailure>,
}

/// What happened to a message that a device sent. The first status names it by both ids, those after it may by
/// `state_id` alone, and may be told before the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceStatus {
    /// The id that the answer to the send gave.
    pub id: Option<Wamid>,
    /// WhatsApp's own id of it.
    pub state_id: Option<Wamid>,
    /// What happened, where it is a word that we know.
    pub status: Option<Status>,
    /// When we were told: it does not say when it happened.
    pub at: Timestamp,
    /// Why it failed.
    pub failure: Option<ProviderFailure>,
}

impl DeviceStatus {
    /// The same of the message that `wamid` names.
    #[must_use]
    pub fn of(&self, wamid: Wamid) -> Option<StatusUpdate> {
        Some(StatusUpdate {
            wamid,
            message: None,
            status: self.status?,
            at: self.at,
            recipient: Person::default(),
            pricing: None,
            failure: self.failure.clone(),
        })
    }
}

/// How a device stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// It can send.
    Connected,
    /// It cannot.
    Lost,
}

impl Connection {
    /// Its name in kinds of events and in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Lost => "lost",
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn told(wa_id: Option<&str>, user_id: Option<&str>) -> Person {
        Person {
            wa_id: wa_id.map(|it| it.parse().unwrap()),
            user_id: user_id.map(|it| it.parse().unwrap()),
            ..Person::default()
        }
    }

    #[test]
    fn what_two_tellings_say_of_a_person_is_the_same_in_either_order() {
        let named = |person: Person, name: Option<&str>| Person {
            name: name.map(str::to_owned),
            ..person
        };
        let (phone, user) = (Some("15550002001"), Some("US.1"));
        let bare = named(told(phone, None), None);
        let ann = named(told(phone, user), Some("Ann"));
        let annie = named(told(phone, None), Some("Annie"));
        assert_eq!(
            (bare.with(&ann), ann.with(&bare)),
            (ann.clone(), ann.clone())
        );
        assert_eq!(ann.with(&annie), annie.with(&ann));
        assert_eq!(ann.with(&annie).name.as_deref(), Some("Annie"));
        // What a message is threaded by stays, though another telling has more.
        let by_user = told(None, user);
        assert_eq!(by_user.with(&ann).identity(), by_user.identity());
        assert_eq!(by_user.with(&told(None, Some("US.2"))), by_user);
    }

    #[test]
    fn a_person_is_threaded_by_the_phone_the_provider_tells_whatever_we_sent_to() {
        let phone = Recipient::Phone("+5511987654321".parse().unwrap());
        let user = Recipient::User("BR.1".parse().unwrap());
        let group = Recipient::Group("G".parse().unwrap());
        for (to, wa_id, user_id, beside, others) in [
            (&phone, None, None, None, 0),
            (&phone, Some("5511987654321"), None, None, 0),
            (&phone, Some("+5511987654321"), None, None, 0),
            (&phone, Some("5511987654321"), Some("BR.1"), None, 1),
            (
                &phone,
                Some("551187654321"),
                None,
                Some("p:551187654321"),
                1,
            ),
            (
                &phone,
                Some("551187654321"),
                Some("BR.1"),
                Some("p:551187654321"),
                2,
            ),
            (&phone, None, Some("BR.1"), Some("u:BR.1"), 1),
            (&user, None, Some("BR.1"), None, 0),
            (
                &user,
                Some("5511987654321"),
                Some("BR.1"),
                Some("p:5511987654321"),
                1,
            ),
            (&user, Some("BR.1"), None, None, 0),
            (&user, None, Some("BR.2"), Some("u:BR.2"), 1),
            (&group, Some("5511987654321"), None, None, 0),
        ] {
            let told = told(wa_id, user_id);
            let found = told.identity_beside(to).map(|it| it.canonical());
            assert_eq!(found.as_deref(), beside, "{to:?} {told:?}");
            assert_eq!(
                told.identities_beside(to).count(),
                others,
                "{to:?} {told:?}"
            );
        }
    }
}
