//! Finds out who calls: the one place where a request gets its tenant.

use super::auth::{self, Presented, SessionToken};
use super::clock;
use super::problem::Problem;
use super::telemetry;
use crate::domain::role::{Principal, Right, Scopes, Who};
use crate::store::{ApiKey, Session, Store, User};
use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;

/// An authenticated caller whose right to do this has yet to be asked: see [`Caller::with`].
#[derive(Debug)]
pub struct Caller {
    principal: Principal,
    proof: Proof,
}

/// What a caller proved itself with, as it was read.
#[derive(Debug, Clone)]
pub enum Proof {
    /// An API key.
    Key(Box<ApiKey>),
    /// A session of this person's.
    User(Box<User>),
}

impl Caller {
    /// The caller, if it has the right that the route needs.
    pub fn with(self, needed: Right) -> Result<Principal, Problem> {
        self.proven(needed).map(|(principal, _)| principal)
    }

    /// The same, with what it proved itself with.
    pub fn proven(self, needed: Right) -> Result<(Principal, Proof), Problem> {
        if self.principal.allows(needed) {
            Ok((self.principal, self.proof))
        } else if self.principal.role.may(needed) {
            Err(Problem::out_of_scope(needed))
        } else {
            Err(Problem::forbidden(needed))
        }
    }

    /// The caller, for a route that tells every caller who it is.
    #[must_use]
    pub fn whoever(self) -> (Principal, Proof) {
        (self.principal, self.proof)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller
where
    Store: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let store = Store::from_ref(state);
        let caller = match Presented::of(&parts.headers)? {
            Presented::Key(key) => of_key(&store, &key).await?,
            Presented::Session(token) => of_session(&store, &token).await?,
        };
        if store.is_disabled(&caller.principal.tenant).await? {
            return Err(Problem::tenant_disabled());
        }
        Ok(caller)
    }
}

async fn of_key(store: &Store, presented: &auth::ApiKey) -> Result<Caller, Problem> {
    let found = store.api_key(&presented.hash()).await?;
    let key = found.filter(|key| presented.matches(&key.hash) && is_valid(key));
    let key = key.ok_or_else(Problem::unauthenticated)?;
    if let Err(error) = store.note_use(&key, clock::now()).await {
        tracing::warn!(key.id = %key.id, error = telemetry::chain(&error), "last use not noted");
    }
    let principal = Principal {
        tenant: key.tenant.clone(),
        who: Who::ApiKey(key.id.clone()),
        role: key.role,
        scopes: key.scopes.clone(),
        until: key.expires_at,
    };
    let proof = Proof::Key(Box::new(key));
    Ok(Caller { principal, proof })
}

fn is_valid(key: &ApiKey) -> bool {
    key.revoked_at.is_none() && key.expires_at.is_none_or(|until| clock::now() < until)
}

/// The person is read with each request: another role, or none any more, counts at once.
async fn of_session(store: &Store, presented: &SessionToken) -> Result<Caller, Problem> {
    let found = store.session(&presented.session).await?;
    let opens = |it: &Session| presented.matches(&it.access) && clock::now() < it.access_until;
    let session = found.filter(opens).ok_or_else(Problem::unauthenticated)?;
    let user = store.user(&session.tenant, &session.user).await?;
    let user = user.filter(|user| user.is_signed_in_by(&session));
    let user = user.ok_or_else(Problem::unauthenticated)?;
    let principal = Principal {
        tenant: user.tenant.clone(),
        who: Who::User(user.id.clone()),
        role: user.role,
        scopes: Scopes::all(),
        until: None,
    };
    let proof = Proof::User(Box::new(user));
    Ok(Caller { principal, proof })
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
