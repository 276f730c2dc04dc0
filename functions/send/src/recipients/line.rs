//! One line of a call for recipients, from JSON or from CSV, and what is wrong with it.

use heliograph::domain::fault::{Fault, FaultCode, in_pointer};
use heliograph::domain::message::Outbound;
use heliograph::messaging::recipients::{LineFault, Place};
use serde::Serialize;

/// The longest name of a column that is told whole, in bytes: a placeholder's are no longer.
const LONGEST_NAME: usize = 128;

/// One line: where it stands, and the recipient it names or why it names none.
pub(crate) struct Line {
    pub(crate) place: u64,
    /// How many lines of the call it stands for: more than one where CSV cannot be told apart.
    pub(crate) count: u64,
    pub(crate) read: Result<Outbound, Vec<RecipientFault>>,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct RecipientFault {
    /// JSON: where, as a JSON pointer into the body. CSV: `/rows/` with the row and the column.
    pub(crate) pointer: String,
    /// CSV: the row of the file, as a spreadsheet counts it: the header is row 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) row: Option<u64>,
    /// CSV: the last of several rows that were read as one, because of a quotation mark too few or too many. None of
    /// them was added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_row: Option<u64>,
    /// CSV: the column, by its name in the header; absent where the row as a whole is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) column: Option<String>,
    /// What kind.
    #[schema(value_type = FaultCode)]
    pub(crate) code: FaultCode,
    /// What is wrong and what would be right.
    pub(crate) detail: String,
}

impl RecipientFault {
    /// Of the line at this place of a JSON array.
    pub(crate) fn in_json(place: u64, fault: LineFault) -> Self {
        let line = format!("/recipients/{place}");
        let (pointer, detail) = match fault.place {
            Place::Field(pointer) => (format!("{line}{pointer}"), fault.detail),
            Place::Variable(name) => (
                format!("{line}/variables"),
                format!("variable {name} {}", fault.detail),
            ),
            Place::Message(_) => (format!("{line}/variables"), fault.detail),
        };
        Self {
            pointer,
            row: None,
            last_row: None,
            column: None,
            code: fault.code,
            detail,
        }
    }

    /// Of a row of a CSV file, and of its column, if one is meant.
    pub(crate) fn of_row(
        row: u64,
        column: Option<String>,
        code: FaultCode,
        detail: impl Into<String>,
    ) -> Self {
        let column = column.map(clipped);
        let pointer = match &column {
            Some(name) => format!("/rows/{row}/{}", in_pointer(name)),
            None => format!("/rows/{row}"),
        };
        Self {
            pointer,
            row: Some(row),
            last_row: None,
            column,
            code,
            detail: detail.into(),
        }
    }

    /// As one of a problem's faults, which name their place by a pointer alone.
    pub(crate) fn into_fault(self) -> Fault {
        Fault {
            pointer: self.pointer,
            code: self.code,
            detail: self.detail,
        }
    }
}

/// A header may name a column as long as it likes, and every row may have a fault in it.
fn clipped(name: String) -> String {
    if name.len() <= LONGEST_NAME {
        return name;
    }
    let end = name.floor_char_boundary(LONGEST_NAME);
    format!("{}…", name.get(..end).unwrap_or_default())
}
