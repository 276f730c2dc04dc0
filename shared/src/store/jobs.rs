//! Bulk jobs: the head, and the chunks that name its recipients.
//!
//! A recipient is a message. Each chunk is written in the transaction that creates its recipients, so every
//! recipient stands in exactly one chunk, and a consistent read of the chunks finds them all without an index.

use super::item::{Indexes, Key, body, item, number, text};
use super::page::{Entry, Index, Listed, Listing, Order, Slice};
use super::transaction::{Change, Committed, Transaction};
use super::{Store, StoreError, keys};
use crate::domain::content::Draft;
use crate::domain::id::{AccountId, ChunkId, JobId, MessageId};
use crate::domain::identity::{PhoneNumberId, TenantId};
use crate::domain::message::{Message, OnUnknown, Outbound};
use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// How many recipients one transaction creates: DynamoDB takes 100 writes, the job and the chunk are two of them.
pub const CHUNK_SIZE: usize = 98;

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// Made, without recipients.
    Draft,
    /// Has recipients, may be started.
    Ready,
    /// Being sent.
    Running,
    /// Stopped for a while.
    Paused,
    /// Nothing left to send.
    Finished,
    /// Given up.
    Cancelled,
}

impl JobStatus {
    /// Its name in the store and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Finished => "finished",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether recipients may still be added.
    #[must_use]
    pub const fn takes_recipients(self) -> bool {
        matches!(self, Self::Draft | Self::Ready)
    }
}

/// A bulk send.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Our id.
    #[serde(rename = "list_sort")]
    pub id: JobId,
    /// Whose.
    pub tenant: TenantId,
    /// The account of the sender.
    pub account: AccountId,
    /// What it is sent from.
    pub sender: PhoneNumberId,
    /// What people call it.
    pub name: String,
    /// Where it stands.
    pub status: JobStatus,
    /// The message with its placeholders.
    #[serde(with = "crate::domain::json_text")]
    pub message: Draft,
    /// What to do when a call's outcome is not known.
    #[serde(default)]
    pub on_unknown: OnUnknown,
    /// How many recipients it has.
    pub total: u64,
    /// When it was made.
    #[serde(with = "millisecond::required")]
    pub created_at: Timestamp,
    /// When it was started.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub started_at: Option<Timestamp>,
    /// When nothing was left to send.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub finished_at: Option<Timestamp>,
    /// How far its recipients have been handed out.
    #[serde(default)]
    pub progress: Progress,
}

/// How far a job's recipients have been handed out. The first pass hands out every recipient unseen; later ones
/// look at those of open chunks and hand out again what is still queued.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Counted from 0.
    pub pass: u32,
    /// The last chunk that was handed out whole in this pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// How many recipients of the next chunk were handed out already.
    pub offset: usize,
    /// Whether this pass has met an open recipient.
    pub open_seen: bool,
    /// When the pass may go on.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub resume_at: Option<Timestamp>,
}

/// The recipients of one transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Its sort key.
    #[serde(rename = "sk")]
    pub key: String,
    /// The recipients' message ids, in the order they were given.
    pub ids: Vec<MessageId>,
    /// Whether all of them have ended.
    #[serde(default)]
    pub closed: bool,
}

#[derive(Serialize)]
struct NewChunk<'a> {
    ids: Vec<&'a MessageId>,
}

/// What became of recipients to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecipientsAdded {
    /// Those at these places were there already; the others were added.
    AllBut(Vec<usize>),
    /// The job takes no more recipients.
    Closed,
}

impl Store {
    /// Adds the creation of a job to a transaction.
    pub fn create_job(&self, transaction: &mut Transaction, job: &Job) -> Result<(), StoreError> {
        let indexes = Indexes {
            list_key: Some(keys::jobs(&job.tenant)),
            ..Indexes::default()
        };
        let key = Key::new(keys::job(&job.tenant, &job.id), keys::HEAD);
        transaction.put_new(&self.messages, item("job", key, indexes, job)?)
    }

    /// The job of this id.
    pub async fn job(&self, tenant: &TenantId, id: &JobId) -> Result<Option<Job>, StoreError> {
        let key = Key::new(keys::job(tenant, id), keys::HEAD);
        self.read(&self.messages, key).await?.map(body).transpose()
    }

    /// A tenant's jobs, newest first.
    pub async fn jobs(&self, tenant: &TenantId, slice: &Slice) -> Result<Listed<Job>, StoreError> {
        let listing = Listing {
            index: Index::LIST,
            partitions: vec![keys::jobs(tenant)],
            prefix: String::new(),
            order: Order::Descending,
        };
        let page = self.list_items(&self.messages, &listing, slice).await?;
        let entries = page
            .entries
            .into_iter()
            .map(body)
            .collect::<Result<_, _>>()?;
        Ok(Listed {
            entries,
            next: page.next,
        })
    }

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

    /// Starts a job: it runs, and its sender knows it. `false` if it was not ready.
    pub async fn start_job(&self, job: &Job, now: Timestamp) -> Result<bool, StoreError> {
        let mut transaction = Transaction::new();
        let change = Change {
            update: "SET #status = :running, started_at = :now".into(),
            condition: Some("#status = :ready".into()),
            names: vec![("#status", "status")],
            values: vec![
                (":running".into(), text(JobStatus::Running.as_str())),
                (":ready".into(), text(JobStatus::Ready.as_str())),
                (":now".into(), number(now.as_millisecond())),
            ],
        };
        let key = Key::new(keys::job(&job.tenant, &job.id), keys::HEAD);
        transaction.update(&self.messages, key, &change)?;
        self.enlist(&mut transaction, job, now)?;
        Ok(self.commit_if(transaction).await? == Committed::Yes)
    }

    /// Ends a job whose recipients have all ended, and takes it off its sender. `false` if it was not running.
    pub async fn finish_job(&self, job: &Job, now: Timestamp) -> Result<bool, StoreError> {
        let mut transaction = Transaction::new();
        let change = Change {
            update: "SET #status = :finished, finished_at = :now".into(),
            condition: Some("#status = :running".into()),
            names: vec![("#status", "status")],
            values: vec![
                (":running".into(), text(JobStatus::Running.as_str())),
                (":finished".into(), text(JobStatus::Finished.as_str())),
                (":now".into(), number(now.as_millisecond())),
            ],
        };
        let key = Key::new(keys::job(&job.tenant, &job.id), keys::HEAD);
        transaction.update(&self.messages, key, &change)?;
        self.delist(&mut transaction, job)?;
        Ok(self.commit_if(transaction).await? == Committed::Yes)
    }

    /// Keeps how far a job's recipients have been handed out.
    pub async fn save_progress(&self, job: &Job, progress: &Progress) -> Result<(), StoreError> {
        let change = Change {
            update: "SET progress = :progress".into(),
            // A tick that took so long that another one has followed changes nothing.
            condition: Some("progress = :known".into()),
            names: vec![],
            values: vec![
                (
                    ":progress".into(),
                    serde_dynamo::to_attribute_value(progress)?,
                ),
                (
                    ":known".into(),
                    serde_dynamo::to_attribute_value(&job.progress)?,
                ),
            ],
        };
        let key = Key::new(keys::job(&job.tenant, &job.id), keys::HEAD);
        self.change_if(key, &change).await?;
        Ok(())
    }

    /// A job's chunks after the one with this key, in the order they were written.
    pub async fn chunks(&self, job: &Job, slice: &Slice) -> Result<Listed<Chunk>, StoreError> {
        let listing = Listing {
            index: Index::TABLE,
            partitions: vec![keys::job(&job.tenant, &job.id)],
            prefix: keys::CHUNK_PREFIX.into(),
            order: Order::Ascending,
        };
        let page = self.list(&self.messages, &listing, slice).await?;
        let chunks = page
            .entries
            .into_iter()
            .map(|Entry { item, .. }| body(item));
        Ok(Listed {
            entries: chunks.collect::<Result<_, _>>()?,
            next: page.next,
        })
    }

    /// Notes that all recipients of a chunk have ended.
    pub async fn close_chunk(&self, job: &Job, chunk: &Chunk) -> Result<(), StoreError> {
        let change = Change {
            update: "SET closed = :yes".into(),
            condition: Some("attribute_exists(pk)".into()),
            names: vec![],
            values: vec![(
                ":yes".into(),
                aws_sdk_dynamodb::types::AttributeValue::Bool(true),
            )],
        };
        self.change_if(
            Key::new(keys::job(&job.tenant, &job.id), chunk.key.clone()),
            &change,
        )
        .await?;
        Ok(())
    }
}
