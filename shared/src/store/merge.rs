//! Merges the partitions of a list into one page, and reads little more of them than the page shows: entries may be large,
//! and a function's memory is small.

use super::item::{Item, text};
use super::page::{Entry, LARGEST_PAGE, Listed, Listing, Order, Slice, bounds, size_of};
use super::{Store, StoreError};
use futures_util::future::try_join_all;
use std::collections::VecDeque;

/// One partition of a list, as far as it has been read.
struct Partition<'a> {
    name: &'a str,
    /// Read, and not on the page.
    waiting: VecDeque<Entry>,
    /// Where it is read on.
    start: Option<Item>,
    /// How far it has been read.
    end: End,
}

/// Whether there may be more in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Open,
    Reached,
}

impl Partition<'_> {
    /// The sort value of its next entry, if that is known.
    fn next(&self) -> Option<&str> {
        self.waiting.front().map(|entry| entry.sort.as_str())
    }

    /// Whether its next entry is not known, though there may be one.
    fn is_dry(&self) -> bool {
        self.waiting.is_empty() && self.end == End::Open
    }
}

impl Store {
    /// One page of `listing` in `table`, merged over its partitions. It ends early when its entries are large.
    pub(super) async fn list(
        &self,
        table: &str,
        listing: &Listing,
        slice: &Slice,
    ) -> Result<Listed<Entry>, StoreError> {
        let mut partitions: Vec<_> = listing.partitions.iter().map(|name| begun(name)).collect();
        let mut entries: Vec<Entry> = Vec::new();
        let mut size = 0;
        loop {
            let is_full =
                entries.len() == slice.limit || (size > LARGEST_PAGE && !entries.is_empty());
            // Whether more follows is known without reading if anything waits.
            if !is_full || partitions.iter().all(|it| it.waiting.is_empty()) {
                let dry = partitions.iter_mut().filter(|it| it.is_dry());
                try_join_all(dry.map(|it| self.read_on(table, listing, slice, it))).await?;
            }
            let Some(first) = first_of(&mut partitions, listing.order) else {
                let next = None;
                return Ok(Listed { entries, next });
            };
            if is_full {
                let next = entries.last().map(|entry| entry.sort.clone());
                return Ok(Listed { entries, next });
            }
            if let Some(entry) = first.waiting.pop_front() {
                size += size_of(&entry.item);
                entries.push(entry);
            }
        }
    }

    /// Reads a partition on until it has an entry, or its end is reached.
    async fn read_on(
        &self,
        table: &str,
        listing: &Listing,
        slice: &Slice,
        partition: &mut Partition<'_>,
    ) -> Result<(), StoreError> {
        let Listing {
            index,
            prefix,
            order,
            ..
        } = listing;
        let (low, high) = bounds(prefix, *order, slice.after.as_deref());
        let wanted = share(slice.limit, listing.partitions.len());
        while partition.is_dry() {
            let output = self
                .client
                .query()
                .table_name(table)
                .set_index_name(index.name.map(Into::into))
                // An index cannot be read consistently, the table can: a job's chunks are counted on.
                .consistent_read(index.name.is_none())
                .key_condition_expression("#hash = :hash AND #sort BETWEEN :low AND :high")
                .expression_attribute_names("#hash", index.hash)
                .expression_attribute_names("#sort", index.sort)
                .expression_attribute_values(":hash", text(partition.name))
                .expression_attribute_values(":low", text(low.as_str()))
                .expression_attribute_values(":high", text(high.as_str()))
                .scan_index_forward(*order == Order::Ascending)
                .limit(i32::try_from(wanted).unwrap_or(i32::MAX))
                .set_exclusive_start_key(partition.start.take())
                .send()
                .await?;
            for item in output.items.unwrap_or_default() {
                let sort = item.get(index.sort).and_then(|sort| sort.as_s().ok());
                let sort = sort.cloned();
                let sort = sort.ok_or_else(|| StoreError::corrupt("an index entry"))?;
                if Some(sort.as_str()) != slice.after.as_deref() {
                    partition.waiting.push_back(Entry { sort, item });
                }
            }
            partition.start = output.last_evaluated_key;
            if partition.start.is_none() {
                partition.end = End::Reached;
            }
        }
        Ok(())
    }
}

fn begun(name: &str) -> Partition<'_> {
    Partition {
        name,
        waiting: VecDeque::new(),
        start: None,
        end: End::Open,
    }
}

/// How many entries a partition is asked for at once: twice its part of a page, so that it seldom has to be asked again,
/// and the one with which the page begins, which it shows no more.
fn share(limit: usize, partitions: usize) -> usize {
    (2 * limit).div_ceil(partitions.max(1)).min(limit) + 2
}

/// The partition whose next entry is the list's; `None` if nothing is left in any.
fn first_of<'a, 'b>(
    partitions: &'a mut [Partition<'b>],
    order: Order,
) -> Option<&'a mut Partition<'b>> {
    let with_entries = partitions.iter_mut().filter(|it| !it.waiting.is_empty());
    with_entries.reduce(|one, other| {
        let (first, second) = (one.next(), other.next());
        let is_before = match order {
            Order::Ascending => second < first,
            Order::Descending => second > first,
        };
        if is_before { other } else { one }
    })
}
