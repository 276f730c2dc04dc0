//! stub
#![allow(missing_docs)]
pub struct Config;
pub struct State;
impl Config {
    pub fn from_env(
        _: &heliograph::service::config::Environment,
    ) -> Result<Self, heliograph::service::config::ConfigError> {
        Ok(Self)
    }
}
impl State {
    pub fn new(_: &Config, _: &heliograph::service::aws::Aws) -> anyhow::Result<Self> {
        Ok(Self)
    }
}
pub fn router(_: State) -> axum::Router {
    axum::Router::new()
}
pub fn openapi() -> utoipa::openapi::OpenApi {
    utoipa::openapi::OpenApiBuilder::new().build()
}
