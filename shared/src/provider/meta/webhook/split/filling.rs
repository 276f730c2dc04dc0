//! Fills records with changes, one record after the other.

use super::UPDATES_PER_RECORD;
use super::cut::BYTES_PER_PIECE;
use crate::domain::id::{AccountId, EventId};
use crate::domain::identity::TenantId;
use crate::domain::queue::{Change, WebhookRecord};
use jiff::Timestamp;

/// The records of one queue, the last of which is still being filled.
#[derive(Debug)]
pub(super) struct Filling<'a> {
    tenant: &'a TenantId,
    account: &'a AccountId,
    received_at: Timestamp,
    records: Vec<WebhookRecord>,
    updates: usize,
    bytes: usize,
}

impl<'a> Filling<'a> {
    pub(super) const fn new(
        tenant: &'a TenantId,
        account: &'a AccountId,
        received_at: Timestamp,
    ) -> Self {
        Self {
            tenant,
            account,
            received_at,
            records: Vec::new(),
            updates: 0,
            bytes: 0,
        }
    }

    /// Puts a change that holds `updates` into the last record, or into a new one if it does not fit there.
    pub(super) fn put(&mut self, change: Change, updates: usize) {
        self.updates += updates;
        self.bytes += change.value.get().len();
        let fits = self.updates <= UPDATES_PER_RECORD && self.bytes <= BYTES_PER_PIECE;
        match self.records.last_mut() {
            Some(record) if fits => record.changes.push(change),
            _ => self.begin(change, updates),
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(super) fn finish(self) -> Vec<WebhookRecord> {
        self.records
    }

    fn begin(&mut self, change: Change, updates: usize) {
        self.updates = updates;
        self.bytes = change.value.get().len();
        self.records.push(WebhookRecord {
            id: EventId::at(self.received_at),
            tenant: self.tenant.clone(),
            account: self.account.clone(),
            received_at: self.received_at,
            changes: vec![change],
        });
    }
}
