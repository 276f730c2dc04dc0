//! Who may call, and what is connected: tenants, API keys, people and their sessions, accounts and senders with their
//! credentials, what is said of providers, and the trail of what was changed.
//!
//! Trigger: the HTTP API. Role: reads and writes tenants, API keys, people, sessions, accounts, senders and what is said of
//! providers, reads and writes accounts' secrets, calls Meta, adds to the audit trail, reads the operator's key.
//! Promise: a key is shown once and kept as its hash; a secret of an account stands in Secrets Manager alone; nothing is used
//! that Meta has not been asked about; nobody gives away a right that he has not; whatever is changed stands in the trail, by
//! the same transaction.

mod accounts;
mod api_keys;
mod audit;
mod authority;
mod configuration;
mod hashing;
mod invitations;
mod key_body;
mod key_dto;
mod knowledge;
mod me;
mod operator;
mod password;
mod providers;
mod routes;
mod sessions;
mod tenants;
mod tries;
mod user_dto;
mod users;

use accounts::{
    activation, bot, connection, groups, keys, number_settings, numbers, profile, registration,
    rotation, senders, setup, tokens,
};
use axum::Router;
use axum::extract::FromRef;
use axum::routing::{delete, get, patch, post, put};
use heliograph::provider::meta::client::ClientError;
use heliograph::provider::{Addresses, Providers};
use heliograph::service::aws::Aws;
use heliograph::service::config::{ConfigError, Environment};
use heliograph::service::http::edge;
use heliograph::service::secrets::{SecretsCache, SecretsKeeper};
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
    webhook_url: String,
    rotate_function: String,
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
            webhook_url: env.url("WEBHOOK_URL"),
            rotate_function: env.text("ROTATE_FUNCTION_ARN"),
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
    secrets: SecretsCache,
    keeper: SecretsKeeper,
    providers: Providers,
    webhook_url: String,
    rotate_function: String,
}

impl State {
    /// Builds the clients; calls nobody.
    pub fn new(config: &Config, aws: &Aws) -> Result<Self, ClientError> {
        let secrets = aws.secrets();
        let providers = Providers::new(&config.addresses)?;
        let parts = Parts {
            secrets: SecretsCache::new(secrets.clone(), &config.secrets_prefix),
            keeper: SecretsKeeper::new(secrets, &config.secrets_prefix),
            providers,
            webhook_url: config.webhook_url.clone(),
            rotate_function: config.rotate_function.clone(),
        };
        Ok(Self {
            store: Store::new(aws.dynamodb(), &config.messages_table, &config.logs_table),
            parts: Arc::new(parts),
        })
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
            .route(
                "/v1/configuration",
                get(configuration::export).post(configuration::import),
            )
            .merge(account_routes())
            .route("/v1/routes", get(routes::list).post(routes::create))
            .route(
                "/v1/routes/{id}",
                get(routes::one).put(routes::change).delete(routes::delete),
            )
            .route("/v1/providers", get(providers::list))
            .route(
                "/v1/providers/{id}",
                get(providers::one)
                    .put(providers::change)
                    .delete(providers::reset),
            )
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

/// The routes of accounts and senders.
fn account_routes() -> Router<State> {
    Router::new()
        .route("/v1/accounts", get(accounts::list).post(accounts::create))
        .route(
            "/v1/accounts/{id}",
            get(accounts::one)
                .patch(accounts::change)
                .delete(accounts::deletion::delete),
        )
        .route("/v1/accounts/{id}/test", post(connection::test))
        .route("/v1/accounts/{id}/health", get(connection::health))
        .route("/v1/accounts/{id}/health/log", get(connection::log))
        .route("/v1/accounts/{id}/health-check", post(connection::check))
        .route("/v1/accounts/{id}/activate", post(activation::activate))
        .route("/v1/accounts/{id}/rotate", post(rotation::rotate))
        .route("/v1/accounts/{id}/setup", get(setup::show))
        .route("/v1/accounts/{id}/setup/business", put(setup::business))
        .route(
            "/v1/accounts/{id}/setup/phone-number",
            put(setup::phone_number),
        )
        .route("/v1/accounts/{id}/setup/tokens", put(tokens::tokens))
        .route(
            "/v1/accounts/{id}/setup/profile",
            get(profile::show).put(profile::change),
        )
        .route(
            "/v1/accounts/{id}/setup/bot",
            get(bot::show).put(bot::change),
        )
        .route("/v1/accounts/{id}/setup/webhook", put(activation::webhook))
        .route(
            "/v1/accounts/{id}/knowledge",
            get(knowledge::list).post(knowledge::create),
        )
        .route(
            "/v1/accounts/{id}/knowledge/{entry}",
            put(knowledge::change).delete(knowledge::delete),
        )
        .nest("/v1/accounts/{id}/phone-numbers", number_routes())
        .route("/v1/accounts/{id}/groups", get(groups::list))
        .route("/v1/accounts/{id}/keys", get(keys::list))
        .route(
            "/v1/accounts/{id}/keys/{alias}",
            put(keys::put).delete(keys::delete),
        )
        .route(
            "/v1/accounts/{id}/keys/{alias}/rotate",
            post(keys::rotation::rotate),
        )
        .route(
            "/v1/accounts/{id}/keys/{alias}/test",
            post(keys::trial::test),
        )
        .route("/v1/senders", post(senders::create))
        .route(
            "/v1/senders/{id}",
            patch(senders::change).delete(senders::delete),
        )
}

fn number_routes() -> Router<State> {
    Router::new()
        .route("/", get(numbers::list).post(numbers::add))
        .route("/{number}", get(numbers::one))
        .route("/{number}/request-code", post(registration::request_code))
        .route("/{number}/verify-code", post(registration::verify_code))
        .route("/{number}/register", post(registration::register))
        .route("/{number}/deregister", post(registration::deregister))
        .route("/{number}/pin", put(registration::set_pin))
        .route(
            "/{number}/profile",
            get(number_settings::profile).put(number_settings::change_profile),
        )
        .route(
            "/{number}/settings",
            get(number_settings::settings).put(number_settings::change_settings),
        )
}

/// What this function says of its routes.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

#[derive(OpenApi)]
#[openapi(paths(
    accounts::list,
    accounts::create,
    accounts::one,
    accounts::change,
    accounts::deletion::delete,
    accounts::connection::test,
    accounts::connection::health,
    accounts::connection::log,
    accounts::connection::check,
    accounts::activation::activate,
    accounts::rotation::rotate,
    accounts::activation::webhook,
    accounts::groups::list,
    accounts::keys::list,
    accounts::keys::put,
    accounts::keys::delete,
    accounts::keys::rotation::rotate,
    accounts::keys::trial::test,
    accounts::setup::show,
    accounts::setup::business,
    accounts::setup::phone_number,
    accounts::tokens::tokens,
    accounts::profile::show,
    accounts::profile::change,
    accounts::bot::show,
    accounts::bot::change,
    accounts::numbers::list,
    accounts::numbers::add,
    accounts::numbers::one,
    accounts::number_settings::profile,
    accounts::number_settings::change_profile,
    accounts::number_settings::settings,
    accounts::number_settings::change_settings,
    accounts::registration::request_code,
    accounts::registration::verify_code,
    accounts::registration::register,
    accounts::registration::deregister,
    accounts::registration::set_pin,
    accounts::senders::create,
    accounts::senders::change,
    accounts::senders::delete,
    routes::list,
    routes::create,
    routes::one,
    routes::change,
    routes::delete,
    providers::list,
    providers::one,
    providers::change,
    providers::reset,
    knowledge::list,
    knowledge::create,
    knowledge::change,
    knowledge::delete,
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
    configuration::export,
    configuration::import,
    tenants::list,
    tenants::create,
    tenants::one,
    tenants::change,
    tenants::create_key
))]
struct Document;
