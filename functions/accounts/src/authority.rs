//! By whose authority something is changed: what the trail says of it, and what may be given away.

use heliograph::domain::audit::{Action, Actor, AuditEntry};
use heliograph::domain::id::{AuditId, KeyId, UserId};
use heliograph::domain::identity::TenantId;
use heliograph::domain::role::{Principal, Role, Scopes, Who};
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
use heliograph::store::{ApiKey, Store, Transaction};
use jiff::Timestamp;
use serde_json::Value;

/// Who changes something of a tenant's, and from where.
#[derive(Debug)]
pub(crate) struct Authority {
    pub(crate) tenant: TenantId,
    /// Nobody if it is the operator, who may give any right.
    holder: Option<Principal>,
    address: Option<String>,
}

impl Authority {
    /// A caller of the tenant's own.
    pub(crate) fn of(holder: Principal, origin: Origin) -> Self {
        Self {
            tenant: holder.tenant.clone(),
            holder: Some(holder),
            address: origin.0,
        }
    }

    /// The operator, over any tenant.
    pub(crate) fn of_operator(tenant: TenantId, origin: Origin) -> Self {
        Self {
            tenant,
            holder: None,
            address: origin.0,
        }
    }

    /// Refuses to give away, or to touch, what its holder has not.
    pub(crate) fn grants(
        &self,
        role: Role,
        scopes: &Scopes,
        until: Option<Timestamp>,
    ) -> Result<(), Problem> {
        let holder = self.holder.as_ref();
        if holder.is_none_or(|holder| holder.may_grant(role, scopes, until)) {
            Ok(())
        } else {
            Err(Problem::not_yours_to_give())
        }
    }

    /// Adds to a transaction that its holder may still what it might when the request came: what is done by somebody who
    /// is just being revoked is not done. An item that the transaction changes itself has conditions of its own.
    pub(crate) async fn stands(
        &self,
        store: &Store,
        transaction: &mut Transaction,
        changed: &str,
    ) -> Result<(), Problem> {
        let Some(holder) = &self.holder else {
            return Ok(());
        };
        if holder.who.to_string() == changed {
            return Ok(());
        }
        match &holder.who {
            Who::ApiKey(id) => {
                let key = store.api_key_of(&holder.tenant, id).await?;
                let is_same =
                    |key: &ApiKey| (key.role, &key.scopes) == (holder.role, &holder.scopes);
                let key = key.filter(is_same).ok_or_else(Problem::unauthenticated)?;
                Ok(store.check_api_key(transaction, &key)?)
            }
            Who::User(id) => {
                let user = store.user(&holder.tenant, id).await?;
                let user = user.filter(|user| user.role == holder.role);
                let user = user.ok_or_else(Problem::unauthenticated)?;
                Ok(store.check_user(transaction, &user)?)
            }
        }
    }

    /// Whether its holder is this key.
    pub(crate) fn is_key(&self, key: &KeyId) -> bool {
        let who = self.holder.as_ref().map(|holder| &holder.who);
        matches!(who, Some(Who::ApiKey(id)) if id == key)
    }

    /// Whether its holder is this person.
    pub(crate) fn is_of(&self, user: &UserId) -> bool {
        let who = self.holder.as_ref().map(|holder| &holder.who);
        matches!(who, Some(Who::User(id)) if id == user)
    }

    /// What the trail says of a change that is made now.
    pub(crate) fn entry(
        &self,
        action: Action,
        target: impl Into<String>,
        changes: Value,
        now: Timestamp,
    ) -> AuditEntry {
        let actor = match &self.holder {
            Some(holder) => Actor::from(&holder.who),
            None => Actor::Operator,
        };
        AuditEntry {
            id: AuditId::at(now),
            tenant: self.tenant.clone(),
            at: now,
            actor,
            address: self.address.clone(),
            action,
            target: target.into(),
            changes,
        }
    }
}
