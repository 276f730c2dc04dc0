//! Runs function `rotate` in Lambda.

use heliograph::service::aws::Aws;
use heliograph::service::config::Environment;
use heliograph::service::telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    telemetry::init();
    let environment = Environment::process();
    let config = rotate::Config::from_env(&environment)?;
    let state = rotate::State::new(&config, &Aws::from_env(&environment))?;
    lambda_runtime::run(lambda_runtime::service_fn(|event| {
        rotate::handle(&state, event)
    }))
    .await
}
