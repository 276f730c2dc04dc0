//! Looks after what should have happened and has not: messages and jobs whose time has come, leases that ran out,
//! senders whose dispatch died, webhook events that wait for their message or failed.
//!
//! Trigger: EventBridge, each minute. Role: reads and writes `messages` and `logs`, puts hints on `otp`, `single` and
//! `dispatch`. Promise: whatever died between two writes goes on, and doing it twice changes nothing.

mod events;
mod jobs;
mod messages;
mod senders;

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use futures_util::future::join_all;
use heliograph::domain::id::MessageId;
use heliograph::domain::identity::TenantId;
use heliograph::messaging::receive::Receiving;
use heliograph::service::aws::Aws;
use heliograph::service::clock;
use heliograph::service::config::{ConfigError, Environment};
use heliograph::service::lanes::Lanes;
use heliograph::service::queue::{Queue, QueueError};
use heliograph::service::telemetry;
use heliograph::store::{JobError, Overdue, Store, StoreError};
use jiff::Timestamp;
use lambda_runtime::LambdaEvent;
use std::collections::HashSet;
use std::convert::Infallible;
use std::error::Error;
use thiserror::Error as ThisError;

/// How much of each kind, and of each shard of it, one round looks after.
const AT_ONCE: usize = 100;

/// How many rounds a run makes while there is more; the next run goes on.
const ROUNDS: usize = 5;

/// How many messages are looked after side by side.
const TOGETHER: usize = 16;

/// What the environment says.
#[derive(Debug)]
pub struct Config {
    messages_table: String,
    logs_table: String,
    otp_queue: String,
    single_queue: String,
    dispatch_queue: String,
}

impl Config {
    /// Reads the environment.
    pub fn from_env(environment: &Environment) -> Result<Self, ConfigError> {
        let mut env = environment.read();
        let config = Self {
            messages_table: env.text("MESSAGES_TABLE"),
            logs_table: env.text("LOGS_TABLE"),
            otp_queue: env.url("OTP_QUEUE_URL"),
            single_queue: env.url("SINGLE_QUEUE_URL"),
            dispatch_queue: env.url("DISPATCH_QUEUE_URL"),
        };
        env.finish(config)
    }
}

/// What lives as long as the execution environment.
#[derive(Debug)]
pub struct State {
    store: Store,
    receiving: Receiving,
    lanes: Lanes,
    dispatch: Queue,
}

impl State {
    /// Builds the clients; calls nobody.
    #[must_use]
    pub fn new(config: &Config, aws: &Aws) -> Self {
        let store = Store::new(aws.dynamodb(), &config.messages_table, &config.logs_table);
        let sqs = aws.sqs();
        Self {
            receiving: Receiving::new(store.clone()),
            lanes: Lanes::new(&sqs, &config.otp_queue, &config.single_queue),
            dispatch: Queue::new(sqs, &config.dispatch_queue),
            store,
        }
    }
}

/// Why one thing was not looked after; the next run tries again.
#[derive(Debug, ThisError)]
enum SweepError {
    #[error("the store failed")]
    Store(#[from] StoreError),
    #[error("a hint was not queued")]
    Queue(#[from] QueueError),
    #[error("the job was not moved")]
    Job(#[from] JobError),
}

/// One run. What fails is logged and left to the next run; the rest goes on.
pub async fn handle(
    state: &State,
    _event: LambdaEvent<EventBridgeEvent>,
) -> Result<(), Infallible> {
    let now = clock::now();
    let mut set_going = HashSet::new();
    for _ in 0..ROUNDS {
        let overdue = match state.store.overdue(now, AT_ONCE).await {
            Ok(overdue) => overdue,
            Err(error) => {
                report("store", "overdue", Err::<(), _>(error));
                break;
            }
        };
        // First, for it is little, and jobs stand still without it.
        set_all_going(state, &overdue, &mut set_going, now).await;
        look_after(state, &overdue.messages, now).await;
        // What was looked after is due later now: if it was much, there may be more.
        if overdue.messages.len().max(overdue.jobs.len()) < AT_ONCE {
            break;
        }
    }
    report("store", "events", events::try_again(state, now).await);
    Ok(())
}

/// What this run has set going, it does not set going again: a hint that was put needs its time.
async fn set_all_going(
    state: &State,
    overdue: &Overdue,
    set_going: &mut HashSet<String>,
    now: Timestamp,
) {
    for (tenant, id) in &overdue.senders {
        if !set_going.insert(format!("{tenant}/{id}")) {
            continue;
        }
        let kicked = senders::kick(state, tenant, id).await;
        report("sender", id.as_str(), kicked);
    }
    for (tenant, id) in &overdue.jobs {
        if !set_going.insert(format!("{tenant}/{id}")) {
            continue;
        }
        let moved = jobs::look_after(state, tenant, id, now).await;
        report("job", id.as_str(), moved);
    }
}

async fn look_after(state: &State, overdue: &[(TenantId, MessageId)], now: Timestamp) {
    for together in overdue.chunks(TOGETHER) {
        let looked_after = together.iter().map(async |(tenant, id)| {
            let outcome = messages::look_after(state, tenant, id, now).await;
            report("message", id.as_str(), outcome);
        });
        join_all(looked_after).await;
    }
}

fn report<E: Error + 'static>(kind: &'static str, id: &str, outcome: Result<(), E>) {
    if let Err(error) = outcome {
        tracing::error!(kind, id, error = telemetry::chain(&error), "sweep failed");
    }
}
