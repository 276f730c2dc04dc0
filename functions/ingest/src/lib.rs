//! Applies what webhooks brought: messages, statuses, contacts, conversations.
//!
//! Trigger: SQS `inbound` and `status`. Role: reads and writes `messages`, writes `logs`. Promise: each update is
//! applied once however often and in whatever order it comes, one bad update fails alone, and all of it is kept raw.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use heliograph::domain::queue::{PackingError, WebhookBody};
use heliograph::messaging::receive::Receiving;
use heliograph::service::aws::Aws;
use heliograph::service::clock;
use heliograph::service::config::{ConfigError, Environment};
use heliograph::service::records;
use heliograph::service::telemetry;
use heliograph::service::unapplied;
use heliograph::store::{Store, StoreError};
use lambda_runtime::LambdaEvent;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use thiserror::Error;

/// What the environment says.
#[derive(Debug)]
pub struct Config {
    messages_table: String,
    logs_table: String,
}

impl Config {
    /// Reads the environment.
    pub fn from_env(environment: &Environment) -> Result<Self, ConfigError> {
        let mut env = environment.read();
        let config = Self {
            messages_table: env.text("MESSAGES_TABLE"),
            logs_table: env.text("LOGS_TABLE"),
        };
        env.finish(config)
    }
}

/// What lives as long as the execution environment.
#[derive(Debug)]
pub struct State {
    receiving: Receiving,
}

impl State {
    /// Builds the clients; calls nobody.
    #[must_use]
    pub fn new(config: &Config, aws: &Aws) -> Self {
        let store = Store::new(aws.dynamodb(), &config.messages_table, &config.logs_table);
        Self {
            receiving: Receiving::new(store),
        }
    }
}

#[derive(Debug, Error)]
enum RecordError {
    #[error("the record has no body")]
    Empty,
    #[error("the body is not a webhook record")]
    Undecodable(#[from] PackingError),
    #[error("an update of record {record} could not be applied")]
    NotApplied {
        record: String,
        #[source]
        source: StoreError,
    },
}

/// Applies a batch; names the records that failed, so that the queue brings only them again.
pub async fn handle(
    state: &State,
    event: LambdaEvent<SqsEvent>,
) -> Result<SqsBatchResponse, Infallible> {
    let lags = Mutex::default();
    let answer = records::each(event.payload, |record| apply(state, record, &lags)).await;
    let lags = lags.into_inner().unwrap_or_else(PoisonError::into_inner);
    telemetry::measure("webhook_lag_ms", "applied", &lags);
    Ok(answer)
}

/// Applies a record; notes how long after its receipt.
async fn apply(
    state: &State,
    record: SqsMessage,
    lags: &Mutex<Vec<u32>>,
) -> Result<(), RecordError> {
    let body = record.body.ok_or(RecordError::Empty)?;
    let webhook = WebhookBody::decode(&body)?;
    records::about_event(&webhook.id);
    let tries = tries_before(&record.attributes);
    let now = clock::now();
    let outcome = state.receiving.receive(&webhook, &body, tries, now).await;
    unapplied::count(None, outcome.as_ref());
    match outcome {
        Ok(_) => {
            let lag = clock::now().duration_since(webhook.received_at);
            let lag = u32::try_from(lag.as_millis().max(0)).unwrap_or(u32::MAX);
            lags.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(lag);
            Ok(())
        }
        Err(source) => Err(RecordError::NotApplied {
            record: webhook.id.to_string(),
            source,
        }),
    }
}

/// How often the queue brought this record before.
fn tries_before(attributes: &HashMap<String, String>) -> u32 {
    let received = attributes
        .get("ApproximateReceiveCount")
        .and_then(|count| count.parse().ok());
    received.unwrap_or(1_u32).saturating_sub(1)
}
