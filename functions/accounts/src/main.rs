//! Runs `accounts` in Lambda.

use heliograph::service::{aws::Aws, config::Environment, http, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    telemetry::init();
    let environment = Environment::process();
    let config = accounts::Config::from_env(&environment)?;
    let state = accounts::State::new(&config, &Aws::from_env(&environment))?;
    let run = http::run(accounts::router(state)).await;
    run.map_err(|error| anyhow::anyhow!(error))
}
