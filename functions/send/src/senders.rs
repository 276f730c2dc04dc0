//! The sender that a body names in `from`, and what it lets a job be.

use heliograph::domain::content::Kind;
use heliograph::domain::fault::{Fault, FaultCode};
use heliograph::domain::identity::TenantId;
use heliograph::messaging::submit::Source;
use heliograph::service::problem::Problem;
use heliograph::store::{Sender, Store, StoreError, WindowPolicy};
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

/// Whether the body names a sender or a route that could be one, and is none of the tenant's.
async fn names_a_stranger(
    store: &Store,
    tenant: &TenantId,
    body: &Value,
) -> Result<bool, StoreError> {
    let name = body.get("from").and_then(Value::as_str);
    Ok(match name.and_then(|name| name.parse().ok()) {
        Some(Source::Sender(id)) => store.sender(tenant, &id).await?.is_none(),
        Some(Source::Route(id)) => store.route(tenant, &id).await?.is_none(),
        None => false,
    })
}

/// `from` names no sender or route of the tenant's.
pub(crate) fn unknown() -> Fault {
    unknown_as("/from")
}

/// The field at this place names no sender of the tenant's.
pub(crate) fn unknown_as(pointer: &str) -> Fault {
    Fault {
        pointer: pointer.to_owned(),
        code: FaultCode::Invalid,
        detail: "is neither a sender nor a route of yours; write the id of one".into(),
    }
}

/// What the sender's window makes of a job whose message is of this kind. Nobody knows yet who gets it, and whether they
/// have written within 24 hours: so a job that is no template is refused, or comes with a warning.
pub(crate) fn check_window(sender: &Sender, kind: Kind) -> Result<Option<&'static str>, Problem> {
    if kind == Kind::Template {
        return Ok(None);
    }
    match sender.window {
        WindowPolicy::Off => Ok(None),
        WindowPolicy::Warn => Ok(Some("window_closed")),
        WindowPolicy::Enforce => Err(Problem::conflict(
            "window_closed",
            "only templates may go to people who have not written within 24 hours, and a job's recipients may be such: \
             make the job with an approved template instead",
        )),
    }
}
