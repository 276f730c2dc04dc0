//! What a tenant says of a provider, for whoever sends through it.

use super::Sending;
use crate::domain::identity::TenantId;
use crate::domain::provider::Provider;
use crate::domain::provider_settings::ProviderSettings;
use crate::store::StoreError;
use std::sync::Arc;

impl Sending {
    /// What a tenant says of a provider, as it was known a second ago at most.
    pub async fn settings(
        &self,
        tenant: &TenantId,
        provider: Provider,
    ) -> Result<Arc<ProviderSettings>, StoreError> {
        self.store.known_provider_settings(tenant, provider).await
    }
}
