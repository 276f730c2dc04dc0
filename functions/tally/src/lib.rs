//! Keeps exact counters: how many messages stand in each state, per job, and per day and sender; and tells the metrics what
//! became of messages and calls.
//!
//! Trigger: the stream of the `messages` table. Role: reads that stream, writes counters. Promise: counters move in one
//! transaction with the position in the stream they were counted from, so a repeated batch counts nothing twice.

mod change;
mod count;
mod happened;

#[cfg(test)]
mod tests;

use change::Change;
use heliograph::service::aws::Aws;
use heliograph::service::config::{ConfigError, Environment};
use heliograph::store::Store;
use lambda_runtime::LambdaEvent;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What the environment says.
#[derive(Debug)]
pub struct Config {
    messages_table: String,
}

impl Config {
    /// Reads the environment.
    pub fn from_env(environment: &Environment) -> Result<Self, ConfigError> {
        let mut env = environment.read();
        let config = Self {
            messages_table: env.text("MESSAGES_TABLE"),
        };
        env.finish(config)
    }
}

/// What lives as long as the execution environment.
#[derive(Debug)]
pub struct State {
    store: Store,
}

impl State {
    /// Builds the clients; calls nobody.
    #[must_use]
    pub fn new(config: &Config, aws: &Aws) -> Self {
        Self {
            store: Store::new(aws.dynamodb(), &config.messages_table, ""),
        }
    }
}

/// A batch of the stream. The mapping has a tumbling window, which makes Lambda name the shard.
#[derive(Debug, Deserialize)]
pub struct StreamEvent {
    /// The shard all records are from.
    #[serde(default, rename = "shardId")]
    pub shard: Option<String>,
    /// What was written, in order. Empty at the end of a window.
    #[serde(default, rename = "Records")]
    pub records: Vec<Record>,
}

/// One write.
#[derive(Debug, Deserialize)]
pub struct Record {
    #[serde(default, rename = "eventSourceARN")]
    source: Option<String>,
    dynamodb: Change,
}

/// What a mapping with a tumbling window wants back.
#[derive(Debug, Default, Serialize)]
pub struct StreamAnswer {
    state: Map<String, Value>,
}

/// Counts a batch. A failure brings the whole batch again.
pub async fn handle(
    state: &State,
    event: LambdaEvent<StreamEvent>,
) -> Result<StreamAnswer, lambda_runtime::Error> {
    let StreamEvent { shard, records } = event.payload;
    // An engine without tumbling windows does not name the shard; then its streams must have only one.
    let shard = shard.or_else(|| records.first().and_then(|record| record.source.clone()));
    if let Some(shard) = shard {
        let changes: Vec<Change> = records.into_iter().map(|record| record.dynamodb).collect();
        count::count(&state.store, &shard, &changes).await?;
    }
    Ok(StreamAnswer::default())
}
