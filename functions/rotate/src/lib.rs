//! Rotates accounts' secrets in Secrets Manager's four steps: access tokens that end are exchanged for new ones, verify
//! tokens drawn anew and told to Meta.
//!
//! Trigger: Secrets Manager. Role: reads and writes accounts' secrets, reads and writes accounts, calls Meta, adds to the
//! audit trail. Promise: each step may be repeated; whatever breaks between two of them, what is current works; what is
//! current gives way only to what was tried, and only if nobody has put another one in meanwhile.

mod access_token;
mod finish;
mod request;
mod verify_token;

pub use request::RotationEvent;

use heliograph::provider::meta::client::{ClientError, MetaClient};
use heliograph::service::aws::Aws;
use heliograph::service::config::{ConfigError, Environment};
use heliograph::service::secrets::{RotatingSecret, SecretsError, SecretsKeeper};
use heliograph::store::{Account, Store, StoreError};
use lambda_runtime::LambdaEvent;
use request::{Direction, Request, RequestError, Step};
use thiserror::Error;

/// What the environment says.
#[derive(Debug)]
pub struct Config {
    messages_table: String,
    logs_table: String,
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
    keeper: SecretsKeeper,
    meta: MetaClient,
    prefix: String,
    webhook_url: String,
}

impl State {
    /// Builds the clients; calls nobody.
    pub fn new(config: &Config, aws: &Aws) -> Result<Self, ClientError> {
        Ok(Self {
            store: Store::new(aws.dynamodb(), &config.messages_table, &config.logs_table),
            keeper: SecretsKeeper::new(aws.secrets(), &config.secrets_prefix),
            meta: MetaClient::new(&config.graph_url, &config.graph_version)?,
            prefix: config.secrets_prefix.clone(),
            webhook_url: config.webhook_url.clone(),
        })
    }
}

/// Why a step was not done. Secrets Manager tries the rotation again, and the function's errors raise an alarm.
#[derive(Debug, Error)]
pub enum RotationError {
    /// The event is not one of a rotation of ours.
    #[error("this rotation cannot be done")]
    Request(#[from] RequestError),
    /// Secrets Manager failed.
    #[error("the secret could not be read or written")]
    Secrets(#[from] SecretsError),
    /// DynamoDB failed.
    #[error("the account could not be read or written")]
    Store(#[from] StoreError),
    /// The secret's account is gone, or not so far.
    #[error("{0}")]
    Account(&'static str),
    /// Meta did not do its part.
    #[error("Meta said no: {0}")]
    Meta(String),
    /// Somebody has put another value in since the rotation began.
    #[error("the secret was changed by somebody else meanwhile; rotate it again")]
    Overtaken,
    /// Somebody changes the account just now.
    #[error("the account is being changed just now")]
    Busy,
}

/// What a rotation is about.
struct Rotation<'a> {
    state: &'a State,
    request: Request,
    secret: RotatingSecret,
    account: Account,
}

/// Does one step.
pub async fn handle(
    state: &State,
    event: LambdaEvent<RotationEvent>,
) -> Result<(), lambda_runtime::Error> {
    Ok(rotate(state, &event.payload).await?)
}

async fn rotate(state: &State, event: &RotationEvent) -> Result<(), RotationError> {
    let request = Request::of(event, &state.prefix)?;
    let secret = state.keeper.rotating(&event.secret_id, &event.token);
    let found = state
        .store
        .account(&request.tenant, &request.account)
        .await?;
    let account = found.ok_or(RotationError::Account("the secret's account is gone"))?;
    tracing::info!(account.id = %account.id, direction = ?request.direction, step = ?request.step, "rotating");
    let rotation = Rotation {
        state,
        request,
        secret,
        account,
    };
    if rotation.secret.is_current().await? {
        return finish::make_up(&rotation).await;
    }
    if rotation.secret.is_overtaken().await? {
        tracing::warn!(account.id = %rotation.account.id, "a rotation ends: the secret was changed by somebody meanwhile");
        return Ok(());
    }
    match (rotation.request.direction, rotation.request.step) {
        (Direction::Out, Step::Create) => access_token::create(&rotation).await,
        // A token is known to Meta from the moment it is made.
        (Direction::Out, Step::Set) => Ok(()),
        (Direction::Out, Step::Test) => access_token::test(&rotation).await,
        (Direction::Out, Step::Finish) => finish::access_token(&rotation).await,
        (Direction::In, Step::Create) => verify_token::create(&rotation).await,
        (Direction::In, Step::Set) => verify_token::set(&rotation).await,
        (Direction::In, Step::Test) => verify_token::test(&rotation).await,
        (Direction::In, Step::Finish) => finish::verify_token(&rotation).await,
    }
}
