//! The items of messages: which indexes a message stands in follows from its state alone.

use super::item::{Indexes, Item, Key, item};
use super::messages::StateBucket;
use super::{StoreError, keys};
use crate::domain::identity::{GroupId, Recipient};
use crate::domain::message::{Inbound, Lane, Message, Outbound};
use crate::domain::queue::LONGEST_DELAY;
use crate::domain::state::State;
use crate::domain::webhook::Person;
use jiff::{SignedDuration, Timestamp};

const KIND: &str = "message";

/// How long after its time a message may lie before the sweeper looks after it.
const OVERDUE_AFTER: SignedDuration = SignedDuration::from_secs(35);

/// A scheduled message too far ahead for a queue to keep its hint back gets the hint this long before its time.
const HINT_AHEAD: SignedDuration = SignedDuration::from_mins(10);

/// The item of a message, with every index attribute its state asks for.
pub(super) fn message_item(message: &Message) -> Result<Item, StoreError> {
    match message {
        Message::Outbound(outbound) => {
            let key = Key::new(keys::message(&outbound.tenant, &outbound.id), keys::HEAD);
            item(KIND, key, outbound_indexes(outbound), message)
        }
        Message::Inbound(inbound) => {
            let key = Key::new(keys::message(&inbound.tenant, &inbound.id), keys::HEAD);
            item(KIND, key, inbound_indexes(inbound), message)
        }
    }
}

fn outbound_indexes(message: &Outbound) -> Indexes {
    let Outbound {
        tenant,
        id,
        sender,
        state,
        ..
    } = message;
    let shard = keys::shard_of(id.as_str(), keys::LIST_SHARDS);
    let mut indexes = Indexes {
        provider_key: message
            .provider_id()
            .map(|wamid| keys::provider_id(tenant, wamid)),
        thread_key: Some(keys::thread(tenant, sender, &message.thread())),
        list_key: Some(keys::log(tenant, shard)),
        ..Indexes::default()
    };
    // A bulk recipient is found through its job while it is open: that costs no index writes.
    let bulk = message.lane == Lane::Bulk;
    match StateBucket::of(*state) {
        Some(bucket) if !(bulk && bucket == StateBucket::Open) => {
            indexes.state_key = Some(keys::state(tenant, shard));
            indexes.state_sort = Some(state_sort(message, bucket));
            indexes.job_key = message
                .job
                .as_ref()
                .map(|job| keys::job_problems(job, shard));
        }
        Some(_) | None => {}
    }
    if (state.is_open() && !bulk) || message.waiting.is_some() {
        let shard = keys::shard_of(id.as_str(), keys::DUE_SHARDS);
        indexes.due_key = Some(keys::due_messages(shard));
        indexes.due_sort = Some(keys::due_sort(due_at(message), id.as_str()));
    }
    indexes
}

/// Within its group a message stands by its age; one that waits for its caller's time, by that time.
fn state_sort(message: &Outbound, bucket: StateBucket) -> String {
    let Outbound { id, .. } = message;
    match scheduled_for(message) {
        Some(time) => format!(
            "{}{}#{id}",
            StateBucket::Scheduled.prefix(),
            keys::millis(time)
        ),
        None => format!("{}{id}", bucket.prefix()),
    }
}

/// The time its caller set, while it waits for that. After an attempt it waits for another reason.
fn scheduled_for(message: &Outbound) -> Option<Timestamp> {
    let is_untouched = message.state == State::Queued && message.attempts.is_empty();
    message.not_before.filter(|_| is_untouched)
}

/// When the sweeper should look after an open message, or after one that waits for another attempt.
fn due_at(message: &Outbound) -> Timestamp {
    if let Some(waiting) = &message.waiting {
        return waiting.look_at;
    }
    let far = |time: &Timestamp| time.duration_since(message.created_at) > LONGEST_DELAY;
    if let Some(time) = scheduled_for(message).filter(far) {
        return time.saturating_sub(HINT_AHEAD).unwrap_or(time);
    }
    let lease = message
        .claim
        .as_ref()
        .filter(|_| message.state == State::Sending);
    match (lease, message.not_before) {
        (Some(claim), _) => claim.lease_until,
        (None, Some(time)) => time,
        (None, None) => message
            .created_at
            .saturating_add(OVERDUE_AFTER)
            .unwrap_or(Timestamp::MAX),
    }
}

fn inbound_indexes(message: &Inbound) -> Indexes {
    let Inbound {
        tenant,
        id,
        sender,
        provider_id,
        ..
    } = message;
    Indexes {
        provider_key: Some(keys::provider_id(tenant, provider_id)),
        thread_key: Some(keys::thread(
            tenant,
            sender,
            &thread_of(&message.from, message.group.as_ref()),
        )),
        list_key: Some(keys::log(
            tenant,
            keys::shard_of(id.as_str(), keys::LIST_SHARDS),
        )),
        ..Indexes::default()
    }
}

/// The name a person's messages are threaded by: the same a message to them would have.
pub(super) fn thread_of(person: &Person, group: Option<&GroupId>) -> String {
    match (group, person.identity()) {
        (Some(group), _) => Recipient::Group(group.clone()).canonical(),
        (None, Some(identity)) => identity.canonical(),
        (None, None) => "nobody".into(),
    }
}
