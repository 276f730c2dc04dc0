//! Reads recipients from CSV: a header row, then a recipient a row. No row is passed over in silence.

use super::line::{Line, RecipientFault};
use csv::{Reader, ReaderBuilder, StringRecord};
use heliograph::domain::fault::{Fault, FaultCode};
use heliograph::domain::job::Job;
use heliograph::messaging::recipients;
use heliograph::service::problem::Problem;
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The columns that are no variables, by the fields they stand for.
const FIELDS: [&str; 3] = ["to", "recipient", "reference"];

/// A CSV file, being read.
pub(crate) struct Table<'a> {
    text: &'a str,
    reader: Reader<&'a [u8]>,
    separator: char,
    columns: Vec<Column>,
    /// Line breaks within the fields read so far: a spreadsheet counts them not as rows.
    breaks: u64,
    job: &'a Job,
    now: Timestamp,
}

/// What a column holds.
enum Column {
    Field(&'static str),
    Variable(String),
    Unnamed,
}

/// The text of a CSV body: UTF-8, with or without a byte order mark.
pub(crate) fn text_of(body: &[u8]) -> Result<Cow<'_, str>, Problem> {
    if body.starts_with(&[0xFF, 0xFE]) || body.starts_with(&[0xFE, 0xFF]) {
        return Err(not_utf8("the file is UTF-16: save it as CSV in UTF-8"));
    }
    let text = std::str::from_utf8(body).map_err(|error| {
        let before = body.get(..error.valid_up_to()).unwrap_or_default();
        let row = before.split(|byte| *byte == b'\n').count();
        not_utf8(&format!(
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

fn not_utf8(detail: &str) -> Problem {
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
            reader,
            separator,
            columns: Vec::new(),
            breaks: 0,
            job,
            now,
        };
        let (row, header) = table
            .next_record()
            .ok_or_else(|| not_utf8("the file is empty: its first row must name the columns"))?;
        table.columns = columns(row, &header).map_err(Problem::validation)?;
        Ok(table)
    }

    /// The next row that is not blank, with its number.
    fn next_record(&mut self) -> Option<(u64, StringRecord)> {
        let start = self.reader.position().clone();
        let mut record = StringRecord::new();
        // The bytes are UTF-8 and rows may differ in length: nothing else can fail.
        if !self.reader.read_record(&mut record).unwrap_or(false) {
            return None;
        }
        let rest = usize::try_from(start.byte()).ok();
        let rest = rest.and_then(|byte| self.text.get(byte..)).unwrap_or("");
        let blank = rest.chars().take_while(|one| matches!(one, '\n' | '\r'));
        let blank = count(blank.filter(|one| *one == '\n').count());
        let row = start.line() + blank - self.breaks;
        let breaks = record.iter().map(|field| field.matches('\n').count()).sum();
        self.breaks += count(breaks);
        Some((row, record))
    }

    fn read(&self, row: u64, record: &StringRecord) -> Line {
        let read = self.shape(row, record).and_then(|()| {
            let line = self.line_of(record);
            recipients::read(self.job, &line, self.now).map_err(|faults| {
                let faults = faults.into_iter();
                faults
                    .map(|fault| RecipientFault::in_csv(row, fault))
                    .collect()
            })
        });
        Line { place: row, read }
    }

    /// A row must have the header's columns, and end.
    fn shape(&self, row: u64, record: &StringRecord) -> Result<(), Vec<RecipientFault>> {
        let (found, wanted) = (record.len(), self.columns.len());
        let spare = record.iter().skip(wanted);
        let fault = |detail: String| {
            Err(vec![RecipientFault::of_row(
                row,
                None,
                FaultCode::Invalid,
                detail,
            )])
        };
        if self.is_cut_off() {
            return fault(
                "a quotation mark is opened and never closed: this row, and what follows, cannot be read".to_owned(),
            );
        }
        if found < wanted || spare.clone().any(|field| !field.is_empty()) {
            return fault(format!("has {found} fields, the header has {wanted}"));
        }
        let unnamed = |(field, column): (&str, &Column)| {
            matches!(column, Column::Unnamed) && !field.trim().is_empty()
        };
        if record.iter().zip(&self.columns).any(unnamed) {
            return fault("has a value in a column without a name".to_owned());
        }
        Ok(())
    }

    /// Whether the row just read is the last one and ends within quotation marks.
    fn is_cut_off(&self) -> bool {
        let read = usize::try_from(self.reader.position().byte()).unwrap_or(usize::MAX);
        read >= self.text.len() && ends_in_quotes(self.text, self.separator)
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
        let (row, record) = self.next_record()?;
        Some(self.read(row, &record))
    }
}

fn columns(row: u64, header: &StringRecord) -> Result<Vec<Column>, Vec<Fault>> {
    let mut seen = BTreeSet::new();
    let mut faults = Vec::new();
    let mut columns = Vec::new();
    let fault = |name: &str, code, detail: &str| {
        let column = Some(name.to_owned());
        RecipientFault::of_row(row, column, code, detail).into_fault()
    };
    for name in header.iter().map(str::trim) {
        let field = FIELDS
            .into_iter()
            .find(|field| field.eq_ignore_ascii_case(name));
        if !name.is_empty() && !seen.insert(field.unwrap_or(name)) {
            faults.push(fault(name, FaultCode::Duplicate, "names two columns"));
        }
        columns.push(match field {
            Some(field) => Column::Field(field),
            None if name.is_empty() => Column::Unnamed,
            None => Column::Variable(name.to_owned()),
        });
    }
    if !seen.contains("to") && !seen.contains("recipient") {
        let detail =
            "is required: the first row must name the columns, and one of them must be `to`";
        faults.push(fault("to", FaultCode::Required, detail));
    }
    if faults.is_empty() {
        Ok(columns)
    } else {
        Err(faults)
    }
}

/// What divides the header's columns: the sign that stands there most often.
fn separator_of(text: &str) -> char {
    let mut quoted = false;
    let mut counts = [(',', 0), (';', 0), ('\t', 0)];
    for character in text.trim_start_matches(['\r', '\n']).chars() {
        match character {
            '"' => quoted = !quoted,
            '\r' | '\n' if !quoted => break,
            _ if quoted => {}
            _ => {
                let found = counts.iter_mut().find(|(sign, _)| *sign == character);
                if let Some((_, number)) = found {
                    *number += 1;
                }
            }
        }
    }
    let most = counts.iter().map(|(_, number)| *number).max();
    let found = counts.iter().find(|(_, number)| Some(*number) == most);
    found.map_or(',', |(sign, _)| *sign)
}

/// Whether a text ends within quotation marks, read as the rows are read.
fn ends_in_quotes(text: &str, separator: char) -> bool {
    let (mut quoted, mut at_start) = (false, true);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if quoted {
            if character == '"' && characters.next_if_eq(&'"').is_none() {
                quoted = false;
            }
        } else if character == '"' && at_start {
            quoted = true;
            at_start = false;
        } else {
            at_start = character == separator || matches!(character, '\r' | '\n');
        }
    }
    quoted
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
