//! A router under Lambda's runtime.

use axum::Router;
use axum::body::to_bytes;
use axum::http::StatusCode;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use lambda_http::{Body, Error, IntoResponse, Response};
use std::convert::Infallible;
use tower::Service;
use tower::util::AndThen;

/// Answers with `router` whatever API Gateway or a Function URL sends, until Lambda ends the process.
pub async fn run(router: Router) -> Result<(), Error> {
    lambda_http::run(under_lambda(router)).await
}

fn under_lambda(
    router: Router,
) -> impl Service<lambda_http::Request, Response = Answer, Error = Infallible, Future: Send> {
    AndThen::new(router, Answer::of)
}

/// What a router answers, as Lambda takes it.
///
/// `lambda_http` would look up in which alphabet an answer is written, for which it carries the tables of all of them:
/// more than a hundred kilobytes in each function. Ours are UTF-8, or no text at all.
struct Answer(Response<Body>);

impl Answer {
    async fn of(answer: axum::response::Response) -> Result<Self, Infallible> {
        let (mut parts, body) = answer.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap_or_else(|error| {
            tracing::error!(%error, "an answer's body could not be read, answered 500");
            parts.status = StatusCode::INTERNAL_SERVER_ERROR;
            parts.headers.clear();
            Bytes::new()
        });
        let body = String::from_utf8(Vec::from(body))
            .map_or_else(|binary| Body::Binary(binary.into_bytes()), Body::Text);
        Ok(Self(Response::from_parts(parts, body)))
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> BoxFuture<'static, Response<Body>> {
        ready(self.0).boxed()
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "a test fails by panicking"
    )]
    use super::*;
    use axum::body::Body;
    use axum::routing::post;
    use lambda_http::request::LambdaRequest;
    use lambda_http::{Adapter, Context, LambdaEvent};
    use serde::Deserialize;
    use serde_json::{Value, json};

    async fn answer(router: Router) -> Value {
        let event = json!({
            "version": "2.0", "routeKey": "$default", "rawPath": "/body", "rawQueryString": "",
            "headers": {"content-type": "text/plain"}, "isBase64Encoded": true, "body": "aGVsbG8=",
            "requestContext": {"http": {"method": "POST", "path": "/body"}},
        });
        let event = LambdaRequest::deserialize(event).unwrap();
        let event = LambdaEvent::new(event, Context::default());
        let mut function = Adapter::from(under_lambda(router));
        let answer = function.call(event).await.unwrap();
        serde_json::to_value(answer).unwrap()
    }

    #[tokio::test]
    async fn a_router_answers_what_api_gateway_sends() {
        let count = |body: Bytes| async move { body.len().to_string() };
        let answer = answer(Router::new().route("/body", post(count))).await;
        assert_eq!(answer["statusCode"], 200);
        assert_eq!(
            (&answer["body"], &answer["isBase64Encoded"]),
            (&json!("5"), &json!(false))
        );
    }

    #[tokio::test]
    async fn text_stays_text_to_the_byte_and_anything_else_is_encoded() {
        let of = |bytes: &'static [u8]| async move {
            let router = Router::new().route("/body", post(move || async move { bytes }));
            let answer = answer(router).await;
            (answer["body"].clone(), answer["isBase64Encoded"].clone())
        };
        let with_mark = "\u{feff}nom;prénom".as_bytes();
        assert_eq!(
            of(with_mark).await,
            (json!("\u{feff}nom;prénom"), json!(false))
        );
        assert_eq!(of(&[0x1f, 0x8b, 0xff]).await, (json!("H4v/"), json!(true)));
    }

    #[tokio::test]
    async fn an_answer_that_breaks_off_is_an_error_and_not_a_shorter_answer() {
        let broken = || async {
            let parts = [
                Ok("one line\n"),
                Err(std::io::Error::other("the rest is gone")),
            ];
            Body::from_stream(futures_util::stream::iter(parts))
        };
        let answer = answer(Router::new().route("/body", post(broken))).await;
        assert_eq!(
            (&answer["statusCode"], &answer["body"]),
            (&json!(500), &json!(""))
        );
    }
}
