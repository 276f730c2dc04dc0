//! From the `Idempotency-Key` header to what is remembered of it.

use axum::http::HeaderMap;
use heliograph::messaging::submit::IdempotencyClaim;
use heliograph::service::http::IdempotencyKey;
use heliograph::service::problem::Problem;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The request's key bound to its route and body, if it has one.
///
/// The body counts by its meaning: the same JSON written otherwise is the same body.
pub(crate) fn claim(
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

fn sha256(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}
