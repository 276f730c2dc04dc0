//! Looks after what should have happened and has not: messages and jobs whose time has come, leases that ran out,
//! senders whose dispatch died, webhook events that wait for their message or failed. Looks at accounts at Meta.
//!
//! Trigger: EventBridge, each minute. Role: reads and writes `messages` and `logs`, puts hints on `otp`, `single` and
//! `dispatch`, reads access tokens, asks Meta. Promise: whatever died between two writes goes on, and doing it twice changes nothing.

mod accounts;
mod events;
mod jobs;
mod messages;
mod senders;

use aws_lambda_events::event::eventbridge::EventBridgeEvent;
use futures_util::future::join_all;
use heliograph::domain::id::{AccountId, EventId, JobId, MessageId};
use heliograph::domain::identity::{SenderId, TenantId};
use heliograph::messaging::receive::Receiving;
use heliograph::provider::meta::client::{ClientError, MetaClient};
use heliograph::service::aws::Aws;
use heliograph::service::clock;
use heliograph::service::config::{ConfigError, Environment};
use heliograph::service::lanes::Lanes;
use heliograph::service::queue::{Queue, QueueError};
use heliograph::service::secrets::{SecretsCache, SecretsError};
use heliograph::service::telemetry;
use heliograph::store::{JobError, Overdue, Store, StoreError};
use jiff::Timestamp;
use lambda_runtime::LambdaEvent;
use std::collections::{BTreeMap, HashSet};
use std::convert::Infallible;
use std::error::Error;
use thiserror::Error as ThisError;

/// How much of each kind, and of each shard of it, one round looks after.
const AT_ONCE: usize = 100;

/// How many rounds a run makes while there is more; the next run goes on.
const ROUNDS: usize = 5;

/// How many messages are looked after side by side.
const TOGETHER: usize = 16;

/// How many accounts one run looks at, side by side.
const ACCOUNTS: usize = 8;

/// What the environment says.
#[derive(Debug)]
pub struct Config {
    messages_table: String,
    logs_table: String,
    otp_queue: String,
    single_queue: String,
    dispatch_queue: String,
    secrets_prefix: String,
    graph_url: String,
    graph_version: String,
    webhook_url: String,
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
            secrets_prefix: env.text("SECRETS_PREFIX"),
            graph_url: env.url("GRAPH_URL"),
            graph_version: env.text("GRAPH_VERSION"),
            webhook_url: env.url("WEBHOOK_URL"),
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
    secrets: SecretsCache,
    meta: MetaClient,
    webhook_url: String,
}

impl State {
    /// Builds the clients; calls nobody.
    pub fn new(config: &Config, aws: &Aws) -> Result<Self, ClientError> {
        let store = Store::new(aws.dynamodb(), &config.messages_table, &config.logs_table);
        let sqs = aws.sqs();
        Ok(Self {
            receiving: Receiving::new(store.clone()),
            lanes: Lanes::new(&sqs, &config.otp_queue, &config.single_queue),
            dispatch: Queue::new(sqs, &config.dispatch_queue),
            secrets: SecretsCache::new(aws.secrets(), &config.secrets_prefix),
            meta: MetaClient::new(&config.graph_url, &config.graph_version)?,
            webhook_url: config.webhook_url.clone(),
            store,
        })
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
    #[error("the access token could not be read")]
    Secrets(#[from] SecretsError),
}

/// One run. What fails is logged and left to the next run; the rest goes on.
pub async fn handle(
    state: &State,
    _event: LambdaEvent<EventBridgeEvent>,
) -> Result<(), Infallible> {
    let now = clock::now();
    let mut set_going = HashSet::new();
    let mut accounts = BTreeMap::new();
    for _ in 0..ROUNDS {
        let overdue = match state.store.overdue(now, AT_ONCE).await {
            Ok(overdue) => overdue,
            Err(error) => {
                report(&Swept::Store("overdue"), Err::<(), _>(error));
                break;
            }
        };
        // First, for it is little, and jobs stand still without it.
        set_all_going(state, &overdue, &mut set_going, now).await;
        look_after(state, &overdue.messages, now).await;
        accounts.extend(
            overdue
                .accounts
                .iter()
                .map(|it| (it.1.clone(), it.0.clone())),
        );
        // What was looked after is due later now: if it was much, there may be more.
        if overdue.messages.len().max(overdue.jobs.len()) < AT_ONCE {
            break;
        }
    }
    let tried = Box::pin(events::try_again(state, now)).await;
    report(&Swept::Store("events"), tried);
    // Last, for Meta may take its time.
    Box::pin(look_at_accounts(state, &accounts, now)).await;
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
        report(&Swept::Sender(id), kicked);
    }
    for (tenant, id) in &overdue.jobs {
        if !set_going.insert(format!("{tenant}/{id}")) {
            continue;
        }
        let moved = jobs::look_after(state, tenant, id, now).await;
        report(&Swept::Job(id), moved);
    }
}

/// Some of those that are due; the others the next run looks at.
async fn look_at_accounts(state: &State, due: &BTreeMap<AccountId, TenantId>, now: Timestamp) {
    let looked_at = due.iter().take(ACCOUNTS).map(async |(id, tenant)| {
        let outcome = accounts::look_at(state, tenant, id, now).await;
        report(&Swept::Account(id), outcome);
    });
    join_all(looked_at).await;
}

async fn look_after(state: &State, overdue: &[(TenantId, MessageId)], now: Timestamp) {
    for together in overdue.chunks(TOGETHER) {
        let looked_after = together.iter().map(async |(tenant, id)| {
            let outcome = messages::look_after(state, tenant, id, now).await;
            report(&Swept::Message(id), outcome);
        });
        join_all(looked_after).await;
    }
}

/// What a sweep looked after.
enum Swept<'a> {
    /// A part of the store.
    Store(&'static str),
    Sender(&'a SenderId),
    Job(&'a JobId),
    Account(&'a AccountId),
    Event(&'a EventId),
    Message(&'a MessageId),
}

fn report<E: Error + 'static>(swept: &Swept<'_>, outcome: Result<(), E>) {
    let Err(error) = outcome else {
        return;
    };
    let error = telemetry::chain(&error);
    let what = match swept {
        Swept::Store(what) => {
            tracing::error!(what, error, "sweep failed");
            what
        }
        Swept::Sender(id) => {
            tracing::error!(sender.id = id.logged(), error, "sweep failed");
            "sender"
        }
        Swept::Job(id) => {
            tracing::error!(job.id = %id, error, "sweep failed");
            "job"
        }
        Swept::Account(id) => {
            tracing::error!(account.id = %id, error, "sweep failed");
            "account"
        }
        Swept::Event(id) => {
            tracing::error!(event.id = %id, error, "sweep failed");
            "event"
        }
        Swept::Message(id) => {
            tracing::error!(message.id = %id, error, "sweep failed");
            "message"
        }
    };
    telemetry::count("sweep_failed", what, 1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_looked_after_is_counted_and_what_could_is_not() {
        let swept = Swept::Store("of_this_test");
        report(&swept, Ok::<(), StoreError>(()));
        report(&swept, Err(StoreError::Conflict));
        let counted = telemetry::counts().remove("sweep_failed");
        assert_eq!(counted, Some(BTreeMap::from([("of_this_test", 1)])));
    }
}
