//! By whose authority something is changed: what the trail says of it, and what may be given away.

use heliograph::domain::audit::{Action, Actor, AuditEntry, Author};
use heliograph::domain::id::{KeyId, UserId};
use heliograph::domain::identity::TenantId;
use heliograph::domain::role::{Role, Scopes};
use heliograph::service::caller::Proof;
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
use heliograph::store::{ApiKey, Store, StoreError, Transaction, User};
use jiff::Timestamp;
use serde_json::Value;

/// What a transaction changes beside the trail.
#[derive(Debug)]
pub(crate) enum Changed<'a> {
    /// Nothing that a caller could be.
    Nobody,
    /// This key, as it was read.
    Key(&'a ApiKey),
    /// This person, as it was read.
    User(&'a User),
}

fn is_still(is_same: bool) -> Result<(), Problem> {
    if is_same {
        Ok(())
    } else {
        Err(Problem::unauthenticated())
    }
}

/// Who changes something of a tenant's, and from where.
#[derive(Debug)]
pub(crate) struct Authority {
    pub(crate) tenant: TenantId,
    /// Nobody if it is the operator, who may give any right.
    holder: Option<Proof>,
    author: Author,
}

impl Authority {
    /// A caller of the tenant's own.
    pub(crate) fn of(holder: Proof, origin: Origin) -> Self {
        Self {
            tenant: holder.tenant().clone(),
            author: origin.author(&holder.principal().who),
            holder: Some(holder),
        }
    }

    /// The operator, over any tenant.
    pub(crate) fn of_operator(tenant: TenantId, origin: Origin) -> Self {
        Self {
            tenant,
            holder: None,
            author: Author::new(Actor::Operator, origin.0),
        }
    }

    /// Refuses to give away, or to touch, what its holder has not.
    pub(crate) fn grants(
        &self,
        role: Role,
        scopes: &Scopes,
        until: Option<Timestamp>,
    ) -> Result<(), Problem> {
        let holder = self.holder.as_ref().map(Proof::principal);
        if holder.is_none_or(|holder| holder.may_grant(role, scopes, until)) {
            Ok(())
        } else {
            Err(Problem::not_yours_to_give())
        }
    }

    /// Adds to a transaction that its holder may still what it might when the request came: what is done by somebody who
    /// is just being revoked is not done. What a holder changes of itself must be as it was when it proved itself; the
    /// change has conditions of its own.
    fn stands(
        &self,
        store: &Store,
        transaction: &mut Transaction,
        changed: &Changed<'_>,
    ) -> Result<(), Problem> {
        let Some(proof) = &self.holder else {
            return Ok(());
        };
        match (proof, changed) {
            (Proof::Key(own), Changed::Key(read)) if own.id == read.id => {
                is_still(own.opens_as(read))
            }
            (Proof::User(own), Changed::User(read)) if own.id == read.id => {
                is_still(own.role == read.role && read.disabled_at.is_none())
            }
            (Proof::Key(own), _) => Ok(store.check_api_key(transaction, own)?),
            (Proof::User(own), _) => Ok(store.check_user(transaction, own)?),
        }
    }

    /// Adds to a transaction what the trail says of it, and that its holder may still do what it does.
    pub(crate) fn answers_for(
        &self,
        store: &Store,
        transaction: &mut Transaction,
        changed: &Changed<'_>,
        entry: &AuditEntry,
    ) -> Result<(), Problem> {
        self.stands(store, transaction, changed)?;
        Ok(store.note_audit(transaction, entry)?)
    }

    /// Why nothing was added to its tenant, if nothing else is known to be in the way.
    pub(crate) async fn why_not(&self, store: &Store) -> Problem {
        match store.tenant(&self.tenant).await {
            Ok(Some(tenant)) if tenant.disabled_at.is_none() => StoreError::Conflict.into(),
            Ok(Some(_)) => Problem::tenant_disabled(),
            Ok(None) => Problem::conflict(
                "tenant_missing",
                "this tenant was set up by hand: first let the operator make it, with POST /v1/tenants",
            ),
            Err(error) => error.into(),
        }
    }

    /// Whether its holder is this key.
    pub(crate) fn is_key(&self, key: &KeyId) -> bool {
        matches!(&self.holder, Some(Proof::Key(own)) if own.id == *key)
    }

    /// Whether its holder is this person.
    pub(crate) fn is_user(&self, user: &UserId) -> bool {
        matches!(&self.holder, Some(Proof::User(own)) if own.id == *user)
    }

    /// What the trail says of a change that is made now.
    pub(crate) fn entry(
        &self,
        action: Action,
        target: impl Into<String>,
        changes: Value,
        now: Timestamp,
    ) -> AuditEntry {
        self.author
            .entry(&self.tenant, action, target, changes, now)
    }
}
