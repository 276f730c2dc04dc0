//! Meta's handshake: it asks with our verify token, we answer with its challenge as plain text.
//!
//! Source: Meta, "Create a webhook endpoint".

use crate::{State, account};
use axum::extract;
use axum::response::{IntoResponse, Response};
use heliograph::provider::meta::signature::verify_token_matches;
use heliograph::service::problem::Problem;
use heliograph::service::telemetry;
use serde::Deserialize;

/// Meta's challenges are short numbers.
const LONGEST_CHALLENGE: usize = 256;

#[derive(Deserialize)]
pub(crate) struct Handshake {
    #[serde(default, rename = "hub.mode")]
    mode: String,
    #[serde(default, rename = "hub.verify_token")]
    verify_token: String,
    #[serde(default, rename = "hub.challenge")]
    challenge: String,
}

pub(crate) async fn answer(
    extract::State(state): extract::State<State>,
    extract::Path(account_id): extract::Path<String>,
    extract::Query(handshake): extract::Query<Handshake>,
) -> Result<Response, Problem> {
    let account = account::find(&state, &account_id).await?;
    let proven = account.is_some_and(|account| {
        verify_token_matches(&handshake.verify_token, &account.secrets.verify_tokens)
    });
    if !proven {
        tracing::warn!(
            webhook.refused = "verify_token",
            "webhook handshake refused"
        );
        telemetry::count("webhook_refused", "verify_token", 1);
        return Err(Problem::unverified());
    }
    let challenge = handshake.challenge;
    let echoable = (1..=LONGEST_CHALLENGE).contains(&challenge.len())
        && challenge.bytes().all(|byte| byte.is_ascii_graphic());
    if handshake.mode != "subscribe" || !echoable {
        return Err(Problem::bad_request(
            "invalid_handshake",
            "hub.mode must be subscribe and hub.challenge a short text",
        ));
    }
    Ok(challenge.into_response())
}
