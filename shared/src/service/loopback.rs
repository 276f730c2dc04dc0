//! For tests: a server on the loopback interface that answers every call as it is told and remembers them.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test's server"
)]

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// What to answer to a call.
pub(crate) struct Answer(StatusCode, String);

impl Answer {
    pub(crate) fn ok(body: impl Into<String>) -> Self {
        Self(StatusCode::OK, body.into())
    }

    pub(crate) fn refused(body: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, body.into())
    }

    pub(crate) fn unavailable() -> Self {
        Self(StatusCode::SERVICE_UNAVAILABLE, "{}".to_owned())
    }
}

/// A running server; it ends with the test.
pub(crate) struct Loopback {
    url: String,
    targets: Arc<Mutex<Vec<String>>>,
}

impl Loopback {
    pub(crate) async fn start(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let targets = Arc::<Mutex<Vec<String>>>::default();
        let (seen, answer) = (targets.clone(), Arc::new(answer));
        let call = move |headers: HeaderMap, body: Bytes| async move {
            let target = headers.get("x-amz-target").unwrap().to_str().unwrap();
            seen.lock().unwrap().push(target.to_owned());
            answered(answer(std::str::from_utf8(&body).unwrap()))
        };
        let router = Router::new().route("/", post(call));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, targets }
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    /// The operations called so far, in order.
    pub(crate) fn targets(&self) -> Vec<String> {
        self.targets.lock().unwrap().clone()
    }
}

fn answered(Answer(status, body): Answer) -> Response {
    (
        status,
        [("content-type", "application/x-amz-json-1.1")],
        body,
    )
        .into_response()
}
