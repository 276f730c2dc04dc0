//! `/v1/me`: who calls, and a new password for it.

use crate::authority::Authority;
use crate::password::{self, Password};
use crate::tries;
use crate::user_dto::UserDto;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{self, State};
use axum::http::{HeaderMap, StatusCode};
use heliograph::domain::fault::Faults;
use heliograph::domain::fields::Fields;
use heliograph::domain::id::KeyId;
use heliograph::domain::identity::TenantId;
use heliograph::domain::role::{Right, Role};
use heliograph::service::caller::{Caller, Proof};
use heliograph::service::http::{MAX_JSON, Parameters, read_json};
use heliograph::service::openapi::{BodyProblems, CallerProblems, ListProblems, ServiceProblems};
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
use heliograph::store::{Store, StoreError, User};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Who calls, and what it may do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Me {
    /// Its tenant.
    #[schema(value_type = String, example = "demo")]
    tenant: TenantId,
    /// What people call the tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_name: Option<String>,
    /// The key it calls with, if it is a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    api_key: Option<KeyId>,
    /// The person it is, if it has signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserDto>,
    /// Its role.
    role: Role,
    /// What it may do: its role's rights, narrowed by its key's scopes.
    rights: Vec<Right>,
}

/// Tells who calls.
#[utoipa::path(
    get,
    operation_id = "get_me",
    path = "/v1/me",
    tag = "Access",
    responses((status = 200, description = "Who calls", body = Me), ListProblems)
)]
pub(crate) async fn me(
    caller: Caller,
    State(store): State<Store>,
    parameters: Parameters,
) -> Result<Json<Me>, Problem> {
    parameters.finish()?;
    let proof = caller.whoever();
    let caller = proof.principal();
    let tenant = store.tenant(&caller.tenant).await?;
    let (api_key, user) = match &proof {
        Proof::Key(key) => (Some(key.id.clone()), None),
        Proof::User(user) => (None, Some(UserDto::from(&**user))),
    };
    let rights = Right::ALL.into_iter().filter(|right| caller.allows(*right));
    Ok(Json(Me {
        rights: rights.collect(),
        tenant_name: tenant.map(|tenant| tenant.name),
        user,
        tenant: caller.tenant,
        api_key,
        role: caller.role,
    }))
}

/// A new password for whoever has signed in.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the body, which is read by `read`")]
pub(crate) struct PasswordBody {
    /// The password until now.
    #[schema(min_length = 1, max_length = 128)]
    current_password: String,
    /// The password from now on: 12 to 128 characters.
    #[schema(min_length = 12, max_length = 128)]
    new_password: String,
}

/// Choose another password.
///
/// Every session of the person is over then, this one too: sign in anew.
#[utoipa::path(
    post, operation_id = "change_password", path = "/v1/me/password", tag = "Access", security(("api_key" = [])),
    request_body(content = crate::me::PasswordBody, content_type = "application/json"),
    responses(
        (status = 204, description = "It is changed"),
        (status = 409, description = "An API key calls, which has no password", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "The current password is another one", body = Problem,
            content_type = "application/problem+json"),
        (status = 429, description = "Tried too often", body = Problem, content_type = "application/problem+json"),
        BodyProblems, CallerProblems, ServiceProblems,
    ),
)]
pub(crate) async fn change_password(
    extract::State(store): extract::State<Store>,
    caller: Caller,
    origin: Origin,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let caller = caller.whoever();
    let body = read_json(&headers, &body, MAX_JSON)?;
    let user = person(&caller)?;
    let (current, new) = read(&body)?;
    new.is_not_of(&user.email, "/new_password")?;
    tries::count(&store, user.email.as_str(), &origin).await?;
    if !password::is(user.password.clone(), current).await {
        let detail = "the current password is another one";
        return Err(Problem::unprocessable("wrong_password", detail));
    }
    let authority = Authority::of(caller, origin);
    let changed = password::choose(&store, &authority, user, new, None).await?;
    changed.ok_or(StoreError::Conflict)?;
    Ok(StatusCode::NO_CONTENT)
}

fn person(caller: &Proof) -> Result<User, Problem> {
    match caller {
        Proof::User(user) => Ok(User::clone(user)),
        Proof::Key(_) => {
            let detail = "an API key has no password: sign in";
            Err(Problem::conflict("not_a_person", detail))
        }
    }
}

fn read(body: &Value) -> Result<(Password, Password), Problem> {
    let faults = Faults::new();
    let read = Fields::of(body, "", &faults).and_then(|mut fields| {
        let current = Password::read(&mut fields, "current_password");
        let new = Password::read_new(&mut fields, "new_password");
        fields.finish();
        Some((current?, new?))
    });
    faults.into_result(read).map_err(Problem::validation)
}
