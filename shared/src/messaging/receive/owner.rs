//! Whose something is that an update names: the path chose a tenant and an account, and nothing more.

use super::Receiving;
use crate::domain::identity::{SenderId, TenantId};
use crate::domain::provider::Provider;
use crate::domain::queue::WebhookRecord;
use crate::domain::webhook::Update;
use crate::store::{Sender, StoreError};
use std::sync::Arc;
use std::time::Instant;

/// Whom an update is about.
pub(super) enum Owner {
    Sender(Arc<Sender>),
    Waba,
}

impl Receiving {
    /// Whom an update is about, if it is about something of the record's tenant.
    pub(super) async fn owner(
        &self,
        record: &WebhookRecord,
        update: &Update,
    ) -> Result<Option<Owner>, StoreError> {
        match record.provider {
            Provider::Meta => self.owner_at_meta(&record.tenant, update).await,
            Provider::Gateway(_) => self.device(record, update).await,
        }
    }

    /// Meta tells an app of all its WABAs by one address, so the tenant decides and not the account.
    async fn owner_at_meta(
        &self,
        tenant: &TenantId,
        update: &Update,
    ) -> Result<Option<Owner>, StoreError> {
        if !self.is_ours(tenant, &update.entry).await? {
            return Ok(None);
        }
        let Some(id) = &update.sender else {
            return Ok(Some(Owner::Waba));
        };
        Ok(self.sender(tenant, id).await?.map(Owner::Sender))
    }

    /// A device calls by the address of its own account. That is all that proves it, so it speaks for no other.
    async fn device(
        &self,
        record: &WebhookRecord,
        update: &Update,
    ) -> Result<Option<Owner>, StoreError> {
        let Some(id) = &update.sender else {
            return Ok(None);
        };
        let sender = self.sender(&record.tenant, id).await?;
        let sender = sender.filter(|sender| sender.account == record.account);
        Ok(sender.map(Owner::Sender))
    }

    async fn is_ours(&self, tenant: &TenantId, waba: &str) -> Result<bool, StoreError> {
        let name = format!("{tenant}/{waba}");
        if let Some(ours) = self.wabas.get(&name, Instant::now()) {
            return Ok(ours);
        }
        let ours = match waba.parse() {
            Ok(waba) => self.store.account_of_waba(tenant, &waba).await?.is_some(),
            Err(_) => false,
        };
        self.wabas.put(&name, ours, Instant::now());
        Ok(ours)
    }

    async fn sender(
        &self,
        tenant: &TenantId,
        id: &SenderId,
    ) -> Result<Option<Arc<Sender>>, StoreError> {
        let name = format!("{tenant}/{id}");
        if let Some(sender) = self.senders.get(&name, Instant::now()) {
            return Ok(sender);
        }
        let sender = self.store.sender(tenant, id).await?.map(Arc::new);
        self.senders.put(&name, sender.clone(), Instant::now());
        Ok(sender)
    }
}
