//! Health names what is down, and asks no more often than it must.

use super::desk::Desk;
use axum::http::{Method, StatusCode};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

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
async fn a_queue_that_is_gone_is_named_whichever_it_is() {
    for queue in ["otp", "single", "bulk", "dispatch", "inbound", "status"] {
        let desk = Desk::start().await;
        desk.services.down.lock().unwrap().insert(queue);
        let down = format!("sqs ({queue})");
        only_this_is_down(&desk, "sqs", json!([queue]), &down).await;
    }
}

#[tokio::test]
async fn a_table_that_is_gone_is_named_whichever_it_is() {
    for table in ["messages", "logs"] {
        let desk = Desk::start().await;
        let delete = desk.dynamodb.dynamodb().delete_table().table_name(table);
        delete.send().await.unwrap();
        let down = format!("dynamodb ({table})");
        only_this_is_down(&desk, "dynamodb", json!([table]), &down).await;
    }
}

#[tokio::test]
async fn secrets_that_do_not_answer_are_named() {
    let desk = Desk::start().await;
    desk.services.down.lock().unwrap().insert("secrets_manager");
    only_this_is_down(&desk, "secrets_manager", json!(null), "secrets_manager").await;
}

#[tokio::test]
async fn secrets_that_may_not_be_asked_are_down_as_if_they_were_silent() {
    let desk = Desk::start().await;
    desk.services.forbids.store(true, Ordering::Relaxed);
    only_this_is_down(&desk, "secrets_manager", json!(null), "secrets_manager").await;
}

#[tokio::test]
async fn a_graph_api_where_nobody_is_is_named() {
    let desk = Desk::with_graph(Some("http://127.0.0.1:1")).await;
    only_this_is_down(&desk, "graph_api", json!(null), "graph_api").await;
}

async fn only_this_is_down(desk: &Desk, name: &str, parts: Value, detail: &str) {
    let (status, problem) = desk.call(Method::GET, "/v1/health", None).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{detail}");
    assert_eq!(problem["code"], "unavailable");
    assert_eq!(problem["detail"], format!("{detail} did not answer"));
    for (check, answer) in problem["checks"].as_object().unwrap() {
        let expected = if check == name { "failed" } else { "ok" };
        assert_eq!(answer["status"], expected, "{problem}");
    }
    assert_eq!(problem["checks"][name]["failed"], parts);
    let text = problem.to_string();
    assert!(!text.contains("InternalFailure") && !text.contains("DoesNotExist"));
}

#[tokio::test]
async fn a_flood_of_health_requests_asks_each_dependency_once() {
    let desk = Desk::start().await;
    let flood = (0..50).map(|_| desk.call(Method::GET, "/v1/health", None));
    let answers = join_all(flood).await;
    assert!(answers.iter().all(|(status, _)| *status == StatusCode::OK));
    // Six queues, Secrets Manager, the Graph API.
    assert_eq!(*desk.services.calls.lock().unwrap(), 8);
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
