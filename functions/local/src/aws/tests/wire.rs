//! What no SDK would send.

use super::in_memory;
use reqwest::StatusCode;

async fn post(url: &str, target: Option<&str>, body: Vec<u8>) -> (StatusCode, String) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut call = client
        .post(url)
        .header("content-type", "application/x-amz-json-1.0");
    if let Some(target) = target {
        call = call.header("x-amz-target", target);
    }
    let response = call.body(body).send().await.unwrap();
    (response.status(), response.text().await.unwrap())
}

#[tokio::test]
async fn what_no_service_knows_is_refused() {
    let endpoints = in_memory().await;
    for target in [
        None,
        Some("nonsense"),
        Some("Kinesis_20131202.PutRecord"),
        Some("AmazonSQS.TagQueue"),
        Some("secretsmanager.CancelRotateSecret"),
        Some("DynamoDB_20120810.Nonsense"),
    ] {
        let (status, body) = post(&endpoints.url(), target, b"{}".to_vec()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{target:?}");
        assert!(
            body.contains("UnknownOperationException"),
            "{target:?} {body}"
        );
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let endpoints = in_memory().await;
    let body = vec![b' '; (8 << 20) + 1];
    let (status, _) = post(&endpoints.url(), Some("AmazonSQS.SendMessage"), body).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_damaged_request_is_the_callers_fault() {
    let endpoints = in_memory().await;
    let target = Some("AmazonSQS.SendMessage");
    let (status, body) = post(&endpoints.url(), target, b"{".to_vec()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body.contains("SerializationException"));
}
