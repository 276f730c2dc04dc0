//! Cuts a webhook's envelope into records of at most ten updates, and sorts them by queue.
//!
//! Nothing of the body is lost or refused: what has not the form we expect travels raw, as [`UNPARSED`], and so does,
//! in parts, what is too large for a record.

mod cut;
mod filling;
mod history;
mod parts;

use super::members::{Members, ObjectText, quoted};
use super::{UNPARSED, lists_of};
use crate::domain::id::AccountId;
use crate::domain::identity::TenantId;
use crate::domain::queue::{Change, PackingError, WebhookRecord};
use crate::provider::meta::signature::VerifiedPayload;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use filling::Filling;
use jiff::Timestamp;
use serde_json::value::RawValue;
use std::borrow::Cow;
use thiserror::Error;

/// How many updates a record holds at most.
pub const UPDATES_PER_RECORD: usize = 10;

/// The longest id of an entry, and the longest name of a field.
const LONGEST_NAME: usize = 200;

/// The records of one webhook call, by queue.
#[derive(Debug)]
pub struct Split {
    /// Messages, and everything that is not a status.
    pub inbound: Vec<WebhookRecord>,
    /// Statuses.
    pub status: Vec<WebhookRecord>,
}

/// Why a body cannot be cut: a fault of ours, never of the body.
#[derive(Debug, Error)]
pub enum SplitError {
    /// A piece put together from valid JSON is not valid JSON.
    #[error("a piece of the webhook is not JSON")]
    Piece(#[from] serde_json::Error),
    /// A record cannot be measured.
    #[error("a piece of the webhook cannot be packed")]
    Packing(#[from] PackingError),
}

/// Cuts `payload`, which came in for `account` of `tenant` at `received_at`.
pub fn split(
    payload: &VerifiedPayload<'_>,
    tenant: &TenantId,
    account: &AccountId,
    received_at: Timestamp,
) -> Result<Split, SplitError> {
    let mut queues = Queues {
        inbound: Filling::new(tenant, account, received_at),
        status: Filling::new(tenant, account, received_at),
    };
    let text = std::str::from_utf8(payload.bytes()).unwrap_or_default();
    let envelope: Members<'_> = serde_json::from_str(text).unwrap_or_default();
    for entry in envelope.list("entry").unwrap_or_default() {
        queues.entry(entry)?;
    }
    if queues.are_empty() {
        queues.unparsed(&Origin::default(), &whole(payload.bytes()))?;
    } else if let Some(rest) = envelope.rest(&["object", "entry"]) {
        queues.unparsed(&Origin::default(), &rest)?;
    }
    Ok(Split {
        inbound: queues.inbound.finish(),
        status: queues.status.finish(),
    })
}

/// How many updates a record holds: as many as `updates` makes of its changes.
#[must_use]
pub fn update_count(record: &WebhookRecord) -> usize {
    let of_change = |change: &Change| {
        let members = Members::of(&change.value).unwrap_or_default();
        let lists = lists_of(&change.field).iter();
        let count: usize = lists
            .filter_map(|name| members.list(name))
            .map(|units| units.len())
            .sum();
        count.max(1)
    };
    record.changes.iter().map(of_change).sum()
}

/// Where a change comes from.
#[derive(Debug, Default)]
struct Origin {
    entry: String,
    time: Option<i64>,
    /// One of Meta's pages shows a change's field beside `changes`.
    field: Option<String>,
}

impl Origin {
    fn change(&self, field: &str, value: Box<RawValue>) -> Change {
        Change {
            entry: self.entry.clone(),
            time: self.time,
            field: field.to_owned(),
            value,
        }
    }
}

struct Queues<'a> {
    inbound: Filling<'a>,
    status: Filling<'a>,
}

impl Queues<'_> {
    fn entry(&mut self, entry: &RawValue) -> Result<(), SplitError> {
        let members = Members::of(entry).unwrap_or_default();
        let time = members.get("time").map(|time| time.get().trim_matches('"'));
        let id = members.text("id").unwrap_or_default();
        // It travels with every record of its changes.
        if id.len() > LONGEST_NAME {
            return self.unparsed(&Origin::default(), entry.get());
        }
        let origin = Origin {
            entry: id.into_owned(),
            time: time.and_then(|time| time.parse().ok()),
            field: members.text("field").map(Cow::into_owned),
        };
        let Some(changes) = members.list("changes") else {
            return self.unparsed(&origin, entry.get());
        };
        for change in changes {
            self.change(&origin, change)?;
        }
        match members.rest(&["id", "time", "changes", "field", "object"]) {
            Some(rest) => self.unparsed(&origin, &rest),
            None => Ok(()),
        }
    }

    fn change(&mut self, origin: &Origin, change: &RawValue) -> Result<(), SplitError> {
        let members = Members::of(change).unwrap_or_default();
        let field = members.text("field");
        let field = field.as_deref().or(origin.field.as_deref());
        // A field is a name, and stands in lists: what is longer is none.
        let field = field.filter(|field| field.len() <= LONGEST_NAME);
        let (Some(field), Some(value)) = (field, members.get("value")) else {
            return self.unparsed(origin, change.get());
        };
        let pieces = cut::cut(field, value)?;
        for piece in pieces.inbound {
            let change = origin.change(field, piece.value);
            self.inbound.put(change, piece.updates)?;
        }
        for piece in pieces.status {
            let change = origin.change(field, piece.value);
            self.status.put(change, piece.updates)?;
        }
        match members.rest(&["field", "value"]) {
            Some(rest) => self.unparsed(origin, &rest),
            None => Ok(()),
        }
    }

    fn unparsed(&mut self, origin: &Origin, json: &str) -> Result<(), SplitError> {
        let value = RawValue::from_string(json.to_owned())?;
        self.inbound.put(origin.change(UNPARSED, value), 1)
    }

    fn are_empty(&self) -> bool {
        self.inbound.is_empty() && self.status.is_empty()
    }
}

/// A body nobody understands, as JSON.
fn whole(bytes: &[u8]) -> String {
    let mut object = ObjectText::default();
    match std::str::from_utf8(bytes) {
        Ok(text) => object.member("unparsed", &quoted(text)),
        Err(_) => object.member("unparsed_base64", &quoted(&STANDARD.encode(bytes))),
    }
    object.finish()
}

#[cfg(test)]
mod tests;
