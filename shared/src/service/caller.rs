//! Finds out who calls: the one place where a request gets its tenant.

use super::auth::{self, Presented, SessionToken};
use super::clock;
use super::problem::Problem;
use super::telemetry;
use crate::domain::identity::TenantId;
use crate::domain::role::{Principal, Right, Scopes, Who};
use crate::domain::tier::Minute;
use crate::store::{ApiKey, Session, Store, User};
use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use tokio::join;

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
        match Presented::of(&parts.headers)? {
            Presented::Key(key) => of_key(&store, &key).await,
            Presented::Session(token) => of_session(&store, &token).await,
        }
    }
}

async fn of_key(store: &Store, presented: &auth::ApiKey) -> Result<Caller, Problem> {
    let found = store.api_key(&presented.hash()).await?;
    let key = found.filter(|key| presented.matches(&key.hash) && is_valid(key));
    let key = key.ok_or_else(Problem::unauthenticated)?;
    let (admitted, noted) = join!(
        admit(store, &key.tenant),
        store.note_use(&key, clock::now())
    );
    if let Err(error) = noted {
        tracing::warn!(key.id = %key.id, error = telemetry::chain(&error), "last use not noted");
    }
    admitted?;
    Ok(Caller(Proof::Key(Box::new(key))))
}

fn is_valid(key: &ApiKey) -> bool {
    key.revoked_at.is_none() && key.expires_at.is_none_or(|until| clock::now() < until)
}

/// The person is read with each request: another role, or none any more, counts at once.
async fn of_session(store: &Store, presented: &SessionToken) -> Result<Caller, Problem> {
    let found = store.session(&presented.session).await?;
    let opens = |it: &Session| presented.matches(&it.access) && clock::now() < it.access_until;
    let session = found.filter(opens).ok_or_else(Problem::unauthenticated)?;
    let tenant = &session.tenant;
    let (admitted, user) = join!(admit(store, tenant), store.user(tenant, &session.user));
    let user = user?.filter(|user| user.is_signed_in_by(&session));
    let user = user.ok_or_else(Problem::unauthenticated)?;
    admitted?;
    Ok(Caller(Proof::User(Box::new(user))))
}

/// Whether the tenant may call, as it was known half a minute ago at most, and once more within this minute.
async fn admit(store: &Store, tenant: &TenantId) -> Result<(), Problem> {
    let standing = store.standing(tenant).await?;
    if standing.is_disabled {
        return Err(Problem::tenant_disabled());
    }
    let Some(per_minute) = standing.limits.requests_per_minute else {
        return Ok(());
    };
    let now = clock::now();
    if store.count_request(tenant, per_minute, now).await? {
        return Ok(());
    }
    let wait = Minute::of(now).end().duration_since(now).as_secs() + 1;
    let wait = u32::try_from(wait).unwrap_or(u32::MAX);
    Err(Problem::rate_limited(per_minute, wait))
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
