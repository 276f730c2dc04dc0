//! The engine behind our port and behind its own.

use super::{Scratch, dynamodb_at, in_memory, on_disk};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType,
    ScalarAttributeType, StreamSpecification, StreamViewType,
};

async fn table(client: &Client) {
    let name = AttributeDefinition::builder().attribute_name("pk");
    let name = name.attribute_type(ScalarAttributeType::S).build().unwrap();
    let key = KeySchemaElement::builder()
        .attribute_name("pk")
        .key_type(KeyType::Hash);
    let stream = StreamSpecification::builder().stream_enabled(true);
    let stream = stream
        .stream_view_type(StreamViewType::NewImage)
        .build()
        .unwrap();
    let call = client
        .create_table()
        .table_name("things")
        .billing_mode(BillingMode::PayPerRequest);
    let call = call
        .attribute_definitions(name)
        .key_schema(key.build().unwrap());
    call.stream_specification(stream).send().await.unwrap();
}

async fn put(client: &Client, key: &str) {
    let call = client
        .put_item()
        .table_name("things")
        .item("pk", AttributeValue::S(key.into()));
    call.condition_expression("attribute_not_exists(pk)")
        .send()
        .await
        .unwrap();
}

async fn has(client: &Client, key: &str) -> bool {
    let call = client
        .get_item()
        .table_name("things")
        .key("pk", AttributeValue::S(key.into()));
    call.consistent_read(true)
        .send()
        .await
        .unwrap()
        .item
        .is_some()
}

#[tokio::test]
async fn both_ports_lead_to_the_same_tables() {
    let endpoints = in_memory().await;
    let far = dynamodb_at(endpoints.url());
    let near = dynamodb_at(endpoints.dynamodb_url());
    table(&far).await;
    put(&far, "a").await;
    assert!(has(&near, "a").await);
    let call = far
        .put_item()
        .table_name("things")
        .item("pk", AttributeValue::S("a".into()));
    let refused = call
        .condition_expression("attribute_not_exists(pk)")
        .send()
        .await
        .unwrap_err();
    assert!(
        refused
            .into_service_error()
            .is_conditional_check_failed_exception()
    );
}

#[tokio::test]
async fn streams_answer_on_the_same_port() {
    let endpoints = in_memory().await;
    table(&dynamodb_at(endpoints.url())).await;
    let config = aws_sdk_dynamodbstreams::Config::builder()
        .endpoint_url(endpoints.url())
        .region(aws_sdk_dynamodbstreams::config::Region::new(super::REGION))
        .credentials_provider(super::credentials());
    let streams = aws_sdk_dynamodbstreams::Client::from_conf(config.build());
    let listed = streams
        .list_streams()
        .table_name("things")
        .send()
        .await
        .unwrap();
    assert_eq!(listed.streams().len(), 1);
}

#[tokio::test]
async fn items_outlive_a_kill_and_a_clean_end() {
    let scratch = Scratch::new();
    let before = on_disk(&scratch).await;
    let client = dynamodb_at(before.url());
    table(&client).await;
    put(&client, "a").await;
    let killed = scratch.as_if_killed();
    let after = on_disk(&killed).await;
    assert!(has(&dynamodb_at(after.url()), "a").await);
    before.shutdown().await;
    let after = on_disk(&scratch).await;
    assert!(has(&dynamodb_at(after.url()), "a").await);
}
