//! What tenants say of providers. Of one that nobody has said anything of, there is no item.

use super::item::{Indexes, Item, Key, body, item, number};
use super::{Store, StoreError, Transaction, keys};
use crate::domain::identity::TenantId;
use crate::domain::provider::Provider;
use crate::domain::provider_settings::ProviderSettings;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Whoever sends goes by settings that are as old as this at most.
pub(super) const KNOWN_FOR: Duration = Duration::from_secs(1);

/// Settings that are remembered.
pub(super) const KNOWN: usize = 1_000;

impl Store {
    /// What a tenant says of a provider.
    pub async fn provider_settings(
        &self,
        tenant: &TenantId,
        provider: Provider,
    ) -> Result<ProviderSettings, StoreError> {
        let key = settings_key(tenant, provider);
        read(provider, self.read(&self.messages, key).await?)
    }

    /// What a tenant says of every provider.
    pub async fn every_provider_settings(
        &self,
        tenant: &TenantId,
    ) -> Result<Vec<ProviderSettings>, StoreError> {
        let keys = Provider::ALL.map(|provider| settings_key(tenant, provider));
        let found = self.read_together(&self.messages, keys).await?;
        let each = Provider::ALL.into_iter().zip(found);
        each.map(|(provider, item)| read(provider, item)).collect()
    }

    /// What a tenant says of a provider, as it was known a second ago at most.
    pub async fn known_provider_settings(
        &self,
        tenant: &TenantId,
        provider: Provider,
    ) -> Result<Arc<ProviderSettings>, StoreError> {
        let name = format!("{tenant}/{}", provider.as_str());
        if let Some(known) = self.settings.get(&name, Instant::now()) {
            return Ok(known);
        }
        let asked_at = Instant::now();
        let settings = Arc::new(self.provider_settings(tenant, provider).await?);
        self.settings.put(&name, settings.clone(), asked_at);
        Ok(settings)
    }

    /// Adds to a transaction what a tenant says of a provider from now on. It fails if somebody else has said something
    /// since these settings were read. They are answered as they are written.
    pub fn put_provider_settings(
        &self,
        transaction: &mut Transaction,
        tenant: &TenantId,
        settings: ProviderSettings,
        now: Timestamp,
    ) -> Result<ProviderSettings, StoreError> {
        let key = settings_key(tenant, settings.provider);
        let read = settings.rev;
        let settings = ProviderSettings {
            rev: read + 1,
            changed_at: Some(now),
            ..settings
        };
        let item = item("provider", key, Indexes::default(), &settings)?;
        if read == 0 {
            transaction.put_new(&self.messages, item)?;
        } else {
            let values = HashMap::from([(":read".into(), number(read))]);
            transaction.put_if(&self.messages, item, Some("rev = :read"), values)?;
        }
        Ok(settings)
    }
}

fn read(provider: Provider, item: Option<Item>) -> Result<ProviderSettings, StoreError> {
    item.map_or_else(|| Ok(ProviderSettings::of(provider)), body)
}

fn settings_key(tenant: &TenantId, provider: Provider) -> Key {
    Key::new(keys::provider(tenant, provider), keys::HEAD)
}
