//! What was answered is there after the process was killed.

use super::{Endpoints, Options};
use super::{Scratch, attribute, bodies, in_memory, on_disk, queue, receive, send, sqs};
use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName};
use std::fs::OpenOptions;
use std::io::Write;
use std::time::Duration;
use tokio::net::TcpListener;

#[tokio::test]
async fn a_killed_process_has_lost_no_message_and_no_receive_count() {
    let scratch = Scratch::new();
    let before = on_disk(&scratch).await;
    let client = sqs(&before);
    let url = queue(&client, "kept").await;
    for body in ["deleted", "in flight", "waiting"] {
        send(&client, &url, body).await;
    }
    let call = client
        .send_message()
        .queue_url(&url)
        .message_body("later")
        .delay_seconds(900);
    call.send().await.unwrap();
    let received = client
        .receive_message()
        .queue_url(&url)
        .max_number_of_messages(2)
        .send()
        .await;
    let received = received.unwrap();
    let handle = received
        .messages()
        .first()
        .unwrap()
        .receipt_handle()
        .unwrap();
    client
        .delete_message()
        .queue_url(&url)
        .receipt_handle(handle)
        .send()
        .await
        .unwrap();

    let after = scratch.as_if_killed();
    let after = on_disk(&after).await;
    let client = sqs(&after);
    let received = receive(&client, &url, 30).await;
    assert_eq!(bodies(&received), ["in flight", "waiting"]);
    let facts = received.first().unwrap().attributes().unwrap();
    let count = facts
        .get(&MessageSystemAttributeName::ApproximateReceiveCount)
        .unwrap();
    assert_eq!(count, "2");
    let delayed = QueueAttributeName::ApproximateNumberOfMessagesDelayed;
    assert_eq!(attribute(&client, &url, delayed).await, "1");
}

#[tokio::test]
async fn settings_are_kept_and_a_purged_queue_stays_empty() {
    let scratch = Scratch::new();
    let before = on_disk(&scratch).await;
    let client = sqs(&before);
    let url = queue(&client, "set").await;
    let call = client.set_queue_attributes().queue_url(&url);
    call.attributes(QueueAttributeName::VisibilityTimeout, "77")
        .send()
        .await
        .unwrap();
    send(&client, &url, "x").await;
    client.purge_queue().queue_url(&url).send().await.unwrap();
    let gone = queue(&client, "gone").await;
    client.delete_queue().queue_url(&gone).send().await.unwrap();
    before.shutdown().await;

    let after = on_disk(&scratch).await;
    let client = sqs(&after);
    assert_eq!(
        attribute(&client, &url, QueueAttributeName::VisibilityTimeout).await,
        "77"
    );
    assert!(receive(&client, &url, 30).await.is_empty());
    assert_eq!(
        client
            .list_queues()
            .send()
            .await
            .unwrap()
            .queue_urls()
            .len(),
        1
    );
}

#[tokio::test]
async fn half_a_line_at_the_end_is_as_if_never_begun() {
    let scratch = Scratch::new();
    let before = on_disk(&scratch).await;
    let client = sqs(&before);
    let url = queue(&client, "torn").await;
    send(&client, &url, "whole").await;
    let after = scratch.as_if_killed();
    let path = after.0.join("sqs/torn.journal");
    let mut journal = OpenOptions::new().append(true).open(&path).unwrap();
    journal
        .write_all(br#"{"s":{"sequence":99,"message":{"id":"x","bo"#)
        .unwrap();

    let after_tear = on_disk(&after).await;
    let client = sqs(&after_tear);
    send(&client, &url, "next").await;
    let again = after.as_if_killed();
    let again = on_disk(&again).await;
    assert_eq!(
        bodies(&receive(&sqs(&again), &url, 30).await),
        ["whole", "next"]
    );
}

#[tokio::test]
async fn a_receipt_from_before_a_restart_never_fits_another_message() {
    let scratch = Scratch::new();
    let before = on_disk(&scratch).await;
    let client = sqs(&before);
    let url = queue(&client, "old").await;
    send(&client, &url, "first").await;
    let old = receive(&client, &url, 30).await;
    let handle = old.first().unwrap().receipt_handle().unwrap();
    client
        .delete_message()
        .queue_url(&url)
        .receipt_handle(handle)
        .send()
        .await
        .unwrap();
    before.shutdown().await;

    let after = on_disk(&scratch).await;
    let client = sqs(&after);
    send(&client, &url, "second").await;
    assert_eq!(receive(&client, &url, 0).await.len(), 1);
    client
        .delete_message()
        .queue_url(&url)
        .receipt_handle(handle)
        .send()
        .await
        .unwrap();
    assert_eq!(bodies(&receive(&client, &url, 0).await), ["second"]);
}

#[tokio::test]
async fn a_data_directory_serves_one_process_at_a_time() {
    let scratch = Scratch::new();
    let first = on_disk(&scratch).await;
    let start = || async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Endpoints::start(
            listener,
            Options {
                data_dir: Some(scratch.0.clone()),
            },
        )
        .await
    };
    assert!(start().await.is_err());
    first.shutdown().await;
    assert!(start().await.is_ok());
}

#[tokio::test]
async fn the_end_does_not_wait_for_long_polls() {
    let endpoints = in_memory().await;
    let client = sqs(&endpoints);
    let url = queue(&client, "polled").await;
    let poll = client
        .receive_message()
        .queue_url(&url)
        .wait_time_seconds(20)
        .send();
    let mut poll = tokio::spawn(poll);
    let waiting = tokio::time::timeout(Duration::from_millis(200), &mut poll).await;
    assert!(waiting.is_err());
    let ended = tokio::time::timeout(Duration::from_secs(4), endpoints.shutdown()).await;
    assert!(ended.is_ok());
    assert!(poll.await.unwrap().unwrap().messages().is_empty());
}
