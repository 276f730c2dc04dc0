//! Dead-letter queues, there and back.

use super::{attribute, bodies, in_memory, queue, receive, send, sqs};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName};
use serde_json::json;

/// A queue whose messages are received twice at most, and its dead-letter queue.
async fn pair(sqs: &Client) -> (String, String) {
    let dead = queue(sqs, "work-dlq").await;
    let arn = attribute(sqs, &dead, QueueAttributeName::QueueArn).await;
    let policy = json!({ "deadLetterTargetArn": arn, "maxReceiveCount": "2" }).to_string();
    let call = sqs.create_queue().queue_name("work");
    let call = call.attributes(QueueAttributeName::RedrivePolicy, policy);
    (call.send().await.unwrap().queue_url.unwrap(), dead)
}

async fn exhaust(sqs: &Client, url: &str) {
    for _ in 0..2 {
        assert_eq!(receive(sqs, url, 0).await.len(), 1);
    }
    assert!(receive(sqs, url, 0).await.is_empty());
}

#[tokio::test]
async fn a_message_received_too_often_goes_to_the_dead_letter_queue() {
    let endpoints = in_memory().await;
    let sqs = sqs(&endpoints);
    let (work, dead) = pair(&sqs).await;
    send(&sqs, &work, "poison").await;
    exhaust(&sqs, &work).await;
    let hidden = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
    assert_eq!(attribute(&sqs, &work, hidden).await, "0");
    let received = receive(&sqs, &dead, 0).await;
    assert_eq!(bodies(&received), ["poison"]);
    let facts = received.first().unwrap().attributes().unwrap();
    let source = facts
        .get(&MessageSystemAttributeName::DeadLetterQueueSourceArn)
        .unwrap();
    assert_eq!(
        *source,
        attribute(&sqs, &work, QueueAttributeName::QueueArn).await
    );
}

#[tokio::test]
async fn dead_letters_can_be_moved_back_to_where_they_came_from() {
    let endpoints = in_memory().await;
    let sqs = sqs(&endpoints);
    let (work, dead) = pair(&sqs).await;
    send(&sqs, &work, "again").await;
    exhaust(&sqs, &work).await;
    let arn = attribute(&sqs, &dead, QueueAttributeName::QueueArn).await;
    sqs.start_message_move_task()
        .source_arn(&arn)
        .send()
        .await
        .unwrap();
    assert!(receive(&sqs, &dead, 0).await.is_empty());
    assert_eq!(bodies(&receive(&sqs, &work, 0).await), ["again"]);
    let tasks = sqs
        .list_message_move_tasks()
        .source_arn(&arn)
        .send()
        .await
        .unwrap();
    let task = tasks.results().first().unwrap();
    assert_eq!(task.status(), Some("COMPLETED"));
    assert_eq!(task.approximate_number_of_messages_moved(), 1);
}

#[tokio::test]
async fn a_move_without_a_way_is_refused_and_loses_nothing() {
    let endpoints = in_memory().await;
    let sqs = sqs(&endpoints);
    let (work, dead) = pair(&sqs).await;
    send(&sqs, &dead, "straight in").await;
    let arn = attribute(&sqs, &dead, QueueAttributeName::QueueArn).await;
    sqs.start_message_move_task()
        .source_arn(&arn)
        .send()
        .await
        .unwrap();
    assert_eq!(bodies(&receive(&sqs, &dead, 0).await), ["straight in"]);
    let arn = attribute(&sqs, &work, QueueAttributeName::QueueArn).await;
    assert!(
        sqs.start_message_move_task()
            .source_arn(&arn)
            .send()
            .await
            .is_err()
    );
    let lost = sqs
        .start_message_move_task()
        .source_arn("arn:aws:sqs:us-east-1:000000000000:no");
    let refused = lost.send().await.unwrap_err().into_service_error();
    assert!(refused.is_resource_not_found_exception());
}

#[tokio::test]
async fn a_policy_must_name_a_queue_that_exists() {
    let endpoints = in_memory().await;
    let sqs = sqs(&endpoints);
    let arn = "arn:aws:sqs:us-east-1:000000000000:nowhere";
    let policy = json!({ "deadLetterTargetArn": arn, "maxReceiveCount": 3 }).to_string();
    let call = sqs.create_queue().queue_name("work");
    assert!(
        call.attributes(QueueAttributeName::RedrivePolicy, policy)
            .send()
            .await
            .is_err()
    );
}
