//! Between a port and a function's router: what API Gateway and a Function URL do, and refuse.
//!
//! As strict as they are, so that what works at a desk works deployed: 6 MB a body, of requests and of answers, 10,240
//! bytes of headers, 29 seconds.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::StreamExt;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequestContext;
use lambda_http::request::RequestContext;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower::ServiceExt;

/// A Lambda function takes no larger request, and gives no larger answer.
const LARGEST_BODY: usize = 6 * 1024 * 1024;

/// What is refused is read as far as this: who is still sending when the connection is closed does not read the answer.
const LARGEST_READ: usize = 4 * LARGEST_BODY;

/// API Gateway's quota for the request line and all headers.
const LARGEST_HEADERS: usize = 10_240;

/// API Gateway waits no longer.
const LONGEST: Duration = Duration::from_secs(29);

/// Requests under way are given this long when the platform ends.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves requests with the router that `route` names, until `stop` closes.
pub(crate) async fn serve(
    listener: TcpListener,
    route: impl Fn(&Method, &str) -> Router + Clone + Send + Sync + 'static,
    mut stop: watch::Receiver<()>,
) {
    let app = Router::new().fallback(move |from: ConnectInfo<SocketAddr>, request: Request| {
        answer(route.clone(), from.0, request)
    });
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    let mut stopping = stop.clone();
    let server = axum::serve(listener, app).with_graceful_shutdown(async move {
        let _ = stopping.changed().await;
    });
    let ended = async move {
        let _ = stop.changed().await;
        tokio::time::sleep(PATIENCE).await;
    };
    tokio::select! {
        result = server => {
            if let Err(error) = result {
                tracing::error!(%error, "a port stopped answering");
            }
        }
        () = ended => {}
    }
}

async fn answer(
    route: impl Fn(&Method, &str) -> Router,
    from: SocketAddr,
    request: Request,
) -> Response {
    let (mut parts, body) = request.into_parts();
    if size_of(&parts.headers) + parts.uri.to_string().len() > LARGEST_HEADERS {
        return refusal(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "Request header too large",
        );
    }
    let body = match read_within(LONGEST, body).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let router = route(&parts.method, parts.uri.path());
    let body = event_body(&parts.headers, body);
    parts.extensions.insert(context(from));
    let request = axum::http::Request::from_parts(parts, body);
    match tokio::time::timeout(LONGEST, router.oneshot(request)).await {
        Ok(Ok(response)) => whole(response).await,
        Err(_) => refusal(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
    }
}

/// The whole of a body, or why it is not taken.
async fn read_within(longest: Duration, body: Body) -> Result<Bytes, Response> {
    let late = |_| refusal(StatusCode::REQUEST_TIMEOUT, "Request Timeout");
    let read = tokio::time::timeout(longest, read(body)).await;
    read.map_err(late)?
}

async fn read(body: Body) -> Result<Bytes, Response> {
    let too_large = || refusal(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    let (mut parts, mut whole, mut size) = (body.into_data_stream(), Vec::new(), 0);
    while let Some(part) = parts.next().await {
        // It breaks off, or is not cut as its head says.
        let part = part.map_err(|_| refusal(StatusCode::BAD_REQUEST, "Bad Request"))?;
        size += part.len();
        if size > LARGEST_READ {
            return Err(too_large());
        }
        if size <= LARGEST_BODY {
            whole.extend_from_slice(&part);
        }
    }
    if size > LARGEST_BODY {
        return Err(too_large());
    }
    Ok(whole.into())
}

/// What the gateway tells of a request beside itself: whence it came.
fn context(from: SocketAddr) -> RequestContext {
    let mut context = ApiGatewayV2httpRequestContext::default();
    context.http.source_ip = Some(from.ip().to_string());
    RequestContext::ApiGatewayV2(context)
}

/// Lambda answers once the whole body is there.
async fn whole(response: Response) -> Response {
    let (parts, body) = response.into_parts();
    match to_bytes(body, LARGEST_BODY).await {
        Ok(body) => Response::from_parts(parts, Body::from(body)),
        Err(error) => {
            tracing::error!(%error, "an answer is larger than Lambda's may be");
            refusal(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
        }
    }
}

/// The body as the event carries it: text as text, anything else as bytes (in base64, which `lambda_http` undoes).
fn event_body(headers: &HeaderMap, body: Bytes) -> lambda_http::Body {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let is_text =
        content_type.is_some_and(|kind| kind.starts_with("text/") || kind.contains("json"));
    if body.is_empty() {
        return lambda_http::Body::Empty;
    }
    match String::from_utf8(body.into()) {
        Ok(text) if is_text => lambda_http::Body::Text(text),
        Ok(text) => lambda_http::Body::Binary(text.into_bytes()),
        Err(bytes) => lambda_http::Body::Binary(bytes.into_bytes()),
    }
}

fn size_of(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum()
}

/// The gateway's own answers have no problem document: no function has run.
fn refusal(status: StatusCode, message: &str) -> Response {
    let body = Body::from(format!("{{\"message\":\"{message}\"}}"));
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;

    async fn status_of(body: Body) -> Option<StatusCode> {
        let read = read_within(Duration::from_millis(1), body).await;
        read.err().map(|refused| refused.status())
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_or_never_ends_is_the_callers_problem() {
        let part = |text: &'static str| Ok::<_, std::io::Error>(Bytes::from(text));
        assert_eq!(status_of(Body::from("{}")).await, None);
        let broken = stream::iter([part("{"), Err(std::io::Error::other("hung up"))]);
        let status = status_of(Body::from_stream(broken)).await;
        assert_eq!(status, Some(StatusCode::BAD_REQUEST));
        let stalled = stream::iter([part("{")]).chain(stream::pending());
        let status = status_of(Body::from_stream(stalled)).await;
        assert_eq!(status, Some(StatusCode::REQUEST_TIMEOUT));
    }

    #[tokio::test]
    async fn an_answer_lambda_could_not_give_is_not_given_here() {
        let answered = whole(Response::new(Body::from(vec![b' '; LARGEST_BODY]))).await;
        assert_eq!(answered.status(), StatusCode::OK);
        let answered = whole(Response::new(Body::from(vec![b' '; LARGEST_BODY + 1]))).await;
        assert_eq!(answered.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
