//! What was told to fail fails as AWS fails, for the real SDKs, until it is taken back.

use super::{dynamodb_at, in_memory, secrets_manager, sqs};
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use serde_json::{Value, json};

async fn order(url: &str, order: &Value) -> (u16, Value) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let response = client
        .post(format!("{url}/_aws/faults"))
        .json(order)
        .send()
        .await
        .unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn end(url: &str) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let response = client.delete(format!("{url}/_aws/faults")).send().await;
    assert_eq!(response.unwrap().status().as_u16(), 200);
}

#[tokio::test]
async fn each_service_fails_in_its_own_words_until_it_is_taken_back() {
    let endpoints = in_memory().await;
    let url = endpoints.url();
    for (fault, dynamodb, queue, secret) in [
        (
            "throttled",
            "ThrottlingException",
            "RequestThrottled",
            "ThrottlingException",
        ),
        (
            "http_500",
            "InternalServerError",
            "InternalFailure",
            "InternalServiceError",
        ),
        (
            "http_503",
            "ServiceUnavailable",
            "ServiceUnavailable",
            "ServiceUnavailableException",
        ),
    ] {
        for service in ["dynamodb", "sqs", "secretsmanager"] {
            let (status, shown) = order(&url, &json!({"service": service, "fault": fault})).await;
            assert_eq!((status, &shown["share"]), (201, &json!(1.0)), "{shown}");
        }
        let tables = dynamodb_at(url.clone()).list_tables().send().await;
        assert_eq!(tables.unwrap_err().code(), Some(dynamodb));
        let queues = sqs(&endpoints).list_queues().send().await;
        assert_eq!(queues.unwrap_err().code(), Some(queue));
        let secrets = secrets_manager(&endpoints).list_secrets().send().await;
        assert_eq!(secrets.unwrap_err().code(), Some(secret));
        end(&url).await;
    }
    dynamodb_at(url).list_tables().send().await.unwrap();
    sqs(&endpoints).list_queues().send().await.unwrap();
}

#[tokio::test]
async fn a_throttled_transaction_is_cancelled_with_a_reason_for_each_item() {
    let endpoints = in_memory().await;
    let fault =
        json!({"service": "dynamodb", "operation": "TransactWriteItems", "fault": "throttled"});
    order(&endpoints.url(), &fault).await;
    let put = Put::builder()
        .table_name("things")
        .item("pk", AttributeValue::S("1".into()))
        .build()
        .unwrap();
    let item = TransactWriteItem::builder().put(put).build();
    let client = dynamodb_at(endpoints.url());
    let write = client.transact_write_items();
    let write = write.transact_items(item.clone()).transact_items(item);
    let error = write.send().await.unwrap_err().into_service_error();
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else {
        panic!("{error:?}");
    };
    let codes: Vec<_> = cancelled.cancellation_reasons().iter().collect();
    assert_eq!(codes.len(), 2);
    assert!(codes.iter().all(|it| it.code() == Some("ThrottlingError")));
    client.list_tables().send().await.unwrap();
}

#[tokio::test]
async fn what_fails_when_it_is_done_is_done() {
    let endpoints = in_memory().await;
    let client = sqs(&endpoints);
    let fault =
        json!({"service": "sqs", "operation": "CreateQueue", "fault": "http_500_when_done"});
    order(&endpoints.url(), &fault).await;
    let made = client.create_queue().queue_name("things").send().await;
    assert_eq!(made.unwrap_err().code(), Some("InternalFailure"));
    let queues = client.list_queues().send().await.unwrap();
    assert_eq!(queues.queue_urls().len(), 1);
}

#[tokio::test]
async fn an_order_that_would_change_nothing_is_refused() {
    let endpoints = in_memory().await;
    let url = endpoints.url();
    let refused = async |fault: Value| order(&url, &fault).await.0;
    assert_eq!(
        refused(json!({"service": "s3", "fault": "http_500"})).await,
        400
    );
    assert_eq!(
        refused(json!({"service": "sqs", "fault": "slow"})).await,
        400
    );
    let share = json!({"service": "sqs", "fault": "http_500", "share": 1.5});
    assert_eq!(refused(share).await, 400);
    let dynamodb = json!({"service": "dynamodb", "fault": "http_500"});
    assert_eq!(refused(dynamodb.clone()).await, 201);
    assert_ne!(endpoints.dynamodb_url(), url);
    assert_eq!(refused(dynamodb).await, 409);
}
