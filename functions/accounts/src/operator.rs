//! Whoever runs the installation: proven by the operator's key, of which Secrets Manager keeps the secret part.

use crate::State;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use heliograph::service::auth::{ApiKey, Presented};
use heliograph::service::caller::Caller;
use heliograph::service::problem::Problem;
use std::io;

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
        let secret = state.parts.secrets.operator().await?;
        let Some(known) = ApiKey::of_operator(&secret) else {
            let wrong = "the operator's key must be of letters, digits, _ and -, 119 at most";
            return Err(Problem::internal(&io::Error::other(wrong)));
        };
        if presented.matches(&known.hash()) {
            Ok(Self)
        } else {
            Err(Problem::unauthenticated())
        }
    }
}
