//! Sends messages: takes a slot if the hint has none, and attempts the message in it.
//!
//! Trigger: SQS `otp`, `single`, `bulk`. Role: reads and writes `messages`, reads `out/*` secrets, puts retries back on
//! `otp` and `single`. Promise: a queue message is a hint, so one too many sends nothing; the ledger decides.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use heliograph::domain::id::{AccountId, MessageId};
use heliograph::domain::identity::{SenderId, TenantId};
use heliograph::domain::message::{Lane, Outbound};
use heliograph::domain::pace::Held;
use heliograph::domain::queue::{DeliverBody, LONGEST_DELAY, held};
use heliograph::domain::secret::Credential;
use heliograph::domain::state::State as MessageState;
use heliograph::messaging::attempt::{AttemptError, Attempted, RefusedCredential, Sending, lapse};
use heliograph::messaging::credentials::learnt;
use heliograph::messaging::pace::{Leave, Pacer};
use heliograph::provider::meta::client::ClientError;
use heliograph::provider::{Addresses, Providers};
use heliograph::service::aws::Aws;
use heliograph::service::clock;
use heliograph::service::config::{ConfigError, Environment};
use heliograph::service::credentials::{Choice, CredentialError, Credentials, Learnt};
use heliograph::service::lanes::Lanes;
use heliograph::service::queue::QueueError;
use heliograph::service::records;
use heliograph::service::secrets::SecretsCache;
use heliograph::store::{Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::LambdaEvent;
use std::convert::Infallible;
use thiserror::Error;

/// A slot further away than this goes back to the queue, so that nobody pays for waiting.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_secs(2);

/// Slots that may be missed one after the other before the queue brings the message again.
const TRIES: usize = 3;

/// After that many, or when others were faster than we each time.
const SOON: SignedDuration = SignedDuration::from_secs(1);

/// When every slot of the next minute is taken.
const LATER: SignedDuration = SignedDuration::from_secs(30);

/// What the environment says.
#[derive(Debug)]
pub struct Config {
    messages_table: String,
    secrets_prefix: String,
    addresses: Addresses,
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
            addresses: env.addresses(),
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
    credentials: Credentials,
    sending: Sending,
    pacer: Pacer,
    lanes: Lanes,
}

impl State {
    /// Builds the clients; calls nobody.
    pub fn new(config: &Config, aws: &Aws) -> Result<Self, ClientError> {
        let store = Store::new(aws.dynamodb(), &config.messages_table, "");
        let secrets = SecretsCache::new(aws.secrets(), &config.secrets_prefix);
        let providers = Providers::new(&config.addresses)?;
        Ok(Self {
            credentials: Credentials::new(store.clone(), secrets),
            sending: Sending::new(store.clone(), providers, clock::now),
            pacer: Pacer::new(store.clone(), clock::now),
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
    #[error("the account's credential cannot be read")]
    Credential(#[from] CredentialError),
    #[error("the message was not attempted")]
    Attempt(#[from] AttemptError),
    #[error("the message or its sender's pace cannot be read")]
    Store(#[from] StoreError),
    #[error("the message was not queued again")]
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
        sender,
        message,
        lane,
        slot: begins,
        until,
        since,
        era,
    } = serde_json::from_str(&body)?;
    let held = held((begins, until), since, era).filter(|held| !held.slot.is_over(clock::now()));
    if lane == Lane::Bulk && held.is_none() {
        // It missed its slot: `dispatch` hands the recipient out again.
        return Ok(());
    }
    let choice = state.credentials.of((&tenant, &account), &sender).await?;
    let credential = match choice {
        Choice::Use(credential) => Some(credential),
        Choice::Absent => None,
        Choice::Rests(until) => return resting(state, (&tenant, &message), lane, until).await,
    };
    let order = Order {
        tenant,
        account,
        sender,
        message,
        credential,
    };
    match lane {
        Lane::Bulk => in_slot(state, &order, held).await.map(|_| ()),
        Lane::Otp | Lane::Single => single(state, &order, held).await,
    }
}

/// Nothing may be sent before then: the hint comes again. A bulk recipient is handed out again by `dispatch`.
async fn resting(
    state: &State,
    (tenant, message): (&TenantId, &MessageId),
    lane: Lane,
    until: Timestamp,
) -> Result<(), RecordError> {
    let message = match lane {
        Lane::Bulk => None,
        Lane::Otp | Lane::Single => state.store.outbound(tenant, message).await?,
    };
    match message.filter(|message| message.state == MessageState::Queued) {
        Some(message) => {
            let wait = until.duration_since(clock::now()).min(LONGEST_DELAY);
            Ok(state.lanes.put(&message, wait).await?)
        }
        None => Ok(()),
    }
}

/// What a hint asks for.
struct Order {
    tenant: TenantId,
    account: AccountId,
    sender: SenderId,
    message: MessageId,
    credential: Option<Credential>,
}

/// Attempts a message in its slot, or leaves it. Gives it back if it needs another slot.
async fn in_slot(
    state: &State,
    order: &Order,
    held: Option<Held>,
) -> Result<Option<Box<Outbound>>, RecordError> {
    let Some(held) = held else {
        return Ok(None);
    };
    let credential = order.credential.as_ref();
    let attempted = state
        .sending
        .attempt(&order.tenant, &order.message, credential, held)
        .await?;
    learn(state, order, &attempted).await;
    let message = match attempted {
        Attempted::Made(message) => message,
        Attempted::CredentialRefused(refused) => settle(state, *refused).await?,
        Attempted::NotNow(_) => return Ok(None),
        Attempted::TooLate(message) => return Ok(Some(message)),
    };
    try_again_later(state, &message).await?;
    Ok(None)
}

/// Tells what the call says about its credential; or that there was none.
async fn learn(state: &State, order: &Order, attempted: &Attempted) {
    let Some(credential) = &order.credential else {
        return;
    };
    let learnt = match attempted {
        Attempted::Made(message) => learnt(message),
        Attempted::CredentialRefused(_) | Attempted::NotNow(_) => Learnt::Nothing,
        // It goes with the same credential in another slot.
        Attempted::TooLate(_) => return,
    };
    let of = (&order.tenant, &order.account);
    let credentials = &state.credentials;
    credentials
        .learn(of, &order.sender, credential, learnt)
        .await;
}

/// What becomes of a message whose credential was refused: another try if the account has another one.
async fn settle(state: &State, refused: RefusedCredential) -> Result<Box<Outbound>, RecordError> {
    let (of, sender) = (refused.account(), refused.sender());
    let other = state
        .credentials
        .has_other(of, sender, refused.credential(), refused.failure());
    Ok(if other.await {
        state.sending.with_another(refused).await?
    } else {
        state.sending.with_no_other(refused).await?
    })
}

/// Sends a single message in its slot, or in the next one it can get.
async fn single(state: &State, order: &Order, held: Option<Held>) -> Result<(), RecordError> {
    let mut held = held;
    for _ in 0..TRIES {
        if held.is_none() {
            let Some(message) = state.store.outbound(&order.tenant, &order.message).await? else {
                return Ok(());
            };
            if message.state != MessageState::Queued {
                lapse(&state.store, message, clock::now()).await?;
                return Ok(());
            }
            if message.not_before.is_some_and(|time| clock::now() < time) {
                // The hint came before the message's time, by a clock a little behind: it takes no slot.
                return try_again_later(state, &message).await;
            }
            held = match leave(state, &message).await? {
                Some(held) => Some(held),
                None => return Ok(()),
            };
        }
        if in_slot(state, order, held.take()).await?.is_none() {
            return Ok(());
        }
    }
    match state.store.outbound(&order.tenant, &order.message).await? {
        Some(message) => Ok(state.lanes.put(&message, SOON).await?),
        None => Ok(()),
    }
}

/// A slot to wait for. `None` if the queue waits in our place, or the sweeper until the sender is resumed.
async fn leave(state: &State, message: &Outbound) -> Result<Option<Held>, RecordError> {
    let Outbound {
        tenant,
        sender,
        lane,
        ..
    } = message;
    match state.pacer.leave(tenant, sender, *lane, None).await? {
        Leave::At(held) => {
            let now = clock::now();
            if held.slot.wait(now) <= LONGEST_WAIT {
                return Ok(Some(held));
            }
            state.lanes.put_for(message, held, now).await?;
        }
        Leave::Soon => state.lanes.put(message, SOON).await?,
        Leave::NotSoon => state.lanes.put(message, LATER).await?,
        Leave::Paused(_) => {}
    }
    Ok(None)
}

/// A refused message that may be tried again is queued again; a bulk recipient is handed out again by `dispatch`.
async fn try_again_later(state: &State, message: &Outbound) -> Result<(), RecordError> {
    if message.state != MessageState::Queued || message.lane == Lane::Bulk {
        return Ok(());
    }
    let wait = message
        .not_before
        .map(|time| time.duration_since(clock::now()))
        .unwrap_or_default();
    Ok(state.lanes.put(message, wait).await?)
}
