//! What is too large for any record is kept as its text, in numbered parts: nobody reads it, and nothing is lost.

use super::super::UNPARSED;
use super::super::members::{ObjectText, quoted};
use super::SplitError;
use super::cut::BYTES_PER_PIECE;
use crate::domain::id::EventId;
use crate::domain::queue::{Change, LARGEST_RECORD, WebhookBody, WebhookRecord};
use serde_json::value::RawValue;

/// The text of a part. Escaped once more it is at most twice as long, and so never larger than a piece.
const BYTES_PER_PART: usize = BYTES_PER_PIECE / 2 - 1_000;

/// Whether the record, which holds one change, is more than the queue and the database take.
pub(super) fn is_too_large(record: &WebhookRecord) -> Result<bool, SplitError> {
    let raw = |change: &Change| change.value.get().len() + change.field.len() + change.entry.len();
    if record.changes.iter().map(raw).sum::<usize>() <= BYTES_PER_PIECE {
        return Ok(false);
    }
    Ok(WebhookBody::encode(record)?.len() > LARGEST_RECORD)
}

/// The parts of a change, in order. `whole` names what they are parts of.
pub(super) fn of(change: &Change, whole: &EventId) -> Result<Vec<Change>, SplitError> {
    let texts = cut(change.value.get());
    let part = |(number, text): (usize, &&str)| {
        let mut object = ObjectText::default();
        object.member("part", &number.to_string());
        object.member("of", &texts.len().to_string());
        object.member("whole", &quoted(whole.as_str()));
        object.member("entry", &quoted(&change.entry));
        object.member("field", &quoted(&change.field));
        object.member("text", &quoted(text));
        Ok(Change {
            entry: change.entry.clone(),
            time: change.time,
            field: UNPARSED.to_owned(),
            value: RawValue::from_string(object.finish())?,
        })
    };
    (1..).zip(&texts).map(part).collect()
}

fn cut(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (part, later) = rest.split_at(rest.floor_char_boundary(BYTES_PER_PART));
        parts.push(part);
        rest = later;
    }
    parts
}
