//! Sending, receiving, deleting: the life of a message.

use super::{attribute, bodies, in_memory, queue, receive, send, sqs};
use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, MessageAttributeValue, MessageSystemAttributeName,
    QueueAttributeName, SendMessageBatchRequestEntry,
};
use std::time::{Duration, Instant};

fn entry(id: &str, body: &str) -> SendMessageBatchRequestEntry {
    SendMessageBatchRequestEntry::builder()
        .id(id)
        .message_body(body)
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_message_arrives_as_it_was_sent() {
    let endpoints = in_memory().await;
    let sqs = sqs(&endpoints);
    let url = queue(&sqs, "plain").await;
    let kind = MessageAttributeValue::builder()
        .data_type("String")
        .string_value("lead");
    let call = sqs
        .send_message()
        .queue_url(&url)
        .message_body("héllo \"wörld\"\n");
    let call = call
        .message_group_id("tenant-a")
        .message_attributes("kind", kind.build().unwrap());
    let sent = call.send().await.unwrap();

    let received = receive(&sqs, &url, 30).await;
    let message = received.first().unwrap();
    assert_eq!(message.body(), Some("héllo \"wörld\"\n"));
    assert_eq!(message.message_id(), sent.message_id());
    assert_eq!(message.md5_of_body(), sent.md5_of_message_body());
    assert_eq!(
        message.md5_of_message_attributes(),
        sent.md5_of_message_attributes()
    );
    let kind = message.message_attributes().unwrap().get("kind").unwrap();
    assert_eq!(kind.string_value(), Some("lead"));
    let facts = message.attributes().unwrap();
    let fact = |name| facts.get(&name).unwrap().as_str();
    assert_eq!(
        fact(MessageSystemAttributeName::ApproximateReceiveCount),
        "1"
    );
    assert_eq!(fact(MessageSystemAttributeName::MessageGroupId), "tenant-a");
    assert!(
        fact(MessageSystemAttributeName::SentTimestamp)
            .parse::<i64>()
            .unwrap()
            > 0
    );
}

#[tokio::test]
async fn digests_are_those_of_aws() {
    let endpoints = in_memory().await;
    let sqs = sqs(&endpoints);
    let url = queue(&sqs, "digests").await;
    let value = MessageAttributeValue::builder()
        .data_type("String")
        .string_value("value");
    let call = sqs.send_message().queue_url(&url).message_body("hello");
    let sent = call
        .message_attributes("name", value.build().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(
        sent.md5_of_message_body(),
        Some("5d41402abc4b2a76b9719d911017c592")
    );
    assert_eq!(
        sent.md5_of_message_attributes(),
        Some("25ada41cad9d6e55ad5a2b3d2da508a2")
    );
}

#[tokio::test]
async fn a_received_message_is_hidden_and_a_deleted_one_gone() {
    let endpoints = in_memory().await;
    let sqs = sqs(&endpoints);
    let url = queue(&sqs, "hidden").await;
    send(&sqs, &url, "one").await;
    let received = receive(&sqs, &url, 30).await;
    assert!(receive(&sqs, &url, 30).await.is_empty());
    let hidden = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
    assert_eq!(attribute(&sqs, &url, hidden.clone()).await, "1");
    let handle = received.first().unwrap().receipt_handle().unwrap();
    sqs.delete_message()
        .queue_url(&url)
        .receipt_handle(handle)
        .send()
        .await
        .unwrap();
    assert_eq!(attribute(&sqs, &url, hidden).await, "0");
}

#[tokio::test]
async fn without_a_visibility_timeout_a_message_stays_visible_and_counts_its_receives() {
    let endpoints = in_memory().await;
    let sqs = sqs(&endpoints);
    let url = queue(&sqs, "zero").await;
    send(&sqs, &url, "one").await;
    for count in ["1", "2", "3"] {
        let received = receive(&sqs, &url, 0).await;
        assert_eq!(bodies(&received), ["one"]);
        let facts = received.first().unwrap().attributes().unwrap();
        let received = facts.get(&MessageSystemAttributeName::ApproximateReceiveCount);
        assert_eq!(received.unwrap(), count);
    }
}

#[tokio::test]
async fn a_stale_receipt_does_not_delete_the_newer_delivery() {
    let endpoints = in_memory().await;
    let sqs = sqs(&endpoints);
    let url = queue(&sqs, "stale").await;
    send(&sqs, &url, "one").await;
    let first = receive(&sqs, &url, 0).await;
    let second = receive(&sqs, &url, 30).await;
    let stale = first.first().unwrap().receipt_handle().unwrap();
    sqs.delete_message()
        .queue_url(&url)
        .receipt_handle(stale)
        .send()
        .await
        .unwrap();
    let handle = second.first().unwrap().receipt_handle().unwrap();
    let call = sqs
        .change_message_visibility()
        .queue_url(&url)
        .receipt_handle(handle);
    call.visibility_timeout(0).send().await.unwrap();
    assert_eq!(bodies(&receive(&sqs, &url, 30).await), ["one"]);
}

#[tokio::test]
async fn visibility_can_only_change_for_a_message_in_flight() {
    let endpoints = in_memory().await;
    let sqs = sqs(&endpoints);
    let url = queue(&sqs, "visibility").await;
    send(&sqs, &url, "one").await;
    let received = receive(&sqs, &url, 0).await;
    let handle = received.first().unwrap().receipt_handle().unwrap();
    let call = sqs
        .change_message_visibility()
        .queue_url(&url)
        .receipt_handle(handle);
    let refused = call
        .visibility_timeout(5)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(refused.is_message_not_inflight());
    let call = sqs
        .delete_message()
        .queue_url(&url)
        .receipt_handle("nonsense");
    let refused = call.send().await.unwrap_err().into_service_error();
    assert!(refused.is_receipt_handle_is_invalid());
}

#[tokio::test]
async fn a_long_poll_is_woken_by_a_send() {
    let endpoints = in_memory().await;
    let sqs = sqs(&endpoints);
    let url = queue(&sqs, "poll").await;
    let began = Instant::now();
    let poll = sqs
        .receive_message()
        .queue_url(&url)
        .wait_time_seconds(20)
        .send();
    let poll = tokio::spawn(poll);
    send(&sqs, &url, "wake").await;
    let received = poll.await.unwrap().unwrap();
    assert_eq!(bodies(received.messages()), ["wake"]);
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_long_poll_is_woken_when_a_message_becomes_visible_again() {
    let endpoints = in_memory().await;
    let sqs = sqs(&endpoints);
    let url = queue(&sqs, "again").await;
    send(&sqs, &url, "back").await;
    assert_eq!(receive(&sqs, &url, 1).await.len(), 1);
    let began = Instant::now();
    let poll = sqs
        .receive_message()
        .queue_url(&url)
        .wait_time_seconds(20)
        .send();
    assert_eq!(bodies(poll.await.unwrap().messages()), ["back"]);
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_delayed_message_is_not_visible_at_first() {
    let endpoints = in_memory().await;
    let sqs = sqs(&endpoints);
    let url = queue(&sqs, "delayed").await;
    let call = sqs
        .send_message()
        .queue_url(&url)
        .message_body("later")
        .delay_seconds(900);
    call.send().await.unwrap();
    assert!(receive(&sqs, &url, 30).await.is_empty());
    let delayed = QueueAttributeName::ApproximateNumberOfMessagesDelayed;
    assert_eq!(attribute(&sqs, &url, delayed).await, "1");
    let call = sqs
        .send_message()
        .queue_url(&url)
        .message_body("x")
        .delay_seconds(901);
    let refused = call.send().await.unwrap_err().into_service_error();
    assert_eq!(refused.meta().code(), Some("InvalidParameterValue"));
}

#[tokio::test]
async fn a_batch_keeps_the_limits_of_sqs() {
    let endpoints = in_memory().await;
    let sqs = sqs(&endpoints);
    let url = queue(&sqs, "limits").await;
    let batch = |entries: Vec<_>| {
        let call = sqs
            .send_message_batch()
            .queue_url(&url)
            .set_entries(Some(entries));
        async move { call.send().await.unwrap_err().into_service_error() }
    };
    let eleven = (0..11)
        .map(|number| entry(&number.to_string(), "x"))
        .collect();
    assert!(batch(eleven).await.is_too_many_entries_in_batch_request());
    assert!(batch(Vec::new()).await.is_empty_batch_request());
    assert!(
        batch(vec![entry("a", "x"), entry("a", "y")])
            .await
            .is_batch_entry_ids_not_distinct()
    );
    assert!(
        batch(vec![entry("a b", "x")])
            .await
            .is_invalid_batch_entry_id()
    );
    let half = "x".repeat(600_000);
    let refused = batch(vec![entry("a", &half), entry("b", &half)]).await;
    assert!(refused.is_batch_request_too_long());
    let call = sqs
        .send_message()
        .queue_url(&url)
        .message_body("x".repeat((1 << 20) + 1));
    let refused = call.send().await.unwrap_err().into_service_error();
    assert_eq!(refused.meta().code(), Some("InvalidParameterValue"));
    let call = sqs
        .send_message()
        .queue_url(&url)
        .message_body("x".repeat(1 << 20));
    call.send().await.unwrap();
}

#[tokio::test]
async fn one_bad_entry_of_a_batch_fails_alone() {
    let endpoints = in_memory().await;
    let sqs = sqs(&endpoints);
    let url = queue(&sqs, "alone").await;
    let call = sqs.send_message_batch().queue_url(&url);
    let call = call
        .entries(entry("good", "fine"))
        .entries(entry("bad", "a\u{1}b"));
    let answer = call.send().await.unwrap();
    assert_eq!(answer.successful().first().unwrap().id(), "good");
    let failed = answer.failed().first().unwrap();
    assert_eq!(
        (failed.id(), failed.code()),
        ("bad", "InvalidMessageContents")
    );
    assert!(failed.sender_fault());

    let received = receive(&sqs, &url, 30).await;
    assert_eq!(bodies(&received), ["fine"]);
    let entry = |id: &str, handle: &str| {
        let entry = DeleteMessageBatchRequestEntry::builder()
            .id(id)
            .receipt_handle(handle);
        entry.build().unwrap()
    };
    let handle = received.first().unwrap().receipt_handle().unwrap();
    let call = sqs.delete_message_batch().queue_url(&url);
    let answer = call
        .entries(entry("a", handle))
        .entries(entry("b", "?"))
        .send()
        .await
        .unwrap();
    assert_eq!((answer.successful().len(), answer.failed().len()), (1, 1));
}

#[tokio::test]
async fn a_quiet_tenant_does_not_wait_behind_a_busy_one() {
    let endpoints = in_memory().await;
    let sqs = sqs(&endpoints);
    let url = queue(&sqs, "fair").await;
    for (group, body) in [
        ("busy", "b1"),
        ("busy", "b2"),
        ("busy", "b3"),
        ("quiet", "q1"),
    ] {
        let call = sqs
            .send_message()
            .queue_url(&url)
            .message_group_id(group)
            .message_body(body);
        call.send().await.unwrap();
    }
    assert_eq!(
        bodies(&receive(&sqs, &url, 30).await),
        ["b1", "q1", "b2", "b3"]
    );
}

#[tokio::test]
async fn a_queue_is_found_by_its_name_whatever_the_port() {
    let endpoints = in_memory().await;
    let sqs = sqs(&endpoints);
    let url = queue(&sqs, "found").await;
    assert_eq!(url, format!("{}/000000000000/found", endpoints.url()));
    assert_eq!(queue(&sqs, "found").await, url);
    let found = sqs
        .get_queue_url()
        .queue_name("found")
        .send()
        .await
        .unwrap();
    assert_eq!(found.queue_url(), Some(url.as_str()));
    send(&sqs, "http://127.0.0.1:1/000000000000/found", "x").await;
    assert_eq!(receive(&sqs, &url, 30).await.len(), 1);
    let refused = sqs
        .get_queue_url()
        .queue_name("lost")
        .send()
        .await
        .unwrap_err();
    assert!(refused.into_service_error().is_queue_does_not_exist());
    let call = sqs.create_queue().queue_name("found");
    let call = call.attributes(QueueAttributeName::VisibilityTimeout, "77");
    assert!(
        call.send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_queue_name_exists()
    );
}

#[tokio::test]
async fn queues_are_listed_in_pages_set_purged_and_deleted() {
    let endpoints = in_memory().await;
    let sqs = sqs(&endpoints);
    for name in ["p-1", "p-2", "q-1"] {
        queue(&sqs, name).await;
    }
    let first = sqs
        .list_queues()
        .queue_name_prefix("p-")
        .max_results(1)
        .send()
        .await
        .unwrap();
    let second = sqs.list_queues().queue_name_prefix("p-").max_results(1);
    let second = second
        .set_next_token(first.next_token.clone())
        .send()
        .await
        .unwrap();
    assert!(first.queue_urls().first().unwrap().ends_with("/p-1"));
    assert!(second.queue_urls().first().unwrap().ends_with("/p-2"));
    assert_eq!(second.next_token(), None);

    let url = queue(&sqs, "q-1").await;
    let call = sqs.set_queue_attributes().queue_url(&url);
    call.attributes(QueueAttributeName::VisibilityTimeout, "77")
        .send()
        .await
        .unwrap();
    assert_eq!(
        attribute(&sqs, &url, QueueAttributeName::VisibilityTimeout).await,
        "77"
    );
    send(&sqs, &url, "x").await;
    sqs.purge_queue().queue_url(&url).send().await.unwrap();
    assert!(receive(&sqs, &url, 30).await.is_empty());
    sqs.delete_queue().queue_url(&url).send().await.unwrap();
    let refused = sqs.purge_queue().queue_url(&url).send().await.unwrap_err();
    assert!(refused.into_service_error().is_queue_does_not_exist());
}
