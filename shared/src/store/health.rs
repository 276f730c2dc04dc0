//! How accounts stand: the last look at each, when the next one is due, and what was different each time.

use super::item::{Indexes, Key, body, item, text};
use super::page::{Index, Listed, Listing, Order, Slice};
use super::transaction::Change;
use super::{Store, StoreError, keys};
use crate::domain::health::{Check, Health};
use crate::domain::id::{AccountId, AuditId};
use crate::domain::identity::TenantId;
use jiff::fmt::serde::timestamp::millisecond;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Whoever looks has so long; then another may.
const LOOKED_AT_WITHIN: SignedDuration = SignedDuration::from_mins(10);

/// How long a change is kept.
const CHANGES_KEPT_FOR: SignedDuration = SignedDuration::from_hours(400 * 24);

/// What was different when an account was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthChange {
    /// Its id, which sorts by time.
    #[serde(rename = "sk")]
    pub id: AuditId,
    /// When it was seen.
    #[serde(with = "millisecond::required")]
    pub at: Timestamp,
    /// The parts that stand otherwise, as they stand since.
    pub checks: Vec<Check>,
}

impl Store {
    /// Has an account looked at, at `at`.
    pub async fn plan_health_check(
        &self,
        tenant: &TenantId,
        account: &AccountId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let change = Change {
            update: "SET due_key = :key, due_sort = :due".into(),
            condition: None,
            names: vec![],
            values: vec![
                (":key".into(), text(due_key(account))),
                (":due".into(), text(keys::due_sort(at, account.as_str()))),
            ],
        }
        .making("health");
        self.change_if(health_key(tenant, account), &change).await?;
        Ok(())
    }

    /// Has an account looked at now that is looked at from time to time. Nothing happens to any other.
    pub async fn hasten_health_check(
        &self,
        tenant: &TenantId,
        account: &AccountId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let change = Change {
            update: "SET due_sort = :due".into(),
            condition: Some("attribute_exists(due_key)".into()),
            names: vec![],
            values: vec![(":due".into(), text(keys::due_sort(now, account.as_str())))],
        };
        self.change_if(health_key(tenant, account), &change).await?;
        Ok(())
    }

    /// Takes the look at an account that is due; `false` if somebody else has.
    pub async fn take_health_check(
        &self,
        tenant: &TenantId,
        account: &AccountId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let later = now.saturating_add(LOOKED_AT_WITHIN).unwrap_or(now);
        let change = Change {
            update: "SET due_sort = :later".into(),
            condition: Some("due_sort <= :now".into()),
            names: vec![],
            values: vec![
                (
                    ":later".into(),
                    text(keys::due_sort(later, account.as_str())),
                ),
                // After every id of this very moment.
                (":now".into(), text(keys::due_sort(now, "~"))),
            ],
        };
        self.change_if(health_key(tenant, account), &change).await
    }

    /// Nobody looks at an account any more.
    pub async fn stop_health_checks(
        &self,
        tenant: &TenantId,
        account: &AccountId,
    ) -> Result<(), StoreError> {
        self.delete(health_key(tenant, account)).await
    }

    /// How an account stood when it was last looked at, if it was.
    pub async fn health(
        &self,
        tenant: &TenantId,
        account: &AccountId,
    ) -> Result<Option<Health>, StoreError> {
        let item = self
            .read(&self.messages, health_key(tenant, account))
            .await?;
        let seen = item.filter(|item| item.contains_key("checked_at"));
        seen.map(body).transpose()
    }

    /// Writes how an account stands, what is different, and that it is looked at again at `next`.
    pub async fn put_health(
        &self,
        tenant: &TenantId,
        account: &AccountId,
        health: &Health,
        next: Timestamp,
    ) -> Result<(), StoreError> {
        let before = self.health(tenant, account).await?;
        let checks = health.changes_since(before.as_ref());
        if !checks.is_empty() {
            self.note_change(tenant, account, health.checked_at, checks)
                .await?;
        }
        let indexes = Indexes {
            due_key: Some(due_key(account)),
            due_sort: Some(keys::due_sort(next, account.as_str())),
            ..Indexes::default()
        };
        self.put(item(
            "health",
            health_key(tenant, account),
            indexes,
            health,
        )?)
        .await
    }

    async fn note_change(
        &self,
        tenant: &TenantId,
        account: &AccountId,
        at: Timestamp,
        checks: Vec<Check>,
    ) -> Result<(), StoreError> {
        let change = HealthChange {
            // The same for the same look: writing it twice writes it once.
            id: AuditId::derived(at, &["health", account.as_str()]),
            at,
            checks,
        };
        let key = Key::new(keys::health_log(tenant, account), change.id.as_str());
        let until = at.saturating_add(CHANGES_KEPT_FOR).unwrap_or(at);
        let indexes = Indexes {
            expires: Some(until.as_second()),
            ..Indexes::default()
        };
        self.client
            .put_item()
            .table_name(&self.logs)
            .set_item(Some(item("health_change", key, indexes, &change)?))
            .send()
            .await?;
        Ok(())
    }

    /// What was different each time, newest first.
    pub async fn health_log(
        &self,
        tenant: &TenantId,
        account: &AccountId,
        slice: &Slice,
    ) -> Result<Listed<HealthChange>, StoreError> {
        let listing = Listing {
            index: Index::TABLE,
            partitions: vec![keys::health_log(tenant, account)],
            prefix: String::new(),
            order: Order::Descending,
        };
        self.list_of(&self.logs, &listing, slice).await
    }
}

fn health_key(tenant: &TenantId, account: &AccountId) -> Key {
    Key::new(keys::account(tenant, account), keys::HEALTH)
}

fn due_key(account: &AccountId) -> String {
    keys::due(keys::shard_of(account.as_str(), keys::DUE_SHARDS))
}
