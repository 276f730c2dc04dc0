//! `/v1/users`: people who sign in. Nobody chooses another's password: a person is invited to choose it.

use crate::authority::Authority;
use crate::key_body::LONGEST_NAME;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{self, Path};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use heliograph::domain::audit::Action;
use heliograph::domain::email::EmailAddress;
use heliograph::domain::fault::{Fault, Faults};
use heliograph::domain::fields::Fields;
use heliograph::domain::id::{SessionId, UserId};
use heliograph::domain::role::{Right, Role, Scopes};
use heliograph::service::auth::{SessionToken, TokenKind};
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::http::listing::{id_of, page, slice};
use heliograph::service::http::{Cursor, MAX_JSON, Page, Parameters, read_json};
use heliograph::service::openapi::{
    BodyProblems, CallerProblems, IdProblems, ListProblems, ServiceProblems,
};
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
use heliograph::store::{Invitation, Store, StoreError, Transaction, User, UserChanges};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// How long an invitation may be accepted.
const INVITED_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A person who signs in.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = User)]
pub(crate) struct UserDto {
    /// Our id.
    #[schema(value_type = String, example = "usr_019e92a7c8887000a000000000000001")]
    id: UserId,
    /// What it signs in with.
    #[schema(value_type = String, example = "ada@example.com")]
    email: EmailAddress,
    /// What people call it.
    name: String,
    /// What it may do.
    role: Role,
    /// Whether it may sign in.
    status: UserStatus,
    /// When it was added.
    created_at: Timestamp,
    /// Since when it may not sign in.
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_at: Option<Timestamp>,
}

/// Whether a person may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum UserStatus {
    /// Once it has chosen a password.
    Invited,
    /// It may.
    Active,
    /// It may not.
    Disabled,
}

impl From<&User> for UserDto {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.clone(),
            email: user.email.clone(),
            name: user.name.clone(),
            role: user.role,
            status: match (user.disabled_at, &user.password) {
                (Some(_), _) => UserStatus::Disabled,
                (None, Some(_)) => UserStatus::Active,
                (None, None) => UserStatus::Invited,
            },
            created_at: user.created_at,
            disabled_at: user.disabled_at,
        }
    }
}

/// A person, and its invitation.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InvitedUser {
    #[serde(flatten)]
    described: UserDto,
    /// Give it to that person, and to nobody else: it is shown this once, and lets its bearer choose the password, with
    /// `POST /v1/invitations/accept`.
    #[schema(example = "hgi_...")]
    invitation: String,
    /// Until when it may be accepted.
    invitation_expires_at: Timestamp,
}

/// A person to add.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body, which is read by `read_new`"
)]
pub(crate) struct UserBody {
    /// What it signs in with.
    #[schema(example = "ada@example.com")]
    email: String,
    /// What people call it.
    #[schema(example = "Ada")]
    name: String,
    /// What it may do.
    role: Role,
}

/// What is changed of a person; what is absent stays.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body, which is read by `read_changes`"
)]
pub(crate) struct UserChangesBody {
    /// What people call it.
    name: Option<String>,
    /// What it may do.
    role: Option<Role>,
    /// Whether it may not sign in. Its sessions are over then.
    disabled: Option<bool>,
}

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
    request_body(content = crate::users::UserBody, content_type = "application/json"),
    responses(
        (status = 201, description = "Added", body = InvitedUser),
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
    let authority = Authority::of(caller.with(Right::Configure)?, origin);
    let body = read_json(&headers, &body, MAX_JSON)?;
    let now = clock::now();
    let mut user = read_new(&body, &authority, now).map_err(Problem::validation)?;
    authority.grants(user.role, &Scopes::all())?;
    let (token, invitation) = invitation(&user, now);
    user.invitation = Some(invitation.hash.clone());
    store.put_invitation(&invitation).await?;
    let mut transaction = Transaction::new();
    store.add_user(&mut transaction, &user)?;
    let entry = authority.entry(Action::UserCreated, user.id.as_str(), body, now);
    store.note_audit(&mut transaction, &entry)?;
    match store.commit(transaction).await {
        Ok(()) => {}
        Err(StoreError::Conflict) => {
            let detail = "somebody of this address is here already";
            return Err(Problem::conflict("user_exists", detail));
        }
        Err(error) => return Err(error.into()),
    }
    let location = format!("/v1/users/{}", user.id);
    let made = Json(invited(&user, &token, &invitation));
    Ok((StatusCode::CREATED, [(LOCATION, location)], made).into_response())
}

fn read_new(body: &Value, authority: &Authority, now: Timestamp) -> Result<User, Vec<Fault>> {
    let faults = Faults::new();
    let read = Fields::of(body, "", &faults).and_then(|mut fields| {
        let email = fields.required_parsed("email", str::parse);
        let name = fields.required_visible_text("name", 1..=LONGEST_NAME);
        let role = fields.required_choice("role", &Role::ALL.map(Role::as_str));
        fields.finish();
        Some(User {
            id: UserId::at(now),
            tenant: authority.tenant.clone(),
            email: email?,
            name: name?.to_owned(),
            role: Role::named(role?)?,
            created_at: now,
            password: None,
            invitation: None,
            sessions_since: now,
            disabled_at: None,
        })
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

fn invited(user: &User, token: &SessionToken, invitation: &Invitation) -> InvitedUser {
    InvitedUser {
        described: UserDto::from(user),
        invitation: token.expose().to_owned(),
        invitation_expires_at: invitation.until,
    }
}

/// Invite a person anew.
///
/// For one that has lost its invitation or forgotten its password. The invitation before opens nothing any more; the
/// password, if there is one, stays until another is chosen.
#[utoipa::path(
    post, operation_id = "invite_user", path = "/v1/users/{id}/invitation", tag = "Access", security(("api_key" = [])),
    params(("id" = String, Path, description = "Our id")),
    responses(
        (status = 201, description = "Invited", body = InvitedUser),
        (status = 409, description = "The person is disabled", body = Problem, content_type = "application/problem+json"),
        CallerProblems, ServiceProblems, IdProblems,
    ),
)]
pub(crate) async fn invite(
    extract::State(store): extract::State<Store>,
    caller: Caller,
    origin: Origin,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<InvitedUser>), Problem> {
    let authority = Authority::of(caller.with(Right::Configure)?, origin);
    let user = find(&store, &authority, &id).await?;
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
    Ok((
        StatusCode::CREATED,
        Json(invited(&user, &token, &invitation)),
    ))
}

/// Change a person.
///
/// Another role counts from the next request on; who is disabled is signed out everywhere.
#[utoipa::path(
    patch, operation_id = "change_user", path = "/v1/users/{id}", tag = "Access", security(("api_key" = [])),
    params(("id" = String, Path, description = "Our id")),
    request_body(content = crate::users::UserChangesBody, content_type = "application/json"),
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
    let authority = Authority::of(caller.with(Right::Configure)?, origin);
    let body = read_json(&headers, &body, MAX_JSON)?;
    let user = find(&store, &authority, &id).await?;
    let changes = read_changes(&body, &user, clock::now()).map_err(Problem::validation)?;
    if authority.is_of(&user.id) && (changes.role.is_some() || changes.disabled_at.is_some()) {
        let detail = "nobody disables himself or changes his own role: let another admin do it";
        return Err(Problem::conflict("own_user", detail));
    }
    authority.grants(changes.role.unwrap_or(user.role), &Scopes::all())?;
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
        let has_name = fields.has("name");
        let name = has_name.then(|| fields.required_visible_text("name", 1..=LONGEST_NAME));
        let role = fields.choice("role", &Role::ALL.map(Role::as_str));
        let disabled = fields.boolean("disabled");
        fields.finish();
        UserChanges {
            name: name.flatten().map(str::to_owned),
            role: role.and_then(Role::named),
            disabled_at: disabled.map(|disabled| disabled.then(|| user.disabled_at.unwrap_or(now))),
            sessions_since: disabled.filter(|disabled| *disabled).map(|_| now),
            ..UserChanges::default()
        }
    });
    faults.into_result(read)
}

/// The person of this id, if its rights are not above those of who asks: such a one is not changed.
async fn find(store: &Store, authority: &Authority, id: &str) -> Result<User, Problem> {
    let found = store.user(&authority.tenant, &id_of(id)?).await?;
    let user = found.ok_or_else(Problem::not_found)?;
    authority.grants(user.role, &Scopes::all())?;
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
    store.note_audit(&mut transaction, &entry)?;
    Ok(store.commit(transaction).await?)
}
