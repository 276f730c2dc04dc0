//! Sends messages: takes a slot if the hint has none, and attempts the message in it.
//!
//! Trigger: SQS `otp`, `single`, `bulk`. Role: reads and writes `messages`, reads `out/*` secrets, puts retries back on
//! `otp` and `single`. Promise: a queue message is a hint, so one too many sends nothing; the ledger decides.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use heliograph::domain::id::MessageId;
use heliograph::domain::identity::TenantId;
use heliograph::domain::message::{Lane, Leg, Outbound};
use heliograph::domain::pace::Held;
use heliograph::domain::queue::{DeliverBody, held};
use heliograph::domain::state::State as MessageState;
use heliograph::messaging::attempt::lapse;
use heliograph::messaging::departures::{
    Answer, Departed, DepartureError, Departures, Leaves, Leaving,
};
use heliograph::messaging::held::look_again;
use heliograph::provider::meta::client::ClientError;
use heliograph::provider::{Addresses, Providers};
use heliograph::service::aws::Aws;
use heliograph::service::clock;
use heliograph::service::config::{ConfigError, Environment};
use heliograph::service::credentials::Credentials;
use heliograph::service::lanes::Lanes;
use heliograph::service::queue::QueueError;
use heliograph::service::records;
use heliograph::service::secrets::SecretsCache;
use heliograph::store::{Store, StoreError};
use jiff::SignedDuration;
use lambda_runtime::LambdaEvent;
use std::convert::Infallible;
use thiserror::Error;

/// A slot further away than this goes back to the queue, so that nobody pays for waiting.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_secs(2);

/// Slots that may be missed one after the other before the queue brings the message again.
const TRIES: usize = 3;

/// After that many, the queue brings it again this much later.
const RETRY_AFTER: SignedDuration = SignedDuration::from_secs(1);

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
    departures: Departures,
    lanes: Lanes,
}

impl State {
    /// Builds the clients; calls nobody.
    pub fn new(config: &Config, aws: &Aws) -> Result<Self, ClientError> {
        let store = Store::new(aws.dynamodb(), &config.messages_table, "");
        let secrets = SecretsCache::new(aws.secrets(), &config.secrets_prefix);
        let providers = Providers::new(&config.addresses)?;
        let credentials = Credentials::new(store.clone(), secrets);
        Ok(Self {
            departures: Departures::new(&store, credentials, providers, Answer::NotAwaited),
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
    #[error("the message did not depart")]
    Departure(#[from] DepartureError),
    #[error("the message cannot be read")]
    Store(#[from] StoreError),
    #[error("the message was not queued again")]
    Queue(#[from] QueueError),
}

/// Delivers a batch; names the records that failed, so that the queue brings only them again.
pub async fn handle(
    state: &State,
    event: LambdaEvent<SqsEvent>,
) -> Result<SqsBatchResponse, Infallible> {
    // Unboxed, one future within the other is deeper than the compiler looks when it builds for release.
    let deliver = |record| Box::pin(deliver(state, record));
    Ok(records::each(event.payload, deliver).await)
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
        passed,
    } = serde_json::from_str(&body)?;
    records::about_message(&message);
    let held = held((begins, until), since, era).filter(|held| !held.slot.is_over(clock::now()));
    let order = Order { tenant, message };
    let seat = match held {
        Some(held) => {
            let leg = Leg { account, sender };
            let leaving = state.departures.from(&order.tenant, leg, passed).await?;
            leaving.map(|leaving| (leaving, held))
        }
        None => None,
    };
    match lane {
        Lane::Bulk => bulk(state, &order, seat).await,
        Lane::Otp | Lane::Single => single(state, &order, seat).await,
    }
}

/// Sends a recipient in its slot. One that missed it, or whose sender rests, is handed out again by `dispatch`; so is one
/// whose sender has no credential left, which stops until somebody puts one in.
async fn bulk(
    state: &State,
    order: &Order,
    seat: Option<(Leaving, Held)>,
) -> Result<(), RecordError> {
    match seat {
        Some((leaving, _)) if leaving.credential.is_none() => {
            state.departures.stop(&order.tenant, &leaving.leg).await?;
        }
        Some(seat) => {
            in_slot(state, order, seat).await?;
        }
        None => {}
    }
    Ok(())
}

/// What a hint asks for.
struct Order {
    tenant: TenantId,
    message: MessageId,
}

/// Whether a hint has done what it is for.
#[derive(PartialEq, Eq)]
enum Done {
    Yes,
    /// The message needs another slot, or another credential.
    Again,
}

/// Attempts a message in its slot, or leaves it.
async fn in_slot(
    state: &State,
    order: &Order,
    (leaving, held): (Leaving, Held),
) -> Result<Done, RecordError> {
    let departed = state
        .departures
        .attempt(&order.tenant, &order.message, &leaving, held)
        .await?;
    match departed {
        Departed::Made(message) => try_again_later(state, &message).await?,
        Departed::NotNow(_) => {}
        Departed::TooLate(_) | Departed::Full => return Ok(Done::Again),
    }
    Ok(Done::Yes)
}

/// Sends a single message in its slot, or in the next one it can get.
async fn single(
    state: &State,
    order: &Order,
    mut seat: Option<(Leaving, Held)>,
) -> Result<(), RecordError> {
    for _ in 0..TRIES {
        let seat = match seat.take() {
            Some(seat) => seat,
            None => match next_seat(state, order).await? {
                Some(seat) => seat,
                None => return Ok(()),
            },
        };
        if seat.0.credential.is_none() && waits_for_credential(state, order, &seat.0.leg).await? {
            return Ok(());
        }
        if in_slot(state, order, seat).await? == Done::Yes {
            return Ok(());
        }
    }
    match state.store.outbound(&order.tenant, &order.message).await? {
        Some(message) => Ok(state.lanes.put(&message, RETRY_AFTER).await?),
        None => Ok(()),
    }
}

/// Nobody waits for an answer: the message waits until somebody has put in a credential, and its sender stands still. Where
/// the account is gone nobody will, and the message is refused.
async fn waits_for_credential(
    state: &State,
    order: &Order,
    leg: &Leg,
) -> Result<bool, RecordError> {
    let account = state.store.account(&order.tenant, &leg.account);
    if account.await?.is_none() {
        return Ok(false);
    }
    state.departures.stop(&order.tenant, leg).await?;
    if let Some(message) = state.store.outbound(&order.tenant, &order.message).await? {
        let wait = look_again(&message, None, clock::now());
        state.lanes.put(&message, wait).await?;
    }
    Ok(true)
}

/// A slot for a message that is to be sent still.
async fn next_seat(state: &State, order: &Order) -> Result<Option<(Leaving, Held)>, RecordError> {
    let Some(message) = state.store.outbound(&order.tenant, &order.message).await? else {
        return Ok(None);
    };
    if message.state != MessageState::Queued {
        lapse(&state.store, message, clock::now()).await?;
        return Ok(None);
    }
    if message.not_before.is_some_and(|time| clock::now() < time) {
        // The hint came before the message's time, by a clock a little behind: it takes no slot.
        try_again_later(state, &message).await?;
        return Ok(None);
    }
    leave(state, &message).await
}

/// A slot to wait for. `None` if the queue waits in our place.
async fn leave(state: &State, message: &Outbound) -> Result<Option<(Leaving, Held)>, RecordError> {
    let now = clock::now();
    match state.departures.leaves(message, None).await? {
        Leaves::At(leaving, held) => {
            if held.slot.wait(now) <= LONGEST_WAIT {
                return Ok(Some((leaving, held)));
            }
            let seat = leaving.seat(held);
            state.lanes.put_for(message, seat, now).await?;
        }
        Leaves::After(wait) => state.lanes.put(message, wait).await?,
        Leaves::NotBefore(time) => {
            let wait = look_again(message, Some(time), now);
            state.lanes.put(message, wait).await?;
        }
        Leaves::Stopped => {
            let wait = look_again(message, None, now);
            state.lanes.put(message, wait).await?;
        }
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
