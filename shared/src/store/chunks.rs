//! A job's recipients, by chunks.
//!
//! A recipient is a message. Each chunk is written in the transaction that creates its recipients, so every
//! recipient stands in exactly one chunk, and a consistent read of the chunks finds them all without an index. A
//! chunk that was handed out and may hold open recipients has a marker; the chunks with markers are found without
//! reading the others.

use super::item::{Indexes, Key, body, item, number, text};
use super::jobs::kept_progress;
use super::page::{Entry, Index, Listed, Listing, Order, Slice, key_of};
use super::transaction::{Change, Committed, Transaction};
use super::{Store, StoreError, keys};
use crate::domain::id::{ChunkId, MessageId};
use crate::domain::job::{Job, JobStatus};
use crate::domain::message::{Message, Outbound};
use jiff::fmt::serde::timestamp::millisecond;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// How many recipients one transaction creates: DynamoDB takes 100 writes, the job and the chunk are two of them.
pub const CHUNK_SIZE: usize = 98;

/// No tick works longer: `dispatch`'s time limit in the template.
pub const LONGEST_TICK: SignedDuration = SignedDuration::from_secs(15);

/// The recipients of one transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Its sort key.
    #[serde(rename = "sk")]
    pub key: String,
    /// The recipients' message ids, in the order they were given.
    pub ids: Vec<MessageId>,
    /// Until then whoever named its recipients may still be queueing them.
    #[serde(default, with = "millisecond::optional")]
    filling_until: Option<Timestamp>,
}

impl Chunk {
    /// Whether its recipients may yet be queued, though none of them is open.
    #[must_use]
    pub fn is_filling(&self, now: Timestamp) -> bool {
        self.filling_until.is_some_and(|until| now < until)
    }
}

#[derive(Serialize)]
struct NewChunk<'a> {
    ids: Vec<&'a MessageId>,
    #[serde(
        with = "millisecond::optional",
        skip_serializing_if = "Option::is_none"
    )]
    filling_until: Option<Timestamp>,
}

#[derive(Serialize)]
struct Marker {}

/// What became of recipients to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecipientsAdded {
    /// Those at these places were there already; the others were added.
    AllBut(Vec<usize>),
    /// The job takes no more recipients.
    Closed,
}

impl Store {
    /// Adds up to [`CHUNK_SIZE`] recipients in one transaction, leaving out those that are there already, be it from
    /// an earlier call or from an earlier place.
    pub async fn add_recipients(
        &self,
        job: &Job,
        recipients: &[Outbound],
        now: Timestamp,
    ) -> Result<RecipientsAdded, StoreError> {
        let mut seen = HashSet::new();
        let (mut places, mut known): (Vec<usize>, Vec<usize>) =
            (0..recipients.len()).partition(|place| {
                recipients
                    .get(*place)
                    .is_some_and(|one| seen.insert(&one.id))
            });
        while !places.is_empty() {
            let chosen: Vec<&Outbound> = places
                .iter()
                .filter_map(|place| recipients.get(*place))
                .collect();
            let transaction = self.recipients_transaction(job, &chosen, now)?;
            match self.commit_if(transaction).await? {
                Committed::Yes => break,
                Committed::Refused(failed) if failed.contains(&0) => {
                    return Ok(RecipientsAdded::Closed);
                }
                // The writes after the job and the chunk are the recipients, in their order.
                Committed::Refused(failed) => {
                    let there: Vec<usize> = failed
                        .iter()
                        .filter_map(|write| places.get(write.checked_sub(2)?).copied())
                        .collect();
                    if there.is_empty() {
                        return Err(StoreError::Conflict);
                    }
                    places.retain(|place| !there.contains(place));
                    known.extend(there);
                }
            }
        }
        known.sort_unstable();
        Ok(RecipientsAdded::AllBut(known))
    }

    fn recipients_transaction(
        &self,
        job: &Job,
        recipients: &[&Outbound],
        now: Timestamp,
    ) -> Result<Transaction, StoreError> {
        let mut transaction = Transaction::new();
        let pk = keys::job(&job.tenant, &job.id);
        let change = Change {
            update: "SET #status = :ready ADD #total :count".into(),
            condition: Some("#status IN (:draft, :ready)".into()),
            names: vec![("#status", "status"), ("#total", "total")],
            values: vec![
                (":draft".into(), text(JobStatus::Draft.as_str())),
                (":ready".into(), text(JobStatus::Ready.as_str())),
                (":count".into(), number(recipients.len())),
            ],
        };
        transaction.update(&self.messages, Key::new(pk.clone(), keys::HEAD), &change)?;
        let chunk = NewChunk {
            ids: recipients.iter().map(|recipient| &recipient.id).collect(),
            filling_until: None,
        };
        let sk = format!("{}{}", keys::CHUNK_PREFIX, ChunkId::at(now));
        transaction.put_new(
            &self.messages,
            item("chunk", Key::new(pk, sk), Indexes::default(), &chunk)?,
        )?;
        for recipient in recipients {
            let message = Message::Outbound(Box::new((*recipient).clone()));
            self.create_message(&mut transaction, &message)?;
        }
        Ok(transaction)
    }

    /// A job's chunks after the one with this key, in the order they were written.
    pub async fn chunks(&self, job: &Job, slice: &Slice) -> Result<Listed<Chunk>, StoreError> {
        let page = self.list_job(job, keys::CHUNK_PREFIX, slice).await?;
        let chunks = page
            .entries
            .into_iter()
            .map(|Entry { item, .. }| body(item));
        Ok(Listed {
            entries: chunks.collect::<Result<_, _>>()?,
            next: page.next,
        })
    }

    /// Those of a job's chunks that have a marker, after the one with this key, each with the key of its marker.
    /// A marker without its chunk, left by a crash, comes with an empty one.
    pub async fn open_chunks(
        &self,
        job: &Job,
        slice: &Slice,
    ) -> Result<Vec<(String, Chunk)>, StoreError> {
        let page = self.list_job(job, keys::OPEN_PREFIX, slice).await?;
        let pk = keys::job(&job.tenant, &job.id);
        let names: Vec<(String, String)> = page
            .entries
            .into_iter()
            .filter_map(|Entry { sort, .. }| {
                let chunk = sort.strip_prefix(keys::OPEN_PREFIX)?.to_owned();
                Some((sort, chunk))
            })
            .collect();
        let chunk_keys = names.iter().map(|(_, chunk)| Key::new(&pk, chunk));
        let found = self.read_all(&self.messages, chunk_keys.collect()).await?;
        let mut found: std::collections::HashMap<String, Chunk> = found
            .into_iter()
            .map(|item| Ok((key_of(&item)?.1, body(item)?)))
            .collect::<Result<_, StoreError>>()?;
        let chunks = names.into_iter().map(|(marker, key)| {
            let chunk = found.remove(&key).unwrap_or(Chunk {
                key,
                ids: Vec::new(),
                filling_until: None,
            });
            (marker, chunk)
        });
        Ok(chunks.collect())
    }

    async fn list_job(
        &self,
        job: &Job,
        prefix: &str,
        slice: &Slice,
    ) -> Result<Listed<Entry>, StoreError> {
        let listing = Listing {
            index: Index::TABLE,
            partitions: vec![keys::job(&job.tenant, &job.id)],
            prefix: prefix.into(),
            order: Order::Ascending,
        };
        self.list(&self.messages, &listing, slice).await
    }

    /// Marks a chunk: some of its recipients may be open. Marking it again changes nothing.
    pub async fn mark_chunk(&self, job: &Job, chunk: &Chunk) -> Result<(), StoreError> {
        let key = Key::new(
            keys::job(&job.tenant, &job.id),
            keys::open_chunk(&chunk.key),
        );
        let marker = item("open_chunk", key, Indexes::default(), &Marker {})?;
        self.put_if_absent(marker).await
    }

    /// Notes that all recipients of a chunk have ended: its marker goes, and with it a chunk that only named
    /// recipients to be tried again.
    pub async fn close_chunk(&self, job: &Job, chunk: &Chunk) -> Result<(), StoreError> {
        let pk = keys::job(&job.tenant, &job.id);
        if chunk.key.starts_with(keys::AGAIN_PREFIX) {
            self.delete(Key::new(&pk, &chunk.key)).await?;
        }
        self.delete(Key::new(pk, keys::open_chunk(&chunk.key)))
            .await
    }

    /// Writes down which recipients are about to be queued again, in a chunk of their own that is marked: whatever
    /// happens next, later passes look at them. `false`, and nothing is written, if another tick has kept its progress
    /// since the job was read: it may have ended the job, or have met them itself.
    pub async fn name_again(
        &self,
        job: &Job,
        ids: &[&MessageId],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let pk = keys::job(&job.tenant, &job.id);
        let sk = format!("{}{}", keys::AGAIN_PREFIX, ChunkId::at(now));
        let chunk = NewChunk {
            ids: ids.to_vec(),
            filling_until: now.saturating_add(LONGEST_TICK).ok(),
        };
        let marker = Key::new(&pk, keys::open_chunk(&sk));
        let mut transaction = Transaction::new();
        transaction.put_new(
            &self.messages,
            item("chunk", Key::new(&pk, sk), Indexes::default(), &chunk)?,
        )?;
        transaction.put_new(
            &self.messages,
            item("open_chunk", marker, Indexes::default(), &Marker {})?,
        )?;
        let unchanged = kept_progress(job, &job.progress)?;
        transaction.update(&self.messages, Key::new(pk, keys::HEAD), &unchanged)?;
        Ok(self.commit_if(transaction).await? == Committed::Yes)
    }
}
