//! A sender's pace: which jobs it runs, and up to when its slots have been given away.

use super::item::{Key, number, text};
use super::jobs::Job;
use super::transaction::{Change, Transaction};
use super::{Store, StoreError, keys};
use crate::domain::id::{JobId, MessageId};
use crate::domain::identity::{PhoneNumberId, TenantId};
use crate::domain::message::Outbound;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::fmt::serde::timestamp::millisecond;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A dispatch that was not heard of for this long is taken for dead.
const KICK_AFTER: SignedDuration = SignedDuration::from_secs(5);

/// A sender's pace.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Pace {
    /// Its running jobs.
    #[serde(with = "serde_dynamo::string_set")]
    pub jobs: BTreeSet<String>,
    /// The first slot that has not been given away.
    #[serde(with = "millisecond::optional")]
    pub next_slot: Option<Timestamp>,
    /// A hint that comes before this time is one too many.
    #[serde(with = "millisecond::optional")]
    pub next_run: Option<Timestamp>,
    /// How many messages the last tick might hand out: less than the rate allows while the workers are behind.
    pub window: Option<u32>,
    /// Changes with every lease.
    pub rev: u64,
}

impl Pace {
    /// Its running jobs.
    #[must_use]
    pub fn job_ids(&self) -> Vec<JobId> {
        self.jobs.iter().filter_map(|id| id.parse().ok()).collect()
    }
}

/// What the sweeper has to look after.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overdue {
    /// Single messages that are open after their time.
    pub messages: Vec<(TenantId, MessageId)>,
    /// Senders with running jobs whose dispatch was not heard of.
    pub senders: Vec<(TenantId, PhoneNumberId)>,
}

/// Slots taken for the next second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The first slot after those taken.
    pub until: Timestamp,
    /// When the next hint may come.
    pub next_run: Timestamp,
    /// How many messages this tick may hand out.
    pub window: u32,
}

impl Store {
    /// Takes slots, if nobody else did since `pace` was read. They are taken before they are used: a dispatch that
    /// dies in between wastes them, and no second can be used twice.
    pub async fn lease_slots(
        &self,
        tenant: &TenantId,
        sender: &PhoneNumberId,
        pace: &Pace,
        lease: Lease,
    ) -> Result<bool, StoreError> {
        let due = lease
            .next_run
            .saturating_add(KICK_AFTER)
            .unwrap_or(lease.next_run);
        let change = Change {
            update: "SET next_slot = :until, next_run = :next_run, #window = :window, rev = :next, due_key = :due_key, due_sort = :due"
                .into(),
            condition: Some("rev = :rev".into()),
            names: vec![("#window", "window")],
            values: vec![
                (":until".into(), number(lease.until.as_millisecond())),
                (":next_run".into(), number(lease.next_run.as_millisecond())),
                (":window".into(), number(lease.window)),
                (":rev".into(), number(pace.rev)),
                (":next".into(), number(pace.rev + 1)),
                (":due_key".into(), text(due_key(sender))),
                (":due".into(), text(keys::due_sort(due, sender.as_str()))),
            ],
        };
        self.change_if(Key::new(keys::sender(tenant, sender), keys::PACE), &change)
            .await
    }

    /// Lets the sweeper forget a sender that has no jobs left, and the next job begin a row of its own. `false` if one
    /// was started meanwhile.
    pub async fn rest(
        &self,
        tenant: &TenantId,
        sender: &PhoneNumberId,
        pace: &Pace,
    ) -> Result<bool, StoreError> {
        let change = Change {
            update: "SET rev = :next REMOVE due_key, due_sort, next_slot".into(),
            condition: Some("rev = :rev".into()),
            names: vec![],
            values: vec![
                (":rev".into(), number(pace.rev)),
                (":next".into(), number(pace.rev + 1)),
            ],
        };
        self.change_if(Key::new(keys::sender(tenant, sender), keys::PACE), &change)
            .await
    }

    /// Adds a job to those its sender runs; from now on the sweeper sees to it that it goes on.
    pub(super) fn enlist(
        &self,
        transaction: &mut Transaction,
        job: &Job,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let change = Change {
            update: "SET due_key = :due_key, due_sort = :due ADD jobs :job, rev :one".into(),
            condition: None,
            names: vec![],
            values: vec![
                (":one".into(), number(1)),
                (":due_key".into(), text(due_key(&job.sender))),
                (
                    ":due".into(),
                    text(keys::due_sort(now, job.sender.as_str())),
                ),
                (":job".into(), AttributeValue::Ss(vec![job.id.to_string()])),
            ],
        }
        .making("pace");
        let key = Key::new(keys::sender(&job.tenant, &job.sender), keys::PACE);
        transaction.update(&self.messages, key, &change)
    }

    /// Takes a job off those its sender runs.
    pub(super) fn delist(
        &self,
        transaction: &mut Transaction,
        job: &Job,
    ) -> Result<(), StoreError> {
        let change = Change {
            update: "DELETE jobs :job ADD rev :one".into(),
            condition: Some("attribute_exists(pk)".into()),
            names: vec![],
            values: vec![
                (":job".into(), AttributeValue::Ss(vec![job.id.to_string()])),
                (":one".into(), number(1)),
            ],
        };
        let key = Key::new(keys::sender(&job.tenant, &job.sender), keys::PACE);
        transaction.update(&self.messages, key, &change)
    }

    /// What should have happened by `now` and has not: up to `limit` of each shard, soonest first.
    pub async fn overdue(&self, now: Timestamp, limit: usize) -> Result<Overdue, StoreError> {
        let mut overdue = Overdue::default();
        for key in self.due(&self.messages, now, limit).await? {
            if key.sk == keys::PACE {
                overdue.senders.extend(sender_of(&key.pk));
            } else {
                overdue.messages.extend(keys::message_of(&key.pk));
            }
        }
        Ok(overdue)
    }

    /// Lets the sweeper look at an open message again at `at`, not sooner. Nothing happens to one that has ended.
    pub async fn postpone(&self, message: &Outbound, at: Timestamp) -> Result<(), StoreError> {
        let change = Change {
            update: "SET due_sort = :due".into(),
            condition: Some("attribute_exists(due_key)".into()),
            names: vec![],
            values: vec![(":due".into(), text(keys::due_sort(at, message.id.as_str())))],
        };
        let key = Key::new(keys::message(&message.tenant, &message.id), keys::HEAD);
        self.change_if(key, &change).await?;
        Ok(())
    }
}

fn due_key(sender: &PhoneNumberId) -> String {
    keys::due(keys::shard_of(sender.as_str(), keys::DUE_SHARDS))
}

fn sender_of(pk: &str) -> Option<(TenantId, PhoneNumberId)> {
    let (tenant, sender) = pk.strip_prefix("T#")?.split_once("#S#")?;
    Some((tenant.parse().ok()?, sender.parse().ok()?))
}
