//! Takes in everything that sends: single messages, tests of keys and bulk jobs; lets paused senders send again; tells who
//! can be reached, for which a provider may have to be asked.
//!
//! Trigger: the HTTP API. Role: reads and writes `messages`, adds to the audit trail, reads `out/*` secrets, puts hints on
//! `otp`, `single` and `dispatch`. Promise: a 2xx means that the message is written down, and one idempotency key is one message.

mod availability;
mod cancel;
mod delivery;
#[cfg(feature = "fuzzed")]
pub mod fuzzed;
mod jobs;
mod life;
mod message_object;
mod messages;
mod recipients;
mod resume;
mod retry;
mod senders;
mod settle;
mod test_sends;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::{patch, post};
use heliograph::messaging::departures::{Answer, Departures};
use heliograph::provider::meta::client::ClientError;
use heliograph::provider::{Addresses, Providers};
use heliograph::service::aws::Aws;
use heliograph::service::config::{ConfigError, Environment};
use heliograph::service::credentials::Credentials;
use heliograph::service::http::edge;
use heliograph::service::lanes::Lanes;
use heliograph::service::queue::Queue;
use heliograph::service::secrets::SecretsCache;
use heliograph::store::Store;
use std::sync::Arc;
use utoipa::OpenApi;

/// What the environment says.
#[derive(Debug)]
pub struct Config {
    messages_table: String,
    logs_table: String,
    secrets_prefix: String,
    addresses: Addresses,
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
            secrets_prefix: env.text("SECRETS_PREFIX"),
            addresses: env.addresses(),
            otp_queue: env.url("OTP_QUEUE_URL"),
            single_queue: env.url("SINGLE_QUEUE_URL"),
            dispatch_queue: env.url("DISPATCH_QUEUE_URL"),
        };
        env.finish(config)
    }
}

/// What lives as long as the execution environment.
#[derive(Debug, Clone)]
pub struct State {
    store: Store,
    parts: Arc<Parts>,
}

#[derive(Debug)]
struct Parts {
    departures: Departures,
    providers: Providers,
    lanes: Lanes,
    dispatch: Queue,
}

impl State {
    /// Builds the clients; calls nobody.
    pub fn new(config: &Config, aws: &Aws) -> Result<Self, ClientError> {
        let store = Store::new(aws.dynamodb(), &config.messages_table, &config.logs_table);
        let secrets = SecretsCache::new(aws.secrets(), &config.secrets_prefix);
        let providers = Providers::new(&config.addresses)?;
        let sqs = aws.sqs();
        let credentials = Credentials::new(store.clone(), secrets);
        let parts = Parts {
            departures: Departures::new(&store, credentials, providers.clone(), Answer::Awaited),
            providers,
            lanes: Lanes::new(&sqs, &config.otp_queue, &config.single_queue),
            dispatch: Queue::new(sqs, &config.dispatch_queue),
        };
        Ok(Self {
            store,
            parts: Arc::new(parts),
        })
    }
}

impl FromRef<State> for Store {
    fn from_ref(state: &State) -> Self {
        state.store.clone()
    }
}

/// The routes.
pub fn router(state: State) -> Router {
    let routes = Router::new()
        .route("/v1/messages", post(messages::send))
        .route("/v1/messages/{id}/cancel", post(cancel::cancel))
        .route("/v1/messages/{id}/settle", post(settle::settle))
        .route("/v1/test-sends", post(test_sends::send))
        .route("/v1/contacts/availability", post(availability::ask))
        .route("/v1/bulk-jobs", post(jobs::create))
        .route("/v1/bulk-jobs/{id}/recipients", post(recipients::add))
        .route("/v1/bulk-jobs/{id}", patch(life::change))
        .route("/v1/bulk-jobs/{id}/start", post(life::start))
        .route("/v1/bulk-jobs/{id}/pause", post(life::pause))
        .route("/v1/bulk-jobs/{id}/resume", post(life::resume))
        .route("/v1/bulk-jobs/{id}/cancel", post(life::cancel))
        .route("/v1/bulk-jobs/{id}/retry-failed", post(retry::retry_failed))
        .route("/v1/senders/{id}/resume", post(resume::resume))
        .with_state(state);
    edge(routes)
}

/// The part of the OpenAPI document that describes these routes.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

#[derive(OpenApi)]
#[openapi(paths(
    messages::send,
    cancel::cancel,
    settle::settle,
    test_sends::send,
    availability::ask,
    jobs::create,
    life::change,
    life::start,
    life::pause,
    life::resume,
    life::cancel,
    retry::retry_failed,
    recipients::add,
    resume::resume
))]
struct Document;
