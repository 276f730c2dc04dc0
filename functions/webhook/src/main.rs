//! Runs function `webhook` in Lambda.

use heliograph::service::aws::Aws;
use heliograph::service::config::Environment;
use heliograph::service::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init();
    let config = webhook::Config::from_env(&Environment::process())?;
    let state = webhook::State::new(&config, &Aws::load().await);
    lambda_http::run(webhook::router(state)).await
}
