//! What a webhook tells us, in our words. `provider` reads it from the wire; `messaging` applies it.

use super::failure::ProviderFailure;
use super::id::MessageId;
use super::identity::{Bsuid, GroupId, Identity, PhoneNumberId, Recipient, WaId, Wamid};
use super::state::Status;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One thing a change says: a message, a status, or something we only keep.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// Meta's `entry.id`: the WABA it is about.
    pub entry: String,
    /// Meta's name for the kind of change (`messages`, `account_update`, …).
    pub field: String,
    /// The sender it is about, where it names one.
    pub sender: Option<PhoneNumberId>,
    /// What it says.
    pub fact: Fact,
    /// This update as sent: the change's `value` with nothing but this update in its arrays.
    pub raw: Value,
}

/// What an update says.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// A person wrote to a sender.
    Message(Box<InboundMessage>),
    /// Something happened to a message we sent.
    Status(Box<StatusUpdate>),
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

impl Person {
    /// The name the person's messages are threaded by: the phone, where it is known.
    #[must_use]
    pub fn identity(&self) -> Option<Identity> {
        let phone = self.wa_id.clone().map(Identity::Phone);
        phone.or_else(|| self.user_id.clone().map(Identity::User))
    }

    /// Whether the provider told names, and none of them is the one we sent to. Meta does so where numbers have an
    /// older form, as in Brazil, Mexico and Argentina: the answer then comes from that one.
    #[must_use]
    pub fn goes_by_another_name_than(&self, to: &Recipient) -> bool {
        let sent_to = match to {
            Recipient::Phone(number) => number.digits(),
            Recipient::User(user) => user.as_str(),
            Recipient::Group(_) => return false,
        };
        let phone = self.wa_id.as_ref().map(WaId::as_str);
        let user = self.user_id.as_ref().map(Bsuid::as_str);
        let mut names = phone.into_iter().chain(user).peekable();
        names.peek().is_some() && names.all(|name| name.trim_start_matches('+') != sent_to)
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
    /// The message object as sent, whole.
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
    fn only_names_without_the_one_we_sent_to_are_others() {
        let phone = Recipient::Phone("+5511987654321".parse().unwrap());
        let user = Recipient::User("BR.1".parse().unwrap());
        let group = Recipient::Group("G".parse().unwrap());
        for (to, wa_id, user_id, other) in [
            (&phone, None, None, false),
            (&phone, Some("5511987654321"), None, false),
            (&phone, Some("+5511987654321"), None, false),
            (&phone, Some("5511987654321"), Some("BR.1"), false),
            (&phone, Some("551187654321"), None, true),
            (&phone, Some("551187654321"), Some("BR.1"), true),
            (&phone, None, Some("BR.1"), true),
            (&user, None, Some("BR.1"), false),
            (&user, Some("5511987654321"), Some("BR.1"), false),
            (&user, Some("BR.1"), None, false),
            (&user, None, Some("BR.2"), true),
            (&group, Some("5511987654321"), None, false),
        ] {
            let told = told(wa_id, user_id);
            assert_eq!(told.goes_by_another_name_than(to), other, "{to:?} {told:?}");
        }
    }
}
