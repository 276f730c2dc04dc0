//! Counters, exact because they move with what they count: those of `tally` with the position in the stream they were
//! counted from, those of kept webhook events with their record.

use super::calls::{Beside, CallUses};
use super::item::{Indexes, Item, Key, body, item, number, text};
use super::page::{Index, Listing, Order, Slice};
use super::transaction::{Change, Committed, Transaction};
use super::{Store, StoreError, keys};
use crate::domain::identity::{SenderId, TenantId};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// One number of a counter item to move.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counter {
    /// Whose.
    pub tenant: TenantId,
    /// What is counted: `job:…`, `day:2026-11-20`, `kept:2026-11-20#0`.
    pub of: String,
    /// A part of it, such as a sender; `-` where there are no parts.
    pub part: String,
    /// The number's name.
    pub name: String,
}

/// The number of inbound messages, among a day's.
pub const RECEIVED_COUNTER: &str = "inbound_received";

/// What a day's counters are called, in which each sender is a part.
#[must_use]
pub fn day_counters(day: Date) -> String {
    format!("day:{day}")
}

/// By how much each number moves.
pub type CounterDelta = BTreeMap<Counter, i64>;

/// How far a shard of the stream has been counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The shard.
    pub shard: String,
    /// The sequence number of the last record counted; `None` before the first. `sequence` is a reserved word of
    /// DynamoDB's.
    #[serde(rename = "counted_to")]
    pub sequence: Option<String>,
}

impl Store {
    /// How far a shard has been counted.
    pub async fn position(&self, shard: &str) -> Result<Position, StoreError> {
        let key = Key::new(keys::position(shard), keys::HEAD);
        let position = self
            .read(&self.messages, key)
            .await?
            .map(body)
            .transpose()?;
        Ok(position.unwrap_or_else(|| Position {
            shard: shard.into(),
            sequence: None,
        }))
    }

    /// Moves the counters and the position from `from` to `sequence`, together. `false` if someone else moved the
    /// position: then these records are counted already, or being counted.
    pub async fn count(
        &self,
        delta: &CounterDelta,
        from: &Position,
        sequence: &str,
    ) -> Result<bool, StoreError> {
        let uses = CallUses::new();
        self.count_calls(delta, &uses, from, sequence).await
    }

    /// The same, and beside the counters of keys how they were last used.
    pub async fn count_calls(
        &self,
        delta: &CounterDelta,
        uses: &CallUses,
        from: &Position,
        sequence: &str,
    ) -> Result<bool, StoreError> {
        let mut transaction = Transaction::new();
        let next = Position {
            shard: from.shard.clone(),
            sequence: Some(sequence.into()),
        };
        let key = Key::new(keys::position(&from.shard), keys::HEAD);
        let position = item("position", key, Indexes::default(), &next)?;
        match &from.sequence {
            None => transaction.put_new(&self.messages, position)?,
            Some(known) => {
                let values = HashMap::from([(":known".to_owned(), text(known.as_str()))]);
                transaction.put_if(
                    &self.messages,
                    position,
                    Some("counted_to = :known"),
                    values,
                )?;
            }
        }
        for ((tenant, of, part), numbers) in by_item(delta) {
            let beside = Beside::of((tenant, of, part), uses)?;
            let key = Key::new(keys::counters(tenant, of), part);
            let change = beside.with(addition(&numbers)).making("counters");
            transaction.update(&self.messages, key, &change)?;
        }
        Ok(self.commit_if(transaction).await? == Committed::Yes)
    }

    /// Adds to a transaction that counters move.
    pub(super) fn add_all(
        &self,
        transaction: &mut Transaction,
        delta: &CounterDelta,
    ) -> Result<(), StoreError> {
        for ((tenant, of, part), numbers) in by_item(delta) {
            let key = Key::new(keys::counters(tenant, of), part);
            let change = addition(&numbers).making("counters");
            transaction.update(&self.messages, key, &change)?;
        }
        Ok(())
    }

    /// Moves counters one item after the other: where they could not be moved in the transaction of what they count.
    pub(super) async fn add_each(&self, delta: &CounterDelta) -> Result<(), StoreError> {
        for ((tenant, of, part), numbers) in by_item(delta) {
            let key = Key::new(keys::counters(tenant, of), part);
            let change = addition(&numbers).making("counters");
            self.change_if(key, &change).await?;
        }
        Ok(())
    }

    /// Every part of what is counted, with its numbers.
    pub async fn parts(
        &self,
        tenant: &TenantId,
        of: &str,
    ) -> Result<BTreeMap<String, BTreeMap<String, i64>>, StoreError> {
        let items = self.counted(tenant, of, String::new()).await?;
        let parts = items.into_iter();
        Ok(parts.map(|(part, item)| (part, numbers_of(item))).collect())
    }

    /// The items of what is counted, those alone whose part begins so.
    pub(super) async fn counted(
        &self,
        tenant: &TenantId,
        of: &str,
        prefix: String,
    ) -> Result<Vec<(String, Item)>, StoreError> {
        let listing = Listing {
            index: Index::TABLE,
            partitions: vec![keys::counters(tenant, of)],
            prefix,
            order: Order::Ascending,
        };
        let mut slice = Slice {
            limit: 1000,
            after: None,
        };
        let mut items = Vec::new();
        loop {
            let page = self.list(&self.messages, &listing, &slice).await?;
            let entries = page.entries.into_iter();
            items.extend(entries.map(|entry| (entry.sort, entry.item)));
            slice.after = page.next;
            if slice.after.is_none() {
                return Ok(items);
            }
        }
    }

    /// How many messages of today have come in to a sender, as far as they have been counted.
    pub async fn received_today(
        &self,
        tenant: &TenantId,
        sender: &SenderId,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let day = day_counters(now.to_zoned(TimeZone::UTC).date());
        let numbers = self.numbers(tenant, &day, sender.as_str()).await?;
        let received = numbers.get(RECEIVED_COUNTER).copied().unwrap_or(0);
        Ok(u64::try_from(received).unwrap_or(0))
    }

    /// The numbers of one counter item.
    pub async fn numbers(
        &self,
        tenant: &TenantId,
        of: &str,
        part: &str,
    ) -> Result<BTreeMap<String, i64>, StoreError> {
        let key = Key::new(keys::counters(tenant, of), part);
        let Some(item) = self.read(&self.messages, key).await? else {
            return Ok(BTreeMap::new());
        };
        Ok(numbers_of(item))
    }
}

/// An expression has 4 KB, so values have short names.
fn addition(numbers: &[(&str, i64)]) -> Change {
    let placed = || (0..).zip(numbers);
    let adds: Vec<String> = placed()
        .map(|(place, (name, _)): (usize, _)| format!("n_{name} :n{place}"))
        .collect();
    Change {
        update: format!("ADD {}", adds.join(", ")),
        condition: None,
        names: Vec::new(),
        values: placed()
            .map(|(place, (_, by)): (usize, _)| (format!(":n{place}"), number(by)))
            .collect(),
    }
}

pub(super) fn numbers_of(item: Item) -> BTreeMap<String, i64> {
    let names = item.into_iter().filter_map(|(name, value)| {
        let number = value.as_n().ok()?.parse().ok()?;
        Some((name.strip_prefix("n_")?.to_owned(), number))
    });
    names.collect()
}

type ItemOf<'a> = (&'a TenantId, &'a str, &'a str);

fn by_item(delta: &CounterDelta) -> BTreeMap<ItemOf<'_>, Vec<(&str, i64)>> {
    let mut items: BTreeMap<ItemOf<'_>, Vec<(&str, i64)>> = BTreeMap::new();
    for (counter, by) in delta.iter().filter(|(_, by)| **by != 0) {
        let key = (&counter.tenant, counter.of.as_str(), counter.part.as_str());
        items
            .entry(key)
            .or_default()
            .push((counter.name.as_str(), *by));
    }
    items
}
