//! Sends messages: waits for the slot, claims, calls the provider, records.
//!
//! Trigger: SQS `otp`, `single`, `bulk`. Role: reads and writes `messages`, reads `out/*` secrets, puts retries back on
//! `otp` and `single`. Promise: a queue message is a hint, so one too many sends nothing; the ledger decides.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use heliograph::domain::id::MessageId;
use heliograph::domain::identity::TenantId;
use heliograph::domain::message::{Lane, Outbound};
use heliograph::domain::queue::DeliverBody;
use heliograph::domain::state::State as MessageState;
use heliograph::messaging::attempt::{AttemptError, Attempted, Sending};
use heliograph::messaging::pace;
use heliograph::provider::meta::client::{ClientError, MetaClient};
use heliograph::service::aws::Aws;
use heliograph::service::clock;
use heliograph::service::config::{ConfigError, Environment};
use heliograph::service::lanes::Lanes;
use heliograph::service::queue::QueueError;
use heliograph::service::records;
use heliograph::service::secrets::{SecretsCache, SecretsError};
use heliograph::store::{Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::LambdaEvent;
use std::convert::Infallible;
use thiserror::Error;

/// A slot missed by more than this is lost: used late, it would be used together with those of the next second.
const LATEST: SignedDuration = SignedDuration::from_secs(1);

/// A slot further away than this goes back to the queue, so that nobody pays for waiting.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_secs(2);

/// What the environment says.
#[derive(Debug)]
pub struct Config {
    messages_table: String,
    secrets_prefix: String,
    graph_url: String,
    graph_version: String,
    otp_queue: String,
    single_queue: String,
}

impl Config {
    /// Reads the environment.
    pub fn from_env(environment: &Environment) -> Result<Self, ConfigError> {
        let mut env = environment.read();
        let config = Self {
            messages_table: env.text("MESSAGES_TABLE"),
            secrets_prefix: env.text("SECRETS_PREFIX"),
            graph_url: env.url("GRAPH_URL"),
            graph_version: env.text("GRAPH_VERSION"),
            otp_queue: env.url("OTP_QUEUE_URL"),
            single_queue: env.url("SINGLE_QUEUE_URL"),
        };
        env.finish(config)
    }
}

/// What lives as long as the execution environment.
#[derive(Debug)]
pub struct State {
    store: Store,
    secrets: SecretsCache,
    sending: Sending,
    lanes: Lanes,
}

impl State {
    /// Builds the clients; calls nobody.
    pub fn new(config: &Config, aws: &Aws) -> Result<Self, ClientError> {
        let store = Store::new(aws.dynamodb(), &config.messages_table, "");
        let meta = MetaClient::new(&config.graph_url, &config.graph_version)?;
        Ok(Self {
            secrets: SecretsCache::new(aws.secrets(), &config.secrets_prefix),
            sending: Sending::new(store.clone(), meta, clock::now),
            lanes: Lanes::new(&aws.sqs(), &config.otp_queue, &config.single_queue),
            store,
        })
    }
}

#[derive(Debug, Error)]
enum RecordError {
    #[error("the record has no body")]
    Empty,
    #[error("the body is not a hint to deliver a message")]
    Undecodable(#[from] serde_json::Error),
    #[error("the account's access token cannot be read")]
    Secrets(#[from] SecretsError),
    #[error("the message was not attempted")]
    Attempt(#[from] AttemptError),
    #[error("the sender's pace cannot be read")]
    Store(#[from] StoreError),
    #[error("the retry was not queued")]
    Queue(#[from] QueueError),
}

/// Delivers a batch; names the records that failed, so that the queue brings only them again.
pub async fn handle(
    state: &State,
    event: LambdaEvent<SqsEvent>,
) -> Result<SqsBatchResponse, Infallible> {
    Ok(records::each(event.payload, |record| deliver(state, record)).await)
}

async fn deliver(state: &State, record: SqsMessage) -> Result<(), RecordError> {
    let body = record.body.ok_or(RecordError::Empty)?;
    let DeliverBody::V1 {
        tenant,
        account,
        message: id,
        lane,
        slot,
    } = serde_json::from_str(&body)?;
    let credential = state.secrets.credential(&tenant, &account).await?;
    let Some(slot) = slot_for(state, &tenant, &id, lane, slot).await? else {
        return Ok(());
    };
    let wait = slot.duration_since(clock::now());
    if wait > LONGEST_WAIT {
        let message = state.store.outbound(&tenant, &id).await?;
        return put_back(state, &tenant, message.as_ref(), wait, Some(slot)).await;
    }
    tokio::time::sleep(wait.try_into().unwrap_or_default()).await;
    match state
        .sending
        .attempt(&tenant, &id, credential.as_ref())
        .await?
    {
        Attempted::Made(message) => {
            state.secrets.doubt(&message);
            try_again_later(state, &tenant, &message).await
        }
        Attempted::NotNow(_) => Ok(()),
    }
}

/// When the message may go. `None` for a bulk hint that missed its slot: `dispatch` hands the recipient out again.
async fn slot_for(
    state: &State,
    tenant: &TenantId,
    id: &MessageId,
    lane: Lane,
    slot: Option<i64>,
) -> Result<Option<Timestamp>, RecordError> {
    let now = clock::now();
    let slot = slot.and_then(|millis| Timestamp::from_millisecond(millis).ok());
    if slot.is_some_and(|slot| now.duration_since(slot) <= LATEST) {
        return Ok(slot);
    }
    if lane == Lane::Bulk {
        return Ok(None);
    }
    match state.store.outbound(tenant, id).await? {
        Some(message) if message.state == MessageState::Queued => Ok(Some(
            pace::single_slot(&state.store, tenant, &message.sender, now).await?,
        )),
        // Nothing to wait for: the attempt finds out what is the matter with it.
        Some(_) | None => Ok(Some(now)),
    }
}

/// A refused message that may be tried again is queued again; a bulk recipient is handed out again by `dispatch`.
async fn try_again_later(
    state: &State,
    tenant: &TenantId,
    message: &Outbound,
) -> Result<(), RecordError> {
    if message.state != MessageState::Queued {
        return Ok(());
    }
    let wait = message
        .not_before
        .map(|time| time.duration_since(clock::now()))
        .unwrap_or_default();
    put_back(state, tenant, Some(message), wait, None).await
}

async fn put_back(
    state: &State,
    tenant: &TenantId,
    message: Option<&Outbound>,
    wait: SignedDuration,
    slot: Option<Timestamp>,
) -> Result<(), RecordError> {
    match message {
        Some(message) if message.lane != Lane::Bulk => {
            Ok(state.lanes.put(tenant, message, wait, slot).await?)
        }
        // `dispatch` reads open recipients again until none remain.
        Some(_) | None => Ok(()),
    }
}
