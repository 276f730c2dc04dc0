//! Paging: newest first over one or several partitions, an index giving keys, each key then read consistently.

use super::item::{Item, Key, body};
use super::transaction::give_way;
use super::{Store, StoreError};
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use serde::de::DeserializeOwned;
use std::collections::{HashMap, HashSet};

/// What to list: how many at most, and after which sort value.
#[derive(Debug, Clone, Default)]
pub struct Slice {
    /// How many entries.
    pub limit: usize,
    /// The sort value of the last entry already seen.
    pub after: Option<String>,
}

/// The most a page reads. A message can be shown as twice what its item holds, and Lambda answers with 6 MB at most.
pub(super) const LARGEST_PAGE: usize = 2_000_000;

/// Calls that one batch of keys is read by at most. A hundred of the largest items take three.
const BATCH_TRIES: u32 = 8;

/// A page of a list.
#[derive(Debug, Clone)]
pub struct Listed<T> {
    /// The entries; fewer than asked for, if they are large.
    pub entries: Vec<T>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

/// An index: its name and its attributes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Index {
    pub(super) name: Option<&'static str>,
    pub(super) hash: &'static str,
    pub(super) sort: &'static str,
}

impl Index {
    pub(super) const LIST: Self = Self {
        name: Some("by_list"),
        hash: "list_key",
        sort: "list_sort",
    };
    pub(super) const THREAD: Self = Self {
        name: Some("by_thread"),
        hash: "thread_key",
        sort: "list_sort",
    };
    pub(super) const STATE: Self = Self {
        name: Some("by_state"),
        hash: "state_key",
        sort: "state_sort",
    };
    pub(super) const JOB: Self = Self {
        name: Some("by_job"),
        hash: "job_key",
        sort: "state_sort",
    };
    pub(super) const DUE: Self = Self {
        name: Some("by_due"),
        hash: "due_key",
        sort: "due_sort",
    };
    pub(super) const TABLE: Self = Self {
        name: None,
        hash: "pk",
        sort: "sk",
    };
}

/// Which way a list runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Ascending,
    Descending,
}

/// A query of one or several partitions that reads as one list.
#[derive(Debug, Clone)]
pub(super) struct Listing {
    pub(super) index: Index,
    pub(super) partitions: Vec<String>,
    /// Only sort values that begin so.
    pub(super) prefix: String,
    pub(super) order: Order,
}

/// An entry of a listing: its sort value and its item (only keys, if an index gave it).
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) sort: String,
    pub(super) item: Item,
}

impl Store {
    /// The items of these keys, read consistently, in the order of the keys; what is gone is left out.
    ///
    /// An item that moves from one partition of an index to another may be listed in both: it is read once.
    pub(super) async fn read_all(
        &self,
        table: &str,
        mut keys: Vec<Key>,
    ) -> Result<Vec<Item>, StoreError> {
        let mut seen = HashSet::new();
        keys.retain(|key| seen.insert(key.clone()));
        let mut found = self.read_batches(table, &keys).await?;
        Ok(keys.iter().filter_map(|key| found.remove(key)).collect())
    }

    /// A few items of different keys in one call, read consistently, each by itself.
    pub(super) async fn read_together<const N: usize>(
        &self,
        table: &str,
        keys: [Key; N],
    ) -> Result<[Option<Item>; N], StoreError> {
        let mut found = self.read_batches(table, &keys).await?;
        Ok(keys.map(|key| found.remove(&key)))
    }

    async fn read_batches(
        &self,
        table: &str,
        keys: &[Key],
    ) -> Result<HashMap<Key, Item>, StoreError> {
        let mut found = HashMap::new();
        for chunk in keys.chunks(100) {
            let mut open: Vec<Item> = chunk.iter().cloned().map(Key::into_item).collect();
            let mut tries = 0;
            while !open.is_empty() {
                if tries == BATCH_TRIES {
                    return Err(StoreError::Throttled(
                        "keys were left unread each time".into(),
                    ));
                }
                give_way(tries).await;
                open = self.read_batch(table, open, &mut found).await?;
                tries += 1;
            }
        }
        Ok(found)
    }

    /// Finds some of the items of these keys; the keys of those that are left.
    async fn read_batch(
        &self,
        table: &str,
        keys: Vec<Item>,
        found: &mut HashMap<Key, Item>,
    ) -> Result<Vec<Item>, StoreError> {
        let request = KeysAndAttributes::builder()
            .consistent_read(true)
            .set_keys(Some(keys))
            .build()
            .map_err(|error| StoreError::Unavailable(Box::new(error)))?;
        let reading = self.client.batch_get_item().request_items(table, request);
        let output = reading.send().await?;
        for item in output.responses.unwrap_or_default().into_values().flatten() {
            let (pk, sk) = key_of(&item)?;
            found.insert(Key { pk, sk }, item);
        }
        let left = output.unprocessed_keys.unwrap_or_default().into_values();
        Ok(left.flat_map(|keys| keys.keys).collect())
    }

    /// A page whose index entries are replaced by the items they point to. It ends early when they are large.
    async fn list_items(
        &self,
        table: &str,
        listing: &Listing,
        slice: &Slice,
    ) -> Result<Listed<Item>, StoreError> {
        let page = self.list(table, listing, slice).await?;
        let mut keys = Vec::with_capacity(page.entries.len());
        for entry in &page.entries {
            let (pk, sk) = key_of(&entry.item)?;
            keys.push(Key { pk, sk });
        }
        let items = self.read_all(table, keys).await?;
        let mut size = 0;
        let fits = |item: &&Item| {
            size += size_of(item);
            size <= LARGEST_PAGE
        };
        let fit = items.iter().take_while(fits).count().max(1);
        let Some(first_left) = items.get(fit) else {
            return Ok(Listed {
                entries: items,
                next: page.next,
            });
        };
        let left = key_of(first_left)?;
        let entries = page.entries.iter();
        let before = entries.take_while(|entry| key_of(&entry.item).is_ok_and(|key| key != left));
        Ok(Listed {
            next: before.last().map(|entry| entry.sort.clone()),
            entries: items.into_iter().take(fit).collect(),
        })
    }

    /// A page of the things that `listing` finds: those of the table as they were read, those of an index by their keys.
    pub(super) async fn list_of<T: DeserializeOwned>(
        &self,
        table: &str,
        listing: &Listing,
        slice: &Slice,
    ) -> Result<Listed<T>, StoreError> {
        let (items, next) = if listing.index.name.is_none() {
            let page = self.list(table, listing, slice).await?;
            let items: Vec<_> = page.entries.into_iter().map(|entry| entry.item).collect();
            (items, page.next)
        } else {
            let page = self.list_items(table, listing, slice).await?;
            (page.entries, page.next)
        };
        Ok(Listed {
            entries: items.into_iter().map(body).collect::<Result<_, _>>()?,
            next,
        })
    }

    /// One item, read consistently.
    pub(super) async fn read(&self, table: &str, key: Key) -> Result<Option<Item>, StoreError> {
        let output = self
            .client
            .get_item()
            .table_name(table)
            .set_key(Some(key.into_item()))
            .consistent_read(true)
            .send()
            .await?;
        Ok(output.item)
    }
}

/// The pk and sk of an item or of an index entry.
pub(super) fn key_of(item: &Item) -> Result<(String, String), StoreError> {
    let part = |name: &str| {
        item.get(name)
            .and_then(|value: &AttributeValue| value.as_s().ok())
    };
    match (part("pk"), part("sk")) {
        (Some(pk), Some(sk)) => Ok((pk.clone(), sk.clone())),
        _ => Err(StoreError::corrupt("an item without keys")),
    }
}

/// About how many bytes an item holds. What is large in one is text.
pub(super) fn size_of(item: &Item) -> usize {
    let texts = item.values().filter_map(|value| value.as_s().ok());
    let bytes = item.values().filter_map(|value| value.as_b().ok());
    texts.map(String::len).sum::<usize>() + bytes.map(|bytes| bytes.as_ref().len()).sum::<usize>()
}

/// The range of sort values to read: all that begin with `prefix`, from where the last page ended.
pub(super) fn bounds(prefix: &str, order: Order, after: Option<&str>) -> (String, String) {
    // Sort values are ASCII, so this one is above all that begin with the prefix. A key may not be empty.
    let (low, high) = (
        if prefix.is_empty() { " " } else { prefix },
        format!("{prefix}\u{7f}"),
    );
    // A page never begins outside its list, whatever a cursor says.
    let after = after.map(|after| after.clamp(low, &high).to_owned());
    match (order, after) {
        (Order::Ascending, Some(after)) => (after, high),
        (Order::Descending, Some(after)) => (low.to_owned(), after),
        (_, None) => (low.to_owned(), high),
    }
}
