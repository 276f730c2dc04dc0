//! The change that makes a conversation, or lets one that is there show a message.

use super::super::item::{number, text};
use super::super::keys;
use super::super::transaction::Change;
use super::ConversationState;
use crate::domain::id::{AccountId, ConversationId};
use crate::domain::identity::PhoneNumberId;
use crate::store::Contact;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// What makes a conversation, or joins one that is there.
pub(super) struct Opening<'a> {
    pub(super) account: &'a AccountId,
    pub(super) sender: &'a PhoneNumberId,
    /// Threads it shows from now on.
    pub(super) threads: BTreeSet<String>,
    /// How many more messages are unread.
    pub(super) unread: u64,
    /// When it was active, where that is now: no other time can be much later.
    pub(super) active_at: Option<Timestamp>,
}

impl Opening<'_> {
    pub(super) fn change(self, contact: &Contact, id: &ConversationId) -> Change {
        let open = ConversationState::Open.as_str();
        let shard = keys::shard_of(id.as_str(), keys::LIST_SHARDS);
        let list_key = keys::inbox(&contact.tenant, open, shard);
        let mut values = vec![
            (":id".into(), text(id.as_str())),
            (":tenant".into(), text(contact.tenant.as_str())),
            (":account".into(), text(self.account.as_str())),
            (":sender".into(), text(self.sender.as_str())),
            (":contact".into(), text(contact.id.as_str())),
            (":open".into(), text(open)),
            (":list_key".into(), text(list_key)),
            (":unread".into(), number(self.unread)),
            (
                ":threads".into(),
                AttributeValue::Ss(self.threads.into_iter().collect()),
            ),
        ];
        let place = match self.active_at {
            Some(at) => {
                values.push((":at".into(), number(at.as_millisecond())));
                "last_activity_at = :at, list_sort = :sort"
            }
            None => "list_sort = if_not_exists(list_sort, :sort)",
        };
        let sort = keys::due_sort(self.active_at.unwrap_or(contact.created_at), id.as_str());
        values.push((":sort".into(), text(sort)));
        Change {
            update: format!(
                "SET id = :id, tenant = :tenant, account = :account, sender = :sender, contact = :contact, \
                 #state = if_not_exists(#state, :open), list_key = if_not_exists(list_key, :list_key), {place} \
                 ADD unread :unread, threads :threads"
            ),
            condition: Some("attribute_not_exists(joined_to)".into()),
            names: vec![("#state", "state")],
            values,
        }
        .making("conversation")
    }
}
