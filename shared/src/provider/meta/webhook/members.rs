//! A JSON object as its members' raw text: read in one pass, copied nowhere, in the order it was written.

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// The members of a JSON object.
#[derive(Debug, Default)]
pub(super) struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// The members of `value`, if it is an object.
    pub(super) fn of(value: &'a RawValue) -> Option<Self> {
        serde_json::from_str(value.get()).ok()
    }

    /// A member that is there and not `null`. Where a name stands twice the last counts, as to whoever reads the pieces.
    pub(super) fn get(&self, name: &str) -> Option<&'a RawValue> {
        let mut from_the_end = self.0.iter().rev();
        let (_, value) = from_the_end.find(|(known, _)| known == name)?;
        (value.get() != "null").then_some(*value)
    }

    /// A member that is a text.
    pub(super) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        let Text(text) = serde_json::from_str(self.get(name)?.get()).ok()?;
        Some(text)
    }

    /// A member that is an array.
    pub(super) fn list(&self, name: &str) -> Option<Vec<&'a RawValue>> {
        serde_json::from_str(self.get(name)?.get()).ok()
    }

    /// Every member, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), *value))
    }

    /// The members not named in `known`, as an object; `None` if there are none.
    pub(super) fn rest(&self, known: &[&str]) -> Option<String> {
        let mut object = ObjectText::default();
        for (name, value) in self.iter().filter(|(name, _)| !known.contains(name)) {
            object.member(name, value.get());
        }
        object.finish_unless_empty()
    }
}

/// A text, borrowed where it holds no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::with_capacity(8);
        while let Some((Text(name), value)) = map.next_entry()? {
            members.push((name, value));
        }
        Ok(Members(members))
    }
}

/// Writes an object from parts that are JSON already.
#[derive(Debug, Default)]
pub(super) struct ObjectText(String);

impl ObjectText {
    /// Adds a member with one value.
    pub(super) fn member(&mut self, name: &str, value: &str) {
        self.name(name);
        self.0.push_str(value);
    }

    /// Adds a member that is a list of values, if there are any.
    pub(super) fn list_unless_empty<'v>(
        &mut self,
        name: &str,
        values: impl Iterator<Item = &'v str>,
    ) {
        let mut is_first = true;
        for value in values {
            if is_first {
                self.name(name);
            }
            self.0.push(if is_first { '[' } else { ',' });
            self.0.push_str(value);
            is_first = false;
        }
        if !is_first {
            self.0.push(']');
        }
    }

    /// The object.
    pub(super) fn finish(mut self) -> String {
        self.0.push_str(if self.0.is_empty() { "{}" } else { "}" });
        self.0
    }

    fn finish_unless_empty(self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.finish())
    }

    fn name(&mut self, name: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push_str(&quoted(name));
        self.0.push(':');
    }
}

/// A text as JSON.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
