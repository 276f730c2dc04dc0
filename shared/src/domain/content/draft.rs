//! A bulk job's message: checked once as written, and again for each recipient when its placeholders are filled.

use super::{Content, Kind, marketing};
use crate::domain::fault::{Fault, FaultCode, Faults, in_pointer};
use crate::domain::fields::Fields;
use crate::domain::placeholder;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use thiserror::Error;

/// More than any message has places for.
const MOST_PLACEHOLDERS: usize = 100;

/// The longest name of a placeholder, in bytes.
const LONGEST_PLACEHOLDER: usize = 128;

const UNFINISHED: &str = "has {{ that begins no placeholder: write {{name}}; braces that are to be sent can come from a \
                          variable";

/// A message whose placeholders are not filled yet. Made by [`Content::read_draft`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    kind: Kind,
    body: Value,
}

/// Why a draft does not become a message for one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FillError {
    /// Variables are missing or cannot be filled in; the pointers are into the variables.
    #[error("the variables do not fill the message")]
    Variables(Vec<Fault>),
    /// The filled message breaks a limit; the pointers are into the message.
    #[error("the filled message breaks a limit")]
    Content(Vec<Fault>),
}

impl Draft {
    pub(super) fn of(kind: Kind, fields: &mut Fields<'_>) -> Self {
        let mut body = Map::new();
        body.insert("type".to_owned(), kind.as_str().into());
        let names = [kind.as_str(), "context", "recipient_identity_key_hash"];
        for name in names.into_iter().chain(marketing::FIELDS) {
            if let Some(value) = fields.value(name) {
                check_placeholders(fields, name, value);
                body.insert(name.to_owned(), value.clone());
            }
        }
        Self {
            kind,
            body: Value::Object(body),
        }
    }

    /// Meta's `type`.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The object named by the type, as the caller wrote it.
    #[must_use]
    pub fn object(&self) -> &Value {
        self.body.get(self.kind.as_str()).unwrap_or(&Value::Null)
    }

    /// The name and the language of its template, if it has one that is the same for all.
    #[must_use]
    pub fn template(&self) -> Option<(&str, &str)> {
        let text = |pointer| self.body.pointer(pointer)?.as_str();
        let (name, language) = (text("/template/name")?, text("/template/language/code")?);
        let is_fixed = !placeholder::is_in(name) && !placeholder::is_in(language);
        is_fixed.then_some((name, language))
    }

    /// The placeholders at a place of the message; of what it stands in, if it has none itself.
    #[must_use]
    pub fn placeholders_at(&self, pointer: &str) -> BTreeSet<&str> {
        let names = self.body.pointer(pointer).map(placeholder::names);
        match (names.unwrap_or_default(), pointer.rsplit_once('/')) {
            (names, Some((parent, _))) if names.is_empty() => self.placeholders_at(parent),
            (names, _) => names,
        }
    }

    /// The message for one recipient.
    pub fn fill(&self, variables: &Value) -> Result<Content, FillError> {
        let filled = placeholder::fill(&self.body, variables)
            .map_err(|names| FillError::Variables(variable_faults(&names, variables)))?;
        let faults = Faults::new();
        let content =
            Fields::of(&filled, "", &faults).and_then(|mut fields| Content::read(&mut fields));
        faults.into_result(content).map_err(FillError::Content)
    }
}

/// Each recipient's faults name them, so neither their number nor their length may be without bound.
fn check_placeholders(fields: &Fields<'_>, field: &str, value: &Value) {
    for place in placeholder::unfinished(value) {
        let pointer = format!("{}{place}", fields.pointer_to(field));
        fields.faults().add(pointer, FaultCode::Invalid, UNFINISHED);
    }
    let names = placeholder::names(value);
    if names.len() > MOST_PLACEHOLDERS {
        let detail = format!("must have at most {MOST_PLACEHOLDERS} different placeholders");
        fields.fault(field, FaultCode::TooMany, detail);
    }
    if names.iter().any(|name| name.len() > LONGEST_PLACEHOLDER) {
        let detail = format!("a placeholder's name must have at most {LONGEST_PLACEHOLDER} bytes");
        fields.fault(field, FaultCode::TooLong, detail);
    }
}

fn variable_faults(names: &[String], variables: &Value) -> Vec<Fault> {
    names
        .iter()
        .map(|name| variable_fault(name, variables))
        .collect()
}

fn variable_fault(name: &str, variables: &Value) -> Fault {
    let (code, detail) = match placeholder::variable(variables, name) {
        None => (
            FaultCode::Required,
            "is required: the message has a placeholder for it",
        ),
        Some(Value::Array(_) | Value::Object(_) | Value::Null) => (
            FaultCode::WrongType,
            "must be a text, a number, or true or false",
        ),
        Some(Value::String(_) | Value::Number(_) | Value::Bool(_)) => {
            (FaultCode::TooLong, "is longer than any message can be")
        }
    };
    let place = match (variables, name.parse::<usize>()) {
        (Value::Array(_), Ok(counted @ 1..)) => (counted - 1).to_string(),
        _ => in_pointer(name),
    };
    Fault {
        pointer: format!("/{place}"),
        code,
        detail: detail.to_owned(),
    }
}
