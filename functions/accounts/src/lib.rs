//! Who may call: tenants, API keys, people and their sessions, and the trail of what was changed.
//!
//! Trigger: the HTTP API. Role: reads and writes tenants, API keys, people and sessions, adds to the audit trail, reads the operator's key.
//! Promise: a key is shown once and kept as its hash; nobody gives away a right that he has not; whatever is changed
//! stands in the trail, by the same transaction.

mod api_keys;
mod audit;
mod authority;
mod invitations;
mod key_body;
mod key_dto;
mod me;
mod operator;
mod password;
mod sessions;
mod tenants;
mod tries;
mod user_dto;
mod users;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::{delete, get, post};
use heliograph::service::aws::Aws;
use heliograph::service::config::{ConfigError, Environment};
use heliograph::service::http::edge;
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
}

impl Config {
    /// Reads the environment.
    pub fn from_env(environment: &Environment) -> Result<Self, ConfigError> {
        let mut env = environment.read();
        let config = Self {
            messages_table: env.text("MESSAGES_TABLE"),
            logs_table: env.text("LOGS_TABLE"),
            secrets_prefix: env.text("SECRETS_PREFIX"),
        };
        env.finish(config)
    }
}

/// What lives as long as the execution environment.
#[derive(Debug, Clone)]
pub struct State {
    store: Store,
    secrets: Arc<SecretsCache>,
}

impl State {
    /// Builds the clients; calls nobody.
    #[must_use]
    pub fn new(config: &Config, aws: &Aws) -> Self {
        Self {
            store: Store::new(aws.dynamodb(), &config.messages_table, &config.logs_table),
            secrets: Arc::new(SecretsCache::new(aws.secrets(), &config.secrets_prefix)),
        }
    }
}

impl FromRef<State> for Store {
    fn from_ref(state: &State) -> Self {
        state.store.clone()
    }
}

/// Every route of this function.
pub fn router(state: State) -> Router {
    edge(
        Router::new()
            .route("/v1/me", get(me::me))
            .route("/v1/api-keys", get(api_keys::list).post(api_keys::create))
            .route(
                "/v1/api-keys/{id}",
                get(api_keys::one)
                    .patch(api_keys::change)
                    .delete(api_keys::revoke),
            )
            .route("/v1/audit", get(audit::list))
            .route("/v1/me/password", post(me::change_password))
            .route("/v1/users", get(users::list).post(users::create))
            .route("/v1/users/{id}", get(users::one).patch(users::change))
            .route("/v1/users/{id}/invitation", post(users::invite))
            .route("/v1/invitations/accept", post(invitations::accept))
            .route("/v1/sessions", post(sessions::sign_in))
            .route("/v1/sessions/refresh", post(sessions::refresh))
            .route("/v1/sessions/current", delete(sessions::sign_out))
            .route("/v1/tenants", get(tenants::list).post(tenants::create))
            .route("/v1/tenants/{id}", get(tenants::one).patch(tenants::change))
            .route("/v1/tenants/{id}/api-keys", post(tenants::create_key))
            .with_state(state),
    )
}

/// What this function says of its routes.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

#[derive(OpenApi)]
#[openapi(paths(
    me::me,
    me::change_password,
    users::list,
    users::create,
    users::one,
    users::change,
    users::invite,
    invitations::accept,
    sessions::sign_in,
    sessions::refresh,
    sessions::sign_out,
    api_keys::list,
    api_keys::create,
    api_keys::one,
    api_keys::change,
    api_keys::revoke,
    audit::list,
    tenants::list,
    tenants::create,
    tenants::one,
    tenants::change,
    tenants::create_key
))]
struct Document;
