//! What stands around every router: request ids, safe headers, and a problem for whatever went wrong inside.

use crate::service::problem::{PROBLEM_JSON, Problem};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use tracing::Instrument;
use uuid::Uuid;

/// The header that names a request, in the answer and in our logs.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Lambda takes no larger request. Routes set their own limits when they read the body.
const LARGEST_BODY: usize = 6 * 1024 * 1024;

/// Puts the edge around a router; the last thing done to it.
///
/// A panic becomes a 500, and every error the framework answers by itself (404, 405, a body too large, a path that
/// does not parse) becomes a problem as well.
pub fn edge(router: Router) -> Router {
    router
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(from_fn(around))
}

async fn around(request: Request, next: Next) -> Response {
    let id = Uuid::new_v4().simple().to_string();
    let span = tracing::info_span!("request", request.id = id, method = %request.method());
    let answer = AssertUnwindSafe(next.run(request))
        .catch_unwind()
        .instrument(span.clone())
        .await;
    let answer = answer.unwrap_or_else(|_| span.in_scope(panicked));
    dressed(as_problem(answer), &id)
}

fn panicked() -> Response {
    tracing::error!("a handler panicked, answered 500");
    Problem::of_status(StatusCode::INTERNAL_SERVER_ERROR).into_response()
}

/// An error without a body of ours was made by the framework.
fn as_problem(answer: Response) -> Response {
    let status = answer.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let content_type = answer.headers().get(CONTENT_TYPE);
    if !is_error || content_type.is_some_and(|value| value == PROBLEM_JSON) {
        return answer;
    }
    let mut problem = Problem::of_status(status).into_response();
    if let Some(allow) = answer.headers().get(ALLOW) {
        problem.headers_mut().insert(ALLOW, allow.clone());
    }
    problem
}

fn dressed(mut answer: Response, id: &str) -> Response {
    let headers = answer.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    answer
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        clippy::panic,
        reason = "a test fails by panicking"
    )]
    use super::*;
    use axum::body::{Body, Bytes, to_bytes};
    use axum::extract::Path;
    use axum::routing::{get, post};
    use serde_json::Value;
    use tower::ServiceExt;

    fn router() -> Router {
        edge(
            Router::new()
                .route("/ok", get(|| async { "ok" }))
                .route("/panic", get(panics))
                .route("/number/{number}", get(|Path(_): Path<u32>| async {}))
                .route(
                    "/body",
                    post(|body: Bytes| async move { body.len().to_string() }),
                ),
        )
    }

    async fn panics() -> StatusCode {
        panic!("the text of a message")
    }

    async fn call(method: &str, path: &str, body: Body) -> Response {
        let request = Request::builder().method(method).uri(path);
        router().oneshot(request.body(body).unwrap()).await.unwrap()
    }

    async fn problem(method: &str, path: &str) -> (u16, String) {
        let answer = call(method, path, Body::empty()).await;
        let status = answer.status().as_u16();
        assert_eq!(answer.headers().get(CONTENT_TYPE).unwrap(), PROBLEM_JSON);
        let bytes = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("the text of a message"));
        let body: Value = serde_json::from_slice(&bytes).unwrap();
        (
            status,
            body.get("code").unwrap().as_str().unwrap().to_owned(),
        )
    }

    #[tokio::test]
    async fn whatever_goes_wrong_the_answer_is_a_problem() {
        let cases = [
            ("GET", "/nowhere", (404, "not_found")),
            ("POST", "/ok", (405, "method_not_allowed")),
            ("GET", "/panic", (500, "internal")),
            ("GET", "/number/seven", (400, "invalid_request")),
        ];
        for (method, path, (status, code)) in cases {
            assert_eq!(
                problem(method, path).await,
                (status, code.to_owned()),
                "{path}"
            );
        }
    }

    #[tokio::test]
    async fn a_wrong_method_hears_the_right_ones() {
        let answer = call("DELETE", "/body", Body::empty()).await;
        assert_eq!(answer.headers().get(ALLOW).unwrap(), "POST");
    }

    #[tokio::test]
    async fn every_answer_has_an_id_of_its_own_and_may_be_neither_sniffed_nor_stored() {
        let first = call("GET", "/ok", Body::empty()).await;
        let second = call("GET", "/nowhere", Body::empty()).await;
        for answer in [&first, &second] {
            let headers = answer.headers();
            assert_eq!(headers.get(X_CONTENT_TYPE_OPTIONS).unwrap(), "nosniff");
            assert_eq!(headers.get(CACHE_CONTROL).unwrap(), "no-store");
        }
        assert_ne!(
            first.headers().get(REQUEST_ID).unwrap(),
            second.headers().get(REQUEST_ID).unwrap()
        );
    }

    #[tokio::test]
    async fn a_body_as_large_as_lambda_takes_is_read_and_a_larger_one_is_a_problem() {
        let largest = call("POST", "/body", Body::from(vec![b' '; LARGEST_BODY])).await;
        assert_eq!(largest.status(), StatusCode::OK);
        let larger = call("POST", "/body", Body::from(vec![b' '; LARGEST_BODY + 1])).await;
        assert_eq!(larger.status(), StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(larger.headers().get(CONTENT_TYPE).unwrap(), PROBLEM_JSON);
    }
}
