//! `ReceiveMessage`: short and long polls, and the way of the exhausted to the dead-letter queue.

use super::error::Fault;
use super::message::{self, Attribute};
use super::queue::{Delivery, Queue};
use super::{AWS_ACCOUNT, Sqs, bounded, now, write};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Receive {
    #[serde(default)]
    queue_url: String,
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
    #[serde(default)]
    message_attribute_names: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Received<'a> {
    messages: Vec<ReceivedMessage<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ReceivedMessage<'a> {
    message_id: &'a str,
    receipt_handle: String,
    #[serde(rename = "MD5OfBody")]
    body_digest: String,
    body: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<&'static str, String>,
    #[serde(
        rename = "MD5OfMessageAttributes",
        skip_serializing_if = "Option::is_none"
    )]
    attributes_digest: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    message_attributes: BTreeMap<&'a String, &'a Attribute>,
}

impl Sqs {
    pub(super) async fn receive(&self, receive: Receive) -> Result<Vec<u8>, Fault> {
        let queue = self.queue(&receive.queue_url)?;
        let settings = queue.settings();
        let most = receive.most()?;
        let (hidden, default) = (receive.visibility_timeout, settings.visibility_timeout);
        let hidden = bounded("VisibilityTimeout", hidden, default, 43_200)?;
        let (wait, default) = (receive.wait_time_seconds, settings.receive_wait);
        let wait = bounded("WaitTimeSeconds", wait, default, 20)?;
        let deliveries = self
            .poll(&queue, most, hidden * 1000, now() + wait * 1000)
            .await?;
        let messages = deliveries
            .iter()
            .map(|delivery| receive.show(delivery))
            .collect();
        write(&Received { messages })
    }

    /// Takes what there is, or waits until there is something or `deadline` has come.
    async fn poll(
        &self,
        queue: &Queue,
        most: usize,
        hidden_ms: i64,
        deadline: i64,
    ) -> Result<Vec<Delivery>, Fault> {
        let mut closed = self.closed.clone();
        loop {
            // Before looking: an arrival between the look and the wait must not be missed.
            let arrival = queue.arrivals.notified();
            let now = now();
            let taken = queue.take(most, now + hidden_ms, now)?;
            self.bury(queue, &taken.dead, now)?;
            if !taken.delivered.is_empty() || now >= deadline {
                return Ok(taken.delivered);
            }
            let next = queue
                .next_visible()
                .map_or(deadline, |next| next.min(deadline));
            let pause = Duration::from_millis(u64::try_from(next - now).unwrap_or_default());
            tokio::select! {
                () = arrival => {}
                () = tokio::time::sleep(pause) => {}
                _ = closed.changed() => return Ok(Vec::new()),
            }
        }
    }
}

impl Receive {
    fn most(&self) -> Result<usize, Fault> {
        let most = bounded("MaxNumberOfMessages", self.max_number_of_messages, 1, 10)?;
        match usize::try_from(most) {
            Ok(most @ 1..) => Ok(most),
            _ => Err(Fault::BadParameter(
                "Value for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.".to_owned(),
            )),
        }
    }

    fn show<'a>(&self, delivery: &'a Delivery) -> ReceivedMessage<'a> {
        let message = &delivery.message;
        let attributes = message.attributes.iter();
        let message_attributes: BTreeMap<_, _> = attributes
            .filter(|(name, _)| self.wants_attribute(name))
            .collect();
        let shown = message_attributes
            .iter()
            .map(|(name, value)| (*name, *value));
        ReceivedMessage {
            message_id: &message.id,
            receipt_handle: delivery.receipt.handle(),
            body_digest: message::digest(&message.body),
            body: &message.body,
            attributes: self.facts(delivery),
            attributes_digest: message::digest_of_attributes(shown),
            message_attributes,
        }
    }

    /// What SQS itself knows of the message, as far as asked for.
    fn facts(&self, delivery: &Delivery) -> BTreeMap<&'static str, String> {
        let message = &delivery.message;
        let count = delivery.receipt.receive_count.to_string();
        let all = [
            ("ApproximateReceiveCount", Some(count)),
            (
                "ApproximateFirstReceiveTimestamp",
                Some(delivery.first_received_at.to_string()),
            ),
            ("SentTimestamp", Some(message.sent_at.to_string())),
            ("SenderId", Some(AWS_ACCOUNT.to_owned())),
            ("MessageGroupId", message.group.clone()),
            ("AWSTraceHeader", message.trace.clone()),
            ("DeadLetterQueueSourceArn", message.source.clone()),
        ];
        let asked = all.into_iter().filter(|(name, _)| self.wants_fact(name));
        asked
            .filter_map(|(name, value)| Some((name, value?)))
            .collect()
    }

    fn wants_fact(&self, name: &str) -> bool {
        let mut asked = self
            .attribute_names
            .iter()
            .chain(&self.message_system_attribute_names);
        asked.any(|asked| asked == "All" || asked == name)
    }

    fn wants_attribute(&self, name: &str) -> bool {
        self.message_attribute_names
            .iter()
            .any(|asked| match asked.strip_suffix(".*") {
                Some(prefix) => name.starts_with(prefix),
                None => asked == "All" || asked == name,
            })
    }
}
