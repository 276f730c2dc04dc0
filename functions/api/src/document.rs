//! `GET /v1/openapi.json`, and what it says of this function's routes.
//!
//! The document is the committed text: `cargo run -- openapi` makes it from the code of every function with routes.

use crate::{
    bulk_jobs, contacts, conversations, events, health, messages, plan, provider_stats, recipients,
    replay, report, senders, stats, usage,
};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use heliograph::service::http::Parameters;
use heliograph::service::openapi::{ParameterProblems, ServiceProblems};
use heliograph::service::problem::Problem;
use utoipa::OpenApi;

/// The document.
pub(crate) const TEXT: &str = include_str!("../openapi.json");

#[derive(OpenApi)]
#[openapi(paths(
    messages::list,
    messages::one,
    messages::attempts,
    conversations::list,
    conversations::one,
    conversations::messages,
    contacts::list,
    contacts::one,
    bulk_jobs::list,
    bulk_jobs::one,
    plan::plan,
    recipients::list,
    report::report,
    senders::list,
    senders::one,
    events::list,
    events::one,
    replay::replay,
    stats::stats,
    provider_stats::stats,
    usage::usage,
    health::health,
    serve
))]
struct Routes;

/// What this function says of its routes; `heliograph::service::openapi::document` puts it into the whole.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Routes::openapi()
}

/// Answers with this document. Needs no key.
#[utoipa::path(
    get,
    operation_id = "get_openapi",
    path = "/v1/openapi.json",
    tag = "Platform",
    security(()),
    responses((status = 200, description = "The OpenAPI 3.1 document", body = serde_json::Value), ParameterProblems, ServiceProblems)
)]
pub(crate) async fn serve(parameters: Parameters) -> Result<impl IntoResponse, Problem> {
    parameters.finish()?;
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "public, max-age=300"),
    ];
    Ok((headers, TEXT))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use heliograph::service::openapi::document;
    use serde_json::Value;
    use std::collections::BTreeSet;

    fn made() -> Value {
        serde_json::from_str(&document([openapi()]).unwrap()).unwrap()
    }

    /// The whole, with the other functions' routes, is compared in `tests/`; and the schemas there alone, for what one allows
    /// depends on who else asks by it.
    #[test]
    fn the_document_served_says_of_these_routes_what_the_code_says() {
        let served: Value = serde_json::from_str(TEXT).unwrap();
        let made = made();
        for part in ["/paths", "/components/securitySchemes"] {
            let (served, made) = (served.pointer(part).unwrap(), made.pointer(part).unwrap());
            for (name, made) in made.as_object().unwrap() {
                let served = served.get(name).unwrap();
                for (member, made) in made.as_object().unwrap() {
                    assert_eq!(served.get(member), Some(made), "{part} {name} {member}");
                }
            }
        }
    }

    #[test]
    fn every_route_but_health_and_this_document_asks_for_a_key() {
        let made = made();
        let none = Value::Array(vec![]);
        assert_eq!(made.pointer("/security/0/api_key"), Some(&none));
        for (path, item) in made.get("paths").unwrap().as_object().unwrap() {
            let is_open = matches!(path.as_str(), "/v1/health" | "/v1/openapi.json");
            for operation in item.as_object().unwrap().values() {
                assert_eq!(operation.get("security").is_some(), is_open, "{path}");
            }
        }
    }

    #[test]
    fn every_operation_has_a_name_of_its_own() {
        let made = made();
        let items = made.get("paths").unwrap().as_object().unwrap().values();
        let operations = items.flat_map(|item| item.as_object().unwrap().values());
        let names: Vec<_> = operations
            .map(|operation| operation.get("operationId").unwrap().as_str().unwrap())
            .collect();
        let once: BTreeSet<_> = names.iter().collect();
        assert_eq!(once.len(), names.len());
    }
}
