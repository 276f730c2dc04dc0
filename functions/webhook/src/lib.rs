//! Takes webhooks in: of Meta's it checks the signature over the raw bytes, of a gateway's, which have none, the token
//! in the path; puts the updates on the queues, answers.
//!
//! Trigger: a Function URL. Role: reads whose an account is and its `in/*` secret, puts messages on `inbound` and
//! `status`; it can neither send nor read a message. Promise: 200 means that the queues have everything.

mod account;
mod gateway;
mod handshake;
mod receive;
mod remembered;

use axum::Router;
use axum::routing::{get, post};
use heliograph::service::aws::Aws;
use heliograph::service::config::{ConfigError, Environment};
use heliograph::service::http::edge;
use heliograph::service::queue::Queue;
use heliograph::service::secrets::SecretsCache;
use heliograph::store::Store;
use remembered::Remembered;
use std::sync::Arc;

/// What the environment says.
#[derive(Debug)]
pub struct Config {
    messages_table: String,
    secrets_prefix: String,
    inbound_queue: String,
    status_queue: String,
}

impl Config {
    /// Reads the environment.
    pub fn from_env(environment: &Environment) -> Result<Self, ConfigError> {
        let mut env = environment.read();
        let config = Self {
            messages_table: env.text("MESSAGES_TABLE"),
            secrets_prefix: env.text("SECRETS_PREFIX"),
            inbound_queue: env.url("INBOUND_QUEUE_URL"),
            status_queue: env.url("STATUS_QUEUE_URL"),
        };
        env.finish(config)
    }
}

/// What lives as long as the execution environment.
#[derive(Debug, Clone)]
pub struct State(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    store: Store,
    secrets: SecretsCache,
    inbound: Queue,
    status: Queue,
    accounts: Remembered,
}

impl State {
    /// Builds the clients; calls nobody.
    #[must_use]
    pub fn new(config: &Config, aws: &Aws) -> Self {
        let sqs = aws.sqs();
        Self(Arc::new(Parts {
            store: Store::new(aws.dynamodb(), &config.messages_table, ""),
            secrets: SecretsCache::new(aws.secrets(), &config.secrets_prefix),
            inbound: Queue::new(sqs.clone(), &config.inbound_queue),
            status: Queue::new(sqs, &config.status_queue),
            accounts: Remembered::new(),
        }))
    }
}

/// The routes: one path per account, for Meta's handshake and for its calls, and for a gateway's calls.
pub fn router(state: State) -> Router {
    let routes = Router::new()
        .route(
            "/webhooks/meta/{account_id}",
            get(handshake::answer).post(receive::receive),
        )
        .route(
            "/webhooks/{gateway}/{account_id}/{token}",
            post(gateway::receive),
        )
        .with_state(state);
    edge(routes)
}
