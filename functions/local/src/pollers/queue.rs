//! One queue's mapping: receives batches, invokes the function, deletes what it did not name as failed.

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// Shorter than the client's patience.
const POLL_S: i32 = 2;

/// After an error of the queue.
const PAUSE: Duration = Duration::from_secs(1);

/// A mapping.
pub(super) struct Poller {
    pub(super) sqs: Client,
    pub(super) url: String,
    pub(super) at_once: usize,
    pub(super) stop: watch::Receiver<()>,
}

impl Poller {
    /// Brings batches to `invoke` until the platform stops; then waits for those under way.
    pub(super) async fn run<F, Fut>(mut self, invoke: F)
    where
        F: Fn(SqsEvent) -> Fut + Clone + Send + 'static,
        Fut: Future<Output = SqsBatchResponse> + Send,
    {
        let permits = Arc::new(Semaphore::new(self.at_once));
        let mut batches = JoinSet::new();
        while let Ok(permit) = permits.clone().acquire_owned().await {
            while batches.try_join_next().is_some() {}
            let received = tokio::select! {
                received = receive(&self.sqs, &self.url) => received,
                _ = self.stop.changed() => break,
            };
            if received.is_empty() {
                continue;
            }
            let (sqs, url, invoke) = (self.sqs.clone(), self.url.clone(), invoke.clone());
            batches.spawn(async move {
                let response = invoke(event(&url, &received)).await;
                delete(&sqs, &url, received, &response).await;
                drop(permit);
            });
        }
        while batches.join_next().await.is_some() {}
    }
}

async fn receive(sqs: &Client, url: &str) -> Vec<Message> {
    let received = sqs
        .receive_message()
        .queue_url(url)
        .max_number_of_messages(10)
        .wait_time_seconds(POLL_S)
        .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
        .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
        .send()
        .await;
    match received {
        Ok(received) => received.messages.unwrap_or_default(),
        Err(error) => {
            tracing::warn!(%error, "a queue cannot be polled");
            tokio::time::sleep(PAUSE).await;
            Vec::new()
        }
    }
}

fn event(url: &str, messages: &[Message]) -> SqsEvent {
    let queue = url.rsplit('/').next().unwrap_or_default();
    let mut event = SqsEvent::default();
    for message in messages {
        let mut record = SqsMessage::default();
        record.message_id.clone_from(&message.message_id);
        record.receipt_handle.clone_from(&message.receipt_handle);
        record.body.clone_from(&message.body);
        record.event_source_arn = Some(format!("arn:aws:sqs:us-east-1:000000000000:{queue}"));
        for (name, value) in message.attributes.iter().flatten() {
            record
                .attributes
                .insert(name.as_str().to_owned(), value.clone());
        }
        event.records.push(record);
    }
    event
}

/// Deletes what was done. An empty identifier means that the whole batch failed.
async fn delete(sqs: &Client, url: &str, messages: Vec<Message>, response: &SqsBatchResponse) {
    let failed: HashSet<&str> = response
        .batch_item_failures
        .iter()
        .map(|failure| failure.item_identifier.as_str())
        .collect();
    if failed.contains("") {
        return;
    }
    let mut request = sqs.delete_message_batch().queue_url(url);
    let mut any = false;
    for (place, message) in messages.into_iter().enumerate() {
        let done = message
            .message_id
            .as_deref()
            .is_some_and(|id| !failed.contains(id));
        let entry = DeleteMessageBatchRequestEntry::builder()
            .id(place.to_string())
            .set_receipt_handle(message.receipt_handle)
            .build();
        if let (true, Ok(entry)) = (done, entry) {
            request = request.entries(entry);
            any = true;
        }
    }
    if any && let Err(error) = request.send().await {
        tracing::warn!(%error, "messages that were done cannot be deleted, they will come again");
    }
}
