//! Tenants, and whether they may call.

use super::condition::Condition;
use super::edit::{Attribute, Edit};
use super::item::{Indexes, Item, Key, body, item, number, text};
use super::page::{Index, Listed, Listing, Order, Slice};
use super::{Store, StoreError, Transaction, keys};
use crate::domain::identity::TenantId;
use crate::domain::tier::{LimitChanges, Limits};
use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond;
use serde::{Deserialize, Serialize};

pub(super) const DISABLED_AT: Attribute = ("#disabled_at", "disabled_at");

/// How many senders it may have.
pub(super) const SENDERS: Attribute = ("#senders", "senders");

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
    /// What people call its subscription.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    /// What it may use.
    #[serde(flatten)]
    pub limits: Limits,
    /// How many senders it has: moved by the transactions that add and remove them.
    #[serde(default)]
    pub sender_count: i64,
}

impl Tenant {
    /// A tenant without senders and without limits.
    #[must_use]
    pub fn new(id: TenantId, name: impl Into<String>, created_at: Timestamp) -> Self {
        Self {
            id,
            name: name.into(),
            created_at,
            disabled_at: None,
            tier: None,
            limits: Limits::default(),
            sender_count: 0,
        }
    }

    /// How many senders it may have, if it has as many.
    #[must_use]
    pub fn sender_limit_reached(&self) -> Option<u64> {
        let count = u64::try_from(self.sender_count).unwrap_or(0);
        self.limits.senders.filter(|limit| count >= *limit)
    }
}

/// What is changed of a tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TenantChanges {
    /// What people call it.
    pub name: Option<String>,
    /// Since when its keys open nothing; `Some(None)` if they do again.
    pub disabled_at: Option<Option<Timestamp>>,
    /// What people call its subscription; `Some(None)` if nothing any more.
    pub tier: Option<Option<String>>,
    /// What it may use.
    pub limits: LimitChanges,
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
        if let Some(tier) = &changes.tier {
            edit.put(("#tier", "tier"), tier.as_ref().map(text));
        }
        let LimitChanges {
            requests_per_minute,
            messages_per_day,
            senders,
        } = changes.limits;
        for (attribute, limit) in [
            (
                ("#requests_per_minute", "requests_per_minute"),
                requests_per_minute,
            ),
            (("#messages_per_day", "messages_per_day"), messages_per_day),
            (SENDERS, senders),
        ] {
            if let Some(limit) = limit {
                edit.put(attribute, limit.map(number));
            }
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
}

fn tenant_item(tenant: &Tenant) -> Result<Item, StoreError> {
    let indexes = Indexes {
        list_key: Some(keys::TENANTS.to_owned()),
        ..Indexes::default()
    };
    item("tenant", tenant_key(&tenant.id), indexes, tenant)
}

pub(super) fn tenant_key(id: &TenantId) -> Key {
    Key::new(keys::tenant(id), keys::HEAD)
}
