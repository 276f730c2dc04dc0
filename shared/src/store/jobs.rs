//! Bulk jobs: made, read, listed, and moved by what `domain::job` decides. Their recipients are in `chunks`.

use super::item::{Indexes, Item, Key, body, item, number, text};
use super::page::{Index, Listed, Listing, Order, Slice};
use super::transaction::{Change, Committed, Transaction};
use super::{IdempotencyRecord, Store, StoreError, keys};
use crate::domain::audit::{AuditEntry, Author};
use crate::domain::id::JobId;
use crate::domain::identity::TenantId;
use crate::domain::job::{Job, JobEvent, Progress, Refusal, happen};
use jiff::Timestamp;
use thiserror::Error;

/// A write loses against this many others before it gives up.
const TRIES: usize = 10;

/// The attributes of a job that an event may change, those of its place in an index included, each with its name in
/// an update: some are reserved words.
const CHANGEABLE: [(&str, &str); 14] = [
    ("#status", "status"),
    ("#rev", "rev"),
    ("#name", "name"),
    ("#send_at", "send_at"),
    ("#expires_at", "expires_at"),
    ("#pause_at_failure_share", "pause_at_failure_share"),
    ("#start_asked_at", "start_asked_at"),
    ("#started_at", "started_at"),
    ("#running_since", "running_since"),
    ("#pause", "pause"),
    ("#before", "before"),
    ("#finished_at", "finished_at"),
    ("#due_key", "due_key"),
    ("#due_sort", "due_sort"),
];

/// Changed by an event only where it says so: else it is `dispatch`'s.
const PROGRESS: (&str, &str) = ("#progress", "progress");

/// Who asks for something to happen to a job, and how.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    /// Of whom the trail tells, if anything changes. Nobody asks for what just comes about.
    pub by: Option<&'a Author>,
    /// The idempotency key it was asked with; kept also if nothing changes.
    pub record: Option<&'a IdempotencyRecord>,
}

/// Why nothing happened to a job.
#[derive(Debug, Error)]
pub enum JobError {
    /// It may not, as it stands.
    #[error("it may not happen to the job as it stands")]
    Refused(#[source] Refusal),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl Store {
    /// Adds the creation of a job to a transaction.
    pub fn create_job(&self, transaction: &mut Transaction, job: &Job) -> Result<(), StoreError> {
        transaction.put_new(&self.messages, job_item(job)?)
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
        self.list_of(&self.messages, &listing, slice).await
    }

    /// Lets `event` happen to a job: the only place where its status changes, save that added recipients make a
    /// draft ready. The transaction that writes it also puts the job on its sender's list, or takes it off, and
    /// keeps who asked, and how.
    ///
    /// Starts from `known`, the job as last read. If it has changed since, it is read and decided again. Returns
    /// the job as it is afterwards.
    pub async fn move_job(
        &self,
        known: Job,
        event: &JobEvent,
        asked: Asked<'_>,
        now: Timestamp,
    ) -> Result<Job, JobError> {
        let mut job = known;
        let entry = asked.by.and_then(|by| by.entry_of_job(&job, event, now));
        let kept = (asked.record, entry.as_ref());
        for _ in 0..TRIES {
            let Some(next) = happen(&job, event, now).map_err(JobError::Refused)? else {
                self.keep_record(asked.record, now).await?;
                return Ok(job);
            };
            if self.replace_job(&job, &next, kept, now).await? {
                return Ok(next);
            }
            let again = self.job(&job.tenant, &job.id).await?;
            if matches!(event, JobEvent::AllEnded) {
                // That was seen of the job as it was.
                return Ok(again.unwrap_or(job));
            }
            job = again.ok_or_else(|| StoreError::corrupt(job.id.as_str()))?;
        }
        Err(StoreError::Conflict.into())
    }

    /// Keeps a key that changed nothing, so that it will not change something later.
    async fn keep_record(
        &self,
        record: Option<&IdempotencyRecord>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(record) = record else {
            return Ok(());
        };
        let mut transaction = Transaction::new();
        self.remember(&mut transaction, record, now)?;
        self.commit(transaction).await
    }

    /// Writes what an event changed, and what is kept of it. `false` if the job, or the record, is not as it was read.
    async fn replace_job(
        &self,
        job: &Job,
        next: &Job,
        (record, entry): (Option<&IdempotencyRecord>, Option<&AuditEntry>),
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut transaction = Transaction::new();
        let key = Key::new(keys::job(&job.tenant, &job.id), keys::HEAD);
        transaction.update(&self.messages, key, &difference(job, next)?)?;
        match (job.status.is_at_work(), next.status.is_at_work()) {
            // One that was at work already may have a sender that rests, because it is paused.
            (_, true) => self.enlist(&mut transaction, job, now)?,
            (true, false) => self.delist(&mut transaction, job)?,
            (false, false) => {}
        }
        if let Some(record) = record {
            self.remember(&mut transaction, record, now)?;
        }
        if let Some(entry) = entry {
            self.note_audit(&mut transaction, entry)?;
        }
        Ok(self.commit_if(transaction).await? == Committed::Yes)
    }

    /// Keeps how far a job's recipients have been handed out. `false`, and nothing is kept, if another tick has kept its
    /// own since the job was read.
    pub async fn save_progress(&self, job: &Job, progress: &Progress) -> Result<bool, StoreError> {
        let key = Key::new(keys::job(&job.tenant, &job.id), keys::HEAD);
        self.change_if(key, &kept_progress(job, progress)?).await
    }
}

/// The update that keeps this progress, if it is still as it was read with the job.
pub(super) fn kept_progress(job: &Job, progress: &Progress) -> Result<Change, StoreError> {
    let known = serde_dynamo::to_attribute_value(&job.progress)?;
    let progress = serde_dynamo::to_attribute_value(progress)?;
    Ok(Change {
        update: "SET progress = :progress".into(),
        condition: Some("progress = :known".into()),
        names: vec![],
        values: vec![(":progress".into(), progress), (":known".into(), known)],
    })
}

fn job_item(job: &Job) -> Result<Item, StoreError> {
    let due_at = job.due_at();
    let shard = keys::shard_of(job.id.as_str(), keys::DUE_SHARDS);
    let indexes = Indexes {
        list_key: Some(keys::jobs(&job.tenant)),
        due_key: due_at.map(|_| keys::due(shard)),
        due_sort: due_at.map(|at| keys::due_sort(at, job.id.as_str())),
        ..Indexes::default()
    };
    let key = Key::new(keys::job(&job.tenant, &job.id), keys::HEAD);
    item("job", key, indexes, job)
}

/// The update that makes `job` into `next`, if nothing has happened to it since it was read. Recipients may have been
/// added: its total is not touched. Its progress is `dispatch`'s, and changes only where the event says so.
fn difference(job: &Job, next: &Job) -> Result<Change, StoreError> {
    let mut after = job_item(next)?;
    let mut set = Vec::new();
    let mut gone = Vec::new();
    let mut names = Vec::new();
    let mut values = vec![
        (":known".into(), text(job.status.as_str())),
        (":known_rev".into(), number(job.rev)),
    ];
    let progress = (job.progress != next.progress).then_some(PROGRESS);
    for (placeholder, name) in CHANGEABLE.into_iter().chain(progress) {
        names.push((placeholder, name));
        match after.remove(name) {
            Some(value) => {
                set.push(format!("{placeholder} = :{name}"));
                values.push((format!(":{name}"), value));
            }
            None => gone.push(placeholder),
        }
    }
    let remove = if gone.is_empty() {
        String::new()
    } else {
        format!(" REMOVE {}", gone.join(", "))
    };
    Ok(Change {
        update: format!("SET {}{remove}", set.join(", ")),
        condition: Some(
            "#status = :known AND (#rev = :known_rev OR attribute_not_exists(#rev))".into(),
        ),
        names,
        values,
    })
}
