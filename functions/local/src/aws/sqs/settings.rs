//! A queue's attributes: those that act here, and those that are only kept.

use super::error::Fault;
use super::message::MAXIMUM_BYTES;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Attributes by SQS's name, as they travel.
pub(super) type Named = BTreeMap<String, String>;

const KEPT: [&str; 6] = [
    "Policy",
    "KmsMasterKeyId",
    "KmsDataKeyReusePeriodSeconds",
    "RedriveAllowPolicy",
    "SqsManagedSseEnabled",
    "MaximumMessageSize",
];

/// What a queue was told to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Settings {
    /// Seconds.
    pub(super) visibility_timeout: i64,
    /// Seconds.
    pub(super) retention: i64,
    /// Seconds.
    pub(super) delay: i64,
    /// Seconds.
    pub(super) receive_wait: i64,
    pub(super) redrive: Option<Redrive>,
    pub(super) created_at: i64,
    pub(super) modified_at: i64,
    kept: Named,
}

/// Where a message goes that was received too often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Redrive {
    pub(super) dead_letter_target_arn: String,
    #[serde(deserialize_with = "count")]
    pub(super) max_receive_count: u32,
}

impl Settings {
    /// The defaults of SQS. Times are seconds of Unix time.
    pub(super) fn new(now: i64) -> Self {
        Self {
            visibility_timeout: 30,
            retention: 345_600,
            delay: 0,
            receive_wait: 0,
            redrive: None,
            created_at: now,
            modified_at: now,
            kept: Named::new(),
        }
    }

    /// These settings with the named ones changed.
    pub(super) fn with(&self, named: &Named, now: i64) -> Result<Self, Fault> {
        let mut settings = Self {
            modified_at: now,
            ..self.clone()
        };
        for (name, value) in named {
            settings.set(name, value)?;
        }
        Ok(settings)
    }

    /// The most bytes a message may have.
    pub(super) fn maximum_bytes(&self) -> usize {
        let kept = self
            .kept
            .get("MaximumMessageSize")
            .and_then(|value| value.parse().ok());
        kept.unwrap_or(MAXIMUM_BYTES)
    }

    /// Every setting by SQS's name.
    pub(super) fn named(&self) -> Named {
        let mut named = self.kept.clone();
        for (name, value) in [
            ("VisibilityTimeout", self.visibility_timeout),
            ("MessageRetentionPeriod", self.retention),
            ("DelaySeconds", self.delay),
            ("ReceiveMessageWaitTimeSeconds", self.receive_wait),
            ("CreatedTimestamp", self.created_at),
            ("LastModifiedTimestamp", self.modified_at),
        ] {
            named.insert(name.to_owned(), value.to_string());
        }
        let size = self.maximum_bytes().to_string();
        named.insert("MaximumMessageSize".to_owned(), size);
        if let Some(redrive) = self
            .redrive
            .as_ref()
            .and_then(|it| serde_json::to_string(it).ok())
        {
            named.insert("RedrivePolicy".to_owned(), redrive);
        }
        named
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Fault> {
        match name {
            "VisibilityTimeout" => self.visibility_timeout = number(name, value, 0, 43_200)?,
            "MessageRetentionPeriod" => self.retention = number(name, value, 60, 1_209_600)?,
            "DelaySeconds" => self.delay = number(name, value, 0, 900)?,
            "ReceiveMessageWaitTimeSeconds" => self.receive_wait = number(name, value, 0, 20)?,
            "RedrivePolicy" => self.redrive = redrive(value)?,
            "FifoQueue" | "ContentBasedDeduplication" if value == "false" => {}
            kept if KEPT.contains(&kept) => {
                if kept == "MaximumMessageSize" {
                    number(name, value, 1024, 1 << 20)?;
                }
                self.kept.insert(name.to_owned(), value.to_owned());
            }
            unknown => return Err(Fault::UnknownAttribute(unknown.to_owned())),
        }
        Ok(())
    }
}

fn number(name: &str, value: &str, least: i64, most: i64) -> Result<i64, Fault> {
    let number = value
        .parse()
        .ok()
        .filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| Fault::BadAttribute(name.to_owned()))
}

/// An empty policy takes the present one away.
fn redrive(value: &str) -> Result<Option<Redrive>, Fault> {
    if value.is_empty() {
        return Ok(None);
    }
    let redrive = serde_json::from_str::<Redrive>(value).ok();
    let redrive = redrive.filter(|redrive| (1..=1000).contains(&redrive.max_receive_count));
    redrive
        .map(Some)
        .ok_or_else(|| Fault::BadAttribute("RedrivePolicy".to_owned()))
}

/// SQS takes the count as a number and as a text.
fn count<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Count {
        Number(u32),
        Text(String),
    }
    match Count::deserialize(deserializer)? {
        Count::Number(count) => Ok(count),
        Count::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}
