//! What is wrong with a caller's body: every fault, each with the place where it stands.

use serde::{Deserialize, Serialize};
use std::cell::{Cell, RefCell};

/// What kind of fault it is; stable, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultCode {
    /// A field that must be there is not.
    Required,
    /// A value of another JSON type was expected.
    WrongType,
    /// A field that nobody knows.
    UnknownField,
    /// Longer than allowed.
    TooLong,
    /// Shorter than allowed.
    TooShort,
    /// More entries than allowed.
    TooMany,
    /// Fewer entries than allowed.
    TooFew,
    /// A number outside its range.
    OutOfRange,
    /// Not of the form it must have.
    Invalid,
    /// Valid by itself, but not here or not together with something else.
    NotAllowed,
    /// The same thing twice.
    Duplicate,
    /// Well formed, and the provider, who was asked, does not take it.
    Refused,
}

/// A field's name as a part of a JSON pointer.
#[must_use]
pub fn in_pointer(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// One fault of a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Fault {
    /// Where: a JSON pointer (RFC 6901) into the body.
    pub pointer: String,
    /// What kind.
    pub code: FaultCode,
    /// What is wrong and what would be right, for a person; never repeats the value.
    pub detail: String,
}

/// More than anyone reads; a body of nothing but faults must not become an answer of many times its size.
const MOST_KEPT: usize = 10_000;

/// Collects faults while a body is read, so that one answer names them all.
#[derive(Debug, Default)]
pub struct Faults {
    kept: RefCell<Vec<Fault>>,
    count: Cell<usize>,
}

impl Faults {
    /// A collection without a fault.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one fault.
    pub fn add(&self, pointer: impl Into<String>, code: FaultCode, detail: impl Into<String>) {
        self.count.set(self.count.get() + 1);
        let mut kept = self.kept.borrow_mut();
        if kept.len() < MOST_KEPT {
            kept.push(Fault {
                pointer: pointer.into(),
                code,
                detail: detail.into(),
            });
        }
    }

    /// How many faults there are so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count.get()
    }

    /// The value if no fault was found, else every fault.
    pub fn into_result<T>(self, value: Option<T>) -> Result<T, Vec<Fault>> {
        let faults = self.kept.into_inner();
        match value {
            Some(value) if faults.is_empty() => Ok(value),
            _ => Err(faults),
        }
    }
}
