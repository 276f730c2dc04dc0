//! Reads what there is: messages, conversations, contacts, bulk jobs, senders, webhook events, statistics, usage, health.
//!
//! Trigger: the HTTP API. Role: reads both tables, puts webhook events back on their queues and adds that to the audit
//! trail, sees no secret. Promise: changes nothing but by a replay, and answers with nothing but the caller's own tenant's.

mod bulk_jobs;
mod contacts;
mod conversations;
mod document;
mod events;
mod health;
mod limits;
mod messages;
mod methods;
mod period;
mod plan;
mod provider_stats;
mod recipients;
mod replay;
mod report;
mod senders;
mod stats;
mod usage;

#[cfg(test)]
mod tests;

pub use document::openapi;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::{get, post};
use heliograph::service::aws::Aws;
use heliograph::service::config::{ConfigError, Environment};
use heliograph::service::http::edge;
use heliograph::service::queue::Queue;
use heliograph::store::Store;
use std::sync::Arc;

/// What `api` is told by its environment.
#[derive(Debug, Clone)]
pub struct Config {
    messages_table: String,
    logs_table: String,
    otp_queue_url: String,
    single_queue_url: String,
    bulk_queue_url: String,
    dispatch_queue_url: String,
    inbound_queue_url: String,
    status_queue_url: String,
    graph_url: String,
}

impl Config {
    /// Reads the environment.
    pub fn from_env(environment: &Environment) -> Result<Self, ConfigError> {
        let mut read = environment.read();
        let config = Self {
            messages_table: read.text("MESSAGES_TABLE"),
            logs_table: read.text("LOGS_TABLE"),
            otp_queue_url: read.url("OTP_QUEUE_URL"),
            single_queue_url: read.url("SINGLE_QUEUE_URL"),
            bulk_queue_url: read.url("BULK_QUEUE_URL"),
            dispatch_queue_url: read.url("DISPATCH_QUEUE_URL"),
            inbound_queue_url: read.url("INBOUND_QUEUE_URL"),
            status_queue_url: read.url("STATUS_QUEUE_URL"),
            graph_url: read.url("GRAPH_URL"),
        };
        read.finish(config)
    }
}

/// What the routes need.
#[derive(Debug, Clone)]
pub struct State {
    store: Store,
    queues: Queues,
    health: Arc<health::Health>,
}

/// The queues webhook events came by.
#[derive(Debug, Clone)]
struct Queues {
    inbound: Queue,
    status: Queue,
}

impl State {
    /// Builds the clients; makes no call.
    #[must_use]
    pub fn new(config: &Config, aws: &Aws) -> Self {
        let store = Store::new(aws.dynamodb(), &config.messages_table, &config.logs_table);
        let queue = |url: &str| Queue::new(aws.sqs(), url);
        let queues = Queues {
            inbound: queue(&config.inbound_queue_url),
            status: queue(&config.status_queue_url),
        };
        let dependencies = health::Dependencies {
            store: store.clone(),
            queues: [
                ("otp", queue(&config.otp_queue_url)),
                ("single", queue(&config.single_queue_url)),
                ("bulk", queue(&config.bulk_queue_url)),
                ("dispatch", queue(&config.dispatch_queue_url)),
                ("inbound", queues.inbound.clone()),
                ("status", queues.status.clone()),
            ],
            secrets: aws.secrets(),
            graph: aws.probe(&config.graph_url),
        };
        Self {
            store,
            queues,
            health: Arc::new(health::Health::of(dependencies)),
        }
    }
}

impl FromRef<State> for Store {
    fn from_ref(state: &State) -> Self {
        state.store.clone()
    }
}

impl FromRef<State> for Queues {
    fn from_ref(state: &State) -> Self {
        state.queues.clone()
    }
}

impl FromRef<State> for Arc<health::Health> {
    fn from_ref(state: &State) -> Self {
        state.health.clone()
    }
}

/// Every route of this function.
pub fn router(state: State) -> Router {
    edge(
        Router::new()
            .route("/v1/messages", get(messages::list))
            .route("/v1/messages/{id}", get(messages::one))
            .route("/v1/messages/{id}/attempts", get(messages::attempts))
            .route("/v1/conversations", get(conversations::list))
            .route("/v1/conversations/{id}", get(conversations::one))
            .route(
                "/v1/conversations/{id}/messages",
                get(conversations::messages),
            )
            .route("/v1/contacts", get(contacts::list))
            .route("/v1/contacts/{id}", get(contacts::one))
            .route("/v1/bulk-jobs", get(bulk_jobs::list))
            .route("/v1/bulk-jobs/{id}", get(bulk_jobs::one))
            .route("/v1/bulk-jobs/{id}/plan", get(plan::plan))
            .route("/v1/bulk-jobs/{id}/recipients", get(recipients::list))
            .route("/v1/bulk-jobs/{id}/report.csv", get(report::report))
            .route("/v1/senders", get(senders::list))
            .route("/v1/senders/{id}", get(senders::one))
            .route("/v1/webhook-events", get(events::list))
            .route("/v1/webhook-events/{id}", get(events::one))
            .route("/v1/webhook-events/{id}/replay", post(replay::replay))
            .route("/v1/stats", get(stats::stats))
            .route("/v1/providers/{id}/stats", get(provider_stats::stats))
            .route("/v1/usage", get(usage::usage))
            .route("/v1/health", get(health::health))
            .route("/v1/openapi.json", get(document::serve))
            .fallback(methods::unrouted)
            .method_not_allowed_fallback(methods::of_another_method)
            .with_state(state),
    )
}
