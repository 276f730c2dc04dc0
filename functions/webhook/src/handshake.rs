//! Meta's handshake: it asks with our verify token, we answer with its challenge as plain text.
//!
//! Source: Meta, "Create a webhook endpoint".

use crate::account::Account;
use crate::{State, account};
use axum::extract;
use axum::response::{IntoResponse, Response};
use heliograph::domain::secret::{SecretText, is_one_of};
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
    let proven = match account {
        Some(account) => is_proven(&state, &account, &handshake.verify_token).await?,
        None => false,
    };
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

/// Whether it is one of the account's tokens: as they are known, as they are now, or as they are to be.
async fn is_proven(state: &State, account: &Account, presented: &str) -> Result<bool, Problem> {
    if is_one_of(presented, &account.secrets.verify_tokens) {
        return Ok(true);
    }
    let (tenant, id) = (&account.tenant, &account.id);
    let fits = |known: &[SecretText]| is_one_of(presented, known);
    let fits = state.0.secrets.handshake_fits(tenant, id, fits).await;
    // Meta tries again; it must not take this for a no.
    fits.map_err(|error| Problem::unavailable(&error))
}
