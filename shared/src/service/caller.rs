//! Finds out who calls: the one place where a request gets its tenant.

use super::auth::{self, Presented, SessionToken};
use super::clock;
use super::problem::Problem;
use super::telemetry;
use crate::domain::identity::TenantId;
use crate::domain::role::{Principal, Right, Scopes, Who};
use crate::store::{ApiKey, Session, Store, User};
use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;

/// An authenticated caller whose right to do this has yet to be asked: see [`Caller::with`].
#[derive(Debug)]
pub struct Caller(Proof);

/// What a caller proved itself with, as it was read.
#[derive(Debug, Clone)]
pub enum Proof {
    /// An API key.
    Key(Box<ApiKey>),
    /// A session of this person's, or an invitation.
    User(Box<User>),
}

impl Proof {
    /// Whose.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        match self {
            Self::Key(key) => &key.tenant,
            Self::User(user) => &user.tenant,
        }
    }

    /// Whom it proves.
    #[must_use]
    pub fn principal(&self) -> Principal {
        match self {
            Self::Key(key) => Principal {
                tenant: key.tenant.clone(),
                who: Who::ApiKey(key.id.clone()),
                role: key.role,
                scopes: key.scopes.clone(),
                until: key.expires_at,
            },
            Self::User(user) => Principal {
                tenant: user.tenant.clone(),
                who: Who::User(user.id.clone()),
                role: user.role,
                scopes: Scopes::all(),
                until: None,
            },
        }
    }
}

impl Caller {
    /// The caller, if it has the right that the route needs.
    pub fn with(&self, needed: Right) -> Result<Principal, Problem> {
        let principal = self.0.principal();
        if principal.allows(needed) {
            Ok(principal)
        } else if principal.role.may(needed) {
            Err(Problem::out_of_scope(needed))
        } else {
            Err(Problem::forbidden(needed))
        }
    }

    /// What the caller proved itself with, for a route that every caller may call.
    #[must_use]
    pub fn whoever(self) -> Proof {
        self.0
    }

    /// The same, for a route that needs a right.
    pub fn proven(self, needed: Right) -> Result<Proof, Problem> {
        self.with(needed)?;
        Ok(self.0)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller
where
    Store: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let store = Store::from_ref(state);
        let proof = match Presented::of(&parts.headers)? {
            Presented::Key(key) => Proof::Key(Box::new(of_key(&store, &key).await?)),
            Presented::Session(token) => Proof::User(Box::new(of_session(&store, &token).await?)),
        };
        if store.is_disabled(proof.tenant()).await? {
            return Err(Problem::tenant_disabled());
        }
        Ok(Self(proof))
    }
}

async fn of_key(store: &Store, presented: &auth::ApiKey) -> Result<ApiKey, Problem> {
    let found = store.api_key(&presented.hash()).await?;
    let key = found.filter(|key| presented.matches(&key.hash) && is_valid(key));
    let key = key.ok_or_else(Problem::unauthenticated)?;
    if let Err(error) = store.note_use(&key, clock::now()).await {
        tracing::warn!(key.id = %key.id, error = telemetry::chain(&error), "last use not noted");
    }
    Ok(key)
}

fn is_valid(key: &ApiKey) -> bool {
    key.revoked_at.is_none() && key.expires_at.is_none_or(|until| clock::now() < until)
}

/// The person is read with each request: another role, or none any more, counts at once.
async fn of_session(store: &Store, presented: &SessionToken) -> Result<User, Problem> {
    let found = store.session(&presented.session).await?;
    let opens = |it: &Session| presented.matches(&it.access) && clock::now() < it.access_until;
    let session = found.filter(opens).ok_or_else(Problem::unauthenticated)?;
    let user = store.user(&session.tenant, &session.user).await?;
    let user = user.filter(|user| user.is_signed_in_by(&session));
    user.ok_or_else(Problem::unauthenticated)
}

impl From<crate::store::StoreError> for Problem {
    fn from(error: crate::store::StoreError) -> Self {
        use crate::store::StoreError;
        match error {
            StoreError::Conflict => Self::conflict(
                "conflict",
                "somebody else changed this at the same time; try again",
            ),
            StoreError::Throttled(_) | StoreError::Unavailable(_) => Self::unavailable(&error),
            StoreError::Corrupt { .. } | StoreError::Refused(_) => Self::internal(&error),
        }
    }
}
