//! Whoever runs the installation: proven by the operator's key, of which Secrets Manager keeps the secret part.

use crate::State;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use heliograph::service::auth::{ApiKey, Presented};
use heliograph::service::caller::Caller;
use heliograph::service::problem::Problem;
use heliograph::service::secrets::SecretsError;

/// The operator calls. A tenant's key is told that it is not enough; any other key looks like every wrong one.
#[derive(Debug)]
pub(crate) struct Operator;

impl FromRequestParts<State> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let presented = match Presented::of(&parts.headers)? {
            Presented::Key(key) if key.is_operators() => key,
            Presented::Key(_) | Presented::Session(_) => {
                Caller::from_request_parts(parts, state).await?;
                return Err(Problem::operator_only());
            }
        };
        let secret = match state.secrets.operator().await {
            Ok(secret) => secret,
            Err(error @ SecretsError::Unavailable { .. }) => {
                return Err(Problem::unavailable(&error));
            }
            Err(error) => return Err(Problem::internal(&error)),
        };
        let known = ApiKey::of_operator(&secret);
        if known.is_some_and(|known| presented.matches(&known.hash())) {
            Ok(Self)
        } else {
            Err(Problem::unauthenticated())
        }
    }
}
