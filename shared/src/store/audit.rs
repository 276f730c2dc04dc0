//! The audit trail: entries are written in the transaction of what they tell, and never changed.

use super::item::{Indexes, Key, item};
use super::page::{Index, Listed, Listing, Order, Slice};
use super::{Store, StoreError, Transaction, keys};
use crate::domain::audit::AuditEntry;
use crate::domain::identity::TenantId;

impl Store {
    /// Adds an entry to the transaction that does what it tells.
    pub fn note_audit(
        &self,
        transaction: &mut Transaction,
        entry: &AuditEntry,
    ) -> Result<(), StoreError> {
        let key = Key::new(keys::audit(&entry.tenant), entry.id.as_str());
        let item = item("audit", key, Indexes::default(), entry)?;
        transaction.put_new(&self.logs, item)
    }

    /// Adds an entry of something that no transaction does.
    pub async fn put_audit(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let mut transaction = Transaction::new();
        self.note_audit(&mut transaction, entry)?;
        self.commit(transaction).await
    }

    /// What was done to a tenant's things, newest first.
    pub async fn audit(
        &self,
        tenant: &TenantId,
        slice: &Slice,
    ) -> Result<Listed<AuditEntry>, StoreError> {
        let listing = Listing {
            index: Index::TABLE,
            partitions: vec![keys::audit(tenant)],
            prefix: String::new(),
            order: Order::Descending,
        };
        self.list_of(&self.logs, &listing, slice).await
    }
}
