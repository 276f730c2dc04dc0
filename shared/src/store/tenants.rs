//! Tenants, and whether they may call.

use super::condition::Condition;
use super::edit::{Attribute, Edit};
use super::item::{Indexes, Item, Key, body, item, number, text};
use super::page::{Index, Listed, Listing, Order, Slice};
use super::{Store, StoreError, Transaction, keys};
use crate::domain::identity::TenantId;
use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// How long a warm function may take a tenant that has been disabled for one that is not.
pub(super) const STANDING_KNOWN_FOR: Duration = Duration::from_secs(30);

/// Tenants whose standing is remembered.
pub(super) const STANDINGS: usize = 1_000;

pub(super) const DISABLED_AT: Attribute = ("#disabled_at", "disabled_at");

/// A company on this installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its id, chosen by the operator.
    #[serde(rename = "list_sort")]
    pub id: TenantId,
    /// What people call it.
    pub name: String,
    /// When it was made.
    #[serde(with = "millisecond::required")]
    pub created_at: Timestamp,
    /// Since when its keys open nothing.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "millisecond::optional"
    )]
    pub disabled_at: Option<Timestamp>,
}

/// What is changed of a tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TenantChanges {
    /// What people call it.
    pub name: Option<String>,
    /// Since when its keys open nothing; `Some(None)` if they do again.
    pub disabled_at: Option<Option<Timestamp>>,
}

impl Store {
    /// Adds a new tenant to a transaction, which fails if there is one of this id.
    pub fn add_tenant(
        &self,
        transaction: &mut Transaction,
        tenant: &Tenant,
    ) -> Result<(), StoreError> {
        transaction.put_new(&self.messages, tenant_item(tenant)?)
    }

    /// Writes a tenant, unless there is one of this id.
    pub async fn put_tenant(&self, tenant: &Tenant) -> Result<(), StoreError> {
        self.put_if_absent(tenant_item(tenant)?).await
    }

    /// Adds to a transaction that the tenant may call: only then are keys and people added to it.
    pub(super) fn check_tenant(
        &self,
        transaction: &mut Transaction,
        id: &TenantId,
    ) -> Result<(), StoreError> {
        let may_call = Condition::is_there().without(DISABLED_AT);
        transaction.check(&self.messages, tenant_key(id), &may_call)
    }

    /// Adds a change of a tenant to a transaction, which fails if there is none.
    pub fn change_tenant(
        &self,
        transaction: &mut Transaction,
        id: &TenantId,
        changes: &TenantChanges,
    ) -> Result<(), StoreError> {
        let mut edit = Edit::default();
        if let Some(name) = &changes.name {
            edit.set(("#name", "name"), text(name));
        }
        if let Some(at) = changes.disabled_at {
            let at = at.map(|at| number(at.as_millisecond()));
            edit.put(DISABLED_AT, at);
        }
        transaction.update(
            &self.messages,
            tenant_key(id),
            &edit.when(Condition::is_there()),
        )
    }

    /// Every tenant, by id.
    pub async fn tenants(&self, slice: &Slice) -> Result<Listed<Tenant>, StoreError> {
        let listing = Listing {
            index: Index::LIST,
            partitions: vec![keys::TENANTS.to_owned()],
            prefix: String::new(),
            order: Order::Ascending,
        };
        self.list_of(&self.messages, &listing, slice).await
    }

    /// The tenant of this id.
    pub async fn tenant(&self, id: &TenantId) -> Result<Option<Tenant>, StoreError> {
        let item = self.read(&self.messages, tenant_key(id)).await?;
        item.map(body).transpose()
    }

    /// Whether the tenant's keys open nothing, as it was known half a minute ago at most.
    pub async fn is_disabled(&self, id: &TenantId) -> Result<bool, StoreError> {
        if let Some(known) = self.disabled.get(id.as_str(), Instant::now()) {
            return Ok(known);
        }
        let tenant = self.tenant(id).await?;
        let is_disabled = tenant.is_some_and(|tenant| tenant.disabled_at.is_some());
        self.disabled.put(id.as_str(), is_disabled, Instant::now());
        Ok(is_disabled)
    }

    /// Has this process look anew whether the tenant's keys open.
    pub fn forget_standing(&self, id: &TenantId) {
        self.disabled.remove(id.as_str());
    }
}

fn tenant_item(tenant: &Tenant) -> Result<Item, StoreError> {
    let indexes = Indexes {
        list_key: Some(keys::TENANTS.to_owned()),
        ..Indexes::default()
    };
    item("tenant", tenant_key(&tenant.id), indexes, tenant)
}

fn tenant_key(id: &TenantId) -> Key {
    Key::new(keys::tenant(id), keys::HEAD)
}
