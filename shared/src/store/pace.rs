//! A sender's pace: which jobs it runs, what slots have been given away, and whether it may send at all.
//!
//! One item holds all of it, so that each lease is one conditional write and no two can take the same slot.

use super::item::{Key, body, number, text};
use super::transaction::{Change, Transaction};
use super::{Store, StoreError, keys};
use crate::domain::id::{AccountId, JobId, MessageId};
use crate::domain::identity::{SenderId, TenantId};
use crate::domain::job::Job;
use crate::domain::message::Outbound;
use crate::domain::pace::{
    Behind, Held, InboundRate, Line, Pause, REST_BETWEEN_RATES, Row, Rows, SHORT_REST, Slot,
    Slowed, Speed, Taken,
};
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::fmt::serde::timestamp::millisecond;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A sender's pace.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Pace {
    /// Its running jobs.
    #[serde(with = "serde_dynamo::string_set")]
    pub jobs: BTreeSet<String>,
    /// A hint that comes before this time is one too many.
    #[serde(with = "millisecond::optional")]
    pub next_run: Option<Timestamp>,
    /// How much of bulk's share the last tick used; less than all while the workers are behind.
    pub speed: Option<Speed>,
    /// Changes with every tick, and whenever a job begins or ends.
    pub rev: u64,
    /// The token of the tick that took slots last.
    pub tick: Option<String>,
    /// Whether bulk has its share.
    pub shared: bool,
    /// Changes whenever that changes, and with the era.
    pub epoch: u64,
    /// How often the sender was given another rate: slots of the ones before are not used.
    pub era: u64,
    /// The slots of bulk.
    pub row_bulk: Row,
    /// The slots of single messages.
    pub row_single: Row,
    /// The slots of one-time codes.
    pub row_otp: Row,
    /// That the provider asked it to slow down.
    pub slowed: Option<Slowed>,
    /// What came in when the last tick looked.
    pub inbound: Option<InboundRate>,
    /// Why nothing leaves it.
    pub paused: Option<Pause>,
    /// When it was last resumed: what was refused before that does not pause it again.
    #[serde(with = "millisecond::optional")]
    pub resumed_at: Option<Timestamp>,
}

impl Pace {
    /// Its running jobs.
    #[must_use]
    pub fn job_ids(&self) -> Vec<JobId> {
        self.jobs.iter().filter_map(|id| id.parse().ok()).collect()
    }

    /// Whether a slot that was given away is used, where `chance` decides about some.
    #[must_use]
    pub fn lets(&self, held: Held, now: Timestamp, chance: u128) -> bool {
        held.era >= self.era && Slowed::lets(self.slowed.as_ref(), held.since, now, chance)
    }

    /// How long its rows rest when it is given another rate.
    #[must_use]
    pub fn rest_between_rates(&self, now: Timestamp) -> SignedDuration {
        let ends = [&self.row_bulk, &self.row_single, &self.row_otp].map(Row::end);
        let latest = ends.into_iter().flatten().max();
        let is_over = |end: Timestamp| now.duration_since(end) > REST_BETWEEN_RATES;
        if latest.is_none_or(is_over) {
            SHORT_REST
        } else {
            REST_BETWEEN_RATES
        }
    }

    /// Its rows of slots.
    #[must_use]
    pub const fn rows(&self) -> Rows {
        Rows {
            bulk: self.row_bulk,
            single: self.row_single,
            otp: self.row_otp,
            shared: self.shared,
        }
    }
}

/// What the sweeper has to look after.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overdue {
    /// Single messages that are open after their time.
    pub messages: Vec<(TenantId, MessageId)>,
    /// Senders with running jobs whose dispatch was not heard of.
    pub senders: Vec<(TenantId, SenderId)>,
    /// Jobs whose time has come, or has passed.
    pub jobs: Vec<(TenantId, JobId)>,
    /// Accounts that are to be looked at.
    pub accounts: Vec<(TenantId, AccountId)>,
}

/// What a tick takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Random; tells this tick from every other.
    pub tick: String,
    /// Bulk slots.
    pub taken: Taken,
    /// When it takes them. The sweeper puts a hint for every sender with jobs; one that comes too soon is dropped.
    pub now: Timestamp,
    /// When the next hint may come.
    pub next_run: Timestamp,
    /// How much of bulk's share is used.
    pub speed: Speed,
    /// What has come in.
    pub inbound: InboundRate,
}

impl Store {
    /// A sender's pace.
    pub async fn pace(&self, tenant: &TenantId, sender: &SenderId) -> Result<Pace, StoreError> {
        let pace = self
            .read(&self.messages, pace_key(tenant, sender))
            .await?
            .map(body)
            .transpose()?;
        Ok(pace.unwrap_or_default())
    }

    /// Takes bulk slots, if nobody else did since `pace` was read. They are taken before they are used: a dispatch that
    /// dies in between wastes them, and no second can be used twice.
    pub async fn lease_bulk(
        &self,
        tenant: &TenantId,
        sender: &SenderId,
        pace: &Pace,
        lease: &Lease,
    ) -> Result<bool, StoreError> {
        let epoch = pace.epoch + u64::from(!pace.shared);
        let mut change = Change {
            update: "SET row_bulk = :row, next_run = :next_run, #speed = :speed, inbound = :inbound, \
                     #shared = :shared, epoch = :epoch, rev = :next, tick = :tick, due_key = :due_key, due_sort = :due"
                .into(),
            condition: Some("rev = :rev".into()),
            names: vec![("#speed", "speed"), ("#shared", "shared")],
            values: vec![
                (":row".into(), serde_dynamo::to_attribute_value(lease.taken.row)?),
                (":next_run".into(), number(lease.next_run.as_millisecond())),
                (":speed".into(), serde_dynamo::to_attribute_value(lease.speed)?),
                (":inbound".into(), serde_dynamo::to_attribute_value(lease.inbound)?),
                (":shared".into(), AttributeValue::Bool(true)),
                (":epoch".into(), number(epoch)),
                (":rev".into(), number(pace.rev)),
                (":next".into(), number(pace.rev + 1)),
                (":tick".into(), text(lease.tick.as_str())),
                (":due_key".into(), text(due_key(sender))),
                (":due".into(), text(keys::due_sort(lease.now, sender.as_str()))),
            ],
        };
        still(&mut change, "row_bulk", &pace.row_bulk)?;
        if !pace.shared {
            // The share that bulk gets back begins where the slots taken from it end.
            still(&mut change, "row_single", &pace.row_single)?;
        }
        self.change_if(pace_key(tenant, sender), &change).await
    }

    /// Takes slots for messages of the other lanes, if nobody else did since `pace` was read, and bulk neither got nor
    /// lost its share.
    pub async fn lease_slots(
        &self,
        tenant: &TenantId,
        sender: &SenderId,
        pace: &Pace,
        taken: &Taken,
    ) -> Result<bool, StoreError> {
        let name = row_name(taken.line);
        let mut change = Change {
            update: format!("SET {name} = :row, epoch = :epoch"),
            condition: Some(format!(
                "(attribute_not_exists(epoch) OR epoch = :epoch) AND {}",
                paused_as(pace)
            )),
            names: vec![("#paused", "paused")],
            values: vec![
                (":row".into(), serde_dynamo::to_attribute_value(taken.row)?),
                (":epoch".into(), number(pace.epoch)),
            ],
        }
        .making("pace");
        still(&mut change, name, pace.rows().row(taken.line))?;
        self.change_if(pace_key(tenant, sender), &change).await
    }

    /// Takes slots behind the last one of a row, whoever took that since `pace` was read. `None` if the row is not as it
    /// must be for these, bulk got or lost its share, or the sender was paused. A request that the SDK repeats takes more
    /// slots, which expire unused.
    pub async fn lease_behind(
        &self,
        tenant: &TenantId,
        sender: &SenderId,
        pace: &Pace,
        behind: &Behind,
    ) -> Result<Option<Vec<Slot>>, StoreError> {
        let name = row_name(behind.line);
        let change = Change {
            update: format!("SET {name}.last_us = {name}.last_us + :advance"),
            condition: Some(format!(
                "epoch = :epoch AND {} AND {name}.slack_us = :slack \
                 AND {name}.last_us BETWEEN :from AND :to",
                paused_as(pace)
            )),
            names: vec![("#paused", "paused")],
            values: vec![
                (":advance".into(), number(behind.advance_us)),
                (":epoch".into(), number(pace.epoch)),
                (":slack".into(), number(behind.slack_us)),
                (":from".into(), number(behind.from_us)),
                (":to".into(), number(behind.to_us)),
            ],
        };
        let key = pace_key(tenant, sender);
        let Some(changed) = self.change_and_read(key, &change).await? else {
            return Ok(None);
        };
        let now: Pace = body(changed)?;
        Ok(Some(behind.slots(now.rows().row(behind.line))))
    }

    /// Lets the sweeper forget a sender that has no jobs left, or is paused, until `wake_at`: other messages have bulk's
    /// share. `false` if a job was started meanwhile.
    pub async fn rest(
        &self,
        tenant: &TenantId,
        sender: &SenderId,
        pace: &Pace,
        wake_at: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        let due = match wake_at {
            Some(_) => ", due_key = :due_key, due_sort = :due",
            None => " REMOVE due_key, due_sort",
        };
        let mut change = Change {
            update: format!("SET rev = :next, epoch = :epoch, #shared = :shared{due}"),
            // One that was resumed and never had a job has none.
            condition: Some("attribute_not_exists(rev) OR rev = :rev".into()),
            names: vec![("#shared", "shared")],
            values: vec![
                (":rev".into(), number(pace.rev)),
                (":next".into(), number(pace.rev + 1)),
                (":epoch".into(), number(pace.epoch + u64::from(pace.shared))),
                (":shared".into(), AttributeValue::Bool(false)),
            ],
        }
        .making("pace");
        if let Some(wake_at) = wake_at {
            let due = keys::due_sort(wake_at, sender.as_str());
            let due_key = (":due_key".into(), text(due_key(sender)));
            change.values.extend([due_key, (":due".into(), text(due))]);
        }
        self.change_if(pace_key(tenant, sender), &change).await
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
        let key = pace_key(&job.tenant, &job.sender);
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
        let key = pace_key(&job.tenant, &job.sender);
        transaction.update(&self.messages, key, &change)
    }

    /// What should have happened by `now` and has not: of each shard up to `limit` messages, and as many of the rest,
    /// soonest first.
    pub async fn overdue(&self, now: Timestamp, limit: usize) -> Result<Overdue, StoreError> {
        let mut overdue = Overdue::default();
        let table = &self.messages;
        let messages = self.due(table, keys::due_messages, now, limit).await?;
        let others = self.due(table, keys::due, now, limit).await?;
        for key in others.into_iter().chain(messages) {
            if key.sk == keys::PACE {
                overdue.senders.extend(sender_of(&key.pk));
            } else if key.sk == keys::HEALTH {
                overdue.accounts.extend(keys::account_of(&key.pk));
            } else if let Some(job) = keys::job_of(&key.pk) {
                overdue.jobs.push(job);
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

pub(super) fn pace_key(tenant: &TenantId, sender: &SenderId) -> Key {
    Key::new(keys::sender(tenant, sender), keys::PACE)
}

pub(super) fn due_key(sender: &SenderId) -> String {
    keys::due(keys::shard_of(sender.as_str(), keys::DUE_SHARDS))
}

fn sender_of(pk: &str) -> Option<(TenantId, SenderId)> {
    let (tenant, sender) = pk.strip_prefix("T#")?.split_once("#S#")?;
    Some((tenant.parse().ok()?, sender.parse().ok()?))
}

const fn row_name(line: Line) -> &'static str {
    match line {
        Line::Bulk => "row_bulk",
        Line::Single => "row_single",
        Line::Otp => "row_otp",
    }
}

/// That a sender is paused, or is not, as it was read: who takes slots of a paused one knows why.
const fn paused_as(pace: &Pace) -> &'static str {
    match pace.paused {
        Some(_) => "attribute_exists(#paused)",
        None => "attribute_not_exists(#paused)",
    }
}

/// Adds to the condition of a change that a row is as it was read.
pub(super) fn still(change: &mut Change, name: &str, row: &Row) -> Result<(), StoreError> {
    let condition = if *row == Row::default() {
        format!("attribute_not_exists({name})")
    } else {
        let known = serde_dynamo::to_attribute_value(row)?;
        change.values.push((format!(":known_{name}"), known));
        format!("{name} = :known_{name}")
    };
    change.condition = change
        .condition
        .take()
        .map(|others| format!("{others} AND {condition}"));
    Ok(())
}
