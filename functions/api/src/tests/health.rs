//! Health names what is down, and asks no more often than it must.

use super::desk::Desk;
use axum::http::{Method, StatusCode};
use futures_util::future::join_all;
use serde_json::json;

#[tokio::test]
async fn health_needs_no_key_and_says_that_everything_answers() {
    let desk = Desk::start().await;
    let (status, health) = desk.call(Method::GET, "/v1/health", None).await;
    assert_eq!(status, StatusCode::OK, "{health}");
    assert_eq!(health["status"], "ok");
    for name in ["dynamodb", "sqs", "secrets_manager", "graph_api"] {
        assert_eq!(health["checks"][name]["status"], "ok");
        assert!(health["checks"][name]["duration_ms"].is_u64());
    }
}

#[tokio::test]
async fn health_names_what_is_down_and_nothing_else() {
    let desk = Desk::start().await;
    desk.services.down.lock().unwrap().insert("secrets_manager");
    let (status, problem) = desk.call(Method::GET, "/v1/health", None).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(problem["code"], "unavailable");
    assert_eq!(problem["detail"], "secrets_manager did not answer");
    assert_eq!(problem["checks"]["secrets_manager"]["status"], "failed");
    assert_eq!(problem["checks"]["sqs"]["status"], "ok");
    assert!(!problem.to_string().contains("InternalFailure"));
}

#[tokio::test]
async fn a_flood_of_health_requests_asks_each_dependency_once() {
    let desk = Desk::start().await;
    let flood = (0..50).map(|_| desk.call(Method::GET, "/v1/health", None));
    let answers = join_all(flood).await;
    assert!(answers.iter().all(|(status, _)| *status == StatusCode::OK));
    // Two queues, a secret, the Graph API.
    assert_eq!(*desk.services.calls.lock().unwrap(), 4);
}

#[tokio::test]
async fn the_document_is_served_without_a_key() {
    let desk = Desk::start().await;
    let (status, document) = desk.call(Method::GET, "/v1/openapi.json", None).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(
        document["info"]["license"],
        json!({"name": "Apache-2.0", "identifier": "Apache-2.0"})
    );
}
