//! Reads a JSON object field by field and collects every fault on the way.
//!
//! `serde` stops at the first fault and knows no limits; a caller wants all of them at once, each with its place.
//! A field that nobody asked for is a fault when the reader is finished.

mod lines;
mod times;

use super::characters;
use super::fault::{FaultCode, Faults, in_pointer};
use super::json_text;
use super::placeholder;
use serde_json::{Map, Value};
use std::ops::RangeInclusive;

/// One object of a body, being read.
#[derive(Debug)]
pub struct Fields<'a> {
    object: &'a Map<String, Value>,
    pointer: String,
    faults: &'a Faults,
    known: Vec<&'static str>,
    stage: Stage,
}

/// Whether placeholders may still stand in the texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Every text is what it will be.
    Final,
    /// A text that holds a placeholder is spared the checks of length and form until it is filled.
    Draft,
}

/// The longest text that is spared the checks until it is filled, in bytes: more than any text of a message has, its
/// placeholders written out.
const LONGEST_UNFILLED: usize = 16_384;

impl<'a> Fields<'a> {
    /// Reads `value`, which stands at `pointer` (empty for the whole body). A fault if it is not an object.
    #[must_use]
    pub fn of(value: &'a Value, pointer: impl Into<String>, faults: &'a Faults) -> Option<Self> {
        let pointer = pointer.into();
        let Value::Object(object) = value else {
            faults.add(pointer, FaultCode::WrongType, "must be an object");
            return None;
        };
        Some(Self {
            object,
            pointer,
            faults,
            known: Vec::new(),
            stage: Stage::Final,
        })
    }

    /// Reads on at `stage`, as do the objects within; answers the stage until now.
    pub fn enter(&mut self, stage: Stage) -> Stage {
        std::mem::replace(&mut self.stage, stage)
    }

    /// Where a field of this object stands.
    #[must_use]
    pub fn pointer_to(&self, name: &str) -> String {
        format!("{}/{}", self.pointer, in_pointer(name))
    }

    /// Where this object stands.
    #[must_use]
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// Where the faults go.
    #[must_use]
    pub fn faults(&self) -> &'a Faults {
        self.faults
    }

    /// Adds a fault at a field of this object.
    pub fn fault(&self, name: &str, code: FaultCode, detail: impl Into<String>) {
        self.faults.add(self.pointer_to(name), code, detail);
    }

    /// Whether a field is there; does not count as asking for it.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.object.get(name).is_some_and(|value| !value.is_null())
    }

    /// The raw value of a field; `null` counts as absent.
    pub fn value(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.push(name);
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// Whether a field is there and `null`, where that takes away what was set before.
    pub fn is_cleared(&mut self, name: &'static str) -> bool {
        self.known.push(name);
        self.object.get(name).is_some_and(Value::is_null)
    }

    /// As [`Self::value`], but a fault if it is larger than `most` bytes as JSON.
    pub fn value_within(&mut self, name: &'static str, most: usize) -> Option<&'a Value> {
        let value = self.value(name)?;
        if json_text::size(value) > most {
            let detail = format!("must be at most {most} bytes of JSON");
            self.fault(name, FaultCode::TooLong, detail);
            return None;
        }
        Some(value)
    }

    /// As [`Self::value`], but a fault if absent.
    pub fn required(&mut self, name: &'static str) -> Option<&'a Value> {
        let value = self.value(name);
        if value.is_none() {
            self.fault(name, FaultCode::Required, "is required");
        }
        value
    }

    /// A text of a length (in characters, as Meta counts) within `length`.
    pub fn text(&mut self, name: &'static str, length: RangeInclusive<usize>) -> Option<&'a str> {
        let value = self.value(name)?;
        self.as_text(name, value, length)
    }

    /// As [`Self::text`], but a fault if absent.
    pub fn required_text(
        &mut self,
        name: &'static str,
        length: RangeInclusive<usize>,
    ) -> Option<&'a str> {
        let value = self.required(name)?;
        self.as_text(name, value, length)
    }

    /// A truth value.
    pub fn boolean(&mut self, name: &'static str) -> Option<bool> {
        let value = self.value(name)?;
        if value.as_bool().is_none() {
            self.fault(name, FaultCode::WrongType, "must be true or false");
        }
        value.as_bool()
    }

    /// A number within `range`.
    pub fn number(&mut self, name: &'static str, range: RangeInclusive<f64>) -> Option<f64> {
        let value = self.value(name)?;
        let Some(number) = value.as_f64() else {
            self.fault(name, FaultCode::WrongType, "must be a number");
            return None;
        };
        if !range.contains(&number) {
            let detail = format!("must be between {} and {}", range.start(), range.end());
            self.fault(name, FaultCode::OutOfRange, detail);
            return None;
        }
        Some(number)
    }

    /// A whole number within `range`.
    pub fn whole(&mut self, name: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        let number = self.number(name, f64::from(*range.start())..=f64::from(*range.end()))?;
        if number.fract() != 0.0 {
            self.fault(name, FaultCode::WrongType, "must be a whole number");
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is whole, and within a range of such numbers"
        )]
        Some(number as u32)
    }

    /// An array with a number of entries within `count`, each with its place.
    pub fn array(
        &mut self,
        name: &'static str,
        count: RangeInclusive<usize>,
    ) -> Option<Vec<(String, &'a Value)>> {
        let value = self.value(name)?;
        self.as_array(name, value, count)
    }

    /// As [`Self::array`], but a fault if absent.
    pub fn required_array(
        &mut self,
        name: &'static str,
        count: RangeInclusive<usize>,
    ) -> Option<Vec<(String, &'a Value)>> {
        let value = self.required(name)?;
        self.as_array(name, value, count)
    }

    /// An object within this one.
    pub fn object(&mut self, name: &'static str) -> Option<Fields<'a>> {
        let value = self.value(name)?;
        self.within(value, self.pointer_to(name))
    }

    /// As [`Self::object`], but a fault if absent.
    pub fn required_object(&mut self, name: &'static str) -> Option<Fields<'a>> {
        let value = self.required(name)?;
        self.within(value, self.pointer_to(name))
    }

    /// The objects of an array. Beyond the number allowed they are not read; a missing array has none.
    pub fn objects(&mut self, name: &'static str, count: RangeInclusive<usize>) -> Vec<Fields<'a>> {
        let Some(value) = self.value(name) else {
            return Vec::new();
        };
        let most = *count.end();
        self.as_array(name, value, count);
        let entries = value.as_array().into_iter().flatten().take(most);
        entries
            .enumerate()
            .filter_map(|(index, entry)| {
                self.within(entry, format!("{}/{index}", self.pointer_to(name)))
            })
            .collect()
    }

    /// As [`Self::objects`], but a fault if absent.
    pub fn required_objects(
        &mut self,
        name: &'static str,
        count: RangeInclusive<usize>,
    ) -> Vec<Fields<'a>> {
        self.required(name);
        self.objects(name, count)
    }

    /// A text that is one of `allowed`.
    pub fn choice(&mut self, name: &'static str, allowed: &[&'static str]) -> Option<&'static str> {
        let text = self.text(name, 1..=usize::MAX)?;
        let found = allowed.iter().copied().find(|known| *known == text);
        if found.is_none() {
            let detail = format!("must be one of: {}", allowed.join(", "));
            self.fault(name, FaultCode::Invalid, detail);
        }
        found
    }

    /// As [`Self::choice`], but a fault if absent.
    pub fn required_choice(
        &mut self,
        name: &'static str,
        allowed: &[&'static str],
    ) -> Option<&'static str> {
        self.required(name)?;
        self.choice(name, allowed)
    }

    /// A text that `parse` accepts; its error becomes the fault's detail.
    pub fn parsed<T, E: std::fmt::Display>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(name, 1..=usize::MAX)?;
        if self.awaits_filling(text) {
            return None;
        }
        match parse(text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(name, FaultCode::Invalid, error.to_string());
                None
            }
        }
    }

    /// As [`Self::parsed`], but a fault if absent.
    pub fn required_parsed<T, E: std::fmt::Display>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.required(name)?;
        self.parsed(name, parse)
    }

    /// Whether a placeholder in `text` will still be filled.
    #[must_use]
    pub fn awaits_filling(&self, text: &str) -> bool {
        self.stage == Stage::Draft && text.len() <= LONGEST_UNFILLED && placeholder::is_in(text)
    }

    /// Ends the reading: every field nobody asked for is a fault.
    pub fn finish(self) {
        for name in self
            .object
            .keys()
            .filter(|name| !self.known.contains(&name.as_str()))
        {
            self.fault(
                name,
                FaultCode::UnknownField,
                "is not a field of this object",
            );
        }
    }

    fn within(&self, value: &'a Value, pointer: String) -> Option<Self> {
        let mut fields = Self::of(value, pointer, self.faults)?;
        fields.stage = self.stage;
        Some(fields)
    }

    fn as_text(
        &self,
        name: &str,
        value: &'a Value,
        length: RangeInclusive<usize>,
    ) -> Option<&'a str> {
        let Some(text) = value.as_str() else {
            self.fault(name, FaultCode::WrongType, "must be a text");
            return None;
        };
        if text.contains(characters::is_forbidden) {
            let detail = "must not hold control characters, save line breaks and tabs";
            self.fault(name, FaultCode::Invalid, detail);
            return None;
        }
        if self.awaits_filling(text) {
            return Some(text);
        }
        let characters = text.chars().count();
        if characters > *length.end() {
            let detail = format!(
                "has {characters} characters, at most {} are allowed",
                length.end()
            );
            self.fault(name, FaultCode::TooLong, detail);
            return None;
        }
        if characters < *length.start() {
            let detail = if characters == 0 {
                "must not be empty".to_owned()
            } else {
                format!(
                    "has {characters} characters, at least {} are needed",
                    length.start()
                )
            };
            self.fault(name, FaultCode::TooShort, detail);
            return None;
        }
        Some(text)
    }

    fn as_array(
        &self,
        name: &str,
        value: &'a Value,
        count: RangeInclusive<usize>,
    ) -> Option<Vec<(String, &'a Value)>> {
        let Some(entries) = value.as_array() else {
            self.fault(name, FaultCode::WrongType, "must be an array");
            return None;
        };
        if entries.len() > *count.end() {
            let detail = format!(
                "has {} entries, at most {} are allowed",
                entries.len(),
                count.end()
            );
            self.fault(name, FaultCode::TooMany, detail);
            return None;
        }
        if entries.len() < *count.start() {
            let detail = format!(
                "has {} entries, at least {} are needed",
                entries.len(),
                count.start()
            );
            self.fault(name, FaultCode::TooFew, detail);
            return None;
        }
        let pointer = self.pointer_to(name);
        Some(
            entries
                .iter()
                .enumerate()
                .map(|(index, entry)| (format!("{pointer}/{index}"), entry))
                .collect(),
        )
    }
}
