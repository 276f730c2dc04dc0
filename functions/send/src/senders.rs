//! The sender that a body names in `from`.

use heliograph::domain::fault::{Fault, FaultCode};
use heliograph::domain::identity::{PhoneNumberId, TenantId};
use heliograph::service::problem::Problem;
use heliograph::store::{Store, StoreError};
use serde_json::Value;

/// What is wrong with a body that has faults: these, and its sender if that is none of the tenant's.
pub(crate) async fn every_fault(
    store: &Store,
    tenant: &TenantId,
    body: &Value,
    mut faults: Vec<Fault>,
) -> Problem {
    match names_a_stranger(store, tenant, body).await {
        Ok(true) => faults.push(unknown()),
        Ok(false) => {}
        Err(error) => return error.into(),
    }
    Problem::validation(faults)
}

/// Whether the body names a sender that could be one, and is none of the tenant's.
async fn names_a_stranger(
    store: &Store,
    tenant: &TenantId,
    body: &Value,
) -> Result<bool, StoreError> {
    let name = body.get("from").and_then(Value::as_str);
    let Some(id) = name.and_then(|name| name.parse::<PhoneNumberId>().ok()) else {
        return Ok(false);
    };
    Ok(store.sender(tenant, &id).await?.is_none())
}

/// `from` names no sender of the tenant's.
pub(crate) fn unknown() -> Fault {
    Fault {
        pointer: "/from".into(),
        code: FaultCode::Invalid,
        detail: "is not a sender of yours; write the phone number id of one".into(),
    }
}
