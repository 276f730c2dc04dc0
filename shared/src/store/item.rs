//! Items: a thing with the keys it stands under. The thing's own shape is its serde shape.

use super::StoreError;
use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt::Display;

/// The version of every item's shape.
pub(super) const VERSION: u8 = 1;

/// An item as the SDK speaks of it.
pub(super) type Item = HashMap<String, AttributeValue>;

/// An item's keys.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Key {
    pub(super) pk: String,
    pub(super) sk: String,
}

impl Key {
    pub(super) fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self {
            pk: pk.into(),
            sk: sk.into(),
        }
    }

    pub(super) fn into_item(self) -> Item {
        HashMap::from([("pk".into(), text(self.pk)), ("sk".into(), text(self.sk))])
    }
}

/// The sparse index attributes of an item; what is absent is in no index.
#[derive(Debug, Default, Serialize)]
pub(super) struct Indexes {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) provider_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thread_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) list_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) list_sort: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) state_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) job_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) state_sort: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) due_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) due_sort: Option<String>,
    /// When the item may be deleted, in seconds of Unix time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expires: Option<i64>,
}

#[derive(Serialize)]
struct Row<'a, T> {
    #[serde(flatten)]
    key: Key,
    #[serde(rename = "type")]
    kind: &'static str,
    v: u8,
    #[serde(flatten)]
    indexes: Indexes,
    #[serde(flatten)]
    body: &'a T,
}

/// The item of `body` under `key`.
pub(super) fn item<T: Serialize>(
    kind: &'static str,
    key: Key,
    indexes: Indexes,
    body: &T,
) -> Result<Item, StoreError> {
    Ok(serde_dynamo::to_item(Row {
        key,
        kind,
        v: VERSION,
        indexes,
        body,
    })?)
}

/// The thing an item holds. What is wrong with an item may be logged, so it is named by its type: its key may hold a
/// phone number, and serde's own text may quote any value.
pub(super) fn body<T: DeserializeOwned>(item: Item) -> Result<T, StoreError> {
    let kind = item.get("type").and_then(|kind| kind.as_s().ok()).cloned();
    serde_dynamo::from_item(item).map_err(|error| {
        let kind = kind.unwrap_or_else(|| "no type".to_owned());
        let why = Some(error.to_string()).filter(|why| why.starts_with("missing field"));
        StoreError::corrupt(match why {
            Some(why) => format!("{kind}: {why}"),
            None => kind,
        })
    })
}

/// A text attribute.
pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number attribute.
pub(super) fn number(value: impl Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use serde_json::json;

    #[derive(Debug, Deserialize)]
    struct Counted {
        #[expect(dead_code, reason = "it is never there")]
        count: u32,
    }

    #[test]
    fn an_item_that_cannot_be_read_is_told_without_its_key_and_its_values() {
        let key = Key::new("T#demo#I#p:15550001111", "-");
        for (body, told) in [
            (json!({}), "identity: missing field `count`"),
            (json!({"count": "15550001111"}), "identity"),
        ] {
            let item = item("identity", key.clone(), Indexes::default(), &body).unwrap();
            let error = super::body::<Counted>(item).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("an item could not be read: {told}")
            );
            assert!(std::error::Error::source(&error).is_none());
        }
    }
}
