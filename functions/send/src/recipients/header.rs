//! The header of a CSV file of recipients: which column holds what.

use super::line::RecipientFault;
use csv::StringRecord;
use heliograph::domain::fault::{Fault, FaultCode};
use std::collections::BTreeSet;

/// More than any message has placeholders; each column may be a fault of the header.
const MOST_COLUMNS: usize = 500;

/// The columns that are no variables, by the fields they stand for.
const FIELDS: [&str; 3] = ["to", "recipient", "reference"];

/// What a column holds.
pub(crate) enum Column {
    Field(&'static str),
    Variable(String),
    Unnamed,
}

/// What the columns hold, whether or not the header is as it must be. A fault if they are too many.
pub(crate) fn columns_of(row: u64, header: &StringRecord) -> Result<Vec<Column>, Fault> {
    if header.len() > MOST_COLUMNS {
        let detail = format!(
            "names {} columns, at most {MOST_COLUMNS} are allowed",
            header.len()
        );
        let fault = RecipientFault::of_row(row, None, FaultCode::TooMany, detail);
        return Err(fault.into_fault());
    }
    let names = header.iter().map(str::trim);
    let columns = names.map(|name| match field_of(name) {
        Some(field) => Column::Field(field),
        None if name.is_empty() => Column::Unnamed,
        None => Column::Variable(name.to_owned()),
    });
    Ok(columns.collect())
}

/// Each column has a name of its own, and one says who the recipient is.
pub(crate) fn check(row: u64, header: &StringRecord) -> Result<(), Vec<Fault>> {
    let mut seen = BTreeSet::new();
    let mut faults = Vec::new();
    let fault = |name: &str, code, detail: &str| {
        let column = Some(name.to_owned());
        RecipientFault::of_row(row, column, code, detail).into_fault()
    };
    for name in header.iter().map(str::trim) {
        if !name.is_empty() && !seen.insert(field_of(name).unwrap_or(name)) {
            faults.push(fault(name, FaultCode::Duplicate, "names two columns"));
        }
    }
    if !seen.contains("to") && !seen.contains("recipient") {
        let detail =
            "is required: the first row must name the columns, and one of them must be `to`";
        faults.push(fault("to", FaultCode::Required, detail));
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

fn field_of(name: &str) -> Option<&'static str> {
    let mut fields = FIELDS.into_iter();
    fields.find(|field| field.eq_ignore_ascii_case(name))
}
