//! Runs `api` in Lambda.

use heliograph::service::{aws::Aws, config::Environment, http, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    telemetry::init();
    let environment = Environment::process();
    let config = api::Config::from_env(&environment)?;
    let state = api::State::new(&config, &Aws::from_env(&environment));
    let run = http::run(api::router(state)).await;
    run.map_err(|error| anyhow::anyhow!(error))
}
