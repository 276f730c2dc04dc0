//! What the fuzzer of `tests/fuzz` sees of this function; built for it alone.

use crate::recipients::table::{Table, text_of};
use heliograph::domain::job::Job;
use jiff::Timestamp;
use serde_json::json;

/// The rows of a CSV file: where each stands, and how many it is. `None` if the file is refused.
#[must_use]
pub fn csv_rows(file: &[u8]) -> Option<Vec<(u64, u64)>> {
    let message =
        json!({"kind": "text", "body": {"type": "text", "text": {"body": "Hello {{name}}"}}});
    let job = Job::draft(
        "demo".parse().ok()?,
        "acct_demo".parse().ok()?,
        "100000000000001".parse().ok()?,
        "fuzzed".to_owned(),
        serde_json::from_value(message).ok()?,
        Timestamp::UNIX_EPOCH,
    );
    let text = text_of(file).ok()?;
    let table = Table::open(&text, &job, Timestamp::UNIX_EPOCH).ok()?;
    Some(table.map(|line| (line.place, line.count)).collect())
}
