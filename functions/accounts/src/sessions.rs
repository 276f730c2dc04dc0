//! `/v1/sessions` and invitations: people sign in, stay signed in, and sign out. Needs no key.

use crate::password::{self, Password};
use crate::tries;
use crate::user_dto::UserDto;
use axum::Json;
use axum::body::Bytes;
use axum::extract;
use axum::http::{HeaderMap, StatusCode};
use heliograph::domain::audit::{Action, Actor, AuditEntry};
use heliograph::domain::email::EmailAddress;
use heliograph::domain::fault::Faults;
use heliograph::domain::fields::Fields;
use heliograph::domain::id::{AuditId, SessionId};
use heliograph::domain::identity::TenantId;
use heliograph::service::auth::{Presented, SessionToken, TokenKind};
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::http::{MAX_JSON, read_json};
use heliograph::service::openapi::{BodyProblems, CallerProblems, ServiceProblems};
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
use heliograph::store::{Session, Store, StoreError, Transaction, User, UserChanges};
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
    #[schema(example = "ada@example.com")]
    email: String,
    /// The password.
    password: String,
    /// The tenant, if the address is in several.
    #[schema(example = "acme")]
    tenant: Option<String>,
}

/// A session to refresh.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body, which is read by `read_token`"
)]
pub(crate) struct RefreshBody {
    /// The refresh token.
    refresh_token: String,
}

/// A password to choose.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the body, which is read by `accept`")]
pub(crate) struct AcceptBody {
    /// The invitation.
    invitation: String,
    /// The password from now on: 12 to 128 characters.
    password: String,
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
    let mut known = store.users_at(&email).await?;
    known.retain(|user| tenant.as_ref().is_none_or(|tenant| user.tenant == *tenant));
    let only = known.pop().filter(|_| known.is_empty());
    let kept = only.as_ref().and_then(|user| user.password.clone());
    let fits = password::is(kept, password).await;
    let user = only.filter(|user| fits && user.disabled_at.is_none());
    let user = user.ok_or_else(Problem::not_signed_in)?;
    if store.is_disabled(&user.tenant).await? {
        return Err(Problem::tenant_disabled());
    }
    Ok((StatusCode::CREATED, Json(begin(&store, &user).await?)))
}

fn read_sign_in(body: &Value) -> Result<(EmailAddress, Password, Option<TenantId>), Problem> {
    let faults = Faults::new();
    let read = Fields::of(body, "", &faults).and_then(|mut fields| {
        let email = fields.required_parsed("email", str::parse);
        let password = Password::read(&mut fields, "password");
        let tenant = fields.parsed("tenant", str::parse);
        fields.finish();
        Some((email?, password?, tenant))
    });
    faults.into_result(read).map_err(Problem::validation)
}

async fn begin(store: &Store, user: &User) -> Result<SignedIn, Problem> {
    let now = clock::now();
    let id = SessionId::at(now);
    let [access, refresh] = tokens(&id);
    let session = Session {
        tenant: user.tenant.clone(),
        user: user.id.clone(),
        began_at: now,
        ends_at: later(now, LONGEST),
        access: access.hash(),
        access_until: later(now, ACCESS_FOR),
        refresh: refresh.hash(),
        refresh_before: None,
        refreshed_at: now,
        id,
    };
    store.begin_session(&session).await?;
    Ok(shown(&session, &access, &refresh, user))
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
/// Both tokens are new then. A refresh token that was used before ends the session: somebody else may have it.
#[utoipa::path(
    post, operation_id = "refresh_session", path = "/v1/sessions/refresh", tag = "Access", security(()),
    request_body(content = crate::sessions::RefreshBody, content_type = "application/json"),
    responses(
        (status = 200, description = "Refreshed", body = SignedIn),
        (status = 401, description = "The token opens nothing any more", body = Problem,
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
    let now = clock::now();
    if !refreshes(&session, &token, now) {
        if session
            .refresh_before
            .as_ref()
            .is_some_and(|it| token.matches(it))
        {
            tracing::warn!(session.id = %session.id, "a refresh token was used twice, the session is ended");
            store.end_session(&session.id).await?;
        }
        return Err(Problem::token_over());
    }
    let user = store.user(&session.tenant, &session.user).await?;
    let user = user.filter(|user| user.is_signed_in_by(&session));
    let user = user.ok_or_else(Problem::token_over)?;
    let [access, refresh] = tokens(&session.id);
    let next = Session {
        access: access.hash(),
        access_until: later(now, ACCESS_FOR).min(session.ends_at),
        refresh: refresh.hash(),
        refresh_before: Some(token.hash()),
        refreshed_at: now,
        ..session.clone()
    };
    if !store.refresh_session(&session, &next).await? {
        return Err(StoreError::Conflict.into());
    }
    Ok(Json(shown(&next, &access, &refresh, &user)))
}

/// Whether this token refreshes this session now: the last one given, or the one before if that may have been lost.
fn refreshes(session: &Session, token: &SessionToken, now: Timestamp) -> bool {
    let before = session.refresh_before.as_ref();
    let may_be_lost = now.duration_since(session.refreshed_at) < LOST_FOR;
    let fits = token.matches(&session.refresh)
        || (may_be_lost && before.is_some_and(|before| token.matches(before)));
    fits && now < rests_until(session)
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

/// Accept an invitation.
///
/// The password is chosen, every session there was is over, and a new one begins. The invitation opens nothing more.
#[utoipa::path(
    post, operation_id = "accept_invitation", path = "/v1/invitations/accept", tag = "Access", security(()),
    request_body(content = crate::sessions::AcceptBody, content_type = "application/json"),
    responses(
        (status = 201, description = "Signed in", body = SignedIn),
        (status = 401, description = "The invitation opens nothing any more", body = Problem,
            content_type = "application/problem+json"),
        BodyProblems, ServiceProblems,
    ),
)]
pub(crate) async fn accept(
    extract::State(store): extract::State<Store>,
    origin: Origin,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<SignedIn>), Problem> {
    let body = read_json(&headers, &body, MAX_JSON)?;
    let (token, password) = read_accept(&body)?;
    let now = clock::now();
    let user = invited(&store, &token, now).await?;
    let user = user.ok_or_else(Problem::token_over)?;
    password.is_not_of(&user.email, "/password")?;
    let changes = UserChanges {
        password: Some(password::hash(password).await?),
        invitation: Some(None),
        sessions_since: Some(now),
        ..UserChanges::default()
    };
    let mut transaction = Transaction::new();
    store.change_user(&mut transaction, &user, &changes, Some(&token.hash()))?;
    store.note_audit(&mut transaction, &chosen(&user, origin, now))?;
    match store.commit(transaction).await {
        Ok(()) => {}
        // It was accepted, or another one sent, meanwhile.
        Err(StoreError::Conflict) => return Err(Problem::token_over()),
        Err(error) => return Err(error.into()),
    }
    let found = store.user(&user.tenant, &user.id).await?;
    let user = found.ok_or_else(Problem::token_over)?;
    Ok((StatusCode::CREATED, Json(begin(&store, &user).await?)))
}

fn read_accept(body: &Value) -> Result<(SessionToken, Password), Problem> {
    let faults = Faults::new();
    let read = Fields::of(body, "", &faults).and_then(|mut fields| {
        let text = fields.required_text("invitation", 1..=usize::MAX);
        let password = Password::read_new(&mut fields, "password");
        fields.finish();
        Some((text?.to_owned(), password?))
    });
    let (text, password) = faults.into_result(read).map_err(Problem::validation)?;
    let token = SessionToken::parse(&text, TokenKind::Invitation);
    Ok((token.ok_or_else(Problem::token_over)?, password))
}

/// Whom an invitation invites, if it does so still.
async fn invited(
    store: &Store,
    token: &SessionToken,
    now: Timestamp,
) -> Result<Option<User>, Problem> {
    let Some(invitation) = store.invitation(&token.hash(), now).await? else {
        return Ok(None);
    };
    let user = store.user(&invitation.tenant, &invitation.user).await?;
    let is_meant = |user: &User| {
        let known = user.invitation.as_ref();
        user.disabled_at.is_none() && known.is_some_and(|known| token.matches(known))
    };
    Ok(user.filter(is_meant))
}

fn chosen(user: &User, origin: Origin, now: Timestamp) -> AuditEntry {
    AuditEntry {
        id: AuditId::at(now),
        tenant: user.tenant.clone(),
        at: now,
        actor: Actor::User {
            id: user.id.clone(),
        },
        address: origin.0,
        action: Action::UserPasswordSet,
        target: user.id.to_string(),
        changes: Value::Null,
    }
}
