//! A webhook call of a gateway's. It is not signed: what proves it is a token in the path, which nobody can guess.

use crate::receive::{entry, refused};
use crate::{State, account};
use axum::body::Bytes;
use axum::extract;
use axum::http::StatusCode;
use heliograph::domain::provider::{Ability, Gateway};
use heliograph::domain::queue::{LARGEST_RECORD, PackingError};
use heliograph::provider::webhook::{Queued, prove, queued};
use heliograph::service::clock;
use heliograph::service::problem::Problem;
use heliograph::service::queue::QueueError;
use heliograph::service::secrets::AccountInSecrets;
use serde::Deserialize;
use thiserror::Error;

/// Why a proven call was not kept. The gateway brings it again.
#[derive(Debug, Error)]
enum NotKept {
    #[error("a webhook call could not be written as a queue message")]
    Packing(#[from] PackingError),
    #[error("a queue did not take a webhook record")]
    Queue(#[from] QueueError),
}

impl From<NotKept> for Problem {
    fn from(error: NotKept) -> Self {
        Self::unavailable(&error)
    }
}

#[derive(Deserialize)]
pub(crate) struct Path {
    gateway: String,
    account_id: String,
    token: String,
}

pub(crate) async fn receive(
    extract::State(state): extract::State<State>,
    extract::Path(path): extract::Path<Path>,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let Path {
        gateway,
        account_id,
        token,
    } = path;
    let gateway = Gateway::named(&gateway).filter(|it| it.can(Ability::CallUs));
    let gateway = gateway.ok_or_else(Problem::not_found)?;
    let Some(account) = account::find(&state, &account_id).await? else {
        return Err(refused("unknown_account"));
    };
    let fits = |secrets: &AccountInSecrets| prove(gateway, &token, &body, &secrets.path_tokens);
    let call = account::proven(&state, &account, fits).await;
    let call = call.ok_or_else(|| refused("path_token"))?;
    let told = queued(call, &account.tenant, &account.id, clock::now());
    let told = told.map_err(NotKept::from)?;
    let told = told.ok_or_else(Problem::not_found)?;
    let (queue, record) = match &told {
        Queued::Inbound(record) => (&state.0.inbound, record),
        Queued::Status(record) => (&state.0.status, record),
    };
    let entry = entry(record).map_err(NotKept::from)?;
    // Such a call would be brought again for ever: no message of a person's is so large.
    if entry.body.len() > LARGEST_RECORD {
        return Err(Problem::too_large(LARGEST_RECORD));
    }
    let sent = queue.send(&account.tenant, entry).await;
    sent.map_err(NotKept::from)?;
    Ok(StatusCode::OK)
}
