//! From the `Idempotency-Key` header to what is remembered of it.

use super::clock;
use super::http::IdempotencyKey;
use super::problem::Problem;
use super::telemetry;
use crate::domain::identity::TenantId;
use crate::store::{
    IDEMPOTENCY_KEPT_FOR, IdempotencyClaim, IdempotencyRecord, Store, StoreError, Transaction,
};
use axum::http::{HeaderMap, HeaderName};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The header that marks the answer to a repeated request.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// A key is reserved for this long: a request lasts 29 seconds at most, so one that has not ended by then died.
const RESERVED_FOR: SignedDuration = SignedDuration::from_secs(30);

/// The request's key bound to its route and body, if it has one.
///
/// The body counts by its meaning: the same JSON written otherwise is the same body.
pub fn claim(
    method_and_path: &str,
    headers: &HeaderMap,
    body: &Value,
) -> Result<Option<IdempotencyClaim>, Problem> {
    let key = IdempotencyKey::of(headers)?;
    Ok(key.map(|key| IdempotencyClaim {
        key_hash: sha256(&format!("{method_and_path}\n{}", key.as_str())),
        body_hash: sha256(&body.to_string()),
    }))
}

/// The id of what the same request made before, if it did.
pub async fn earlier(
    store: &Store,
    tenant: &TenantId,
    claim: Option<&IdempotencyClaim>,
) -> Result<Option<String>, Problem> {
    let Some(claim) = claim else {
        return Ok(None);
    };
    let known = store.idempotency(tenant, &claim.key_hash, clock::now());
    match known.await? {
        Some(record) if record.body_hash != claim.body_hash => Err(Problem::idempotency_mismatch()),
        Some(record) => Ok(Some(record.resource)),
        None => Ok(None),
    }
}

/// What a key says of a request that is written in more than one transaction.
#[derive(Debug)]
pub enum Begun {
    /// It may go on; with a key, nobody else with the same key may until it is ended.
    Reserved(Option<IdempotencyRecord>),
    /// It was answered so before.
    Answered(String),
}

/// Reserves the request's key, or finds the answer that the same request had.
pub async fn begin(
    store: &Store,
    tenant: &TenantId,
    claim: Option<&IdempotencyClaim>,
) -> Result<Begun, Problem> {
    let Some(claim) = claim else {
        return Ok(Begun::Reserved(None));
    };
    let now = clock::now();
    let reservation = IdempotencyRecord {
        expires_at: now.saturating_add(RESERVED_FOR).unwrap_or(Timestamp::MAX),
        ..claim.record(tenant, "", now)
    };
    let mut transaction = Transaction::new();
    store.remember(&mut transaction, &reservation, now)?;
    match store.commit(transaction).await {
        Ok(()) => Ok(Begun::Reserved(Some(reservation))),
        Err(StoreError::Conflict) => known(store, tenant, claim, now).await,
        Err(error) => Err(error.into()),
    }
}

async fn known(
    store: &Store,
    tenant: &TenantId,
    claim: &IdempotencyClaim,
    now: Timestamp,
) -> Result<Begun, Problem> {
    let Some(known) = store.idempotency(tenant, &claim.key_hash, now).await? else {
        // It ended just now, and was refused.
        return Err(Problem::in_progress(1));
    };
    if known.body_hash != claim.body_hash {
        return Err(Problem::idempotency_mismatch());
    }
    let left = known.expires_at.duration_since(now).as_secs().max(0);
    known
        .answer
        .map(Begun::Answered)
        .ok_or_else(|| Problem::in_progress(u32::try_from(left).unwrap_or(0) + 1))
}

/// Keeps the answer of a request, or frees the key of one that was refused.
///
/// What the request did is done: that this is not written must not tell its caller otherwise.
pub async fn end(store: &Store, reservation: &IdempotencyRecord, answer: Option<String>) {
    let now = clock::now();
    let expires_at = match &answer {
        Some(_) => now
            .saturating_add(IDEMPOTENCY_KEPT_FOR)
            .unwrap_or(Timestamp::MAX),
        None => now,
    };
    let record = IdempotencyRecord {
        answer,
        expires_at,
        ..reservation.clone()
    };
    if let Err(error) = store.replace_idempotency(reservation, &record).await {
        let error = telemetry::chain(&error);
        tracing::warn!(error, "the answer to an idempotency key is not kept");
    }
}

fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}
