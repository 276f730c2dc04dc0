//! Runs function `send` in Lambda.

use heliograph::service::aws::Aws;
use heliograph::service::config::Environment;
use heliograph::service::{http, telemetry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    telemetry::init();
    let environment = Environment::process();
    let config = send::Config::from_env(&environment)?;
    let state = send::State::new(&config, &Aws::from_env(&environment))?;
    http::run(send::router(state)).await
}
