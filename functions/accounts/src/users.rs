//! `/v1/users`: people who sign in. Nobody chooses another's password: a person is invited to choose it.

use crate::authority::{Authority, Changed};
use crate::key_body::LONGEST_NAME;
use crate::user_dto::{InvitedUser, NewUser, UserDto};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{self, Path};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use heliograph::domain::audit::Action;
use heliograph::domain::fault::{Fault, Faults};
use heliograph::domain::fields::Fields;
use heliograph::domain::id::SessionId;
use heliograph::domain::role::{Right, Role, Scopes};
use heliograph::service::auth::{SessionToken, TokenKind};
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::http::listing::{id_of, page, slice};
use heliograph::service::http::{Cursor, MAX_JSON, Page, Parameters, read_json};
use heliograph::service::idempotency::{self, REPLAYED};
use heliograph::service::openapi::{
    BodyProblems, CallerProblems, IdProblems, ListProblems, ServiceProblems,
};
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
use heliograph::store::{
    IdempotencyClaim, Invitation, Store, StoreError, Transaction, User, UserChanges,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// How long an invitation may be accepted.
const INVITED_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Lists a tenant's people, the newest first.
#[utoipa::path(
    get,
    operation_id = "list_users",
    path = "/v1/users",
    tag = "Access",
    params(
        ("limit" = Option<u32>, Query, description = "Entries a page, 1 to 100; 25 unless told", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page", body = Page<UserDto>), ListProblems)
)]
pub(crate) async fn list(
    caller: Caller,
    extract::State(store): extract::State<Store>,
    mut parameters: Parameters,
) -> Result<Json<Page<UserDto>>, Problem> {
    let tenant = caller.with(Right::Configure)?.tenant;
    let query = parameters.page();
    parameters.finish()?;
    let cursor = Cursor::of("users", &tenant);
    let listed = store.users(&tenant, &slice(&query, cursor)?).await?;
    page(&listed, cursor)
}

/// Reads one person.
#[utoipa::path(
    get,
    operation_id = "get_user",
    path = "/v1/users/{id}",
    tag = "Access",
    params(("id" = String, Path, description = "Our id")),
    responses((status = 200, description = "The person", body = UserDto), ListProblems, IdProblems)
)]
pub(crate) async fn one(
    caller: Caller,
    extract::State(store): extract::State<Store>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<UserDto>, Problem> {
    let caller = caller.with(Right::Configure)?;
    parameters.finish()?;
    let found = store.user(&caller.tenant, &id_of(&id)?).await?;
    let user = found.ok_or_else(Problem::not_found)?;
    Ok(Json(UserDto::from(&user)))
}

/// Add a person.
///
/// The answer holds an invitation, by which that person chooses a password.
#[utoipa::path(
    post, operation_id = "create_user", path = "/v1/users", tag = "Access", security(("api_key" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "One key is one person, for 24 hours")),
    request_body(content = crate::user_dto::NewUser, content_type = "application/json"),
    responses(
        (status = 201, description = "Added", body = InvitedUser),
        (status = 422, description = "The Idempotency-Key was used with another body", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "There is somebody of this address", body = Problem,
            content_type = "application/problem+json"),
        BodyProblems, CallerProblems, ServiceProblems,
    ),
)]
pub(crate) async fn create(
    extract::State(store): extract::State<Store>,
    caller: Caller,
    origin: Origin,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let body = read_json(&headers, &body, MAX_JSON)?;
    let claim = idempotency::claim("POST /v1/users", &headers, &body)?;
    if let Some(user) = earlier(&store, &authority, claim.as_ref()).await? {
        return Ok(([(REPLAYED, "true")], made(&user, None)).into_response());
    }
    let now = clock::now();
    let new = read_new(&body).map_err(Problem::validation)?;
    let mut user = new.user(&authority.tenant, now);
    authority.grants(user.role, &Scopes::all(), None)?;
    let (token, invitation) = invitation(&user, now);
    user.invitation = Some(invitation.hash.clone());
    store.put_invitation(&invitation).await?;
    let mut transaction = adding(&store, &authority, &user, body)?;
    let id = user.id.as_str();
    store.remember_claim(&mut transaction, &user.tenant, claim.as_ref(), id, now)?;
    match store.commit(transaction).await {
        Ok(()) => Ok(made(&user, Some((&token, &invitation)))),
        Err(StoreError::Conflict) => not_added(&store, &authority, &user, claim.as_ref()).await,
        Err(error) => Err(error.into()),
    }
}

/// What adds a person; it fails if there is one of this address.
pub(crate) fn adding(
    store: &Store,
    authority: &Authority,
    user: &User,
    said: Value,
) -> Result<Transaction, Problem> {
    let mut transaction = Transaction::new();
    store.add_user(&mut transaction, user)?;
    let id = user.id.as_str();
    let entry = authority.entry(Action::UserCreated, id, said, user.created_at);
    authority.answers_for(store, &mut transaction, &Changed::Nobody, &entry)?;
    Ok(transaction)
}

/// Somebody was not added: the same request was faster, the address is taken, or who adds it was changed meanwhile.
async fn not_added(
    store: &Store,
    authority: &Authority,
    user: &User,
    claim: Option<&IdempotencyClaim>,
) -> Result<Response, Problem> {
    if let Some(user) = earlier(store, authority, claim).await? {
        return Ok(([(REPLAYED, "true")], made(&user, None)).into_response());
    }
    if store.user_at(&user.tenant, &user.email).await?.is_some() {
        let detail = "somebody of this address is here already";
        return Err(Problem::conflict("user_exists", detail));
    }
    Err(authority.why_not(store).await)
}

async fn earlier(
    store: &Store,
    authority: &Authority,
    claim: Option<&IdempotencyClaim>,
) -> Result<Option<User>, Problem> {
    match idempotency::earlier(store, &authority.tenant, claim).await? {
        Some(id) => Ok(store.user(&authority.tenant, &id_of(&id)?).await?),
        None => Ok(None),
    }
}

fn made(user: &User, invited_by: Option<(&SessionToken, &Invitation)>) -> Response {
    let location = format!("/v1/users/{}", user.id);
    let made = Json(invited(user, invited_by));
    (StatusCode::CREATED, [(LOCATION, location)], made).into_response()
}

fn read_new(body: &Value) -> Result<NewUser, Vec<Fault>> {
    let faults = Faults::new();
    let read = Fields::of(body, "", &faults).and_then(|mut fields| {
        let user = NewUser::read(&mut fields);
        fields.finish();
        user
    });
    faults.into_result(read)
}

fn invitation(user: &User, now: Timestamp) -> (SessionToken, Invitation) {
    let token = SessionToken::generate(&SessionId::at(now), TokenKind::Invitation);
    let invitation = Invitation {
        hash: token.hash(),
        tenant: user.tenant.clone(),
        user: user.id.clone(),
        until: now.saturating_add(INVITED_FOR).unwrap_or(Timestamp::MAX),
    };
    (token, invitation)
}

fn invited(user: &User, by: Option<(&SessionToken, &Invitation)>) -> InvitedUser {
    InvitedUser {
        described: UserDto::from(user),
        invitation: by.map(|(token, _)| token.expose().to_owned()),
        invitation_expires_at: by.map(|(_, invitation)| invitation.until),
    }
}

/// Invite a person anew.
///
/// For one that has lost its invitation or forgotten its password. The invitation before opens nothing any more, so of
/// two that are asked for the later one opens; the password, if there is one, stays until another is chosen.
#[utoipa::path(
    post, operation_id = "invite_user", path = "/v1/users/{id}/invitation", tag = "Access", security(("api_key" = [])),
    params(("id" = String, Path, description = "Our id")),
    responses(
        (status = 201, description = "Invited", body = InvitedUser),
        (status = 409, description = "The person is disabled, or is who asks", body = Problem, content_type = "application/problem+json"),
        CallerProblems, ServiceProblems, IdProblems,
    ),
)]
pub(crate) async fn invite(
    extract::State(store): extract::State<Store>,
    caller: Caller,
    origin: Origin,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<InvitedUser>), Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let user = find(&store, &authority, &id).await?;
    if authority.is_user(&user.id) {
        let detail = "nobody invites himself: change the password with POST /v1/me/password";
        return Err(Problem::conflict("own_user", detail));
    }
    if user.disabled_at.is_some() {
        let detail = "this person is disabled; enable it first";
        return Err(Problem::conflict("user_disabled", detail));
    }
    let now = clock::now();
    let (token, invitation) = invitation(&user, now);
    store.put_invitation(&invitation).await?;
    let changes = UserChanges {
        invitation: Some(Some(invitation.hash.clone())),
        ..UserChanges::default()
    };
    change_to(
        &store,
        &authority,
        &user,
        &changes,
        (Action::UserInvited, Value::Null),
    )
    .await?;
    let shown = invited(&user, Some((&token, &invitation)));
    Ok((StatusCode::CREATED, Json(shown)))
}

/// Change a person.
///
/// Another role counts from the next request on; who is disabled is signed out everywhere.
#[utoipa::path(
    patch, operation_id = "change_user", path = "/v1/users/{id}", tag = "Access", security(("api_key" = [])),
    params(("id" = String, Path, description = "Our id")),
    request_body(content = crate::user_dto::UserChangesBody, content_type = "application/json"),
    responses(
        (status = 200, description = "The person as it is now", body = UserDto),
        (status = 409, description = "Nobody disables himself or changes his own role", body = Problem,
            content_type = "application/problem+json"),
        BodyProblems, CallerProblems, ServiceProblems, IdProblems,
    ),
)]
pub(crate) async fn change(
    extract::State(store): extract::State<Store>,
    caller: Caller,
    origin: Origin,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<UserDto>, Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let body = read_json(&headers, &body, MAX_JSON)?;
    let user = find(&store, &authority, &id).await?;
    let changes = read_changes(&body, &user, clock::now()).map_err(Problem::validation)?;
    if authority.is_user(&user.id) && (changes.role.is_some() || changes.disabled_at.is_some()) {
        let detail = "nobody disables himself or changes his own role: let another admin do it";
        return Err(Problem::conflict("own_user", detail));
    }
    authority.grants(changes.role.unwrap_or(user.role), &Scopes::all(), None)?;
    if changes != UserChanges::default() {
        change_to(
            &store,
            &authority,
            &user,
            &changes,
            (Action::UserChanged, body),
        )
        .await?;
    }
    Ok(Json(UserDto::from(&find(&store, &authority, &id).await?)))
}

fn read_changes(body: &Value, user: &User, now: Timestamp) -> Result<UserChanges, Vec<Fault>> {
    let faults = Faults::new();
    let read = Fields::of(body, "", &faults).map(|mut fields| {
        let name = fields.line("name", 1..=LONGEST_NAME);
        let role = fields.choice("role", &Role::ALL.map(Role::as_str));
        let disabled = fields.boolean("disabled");
        fields.finish();
        let disabled = disabled.filter(|disabled| *disabled != user.disabled_at.is_some());
        let role = role.and_then(Role::named).filter(|role| *role != user.role);
        UserChanges {
            name: name.filter(|name| *name != user.name).map(str::to_owned),
            role,
            disabled_at: disabled.map(|disabled| disabled.then_some(now)),
            ends_sessions: disabled == Some(true),
            invitation: disabled.filter(|disabled| *disabled).map(|_| None),
            ..UserChanges::default()
        }
    });
    faults.into_result(read)
}

/// The person of this id, if its rights are not above those of who asks: such a one is not changed.
async fn find(store: &Store, authority: &Authority, id: &str) -> Result<User, Problem> {
    let found = store.user(&authority.tenant, &id_of(id)?).await?;
    let user = found.ok_or_else(Problem::not_found)?;
    authority.grants(user.role, &Scopes::all(), None)?;
    Ok(user)
}

async fn change_to(
    store: &Store,
    authority: &Authority,
    user: &User,
    changes: &UserChanges,
    (action, said): (Action, Value),
) -> Result<(), Problem> {
    let mut transaction = Transaction::new();
    store.change_user(&mut transaction, user, changes, None)?;
    let entry = authority.entry(action, user.id.as_str(), said, clock::now());
    authority.answers_for(store, &mut transaction, &Changed::User(user), &entry)?;
    Ok(store.commit(transaction).await?)
}
