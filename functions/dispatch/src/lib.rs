//! Hands out the next second of a sender's running jobs: takes slots, puts the next open recipients on the `bulk` queue,
//! each half a second before its slot, and puts its own hint again.
//!
//! Trigger: SQS `dispatch`, one self-continuing hint per sender. Role: reads and writes `messages`, adds to the audit
//! trail, puts messages on `bulk` and `dispatch`. Promise: the pace is kept whatever happens, since slots are taken before
//! they are used, and a job finishes only when a consistent read finds none of its recipients open.

mod again;
mod ending;
mod handing;
mod idle;
mod lap;
mod legs;
mod recipients;
mod tick;
mod withdraw;

#[cfg(test)]
mod tests;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use heliograph::domain::queue::DispatchBody;
use heliograph::service::aws::Aws;
use heliograph::service::config::{ConfigError, Environment};
use heliograph::service::queue::{Queue, QueueError};
use heliograph::service::records;
use heliograph::store::{Store, StoreError};
use lambda_runtime::LambdaEvent;
use std::convert::Infallible;
use thiserror::Error;

/// What the environment says.
#[derive(Debug)]
pub struct Config {
    messages_table: String,
    logs_table: String,
    bulk_queue: String,
    dispatch_queue: String,
}

impl Config {
    /// Reads the environment.
    pub fn from_env(environment: &Environment) -> Result<Self, ConfigError> {
        let mut env = environment.read();
        let config = Self {
            messages_table: env.text("MESSAGES_TABLE"),
            logs_table: env.text("LOGS_TABLE"),
            bulk_queue: env.url("BULK_QUEUE_URL"),
            dispatch_queue: env.url("DISPATCH_QUEUE_URL"),
        };
        env.finish(config)
    }
}

/// What lives as long as the execution environment.
#[derive(Debug)]
pub struct State {
    store: Store,
    bulk: Queue,
    dispatch: Queue,
}

impl State {
    /// Builds the clients; calls nobody.
    #[must_use]
    pub fn new(config: &Config, aws: &Aws) -> Self {
        let sqs = aws.sqs();
        Self {
            store: Store::new(aws.dynamodb(), &config.messages_table, &config.logs_table),
            bulk: Queue::new(sqs.clone(), &config.bulk_queue),
            dispatch: Queue::new(sqs, &config.dispatch_queue),
        }
    }
}

#[derive(Debug, Error)]
enum DispatchError {
    #[error("the record has no body")]
    Empty,
    #[error("the body is not a hint to dispatch a sender's jobs")]
    Undecodable(#[from] serde_json::Error),
    #[error("the store failed")]
    Store(#[from] StoreError),
    #[error("a queue did not take what was handed out")]
    Queue(#[from] QueueError),
}

/// Dispatches for a batch of hints; names those that failed, so that the queue brings only them again.
pub async fn handle(
    state: &State,
    event: LambdaEvent<SqsEvent>,
) -> Result<SqsBatchResponse, Infallible> {
    Ok(records::each(event.payload, |record| dispatch(state, record)).await)
}

async fn dispatch(state: &State, record: SqsMessage) -> Result<(), DispatchError> {
    let body = record.body.ok_or(DispatchError::Empty)?;
    let DispatchBody::V1 {
        tenant,
        sender,
        handed_out,
    } = serde_json::from_str(&body)?;
    tick::run(state, &tenant, &sender, handed_out).await
}
