//! `SendMessage` and `SendMessageBatch`.

use super::error::Fault;
use super::message::{self, Attributes, MAXIMUM_BYTES, Message};
use super::settings::Settings;
use super::{FailedEntry, Sqs, bounded, check_batch, now, write};
use serde::{Deserialize, Serialize};

/// A message to send; alone it names its queue, in a batch its entry.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Outgoing {
    #[serde(default)]
    id: String,
    #[serde(default)]
    queue_url: String,
    message_body: String,
    delay_seconds: Option<i64>,
    #[serde(default)]
    message_attributes: Option<Attributes>,
    #[serde(default)]
    message_system_attributes: Option<Attributes>,
    message_group_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Batch {
    #[serde(default)]
    queue_url: String,
    #[serde(default)]
    entries: Vec<Outgoing>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SentMessage {
    #[serde(skip_serializing_if = "String::is_empty")]
    id: String,
    message_id: String,
    #[serde(rename = "MD5OfMessageBody")]
    body_digest: String,
    #[serde(
        rename = "MD5OfMessageAttributes",
        skip_serializing_if = "Option::is_none"
    )]
    attributes_digest: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SentBatch {
    successful: Vec<SentMessage>,
    failed: Vec<FailedEntry>,
}

impl Sqs {
    pub(super) fn send(&self, outgoing: Outgoing) -> Result<Vec<u8>, Fault> {
        let queue = self.queue(&outgoing.queue_url)?;
        let now = now();
        let (message, visible_at) = outgoing.into_message(&queue.settings(), now)?;
        let sent = SentMessage::of(String::new(), &message);
        queue.push(vec![(message, visible_at)], now)?;
        write(&sent)
    }

    pub(super) fn send_batch(&self, batch: Batch) -> Result<Vec<u8>, Fault> {
        let queue = self.queue(&batch.queue_url)?;
        check_batch(batch.entries.iter().map(|entry| entry.id.as_str()))?;
        let size = batch.entries.iter().map(Outgoing::size).sum();
        if size > MAXIMUM_BYTES {
            return Err(Fault::BatchTooLong(size));
        }
        let (now, settings) = (now(), queue.settings());
        let mut messages = Vec::with_capacity(batch.entries.len());
        let mut answer = SentBatch {
            successful: Vec::new(),
            failed: Vec::new(),
        };
        for mut entry in batch.entries {
            let id = std::mem::take(&mut entry.id);
            match entry.into_message(&settings, now) {
                Ok(message) => {
                    answer.successful.push(SentMessage::of(id, &message.0));
                    messages.push(message);
                }
                Err(fault) => answer.failed.push(FailedEntry::new(id, &fault)),
            }
        }
        queue.push(messages, now)?;
        write(&answer)
    }
}

impl Outgoing {
    fn size(&self) -> usize {
        let attributes = self
            .message_attributes
            .as_ref()
            .map_or(0, message::size_of_attributes);
        self.message_body.len() + attributes
    }

    /// The message, and when it becomes visible.
    fn into_message(self, settings: &Settings, now: i64) -> Result<(Message, i64), Fault> {
        let delay = bounded("DelaySeconds", self.delay_seconds, settings.delay, 900)?;
        let trace = self
            .message_system_attributes
            .unwrap_or_default()
            .remove("AWSTraceHeader");
        let message = Message {
            id: uuid::Uuid::new_v4().to_string(),
            body: self.message_body,
            attributes: self.message_attributes.unwrap_or_default(),
            group: self.message_group_id,
            trace: trace.and_then(|trace| trace.string_value),
            sent_at: now,
            source: None,
        };
        message.check(settings.maximum_bytes())?;
        Ok((message, now + delay * 1000))
    }
}

impl SentMessage {
    fn of(id: String, message: &Message) -> Self {
        Self {
            id,
            message_id: message.id.clone(),
            body_digest: message::digest(&message.body),
            attributes_digest: message::digest_of_attributes(&message.attributes),
        }
    }
}
