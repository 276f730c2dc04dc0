//! The control surface under `/_aws`: which calls are to fail.

use super::faults::{FaultOrder, Service};
use super::{Services, locked};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The routes under `/_aws`.
pub(super) fn router() -> Router<Arc<Services>> {
    Router::new().route(
        "/_aws/faults",
        get(faults).post(add_fault).delete(clear_faults),
    )
}

async fn faults(State(services): State<Arc<Services>>) -> Json<Value> {
    Json(json!({"data": locked(&services.faults).list()}))
}

async fn add_fault(State(services): State<Arc<Services>>, body: Bytes) -> Response {
    let order: FaultOrder = match serde_json::from_slice(&body) {
        Ok(order) => order,
        Err(error) => return refused(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    if order.is_of(Service::Dynamodb) && services.is_passed_by.load(Ordering::Relaxed) {
        let reason = "the platform of this process reaches DynamoDB at a port of its own: run `emulators` alone, and \
                      join them with --aws-endpoint and --graph-url";
        return refused(StatusCode::CONFLICT, reason);
    }
    match locked(&services.faults).add(order) {
        Ok(added) => (StatusCode::CREATED, Json(added)).into_response(),
        Err(reason) => refused(StatusCode::BAD_REQUEST, reason),
    }
}

async fn clear_faults(State(services): State<Arc<Services>>) -> Json<Value> {
    Json(json!({"removed": locked(&services.faults).clear()}))
}

fn refused(status: StatusCode, reason: &str) -> Response {
    (status, Json(json!({"error": reason}))).into_response()
}
