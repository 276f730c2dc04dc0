//! `/v1/sessions`: people sign in, stay signed in, and sign out. Signing in needs no key.

use crate::password::{self, Password};
use crate::tries;
use crate::user_dto::UserDto;
use axum::Json;
use axum::body::Bytes;
use axum::extract;
use axum::http::{HeaderMap, StatusCode};
use heliograph::domain::email::EmailAddress;
use heliograph::domain::fault::Faults;
use heliograph::domain::fields::Fields;
use heliograph::domain::id::SessionId;
use heliograph::domain::identity::TenantId;
use heliograph::service::auth::{Presented, SessionToken, TokenKind};
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::http::{MAX_JSON, read_json};
use heliograph::service::openapi::{BodyProblems, CallerProblems, ServiceProblems};
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
use heliograph::store::{RefreshBefore, Session, Store, StoreError, User};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// How long an access token opens.
const ACCESS_FOR: SignedDuration = SignedDuration::from_mins(15);

/// How long a session may rest before it must be refreshed.
const REST: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How long a session lasts, however often it is refreshed.
const LONGEST: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The refresh token before is good for so long: the answer with the new one may have been lost.
const LOST_FOR: SignedDuration = SignedDuration::from_secs(60);

/// A session just begun or refreshed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SignedIn {
    /// What opens: `Authorization: Bearer hgs_...`.
    #[schema(example = "hgs_...")]
    access_token: String,
    /// Until when it opens.
    access_expires_at: Timestamp,
    /// What refreshes the session, once.
    #[schema(example = "hgr_...")]
    refresh_token: String,
    /// Until when it does.
    refresh_expires_at: Timestamp,
    /// Who is signed in.
    user: UserDto,
    /// Whose.
    #[schema(value_type = String, example = "demo")]
    tenant: TenantId,
}

/// Who signs in.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body, which is read by `read_sign_in`"
)]
pub(crate) struct SignInBody {
    /// The address.
    #[schema(min_length = 3, max_length = 254, example = "ada@example.com")]
    email: String,
    /// The password.
    #[schema(min_length = 1)]
    password: String,
    /// The tenant.
    #[schema(pattern = "^[a-z0-9-]{1,40}$", example = "acme")]
    tenant: String,
}

/// A session to refresh.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body, which is read by `read_token`"
)]
pub(crate) struct RefreshBody {
    /// The refresh token.
    #[schema(min_length = 1)]
    refresh_token: String,
}

/// Sign in.
///
/// Whoever is not known, has another password, or may not sign in, hears the same.
#[utoipa::path(
    post, operation_id = "sign_in", path = "/v1/sessions", tag = "Access", security(()),
    request_body(content = crate::sessions::SignInBody, content_type = "application/json"),
    responses(
        (status = 201, description = "Signed in", body = SignedIn),
        (status = 401, description = "Not known, or another password", body = Problem,
            content_type = "application/problem+json"),
        (status = 403, description = "The tenant is disabled", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Tried too often", body = Problem, content_type = "application/problem+json"),
        BodyProblems, ServiceProblems,
    ),
)]
pub(crate) async fn sign_in(
    extract::State(store): extract::State<Store>,
    origin: Origin,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<SignedIn>), Problem> {
    let body = read_json(&headers, &body, MAX_JSON)?;
    let (email, password, tenant) = read_sign_in(&body)?;
    tries::count(&store, email.as_str(), &origin).await?;
    let known = store.user_at(&tenant, &email).await?;
    let kept = known.as_ref().and_then(|user| user.password.clone());
    let fits = password::is(kept, password).await;
    let user = known.filter(|user| fits && user.disabled_at.is_none());
    let user = user.ok_or_else(Problem::not_signed_in)?;
    if store.is_disabled(&user.tenant).await? {
        return Err(Problem::tenant_disabled());
    }
    let session = begin(&store, &user).await?;
    let session = session.ok_or_else(Problem::not_signed_in)?;
    Ok((StatusCode::CREATED, Json(session)))
}

fn read_sign_in(body: &Value) -> Result<(EmailAddress, Password, TenantId), Problem> {
    let faults = Faults::new();
    let read = Fields::of(body, "", &faults).and_then(|mut fields| {
        let email = fields.required_parsed("email", str::parse);
        let password = Password::read(&mut fields, "password");
        let tenant = fields.required_parsed("tenant", str::parse);
        fields.finish();
        Some((email?, password?, tenant?))
    });
    faults.into_result(read).map_err(Problem::validation)
}

/// Begins a session, unless what was read of the person is old.
pub(crate) async fn begin(store: &Store, user: &User) -> Result<Option<SignedIn>, Problem> {
    let now = clock::now();
    let id = SessionId::at(now);
    let [access, refresh] = tokens(&id);
    let session = Session {
        tenant: user.tenant.clone(),
        user: user.id.clone(),
        era: user.sessions_era,
        began_at: now,
        ends_at: later(now, LONGEST),
        access: access.hash(),
        access_until: later(now, ACCESS_FOR),
        refresh: refresh.hash(),
        refresh_before: None,
        refreshed_at: now,
        id,
    };
    let has_begun = store.begin_session(&session, user).await?;
    Ok(has_begun.then(|| shown(&session, &access, &refresh, user)))
}

fn tokens(id: &SessionId) -> [SessionToken; 2] {
    [TokenKind::Access, TokenKind::Refresh].map(|kind| SessionToken::generate(id, kind))
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// Until when a session may be refreshed.
fn rests_until(session: &Session) -> Timestamp {
    later(session.refreshed_at, REST).min(session.ends_at)
}

fn shown(
    session: &Session,
    access: &SessionToken,
    refresh: &SessionToken,
    user: &User,
) -> SignedIn {
    SignedIn {
        access_token: access.expose().to_owned(),
        access_expires_at: session.access_until,
        refresh_token: refresh.expose().to_owned(),
        refresh_expires_at: rests_until(session),
        user: UserDto::from(user),
        tenant: user.tenant.clone(),
    }
}

/// Refresh a session.
///
/// Both tokens are new then. A refresh token that comes again, later than a minute after it was used or after a newer one
/// was, ends the session: somebody else may have it.
#[utoipa::path(
    post, operation_id = "refresh_session", path = "/v1/sessions/refresh", tag = "Access", security(()),
    request_body(content = crate::sessions::RefreshBody, content_type = "application/json"),
    responses(
        (status = 200, description = "Refreshed", body = SignedIn),
        (status = 401, description = "The token opens nothing any more", body = Problem,
            content_type = "application/problem+json"),
        (status = 403, description = "The tenant is disabled", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is being refreshed by another request; try again", body = Problem,
            content_type = "application/problem+json"),
        BodyProblems, ServiceProblems,
    ),
)]
pub(crate) async fn refresh(
    extract::State(store): extract::State<Store>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<SignedIn>, Problem> {
    let body = read_json(&headers, &body, MAX_JSON)?;
    let token = read_token(&body, "refresh_token", TokenKind::Refresh)?;
    let session = store
        .session(&token.session)
        .await?
        .ok_or_else(Problem::token_over)?;
    if store.is_disabled(&session.tenant).await? {
        return Err(Problem::tenant_disabled());
    }
    let now = clock::now();
    if now >= rests_until(&session) {
        return Err(Problem::token_over());
    }
    let Some(going_on) = used(&session, &token, now) else {
        tracing::warn!(session.id = %session.id, "a refresh token came again, its session is ended");
        store.end_session(&session.id).await?;
        return Err(Problem::token_over());
    };
    let user = store.user(&session.tenant, &session.user).await?;
    let user = user.filter(|user| user.is_signed_in_by(&session));
    let user = user.ok_or_else(Problem::token_over)?;
    let [access, refresh] = tokens(&session.id);
    let next = Session {
        access: access.hash(),
        access_until: later(now, ACCESS_FOR).min(session.ends_at),
        refresh: refresh.hash(),
        ..going_on
    };
    if !store.refresh_session(&session, &next).await? {
        return Err(StoreError::Conflict.into());
    }
    Ok(Json(shown(&next, &access, &refresh, &user)))
}

/// The session once this token is used: the newest one, or for a minute the one before, whose answer may have been lost.
/// That minute does not begin anew. Any other token of the session has been used, or was given to somebody else.
fn used(session: &Session, token: &SessionToken, now: Timestamp) -> Option<Session> {
    if token.matches(&session.refresh) {
        let before = RefreshBefore {
            hash: token.hash(),
            until: later(now, LOST_FOR),
        };
        return Some(Session {
            refresh_before: Some(before),
            refreshed_at: now,
            ..session.clone()
        });
    }
    let before = session.refresh_before.as_ref();
    before
        .filter(|before| now < before.until && token.matches(&before.hash))
        .map(|_| session.clone())
}

fn read_token(body: &Value, name: &'static str, kind: TokenKind) -> Result<SessionToken, Problem> {
    let faults = Faults::new();
    let read = Fields::of(body, "", &faults).and_then(|mut fields| {
        let text = fields.required_text(name, 1..=usize::MAX);
        fields.finish();
        text.map(str::to_owned)
    });
    let text = faults.into_result(read).map_err(Problem::validation)?;
    SessionToken::parse(&text, kind).ok_or_else(Problem::token_over)
}

/// Sign out.
///
/// Both of the session's tokens open nothing from the next request on.
#[utoipa::path(
    delete, operation_id = "sign_out", path = "/v1/sessions/current", tag = "Access", security(("api_key" = [])),
    responses(
        (status = 204, description = "Signed out"),
        (status = 409, description = "An API key calls, which has no session", body = Problem,
            content_type = "application/problem+json"),
        CallerProblems, ServiceProblems,
    ),
)]
pub(crate) async fn sign_out(
    extract::State(store): extract::State<Store>,
    _: Caller,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    match Presented::of(&headers)? {
        Presented::Session(token) => {
            store.end_session(&token.session).await?;
            Ok(StatusCode::NO_CONTENT)
        }
        Presented::Key(_) => {
            let detail = "an API key has no session: revoke it instead";
            Err(Problem::conflict("not_a_person", detail))
        }
    }
}
