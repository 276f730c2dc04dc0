//! Messages on their way from queue to queue: into a dead-letter queue, and back by `StartMessageMoveTask`.
//!
//! A message is written where it goes before it is removed where it was: a crash between the two leaves it in
//! both, as SQS allows, never in neither.

use super::error::Fault;
use super::message::Message;
use super::queue::{Delivery, Queue};
use super::{Sqs, arn_of, now, write};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How long messages on their way are kept from others.
const MOVE_MS: i64 = 30_000;
/// How many are moved at a time.
const MOVE_BATCH: usize = 1000;

/// The last moves, newest first, for whoever asks how they went.
#[derive(Default)]
pub(super) struct Tasks(Mutex<Vec<Task>>);

#[derive(Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Task {
    #[serde(rename = "TaskHandle")]
    handle: String,
    status: &'static str,
    source_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination_arn: Option<String>,
    approximate_number_of_messages_moved: usize,
    approximate_number_of_messages_to_move: usize,
    started_timestamp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<&'static str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Move {
    source_arn: String,
    destination_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Moves {
    source_arn: String,
    max_results: Option<usize>,
}

impl Sqs {
    /// Moves what was received too often to the queue's dead-letter queue.
    pub(super) fn bury(&self, from: &Queue, dead: &[Delivery], now: i64) -> Result<(), Fault> {
        if dead.is_empty() {
            return Ok(());
        }
        let redrive = from.settings().redrive;
        let target = redrive.and_then(|redrive| self.queue_by_arn(&redrive.dead_letter_target_arn));
        // Without a target, they come back when their hiding ends.
        let Some(target) = target else { return Ok(()) };
        let source = arn_of(&from.name);
        let buried = |message: &Message| Message {
            source: Some(source.clone()),
            ..message.clone()
        };
        carry(from, &target, dead, buried, now)
    }

    /// Moves all visible messages of a dead-letter queue back, before it answers.
    pub(super) fn start_move(&self, wish: &Move) -> Result<Vec<u8>, Fault> {
        let from = self.queue_by_arn(&wish.source_arn).ok_or(Fault::NoSource)?;
        if !self.is_dead_letter_queue(&wish.source_arn) {
            let reason = "Source queue must be configured as a Dead Letter Queue.";
            return Err(Fault::BadParameter(reason.to_owned()));
        }
        let to = wish
            .destination_arn
            .as_deref()
            .map(|arn| self.queue_by_arn(arn).ok_or(Fault::NoSource));
        let to = to.transpose()?;
        let started = now();
        let to_move = from.counts(started).visible;
        let moved = self.move_all(&from, to.as_ref(), to_move, started)?;
        let task = Task {
            handle: uuid::Uuid::new_v4().to_string(),
            status: if moved == to_move {
                "COMPLETED"
            } else {
                "FAILED"
            },
            source_arn: wish.source_arn.clone(),
            destination_arn: wish.destination_arn.clone(),
            approximate_number_of_messages_moved: moved,
            approximate_number_of_messages_to_move: to_move,
            started_timestamp: started,
            failure_reason: (moved < to_move).then_some("CouldNotDetermineMessageSource"),
        };
        let answer = write(&json!({ "TaskHandle": task.handle }));
        self.tasks.add(task);
        answer
    }

    pub(super) fn list_moves(&self, wish: &Moves) -> Result<Vec<u8>, Fault> {
        self.queue_by_arn(&wish.source_arn).ok_or(Fault::NoSource)?;
        let tasks = self
            .tasks
            .of(&wish.source_arn, wish.max_results.unwrap_or(1).clamp(1, 10));
        write(&json!({ "Results": tasks }))
    }

    /// Moves up to `most` messages; each goes to `to`, or to where it came from. Says how many had a way to go.
    fn move_all(
        &self,
        from: &Queue,
        to: Option<&Arc<Queue>>,
        most: usize,
        now: i64,
    ) -> Result<usize, Fault> {
        let (mut seen, mut moved) = (0, 0);
        while seen < most {
            let batch = from.lease(MOVE_BATCH.min(most - seen), now + MOVE_MS, now);
            if batch.is_empty() {
                break;
            }
            seen += batch.len();
            let mut ways: BTreeMap<String, (Arc<Queue>, Vec<Delivery>)> = BTreeMap::new();
            for delivery in batch {
                match to.cloned().or_else(|| self.source_of(&delivery)) {
                    Some(way) => {
                        let way = ways.entry(way.name.clone()).or_insert((way, Vec::new()));
                        way.1.push(delivery);
                    }
                    // It fails only for a message that was deleted meanwhile.
                    None => drop(from.hide(delivery.receipt, now, now)),
                }
            }
            for (way, deliveries) in ways.into_values() {
                moved += deliveries.len();
                carry(from, &way, &deliveries, |message| reborn(message, now), now)?;
            }
        }
        Ok(moved)
    }

    fn source_of(&self, delivery: &Delivery) -> Option<Arc<Queue>> {
        self.queue_by_arn(delivery.message.source.as_deref()?)
    }

    fn is_dead_letter_queue(&self, arn: &str) -> bool {
        self.queues().values().any(|queue| {
            let redrive = queue.settings().redrive;
            redrive.is_some_and(|redrive| redrive.dead_letter_target_arn == arn)
        })
    }
}

impl Tasks {
    fn add(&self, task: Task) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.insert(0, task);
        tasks.truncate(100);
    }

    fn of(&self, source: &str, most: usize) -> Vec<Task> {
        let tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tasks
            .iter()
            .filter(|task| task.source_arn == source)
            .take(most)
            .cloned()
            .collect()
    }
}

fn carry(
    from: &Queue,
    to: &Queue,
    deliveries: &[Delivery],
    change: impl Fn(&Message) -> Message,
    now: i64,
) -> Result<(), Fault> {
    let messages = deliveries
        .iter()
        .map(|delivery| (change(&delivery.message), now))
        .collect();
    to.push(messages, now)?;
    let receipts: Vec<_> = deliveries.iter().map(|delivery| delivery.receipt).collect();
    from.delete(&receipts)?;
    Ok(())
}

/// To SQS a message that was moved back is a new one.
fn reborn(message: &Message, now: i64) -> Message {
    let id = uuid::Uuid::new_v4().to_string();
    Message {
        id,
        sent_at: now,
        source: None,
        ..message.clone()
    }
}
