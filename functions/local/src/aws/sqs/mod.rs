//! SQS: standard queues as `aws-sdk-sqs` meets them, in memory, each with a journal on disk.
//!
//! Not here: FIFO queues, permissions, tags. What is not here is refused, not ignored.

mod admin;
mod error;
mod journal;
mod message;
mod moves;
mod queue;
mod receipts;
mod receive;
mod send;
mod settings;
mod state;
mod turns;

use super::answer::{self, Dialect};
use super::{AWS_ACCOUNT, REGION};
use anyhow::{Context, Result};
use axum::response::Response;
use error::Fault;
use queue::Queue;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use tokio::sync::watch;

/// All the queues.
pub(super) struct Sqs {
    /// What queue URLs begin with.
    url: String,
    journals: Option<PathBuf>,
    queues: RwLock<BTreeMap<String, Arc<Queue>>>,
    tasks: moves::Tasks,
    /// Ends long polls.
    closed: watch::Receiver<()>,
}

impl Sqs {
    /// The queues whose journals are in `data_dir`, or none.
    pub(super) fn open(
        url: String,
        data_dir: Option<&Path>,
        closed: watch::Receiver<()>,
    ) -> Result<Self> {
        let journals = data_dir.map(|data_dir| data_dir.join("sqs"));
        let queues = journals
            .as_deref()
            .map(read)
            .transpose()?
            .unwrap_or_default();
        let queues = RwLock::new(queues);
        Ok(Self {
            url,
            journals,
            queues,
            tasks: moves::Tasks::default(),
            closed,
        })
    }

    /// The answer to a call.
    pub(super) async fn answer(&self, operation: &str, body: &[u8]) -> Response {
        match self.call(operation, body).await {
            Ok(body) => answer::ok(Dialect::Json10, body),
            Err(fault) => fault.into_response(),
        }
    }

    /// Puts all journals on the platter.
    pub(super) fn sync(&self) -> std::io::Result<()> {
        self.queues().values().try_for_each(|queue| queue.sync())
    }

    async fn call(&self, operation: &str, body: &[u8]) -> Result<Vec<u8>, Fault> {
        match operation {
            "SendMessage" => self.send(parse(body)?),
            "SendMessageBatch" => self.send_batch(parse(body)?),
            "ReceiveMessage" => self.receive(parse(body)?).await,
            "DeleteMessage" => self.delete(&parse(body)?),
            "DeleteMessageBatch" => self.delete_batch(parse(body)?),
            "ChangeMessageVisibility" => self.change_visibility(&parse(body)?),
            "ChangeMessageVisibilityBatch" => self.change_visibility_batch(parse(body)?),
            "CreateQueue" => self.create_queue(&parse(body)?),
            "GetQueueUrl" => self.queue_url(&parse(body)?),
            "ListQueues" => self.list_queues(&parse(body)?),
            "GetQueueAttributes" => self.queue_attributes(&parse(body)?),
            "SetQueueAttributes" => self.set_queue_attributes(&parse(body)?),
            "PurgeQueue" => self.purge_queue(&parse(body)?),
            "DeleteQueue" => self.delete_queue(&parse(body)?),
            "StartMessageMoveTask" => self.start_move(&parse(body)?),
            "ListMessageMoveTasks" => self.list_moves(&parse(body)?),
            _ => Err(Fault::UnknownOperation),
        }
    }

    /// The queue a URL names; its host and port do not matter, as they change from one start to the next.
    fn queue(&self, url: &str) -> Result<Arc<Queue>, Fault> {
        if url.is_empty() {
            return Err(Fault::Missing("QueueUrl"));
        }
        self.named(url.rsplit('/').next().unwrap_or_default())
            .ok_or(Fault::NoQueue)
    }

    fn queue_by_arn(&self, arn: &str) -> Option<Arc<Queue>> {
        self.named(arn.strip_prefix(&arn_of(""))?)
    }

    fn named(&self, name: &str) -> Option<Arc<Queue>> {
        self.queues().get(name).map(Arc::clone)
    }

    fn queues(&self) -> RwLockReadGuard<'_, BTreeMap<String, Arc<Queue>>> {
        self.queues.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(journals: &Path) -> Result<BTreeMap<String, Arc<Queue>>> {
    std::fs::create_dir_all(journals)?;
    let mut queues = BTreeMap::new();
    for entry in std::fs::read_dir(journals)? {
        let path = entry?.path();
        // What ends otherwise is a rewriting that did not come to its end.
        if path
            .extension()
            .is_none_or(|extension| extension != "journal")
        {
            continue;
        }
        if let Some(name) = path.file_stem().and_then(|stem| stem.to_str()) {
            let queue = Queue::open(name, &path, now());
            let queue = queue.with_context(|| format!("cannot read the queue {name}"))?;
            queues.insert(name.to_owned(), Arc::new(queue));
        }
    }
    Ok(queues)
}

fn arn_of(name: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{AWS_ACCOUNT}:{name}")
}

/// Milliseconds of Unix time. Read once per call, at this edge; queues are told.
fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(Fault::Unreadable)
}

fn write<T: Serialize>(answer: &T) -> Result<Vec<u8>, Fault> {
    serde_json::to_vec(answer).map_err(Fault::Unwritable)
}

/// The answer of calls that have nothing to say.
fn nothing() -> Vec<u8> {
    b"{}".to_vec()
}

/// Refuses a batch as a whole for what is wrong with its shape.
fn check_batch<'a>(ids: impl ExactSizeIterator<Item = &'a str>) -> Result<(), Fault> {
    match ids.len() {
        0 => return Err(Fault::EmptyBatch),
        1..=10 => {}
        more => return Err(Fault::TooManyEntries(more)),
    }
    let mut seen = HashSet::new();
    for id in ids {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if id.is_empty() || id.len() > 80 || !id.bytes().all(allowed) {
            return Err(Fault::BadEntryId);
        }
        if !seen.insert(id) {
            return Err(Fault::RepeatedId(id.to_owned()));
        }
    }
    Ok(())
}

/// A number within its bounds, or what stands for a missing one.
fn bounded(name: &str, given: Option<i64>, default: i64, most: i64) -> Result<i64, Fault> {
    let number = given.unwrap_or(default);
    if (0..=most).contains(&number) {
        return Ok(number);
    }
    let reason = format!(
        "Value {number} for parameter {name} is invalid. Reason: Must be between 0 and {most}, if provided."
    );
    Err(Fault::BadParameter(reason))
}

/// An entry of a batch that failed alone.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct FailedEntry {
    id: String,
    code: &'static str,
    message: String,
    sender_fault: bool,
}

impl FailedEntry {
    fn new(id: String, fault: &Fault) -> Self {
        let message = fault.to_string();
        Self {
            id,
            code: fault.code(),
            message,
            sender_fault: fault.is_senders(),
        }
    }
}
