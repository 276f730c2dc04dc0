//! The AWS JSON protocols' answers: what all services here have in common on the wire.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// Which AWS JSON protocol a service speaks; to an SDK they differ by the content type alone.
#[derive(Debug, Clone, Copy)]
pub(super) enum Dialect {
    /// `DynamoDB` and SQS.
    Json10,
    /// Secrets Manager.
    Json11,
}

/// An answer that went well.
pub(super) fn ok(dialect: Dialect, body: Vec<u8>) -> Response {
    respond(StatusCode::OK, dialect, body.into())
}

/// An error as the SDKs read it: `shape` is the name they turn into a type.
pub(super) fn error(status: StatusCode, dialect: Dialect, shape: &str, message: &str) -> Response {
    let body = json!({ "__type": shape, "message": message });
    respond(status, dialect, body.to_string().into())
}

/// A refusal whose body tells more than a name and a message.
pub(super) fn refused(dialect: Dialect, body: &Value) -> Response {
    respond(StatusCode::BAD_REQUEST, dialect, body.to_string().into())
}

/// The answer to what no service here knows.
pub(super) fn unknown_operation(dialect: Dialect) -> Response {
    let message = "no such operation in the local AWS endpoints";
    error(
        StatusCode::BAD_REQUEST,
        dialect,
        "UnknownOperationException",
        message,
    )
}

/// The answer to a body above the service's limit, or one that broke off.
pub(super) fn too_large(dialect: Dialect) -> Response {
    let message = "the request body is too large or incomplete";
    error(
        StatusCode::PAYLOAD_TOO_LARGE,
        dialect,
        "RequestEntityTooLarge",
        message,
    )
}

fn respond(status: StatusCode, dialect: Dialect, body: Body) -> Response {
    let content_type = match dialect {
        Dialect::Json10 => "application/x-amz-json-1.0",
        Dialect::Json11 => "application/x-amz-json-1.1",
    };
    let id = uuid::Uuid::new_v4().to_string();
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}
