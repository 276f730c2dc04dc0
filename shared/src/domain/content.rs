//! What a message says: Meta's own message object, checked against Meta's limits.

use super::fields::Fields;
use super::identity::{Recipient, Wamid};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A checked message object without its recipient: `type`, the object named by it, and what travels beside them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// Meta's `type`.
    pub kind: Kind,
    /// The object named by the type, as the caller wrote it.
    pub object: Value,
    /// The message this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Wamid>,
    /// Meta's `recipient_identity_key_hash`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient_identity_key_hash: Option<String>,
}

/// Meta's message types that we send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Text.
    Text,
}

impl Content {
    /// Reads Meta's fields of a message body, all but the recipient. `None` means that faults were added.
    pub fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let _ = fields;
        None
    }

    /// The body to put on the wire for `to`, carrying `callback` as `biz_opaque_callback_data`.
    #[must_use]
    pub fn wire(&self, to: &Recipient, callback: &str) -> Map<String, Value> {
        let _ = (to, callback);
        Map::new()
    }
}

/// Reads `to`, `recipient` and `recipient_type`. `None` means that faults were added.
pub fn read_recipient(fields: &mut Fields<'_>) -> Option<Recipient> {
    let _ = fields;
    None
}
