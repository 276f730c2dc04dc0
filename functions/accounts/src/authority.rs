//! By whose authority something is changed: what the trail says of it, and what may be given away.

use heliograph::domain::audit::{Action, Actor, AuditEntry};
use heliograph::domain::id::{AuditId, UserId};
use heliograph::domain::identity::TenantId;
use heliograph::domain::role::{Principal, Role, Scopes, Who};
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
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

    /// Refuses to give away what its holder has not.
    pub(crate) fn grants(&self, role: Role, scopes: &Scopes) -> Result<(), Problem> {
        match &self.holder {
            Some(holder) if !holder.may_grant(role, scopes) => Err(Problem::not_yours_to_give()),
            Some(_) | None => Ok(()),
        }
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
