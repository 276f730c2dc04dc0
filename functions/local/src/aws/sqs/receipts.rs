//! What a consumer does with its receipt: delete the message, or change how long it stays hidden.

use super::error::Fault;
use super::queue::{Queue, Receipt};
use super::{FailedEntry, Sqs, bounded, check_batch, nothing, now, write};
use serde::{Deserialize, Serialize};

/// A receipt to act on; alone it names its queue, in a batch its entry.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Held {
    #[serde(default)]
    id: String,
    #[serde(default)]
    queue_url: String,
    receipt_handle: String,
    visibility_timeout: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Batch {
    #[serde(default)]
    queue_url: String,
    #[serde(default)]
    entries: Vec<Held>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DoneEntry {
    id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DoneBatch {
    successful: Vec<DoneEntry>,
    failed: Vec<FailedEntry>,
}

impl Sqs {
    pub(super) fn delete(&self, held: &Held) -> Result<Vec<u8>, Fault> {
        let queue = self.queue(&held.queue_url)?;
        queue.delete(&[Receipt::parse(&held.receipt_handle)?])?;
        Ok(nothing())
    }

    pub(super) fn delete_batch(&self, batch: Batch) -> Result<Vec<u8>, Fault> {
        let queue = self.queue(&batch.queue_url)?;
        check_batch(batch.entries.iter().map(|entry| entry.id.as_str()))?;
        let mut receipts = Vec::with_capacity(batch.entries.len());
        let answer = each(batch, |entry| {
            receipts.push(Receipt::parse(&entry.receipt_handle)?);
            Ok(())
        });
        queue.delete(&receipts)?;
        write(&answer)
    }

    pub(super) fn change_visibility(&self, held: &Held) -> Result<Vec<u8>, Fault> {
        change(&*self.queue(&held.queue_url)?, held)?;
        Ok(nothing())
    }

    pub(super) fn change_visibility_batch(&self, batch: Batch) -> Result<Vec<u8>, Fault> {
        let queue = self.queue(&batch.queue_url)?;
        check_batch(batch.entries.iter().map(|entry| entry.id.as_str()))?;
        write(&each(batch, |entry| change(&queue, entry)))
    }
}

fn change(queue: &Queue, held: &Held) -> Result<(), Fault> {
    let seconds = held
        .visibility_timeout
        .ok_or(Fault::Missing("VisibilityTimeout"))?;
    let seconds = bounded("VisibilityTimeout", Some(seconds), 0, 43_200)?;
    let (now, receipt) = (now(), Receipt::parse(&held.receipt_handle)?);
    queue.hide(receipt, now + seconds * 1000, now)
}

/// Acts on the entries one by one; each fails alone.
fn each(batch: Batch, mut act: impl FnMut(&Held) -> Result<(), Fault>) -> DoneBatch {
    let mut answer = DoneBatch {
        successful: Vec::new(),
        failed: Vec::new(),
    };
    for entry in batch.entries {
        match act(&entry) {
            Ok(()) => answer.successful.push(DoneEntry { id: entry.id }),
            Err(fault) => answer.failed.push(FailedEntry::new(entry.id, &fault)),
        }
    }
    answer
}

impl Receipt {
    /// The receipt as its consumer holds it.
    pub(super) fn handle(self) -> String {
        format!("{:x}.{:x}", self.sequence, self.receive_count)
    }

    fn parse(handle: &str) -> Result<Self, Fault> {
        let (sequence, receive_count) = handle.split_once('.').ok_or(Fault::BadReceipt)?;
        let sequence = u64::from_str_radix(sequence, 16).map_err(|_| Fault::BadReceipt)?;
        let receive_count =
            u32::from_str_radix(receive_count, 16).map_err(|_| Fault::BadReceipt)?;
        Ok(Self {
            sequence,
            receive_count,
        })
    }
}
