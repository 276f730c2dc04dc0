//! The change that makes a conversation, or lets one that is there show a message and know the message's place.

use super::super::item::{number, text};
use super::super::keys;
use super::super::transaction::Change;
use super::ConversationState;
use crate::domain::id::{AccountId, ConversationId};
use crate::domain::identity::SenderId;
use crate::domain::pace::{Burst, Place};
use crate::store::Contact;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// What makes a conversation, or joins one that is there.
pub(super) struct Opening<'a> {
    pub(super) account: &'a AccountId,
    pub(super) sender: &'a SenderId,
    /// Threads it shows from now on.
    pub(super) threads: BTreeSet<String>,
    /// How many more messages are unread.
    pub(super) unread: u64,
    /// When it was active, where that is now: no other time can be much later.
    pub(super) active_at: Option<Timestamp>,
    /// The burst before a message to the contact, and its place, if it takes one.
    pub(super) place: Option<(Option<Burst>, Place)>,
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
        let change = Change {
            update: format!(
                "SET id = :id, tenant = :tenant, account = :account, sender = :sender, contact = :contact, \
                 #state = if_not_exists(#state, :open), list_key = if_not_exists(list_key, :list_key), {place} \
                 ADD unread :unread, threads :threads"
            ),
            condition: Some("attribute_not_exists(joined_to)".into()),
            names: vec![("#state", "state")],
            values,
        }
        .making("conversation");
        match self.place {
            Some((last, place)) => placed(change, last, place),
            None => change,
        }
    }
}

/// With a message's place, if no burst was begun since `last`, nor the one it joins filled. Those that join one do not
/// hinder each other.
fn placed(mut change: Change, last: Option<Burst>, place: Place) -> Change {
    let known = match last {
        Some(last) => {
            let from = number(last.from.as_millisecond());
            change.values.push((":known_from".into(), from));
            "pair_from = :known_from"
        }
        None => "attribute_not_exists(pair_from)",
    };
    change.condition = change
        .condition
        .map(|others| format!("{others} AND {known}"));
    change.values.push((":one".into(), number(1)));
    match place {
        Place::Joins(_) => {
            change.update.push_str(", pair_count :one");
            let has_room = |others| format!("{others} AND pair_count < :most");
            change.condition = change.condition.map(has_room);
            change.values.push((":most".into(), number(Burst::MOST)));
        }
        Place::Begins(from) => {
            let sets = "SET pair_from = :pair_from, pair_count = :one,";
            change.update = change.update.replacen("SET", sets, 1);
            let from = number(from.as_millisecond());
            change.values.push((":pair_from".into(), from));
        }
    }
    change
}
