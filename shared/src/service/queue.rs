//! Puts messages on an SQS queue, each under its tenant's message group so that queues stay fair.

use crate::domain::identity::TenantId;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use futures_util::future::try_join_all;
use serde::Serialize;
use std::error::Error;
use thiserror::Error as ThisError;

/// Entries a batch takes. Source: AWS, "Amazon SQS message quotas".
const BATCH_ENTRIES: usize = 10;

/// Bytes a batch takes, with room for what stands around the bodies; the quota is 1 MiB.
const BATCH_BYTES: usize = 1_000_000;

/// Batches under way at once.
const BATCHES_AT_ONCE: usize = 8;

/// The longest delay SQS takes.
const LONGEST_DELAY_S: u32 = 900;

/// A queue.
#[derive(Debug, Clone)]
pub struct Queue {
    client: Client,
    url: String,
}

/// A message to put on a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its body.
    pub body: String,
    /// Not to be received before this many seconds have passed.
    pub delay_s: u32,
}

/// Why the queue does not have everything.
#[derive(Debug, ThisError)]
pub enum QueueError {
    /// A message is larger than the queue takes.
    #[error("a message of {bytes} bytes is more than the queue takes")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The queue refused a message, or did not answer.
    #[error("the queue did not take a message")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
}

impl Entry {
    /// The queue message of `body`, received at once.
    pub fn of(body: &impl Serialize) -> Result<Self, QueueError> {
        let body = serde_json::to_string(body).map_err(refused)?;
        Ok(Self { body, delay_s: 0 })
    }

    /// The same, received after `seconds`.
    #[must_use]
    pub fn after(self, seconds: u32) -> Self {
        Self {
            delay_s: seconds.min(LONGEST_DELAY_S),
            ..self
        }
    }
}

impl Queue {
    /// The queue at `url`.
    #[must_use]
    pub fn new(client: Client, url: impl Into<String>) -> Self {
        Self {
            client,
            url: url.into(),
        }
    }

    /// Puts one message on the queue.
    pub async fn send(&self, tenant: &TenantId, entry: Entry) -> Result<(), QueueError> {
        self.send_all(tenant, vec![entry]).await
    }

    /// Puts all of the messages on the queue. After an error some of them may be there.
    pub async fn send_all(&self, tenant: &TenantId, entries: Vec<Entry>) -> Result<(), QueueError> {
        let batches = batches(entries)?;
        for together in batches.chunks(BATCHES_AT_ONCE) {
            try_join_all(together.iter().map(|batch| self.send_batch(tenant, batch))).await?;
        }
        Ok(())
    }

    /// How many messages wait to be received, as SQS estimates it.
    pub async fn depth(&self) -> Result<u64, QueueError> {
        use aws_sdk_sqs::types::QueueAttributeName::ApproximateNumberOfMessages;
        let answer = self
            .client
            .get_queue_attributes()
            .queue_url(&self.url)
            .attribute_names(ApproximateNumberOfMessages)
            .send()
            .await
            .map_err(refused)?;
        let depth = answer
            .attributes
            .and_then(|all| all.get(&ApproximateNumberOfMessages)?.parse().ok());
        Ok(depth.unwrap_or(0))
    }

    async fn send_batch(&self, tenant: &TenantId, batch: &[Entry]) -> Result<(), QueueError> {
        let mut request = self.client.send_message_batch().queue_url(&self.url);
        for (place, entry) in batch.iter().enumerate() {
            let entry = SendMessageBatchRequestEntry::builder()
                .id(place.to_string())
                .message_body(&entry.body)
                .message_group_id(tenant.as_str())
                .delay_seconds(i32::try_from(entry.delay_s).unwrap_or(0))
                .build()
                .map_err(refused)?;
            request = request.entries(entry);
        }
        let answer = request.send().await.map_err(refused)?;
        match answer.failed.first() {
            None => Ok(()),
            Some(failed) => Err(refused(format!("{}: {}", failed.id, failed.code))),
        }
    }
}

/// Cuts entries into batches that SQS takes.
fn batches(entries: Vec<Entry>) -> Result<Vec<Vec<Entry>>, QueueError> {
    let mut batches: Vec<Vec<Entry>> = Vec::new();
    let mut bytes = 0;
    for entry in entries {
        let size = entry.body.len();
        if size > BATCH_BYTES {
            return Err(QueueError::TooLarge { bytes: size });
        }
        bytes += size;
        match batches.last_mut() {
            Some(batch) if batch.len() < BATCH_ENTRIES && bytes <= BATCH_BYTES => batch.push(entry),
            Some(_) | None => {
                bytes = size;
                batches.push(vec![entry]);
            }
        }
    }
    Ok(batches)
}

fn refused(error: impl Into<Box<dyn Error + Send + Sync>>) -> QueueError {
    QueueError::Refused(error.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(bytes: usize) -> Entry {
        Entry {
            body: "x".repeat(bytes),
            delay_s: 0,
        }
    }

    #[test]
    fn a_batch_never_has_more_entries_or_bytes_than_sqs_takes_and_none_is_lost() {
        for sizes in [vec![10; 25], vec![400_000; 7], vec![999_999, 1, 2, 999_998]] {
            let cut = batches(sizes.iter().copied().map(entry).collect());
            let cut = cut.unwrap_or_default();
            assert!(cut.iter().all(|batch| batch.len() <= BATCH_ENTRIES));
            let bytes =
                |batch: &Vec<Entry>| batch.iter().map(|entry| entry.body.len()).sum::<usize>();
            assert!(cut.iter().all(|batch| bytes(batch) <= BATCH_BYTES));
            assert_eq!(cut.iter().map(Vec::len).sum::<usize>(), sizes.len());
        }
    }

    #[test]
    fn a_message_larger_than_a_batch_is_refused() {
        assert!(matches!(
            batches(vec![entry(BATCH_BYTES + 1)]),
            Err(QueueError::TooLarge { .. })
        ));
    }
}
