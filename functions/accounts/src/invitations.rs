//! `POST /v1/invitations/accept`: who was invited chooses a password. Needs no key.

use crate::password::{self, Password};
use crate::sessions::{SignedIn, begin};
use axum::Json;
use axum::body::Bytes;
use axum::extract;
use axum::http::{HeaderMap, StatusCode};
use heliograph::domain::audit::{Action, Actor, AuditEntry};
use heliograph::domain::fault::Faults;
use heliograph::domain::fields::Fields;
use heliograph::domain::id::AuditId;
use heliograph::service::auth::{SessionToken, TokenKind};
use heliograph::service::clock;
use heliograph::service::http::{MAX_JSON, read_json};
use heliograph::service::openapi::{BodyProblems, ServiceProblems};
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
use heliograph::store::{Store, StoreError, Transaction, User, UserChanges};
use jiff::Timestamp;
use serde_json::Value;
use utoipa::ToSchema;

/// A password to choose.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the body, which is read by `accept`")]
pub(crate) struct AcceptBody {
    /// The invitation.
    invitation: String,
    /// The password from now on: 12 to 128 characters.
    password: String,
}

/// Accept an invitation.
///
/// The password is chosen, every session there was is over, and a new one begins. The invitation opens nothing more.
#[utoipa::path(
    post, operation_id = "accept_invitation", path = "/v1/invitations/accept", tag = "Access", security(()),
    request_body(content = crate::invitations::AcceptBody, content_type = "application/json"),
    responses(
        (status = 201, description = "Signed in", body = SignedIn),
        (status = 401, description = "The invitation opens nothing any more", body = Problem,
            content_type = "application/problem+json"),
        (status = 403, description = "The tenant is disabled", body = Problem, content_type = "application/problem+json"),
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
    let user = invited(&store, &token, clock::now()).await?;
    let user = user.ok_or_else(Problem::token_over)?;
    password.is_not_of(&user.email, "/password")?;
    if store.is_disabled(&user.tenant).await? {
        return Err(Problem::tenant_disabled());
    }
    let hashed = password::hash(password).await?;
    let now = clock::now();
    let changes = UserChanges {
        password: Some(hashed),
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
    let session = begin(&store, &user).await?;
    let session = session.ok_or_else(Problem::token_over)?;
    Ok((StatusCode::CREATED, Json(session)))
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
