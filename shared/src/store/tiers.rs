//! What a tenant may do: whether its keys open, and what of its tier's limits is left.

use super::item::number;
use super::tenants::{DISABLED_AT, SENDERS, tenant_key};
use super::transaction::Change;
use super::{Store, StoreError, Transaction};
use crate::domain::identity::TenantId;
use crate::domain::tier::Limits;
use std::time::{Duration, Instant};

/// How long a warm function may take a tenant for what it was.
pub(super) const STANDING_KNOWN_FOR: Duration = Duration::from_secs(30);

/// Tenants whose standing is remembered.
pub(super) const STANDINGS: usize = 1_000;

/// What a request needs to know of its tenant.
#[derive(Debug, Clone, Copy, Default)]
pub struct Standing {
    /// Whether its keys open nothing.
    pub is_disabled: bool,
    /// What it may use.
    pub limits: Limits,
}

impl Store {
    /// How a tenant stands, as it was known half a minute ago at most.
    pub async fn standing(&self, id: &TenantId) -> Result<Standing, StoreError> {
        if let Some(known) = self.standings.get(id.as_str(), Instant::now()) {
            return Ok(known);
        }
        let tenant = self.tenant(id).await?;
        let standing = tenant.map(|tenant| Standing {
            is_disabled: tenant.disabled_at.is_some(),
            limits: tenant.limits,
        });
        let standing = standing.unwrap_or_default();
        self.standings.put(id.as_str(), standing, Instant::now());
        Ok(standing)
    }

    /// Whether the tenant's keys open nothing, as it was known half a minute ago at most.
    pub async fn is_disabled(&self, id: &TenantId) -> Result<bool, StoreError> {
        Ok(self.standing(id).await?.is_disabled)
    }

    /// Has this process look anew how a tenant stands.
    pub fn forget_standing(&self, id: &TenantId) {
        self.standings.remove(id.as_str());
    }

    /// Adds to a transaction that a tenant has one sender more. It fails if the tenant has as many as it may, is
    /// disabled, or is not there: [`super::Tenant::sender_limit_reached`] tells whether it was the first. A transaction
    /// holds an item once, so this stands in for the check of the tenant.
    pub fn take_sender_place(
        &self,
        transaction: &mut Transaction,
        id: &TenantId,
    ) -> Result<(), StoreError> {
        let is_below = "attribute_not_exists(#senders) OR sender_count < #senders \
                        OR (attribute_not_exists(sender_count) AND #senders > :none)";
        let condition =
            format!("attribute_exists(pk) AND attribute_not_exists(#disabled_at) AND ({is_below})");
        let change = Change {
            update: "ADD sender_count :one".into(),
            condition: Some(condition),
            names: vec![DISABLED_AT, SENDERS],
            values: vec![(":one".into(), number(1)), (":none".into(), number(0))],
        };
        transaction.update(&self.messages, tenant_key(id), &change)
    }

    /// Adds to a transaction that a tenant has so many senders less.
    pub fn give_back_sender_places(
        &self,
        transaction: &mut Transaction,
        id: &TenantId,
        places: usize,
    ) -> Result<(), StoreError> {
        let change = Change {
            update: "ADD sender_count :less".into(),
            condition: Some("attribute_exists(pk)".into()),
            names: Vec::new(),
            values: vec![(":less".into(), number(format!("-{places}")))],
        };
        transaction.update(&self.messages, tenant_key(id), &change)
    }
}
