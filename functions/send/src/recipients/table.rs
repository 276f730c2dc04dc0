//! Reads recipients from CSV: a header row, then a recipient a row. No row is passed over in silence.

use super::header::{self, Column};
use super::line::{Line, RecipientFault};
use super::quotes::{Quotes, separator_of};
use csv::{Reader, ReaderBuilder, StringRecord};
use heliograph::domain::fault::{Fault, FaultCode};
use heliograph::domain::identity::Bsuid;
use heliograph::domain::job::Job;
use heliograph::domain::phone::PhoneNumber;
use heliograph::messaging::recipients::{self, LineFault, Place};
use heliograph::service::problem::Problem;
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// What ends a line, together or alone.
const BREAKS: [char; 2] = ['\r', '\n'];

/// A CSV file, being read.
pub(crate) struct Table<'a> {
    text: &'a str,
    /// What of the text is not read yet.
    rest: &'a str,
    reader: Reader<&'a [u8]>,
    separator: char,
    columns: Vec<Column>,
    /// The next row, as a spreadsheet counts it: a line break within a field begins none.
    row: u64,
    /// The next line of the text.
    line: u64,
    job: &'a Job,
    now: Timestamp,
}

/// A row as it was read, which need not be what was meant.
struct Row {
    number: u64,
    /// Its first line.
    line: u64,
    lines: u64,
    quotes: Quotes,
    record: StringRecord,
}

/// The text of a CSV body: UTF-8, with or without a byte order mark.
pub(crate) fn text_of(body: &[u8]) -> Result<Cow<'_, str>, Problem> {
    if body.starts_with(&[0xFF, 0xFE]) || body.starts_with(&[0xFE, 0xFF]) {
        return Err(invalid_csv("the file is UTF-16: save it as CSV in UTF-8"));
    }
    let text = std::str::from_utf8(body).map_err(|error| {
        let before = body.get(..error.valid_up_to()).unwrap_or_default();
        let row = before.split(|byte| *byte == b'\n').count();
        invalid_csv(&format!(
            "row {row} is not UTF-8: save the file as CSV in UTF-8"
        ))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // Rows that end as they did on old Macs.
    if text.contains('\r') && !text.contains('\n') {
        return Ok(text.replace('\r', "\n").into());
    }
    Ok(text.into())
}

fn invalid_csv(detail: &str) -> Problem {
    Problem::bad_request("invalid_csv", detail)
}

impl<'a> Table<'a> {
    /// Reads the header. Faults of the header refuse the file.
    pub(crate) fn open(text: &'a str, job: &'a Job, now: Timestamp) -> Result<Self, Problem> {
        let separator = separator_of(text);
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(u8::try_from(separator).unwrap_or(b','))
            .from_reader(text.as_bytes());
        let mut table = Self {
            text,
            rest: text,
            reader,
            separator,
            columns: Vec::new(),
            row: 1,
            line: 1,
            job,
            now,
        };
        let header = table
            .next_row()
            .ok_or_else(|| invalid_csv("the file is empty: its first row must name the columns"))?;
        table.take_columns(&header).map_err(Problem::validation)?;
        Ok(table)
    }

    fn take_columns(&mut self, header: &Row) -> Result<(), Vec<Fault>> {
        let columns = header::columns_of(header.number, &header.record);
        self.columns = columns.map_err(|fault| vec![fault])?;
        match self.unreadable(header) {
            Some(fault) => Err(vec![fault.into_fault()]),
            None => header::check(header.number, &header.record),
        }
    }

    /// The next row that is not blank.
    fn next_row(&mut self) -> Option<Row> {
        let mut record = StringRecord::new();
        // The bytes are UTF-8 and rows may differ in length: nothing else can fail.
        if !self.reader.read_record(&mut record).unwrap_or(false) {
            return None;
        }
        let read = usize::try_from(self.reader.position().byte()).unwrap_or(usize::MAX);
        let rest = self.text.get(read..).unwrap_or_default();
        let taken = self.rest.len().saturating_sub(rest.len());
        let taken = self.rest.get(..taken).unwrap_or_default();
        // The reader stops between the two characters of a line break.
        let pending = if taken.ends_with('\r') { "\n" } else { "" };
        self.rest = rest.strip_prefix(pending).unwrap_or(rest);
        let text = taken.trim_start_matches(BREAKS);
        let blank = breaks(taken) - breaks(text);
        let text = text.trim_end_matches(BREAKS);
        let row = Row {
            number: self.row + blank,
            line: self.line + blank,
            lines: 1 + breaks(text),
            quotes: Quotes::of(text, self.separator),
            record,
        };
        self.row = row.number + 1;
        self.line = row.line + row.lines;
        Some(row)
    }

    fn read(&mut self, row: &Row) -> Line {
        if let Some(fault) = self.unreadable(row) {
            // Its lines are no row of a spreadsheet's, but rows that were meant as such.
            self.row += row.lines - 1;
            return Line {
                place: row.number,
                count: row.lines,
                read: Err(vec![fault]),
            };
        }
        let read = self.shape(row).and_then(|()| {
            let line = self.line_of(&row.record);
            recipients::read(self.job, &line, self.now).map_err(|faults| {
                let faults = faults.into_iter();
                faults
                    .map(|fault| self.fault_of(row.number, &line, fault))
                    .collect()
            })
        });
        Line {
            place: row.number,
            count: 1,
            read: read.map_err(|faults| within_lines(row, faults)),
        }
    }

    /// A fault by the column it is about. One of the message is about the longest of the cells that fill the place.
    fn fault_of(&self, row: u64, line: &Value, fault: LineFault) -> RecipientFault {
        let mut detail = fault.detail;
        let column = match fault.place {
            Place::Field(pointer) => match pointer.trim_start_matches('/') {
                "" => None,
                "to" if !self.has("to") => Some("recipient".to_owned()),
                "variables" => longest(line, |_| true),
                field => Some(field.to_owned()),
            },
            Place::Variable(name) => Some(name),
            Place::Message(names) => {
                detail.push_str(&filled_from(&names));
                longest(line, |name| names.iter().any(|filled| filled == name))
            }
        };
        RecipientFault::of_row(row, column, fault.code, detail)
    }

    fn has(&self, name: &str) -> bool {
        let mut columns = self.columns.iter();
        columns.any(|column| matches!(column, Column::Field(field) if *field == name))
    }

    /// What is wrong with a row of which it is not sure where it ends, and which rows it has swallowed.
    fn unreadable(&self, row: &Row) -> Option<RecipientFault> {
        let why = match row.quotes {
            Quotes::Stray => {
                "a text follows a closing quotation mark: a mark within a text must be written twice"
            }
            Quotes::Open => {
                "a quotation mark is opened and never closed: this row, and what follows, cannot be read"
            }
            Quotes::Sound if self.holds_a_row(&row.record) => {
                "what reads as a row stands within quotation marks: one of them is missing or too many; who means it \
                 so sends the recipient as JSON"
            }
            Quotes::Sound => return None,
        };
        let last = row.number + row.lines - 1;
        let detail = match row.lines {
            1 => why.to_owned(),
            _ => format!("rows {} to {last} were read as one: {why}", row.number),
        };
        let fault = RecipientFault::of_row(row.number, None, FaultCode::Invalid, detail);
        Some(RecipientFault {
            last_row: (row.lines > 1).then_some(last),
            ..fault
        })
    }

    /// Whether a line of a field is a row by itself: as many fields as the header, and a recipient in its place. Two
    /// marks left open, each in a row of its own, look like a text of several lines.
    fn holds_a_row(&self, record: &StringRecord) -> bool {
        let last = record.len().saturating_sub(1);
        let trimmed = |field| match last {
            // A number alone, with a line break around it.
            0 => str::trim_matches(field, BREAKS),
            _ => field,
        };
        let fields = record.iter().map(trimmed).enumerate();
        let mut texts = fields.filter(|(_, field)| field.contains(BREAKS));
        texts.any(|(place, field)| {
            let lines: Vec<&str> = field.split('\n').collect();
            let end = lines.len() - 1;
            let mut lines = lines.into_iter().enumerate();
            lines.any(|(number, line)| {
                let before = if number == 0 { place } else { 0 };
                let after = if number == end { last - place } else { 0 };
                self.is_row(line, before, after)
            })
        })
    }

    /// Whether a line is a row, with so many fields before and after it; its recipient must stand in the line itself.
    fn is_row(&self, line: &str, before: usize, after: usize) -> bool {
        let cells = line.trim_end_matches('\r').split(self.separator);
        let wanted = self.columns.len();
        let mut spare = cells.clone().skip(wanted.saturating_sub(before));
        if before + cells.clone().count() + after < wanted || spare.any(|cell| !cell.is_empty()) {
            return false;
        }
        let mut cells = cells.zip(self.columns.iter().skip(before));
        cells.any(|(cell, column)| match column {
            Column::Field("to") => cell.parse::<PhoneNumber>().is_ok(),
            Column::Field("recipient") => cell.trim().parse::<Bsuid>().is_ok(),
            Column::Field(_) | Column::Variable(_) | Column::Unnamed => false,
        })
    }

    /// A row must have the header's columns.
    fn shape(&self, row: &Row) -> Result<(), Vec<RecipientFault>> {
        let (found, wanted) = (row.record.len(), self.columns.len());
        let mut spare = row.record.iter().skip(wanted);
        let fault = |detail: &str| {
            let fault = RecipientFault::of_row(row.number, None, FaultCode::Invalid, detail);
            Err(vec![fault])
        };
        if found < wanted || spare.any(|field| !field.is_empty()) {
            return fault(&format!("has {found} fields, the header has {wanted}"));
        }
        let unnamed = |(field, column): (&str, &Column)| {
            matches!(column, Column::Unnamed) && !field.trim().is_empty()
        };
        if row.record.iter().zip(&self.columns).any(unnamed) {
            return fault("has a value in a column without a name");
        }
        Ok(())
    }

    /// The row as a line of JSON would say it. An empty cell says nothing.
    fn line_of(&self, record: &StringRecord) -> Value {
        let mut line = Map::new();
        let mut variables = Map::new();
        for (field, column) in record.iter().zip(&self.columns) {
            match column {
                Column::Field(name) if !field.trim().is_empty() => {
                    line.insert((*name).to_owned(), field.trim().into());
                }
                Column::Variable(name) if !field.is_empty() => {
                    variables.insert(name.clone(), field.into());
                }
                Column::Field(_) | Column::Variable(_) | Column::Unnamed => {}
            }
        }
        if !variables.is_empty() {
            line.insert("variables".to_owned(), variables.into());
        }
        line.into()
    }
}

impl Iterator for Table<'_> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        let row = self.next_row()?;
        Some(self.read(&row))
    }
}

/// The faults of a row of several lines name them: what was meant as a row of its own must not get lost.
fn within_lines(row: &Row, faults: Vec<RecipientFault>) -> Vec<RecipientFault> {
    if row.lines == 1 {
        return faults;
    }
    let (first, last) = (row.line, row.line + row.lines - 1);
    let told = faults.into_iter().map(|fault| RecipientFault {
        detail: format!(
            "{}; the row is the lines {first} to {last} of the file",
            fault.detail
        ),
        ..fault
    });
    told.collect()
}

/// The longest of the variables that are meant.
fn longest(line: &Value, is_meant: impl Fn(&str) -> bool) -> Option<String> {
    let variables = line.get("variables")?.as_object()?.iter();
    let meant = variables.filter(|(name, _)| is_meant(name));
    let longest = meant.max_by_key(|(_, value)| value.as_str().map_or(0, str::len));
    longest.map(|(name, _)| name.clone())
}

/// Which columns fill a place, where they are several; the first of them, since there may be a hundred.
fn filled_from(names: &[String]) -> String {
    match names {
        [] | [_] => String::new(),
        [one, other] => format!(", filled from the columns {one} and {other}"),
        [one, other, rest @ ..] => {
            format!(
                ", filled from the columns {one}, {other} and {} more",
                rest.len()
            )
        }
    }
}

/// How many lines end in a text.
fn breaks(text: &str) -> u64 {
    let ends = text.matches(BREAKS).count() - text.matches("\r\n").count();
    u64::try_from(ends).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
