//! `POST /v1/invitations/accept`: who was invited chooses a password. Needs no key.

use crate::authority::Authority;
use crate::password::{self, Password};
use crate::sessions::{SignedIn, begin};
use axum::Json;
use axum::body::Bytes;
use axum::extract;
use axum::http::{HeaderMap, StatusCode};
use heliograph::domain::fault::Faults;
use heliograph::domain::fields::Fields;
use heliograph::service::auth::{SessionToken, TokenKind};
use heliograph::service::caller::Proof;
use heliograph::service::clock;
use heliograph::service::http::{MAX_JSON, read_json};
use heliograph::service::openapi::{BodyProblems, ServiceProblems};
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
use heliograph::store::{Store, User};
use jiff::Timestamp;
use serde_json::Value;
use utoipa::ToSchema;

/// A password to choose.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the body, which is read by `accept`")]
pub(crate) struct AcceptBody {
    /// The invitation.
    #[schema(min_length = 1)]
    invitation: String,
    /// The password from now on: 12 to 128 characters.
    #[schema(min_length = 12, max_length = 128)]
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
    let authority = Authority::of(Proof::User(Box::new(user.clone())), origin);
    let user = password::choose(&store, &authority, user, password, Some(&token.hash())).await?;
    // It was accepted, or another one sent, meanwhile.
    let user = user.ok_or_else(Problem::token_over)?;
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
