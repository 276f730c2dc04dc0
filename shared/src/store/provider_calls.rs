//! How many calls a tenant made of a provider, where it limits them: one item, whatever keys they were made with.

use super::credentials::taking;
use super::item::{Indexes, Key, body, item, number};
use super::{Store, StoreError, keys};
use crate::domain::identity::TenantId;
use crate::domain::limits::{Limits, Used};
use crate::domain::provider::Provider;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How often a place is asked for anew, because others were faster.
const TRIES: usize = 6;

/// The calls of the newest second, minute and day.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Counted {
    since: i64,
    used: Used,
}

impl Store {
    /// Takes a place for a call of a provider within a tenant's limits, or says when there is room again.
    pub async fn take_provider_call(
        &self,
        (tenant, provider): (&TenantId, Provider),
        limits: &Limits,
        now: Timestamp,
    ) -> Result<Result<(), Timestamp>, StoreError> {
        for _ in 0..TRIES {
            let used = match self.provider_calls(tenant, provider).await? {
                Some(used) => used,
                None => self.begin_provider_calls(tenant, provider).await?,
            };
            let taken = match used.taking(limits, now) {
                Ok(taken) => taken,
                Err(until) => return Ok(Err(until)),
            };
            let mut change = taking(limits, used, taken)?;
            change.values.push((":since".into(), number(0)));
            if self.change_if(calls_key(tenant, provider), &change).await? {
                return Ok(Ok(()));
            }
        }
        let soon = now.saturating_add(SignedDuration::from_secs(1));
        Ok(Err(soon.unwrap_or(Timestamp::MAX)))
    }

    /// When there is room again for a call of a provider, if there is none now.
    pub async fn provider_is_full(
        &self,
        (tenant, provider): (&TenantId, Provider),
        limits: &Limits,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let used = self.provider_calls(tenant, provider).await?;
        Ok(used.unwrap_or_default().taking(limits, now).err())
    }

    async fn provider_calls(
        &self,
        tenant: &TenantId,
        provider: Provider,
    ) -> Result<Option<Used>, StoreError> {
        let item = self.read(&self.messages, calls_key(tenant, provider));
        let counted: Option<Counted> = item.await?.map(body).transpose()?;
        Ok(counted.map(|counted| counted.used))
    }

    async fn begin_provider_calls(
        &self,
        tenant: &TenantId,
        provider: Provider,
    ) -> Result<Used, StoreError> {
        let counted = Counted::default();
        let key = calls_key(tenant, provider);
        let put = self
            .client
            .put_item()
            .table_name(&self.messages)
            .set_item(Some(item(
                "provider_calls",
                key,
                Indexes::default(),
                &counted,
            )?))
            .condition_expression("attribute_not_exists(pk)");
        match put.send().await.map_err(StoreError::from) {
            // Somebody else was faster, and what is written next says whether that matters.
            Ok(_) | Err(StoreError::Conflict) => Ok(counted.used),
            Err(error) => Err(error),
        }
    }
}

fn calls_key(tenant: &TenantId, provider: Provider) -> Key {
    Key::new(keys::provider(tenant, provider), keys::CALLS)
}
