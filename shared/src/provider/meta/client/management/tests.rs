//! What is asked of Meta about apps, tokens, WABAs and numbers, against a server that answers as Meta does.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(
    clippy::disallowed_methods,
    reason = "Meta is played beside the client"
)]

use super::*;
use crate::domain::identity::{AppId, WabaId};
use axum::Router;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::IntoResponse;
use serde_json::json;
use tokio::net::TcpListener;

/// A client of a Graph API that answers every call so, given the call's path and query.
async fn client_of<A: IntoResponse + 'static>(
    answer: impl Fn(String, HeaderMap) -> A + Clone + Send + Sync + 'static,
) -> MetaClient {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let serve = move |uri: Uri, headers: HeaderMap| {
        let answer = answer(uri.to_string(), headers).into_response();
        async move { answer }
    };
    tokio::spawn(async move {
        axum::serve(listener, Router::new().fallback(serve))
            .await
            .unwrap();
    });
    MetaClient::new(&base, "v25.0").unwrap()
}

fn secret(text: &str) -> SecretText {
    SecretText::new(text)
}

fn waba() -> WabaId {
    "200000000000001".parse().unwrap()
}

#[tokio::test]
async fn an_error_of_metas_is_told_with_its_class_and_without_the_token() {
    let refused = json!({"error": {"message": "Malformed access token top-secret", "code": 190}});
    let client = client_of(move |_, _| (StatusCode::BAD_REQUEST, refused.to_string())).await;
    let failure = client
        .waba(&secret("top-secret"), &waba())
        .await
        .unwrap_err();
    assert_eq!(failure.class, Class::Credential);
    assert!(!format!("{failure:?}").contains("top-secret"));
}

#[tokio::test]
async fn a_read_that_meta_failed_at_may_simply_be_done_again() {
    let failed = json!({"error": {"message": "An unknown error occurred", "code": 1}});
    let client = client_of(move |_, _| (StatusCode::INTERNAL_SERVER_ERROR, failed.to_string()));
    let client = client.await;
    let failure = client.waba(&secret("t"), &waba()).await.unwrap_err();
    assert_eq!((failure.class, failure.code), (Class::Transient, Some(1)));
    assert!(!failure.remedy.contains("twice"), "{failure:?}");
    let told = client.unsubscribe(&secret("t"), &waba()).await.unwrap_err();
    assert_eq!(told.class, Class::Ambiguous, "it may have been done");
}

#[tokio::test]
async fn an_answer_that_is_none_of_metas_may_pass() {
    for (status, body) in [
        (StatusCode::BAD_GATEWAY, "<html>"),
        (StatusCode::OK, "<html>"),
        (StatusCode::SERVICE_UNAVAILABLE, "{}"),
        (StatusCode::OK, "{}"),
    ] {
        let client = client_of(move |_, _| (status, body)).await;
        let failure = client.waba(&secret("t"), &waba()).await.unwrap_err();
        assert_eq!(failure.class, Class::Transient, "{status} {body}");
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = MetaClient::new(&base, "v25.0").unwrap();
    let failure = client.waba(&secret("t"), &waba()).await.unwrap_err();
    assert_eq!(failure.class, Class::Transient);
}

#[tokio::test]
async fn every_page_of_a_wabas_numbers_is_read() {
    let client = client_of(|path, _| {
        let (id, next) = if path.contains("after=one") {
            ("100000000000002", json!(null))
        } else {
            ("100000000000001", json!("https://next"))
        };
        let paging = json!({"cursors": {"after": "one"}, "next": next});
        json!({"data": [{"id": id, "quality_rating": "GREEN"}], "paging": paging}).to_string()
    })
    .await;
    let numbers = client.numbers(&secret("t"), &waba()).await.unwrap();
    let ids: Vec<_> = numbers.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids, ["100000000000001", "100000000000002"]);
    let quality = numbers.first().unwrap().facts.quality_rating.as_deref();
    assert_eq!(quality, Some("GREEN"));
}

#[tokio::test]
async fn a_token_is_asked_about_by_its_app_and_0_is_no_end() {
    let client = client_of(|path, headers| {
        assert_eq!(path, "/v25.0/debug_token?input_token=the-token");
        assert_eq!(
            headers.get("authorization").unwrap(),
            "Bearer 4000|app-secret"
        );
        json!({"data": {"app_id": "4000", "is_valid": true, "scopes": ["a"], "expires_at": 0}})
            .to_string()
    })
    .await;
    let app: AppId = "4000".parse().unwrap();
    let facts = client
        .token(&app, &secret("app-secret"), &secret("the-token"))
        .await
        .unwrap();
    assert!(facts.is_valid && facts.expires_at.is_none());
    assert_eq!(facts.app.as_deref(), Some("4000"));
}
