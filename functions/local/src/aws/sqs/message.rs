//! One SQS message: what may be in it, how large it is, and the digests a client verifies.

use super::error::Fault;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a message, and all the messages of a batch together, may weigh.
pub(super) const MAXIMUM_BYTES: usize = 1 << 20;
const MAXIMUM_ATTRIBUTES: usize = 10;

/// The sender's attributes by name; the order is that of their digest.
pub(super) type Attributes = BTreeMap<String, Attribute>;

/// A message as it was sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) body: String,
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub(super) attributes: Attributes,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) trace: Option<String>,
    /// Milliseconds of Unix time.
    pub(super) sent_at: i64,
    /// The queue it was taken from, if it stands in a dead-letter queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<String>,
}

/// A typed value; binary ones stay in base64 as they travel.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Attribute {
    data_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) string_value: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    binary_value: Option<String>,
}

impl Message {
    /// The group whose turn it takes.
    pub(super) fn turn(&self) -> &str {
        self.group.as_deref().unwrap_or_default()
    }

    /// Refuses what SQS would not take from a sender.
    pub(super) fn check(&self, maximum: usize) -> Result<(), Fault> {
        if self.body.is_empty() {
            return Err(Fault::Missing("MessageBody"));
        }
        if self.size() > maximum {
            let reason = format!(
                "One or more parameters are invalid. Reason: Message must be shorter than {maximum} bytes."
            );
            return Err(Fault::BadParameter(reason));
        }
        if self
            .group
            .as_ref()
            .is_some_and(|group| group.is_empty() || group.len() > 128)
        {
            return Err(Fault::BadParameter(
                "The MessageGroupId must be 1 to 128 characters long.".to_owned(),
            ));
        }
        check_characters(&self.body)?;
        check_attributes(&self.attributes)
    }

    /// Its weight: body, and each attribute's name, type and value.
    pub(super) fn size(&self) -> usize {
        self.body.len() + size_of_attributes(&self.attributes)
    }
}

/// What attributes weigh.
pub(super) fn size_of_attributes(attributes: &Attributes) -> usize {
    attributes
        .iter()
        .map(|(name, value)| name.len() + value.size())
        .sum()
}

impl Attribute {
    fn size(&self) -> usize {
        let value = self.string_value.as_ref().or(self.binary_value.as_ref());
        self.data_type.len() + value.map_or(0, String::len)
    }

    fn check(&self) -> Result<(), Fault> {
        let kind = self.data_type.split('.').next().unwrap_or_default();
        let value = match kind {
            "String" | "Number" => &self.string_value,
            "Binary" => &self.binary_value,
            _ => {
                return Err(Fault::BadParameter(
                    "The message attribute has an invalid type; use String, Number or Binary."
                        .to_owned(),
                ));
            }
        };
        match value {
            Some(value) if !value.is_empty() => Ok(()),
            _ => Err(Fault::BadParameter(
                "The message attribute must contain a non-empty value.".to_owned(),
            )),
        }
    }
}

fn check_attributes(attributes: &Attributes) -> Result<(), Fault> {
    if attributes.len() > MAXIMUM_ATTRIBUTES {
        let reason = format!(
            "Number of message attributes [{}] exceeds the allowed maximum [10].",
            attributes.len()
        );
        return Err(Fault::BadParameter(reason));
    }
    attributes.values().try_for_each(Attribute::check)
}

/// The characters XML 1.0 allows, which SQS keeps to in JSON as well.
fn check_characters(body: &str) -> Result<(), Fault> {
    let forbidden = |character: char| match character {
        '\t' | '\n' | '\r' => false,
        '\u{fffe}' | '\u{ffff}' => true,
        other => other < ' ',
    };
    if body.contains(forbidden) {
        Err(Fault::BadCharacters)
    } else {
        Ok(())
    }
}

/// The digest of a body, which a client may compare with its own.
pub(super) fn digest(body: &str) -> String {
    format!("{:x}", md5::compute(body))
}

/// The digest of attributes: names, types and values in the order of the names, each led by its length.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html#sqs-attributes-md5-message-digest-calculation>
pub(super) fn digest_of_attributes<'a>(
    attributes: impl IntoIterator<Item = (&'a String, &'a Attribute)>,
) -> Option<String> {
    let mut bytes = Vec::new();
    for (name, attribute) in attributes {
        put(&mut bytes, name.as_bytes());
        put(&mut bytes, attribute.data_type.as_bytes());
        if let Some(value) = &attribute.string_value {
            bytes.push(1);
            put(&mut bytes, value.as_bytes());
        } else if let Some(value) = &attribute.binary_value {
            bytes.push(2);
            put(&mut bytes, &STANDARD.decode(value).unwrap_or_default());
        }
    }
    (!bytes.is_empty()).then(|| format!("{:x}", md5::compute(&bytes)))
}

fn put(bytes: &mut Vec<u8>, part: &[u8]) {
    let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(part);
}
