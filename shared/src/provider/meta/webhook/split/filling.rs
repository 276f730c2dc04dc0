//! Fills records with changes, one record after the other.

use super::cut::BYTES_PER_PIECE;
use super::{SplitError, UPDATES_PER_RECORD, parts};
use crate::domain::id::{AccountId, EventId};
use crate::domain::identity::TenantId;
use crate::domain::provider::Provider;
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
    /// What fits in no record is put in parts.
    pub(super) fn put(&mut self, change: Change, updates: usize) -> Result<(), SplitError> {
        self.updates += updates;
        self.bytes += change.value.get().len();
        let fits = self.updates <= UPDATES_PER_RECORD && self.bytes <= BYTES_PER_PIECE;
        match self.records.last_mut() {
            Some(record) if fits => record.changes.push(change),
            _ => return self.begin(change, updates),
        }
        Ok(())
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(super) fn finish(self) -> Vec<WebhookRecord> {
        self.records
    }

    fn begin(&mut self, change: Change, updates: usize) -> Result<(), SplitError> {
        self.updates = updates;
        self.bytes = change.value.get().len();
        let record = self.record(change);
        if !parts::is_too_large(&record)? {
            self.records.push(record);
            return Ok(());
        }
        self.bytes = BYTES_PER_PIECE;
        for change in &record.changes {
            for part in parts::of(change, &record.id)? {
                let part = self.record(part);
                self.records.push(part);
            }
        }
        Ok(())
    }

    fn record(&self, change: Change) -> WebhookRecord {
        WebhookRecord {
            id: EventId::at(self.received_at),
            tenant: self.tenant.clone(),
            account: self.account.clone(),
            provider: Provider::Meta,
            received_at: self.received_at,
            changes: vec![change],
        }
    }
}
