//! A webhook call of Meta's: nothing is looked at before its signature is proven, and nothing is answered before it is kept.

use crate::{State, account};
use axum::body::Bytes;
use axum::extract;
use axum::http::{HeaderMap, StatusCode};
use heliograph::domain::queue::{PackingError, WebhookBody, WebhookRecord};
use heliograph::provider::meta::signature::verify;
use heliograph::provider::meta::webhook::{SplitError, split};
use heliograph::service::clock;
use heliograph::service::problem::Problem;
use heliograph::service::queue::{Entry, QueueError};
use heliograph::service::secrets::AccountInSecrets;
use heliograph::service::telemetry;
use thiserror::Error;

/// Why a proven call was not kept. Meta brings it again.
#[derive(Debug, Error)]
enum NotKept {
    #[error("a webhook call could not be cut into records")]
    Split(#[from] SplitError),
    #[error("a webhook record could not be written as a queue message")]
    Packing(#[from] PackingError),
    #[error("a queue did not take a webhook record")]
    Queue(#[from] QueueError),
}

pub(crate) async fn receive(
    extract::State(state): extract::State<State>,
    extract::Path(account_id): extract::Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let Some(account) = account::find(&state, &account_id).await? else {
        return Err(refused("unknown_account"));
    };
    let signature = headers
        .get("x-hub-signature-256")
        .and_then(|value| value.to_str().ok());
    let fits = |secrets: &AccountInSecrets| verify(signature, &body, &secrets.app_secrets).ok();
    let payload = account::proven(&state, &account, fits).await;
    let payload = payload.ok_or_else(|| refused("signature"))?;
    let received_at = clock::now();
    let kept = async {
        let records = split(&payload, &account.tenant, &account.id, received_at)?;
        let (inbound, status) = (entries(&records.inbound)?, entries(&records.status)?);
        tokio::try_join!(
            state.0.inbound.send_all(&account.tenant, inbound),
            state.0.status.send_all(&account.tenant, status),
        )?;
        Ok::<_, NotKept>(())
    };
    match kept.await {
        Ok(()) => Ok(StatusCode::OK),
        Err(error) => Err(Problem::unavailable(&error)),
    }
}

fn entries(records: &[WebhookRecord]) -> Result<Vec<Entry>, PackingError> {
    records.iter().map(entry).collect()
}

/// A record as a queue message.
pub(crate) fn entry(record: &WebhookRecord) -> Result<Entry, PackingError> {
    Ok(Entry {
        body: WebhookBody::encode(record)?,
        delay_s: 0,
    })
}

/// One answer for every caller that is not the provider; only our log and our metric tell why.
pub(crate) fn refused(reason: &'static str) -> Problem {
    tracing::warn!(webhook.refused = reason, "webhook call refused");
    telemetry::count("webhook_refused", reason, 1);
    Problem::unproven()
}
