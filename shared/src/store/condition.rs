//! What must be so of an item: attributes that are there, are not, or are this.

use super::edit::Attribute;
use aws_sdk_dynamodb::types::AttributeValue;
use std::collections::HashMap;

/// Parts that must all hold.
#[derive(Debug, Default, Clone)]
pub(super) struct Condition {
    parts: Vec<String>,
    names: Vec<Attribute>,
    values: Vec<(String, AttributeValue)>,
}

impl Condition {
    /// The item is there.
    pub(super) fn is_there() -> Self {
        Self {
            parts: vec!["attribute_exists(pk)".to_owned()],
            ..Self::default()
        }
    }

    /// And it has not this attribute.
    pub(super) fn without(mut self, attribute: Attribute) -> Self {
        self.parts
            .push(format!("attribute_not_exists({})", attribute.0));
        self.names.push(attribute);
        self
    }

    /// And this attribute is this, or is not there.
    pub(super) fn having(mut self, attribute: Attribute, value: Option<AttributeValue>) -> Self {
        let Some(value) = value else {
            return self.without(attribute);
        };
        let place = format!(":is{}", self.values.len());
        self.parts.push(format!("{} = {place}", attribute.0));
        self.names.push(attribute);
        self.values.push((place, value));
        self
    }

    pub(super) fn text(&self) -> String {
        self.parts.join(" AND ")
    }

    pub(super) fn names(&self) -> Option<HashMap<String, String>> {
        let names = self.names.iter();
        let names: HashMap<_, _> = names
            .map(|(short, name)| ((*short).to_owned(), (*name).to_owned()))
            .collect();
        (!names.is_empty()).then_some(names)
    }

    pub(super) fn values(&self) -> Option<HashMap<String, AttributeValue>> {
        let values: HashMap<_, _> = self.values.iter().cloned().collect();
        (!values.is_empty()).then_some(values)
    }

    /// The same as a part of a change.
    pub(super) fn into_parts(self) -> (String, Vec<Attribute>, Vec<(String, AttributeValue)>) {
        (self.parts.join(" AND "), self.names, self.values)
    }
}
