//! `/v1/api-keys`: what callers prove themselves with. A key is shown in the one answer that makes it.

use crate::State;
use crate::authority::{Authority, Changed};
use crate::key_body::{NewKey, read_changes};
use crate::key_dto::{ApiKeyDto, MadeApiKey};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{self, Path};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use heliograph::domain::audit::Action;
use heliograph::domain::id::KeyId;
use heliograph::domain::identity::TenantId;
use heliograph::domain::role::Right;
use heliograph::service::auth;
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
use heliograph::store::{ApiKey, ApiKeyChanges, IdempotencyClaim, Store, StoreError, Transaction};
use serde_json::Value;

/// Lists a tenant's API keys, newest first, those that open nothing any more too.
#[utoipa::path(
    get,
    operation_id = "list_api_keys",
    path = "/v1/api-keys",
    tag = "Access",
    params(
        ("limit" = Option<u32>, Query, description = "Entries a page, 1 to 100; 25 unless told", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page", body = Page<ApiKeyDto>), ListProblems)
)]
pub(crate) async fn list(
    caller: Caller,
    extract::State(store): extract::State<Store>,
    mut parameters: Parameters,
) -> Result<Json<Page<ApiKeyDto>>, Problem> {
    let tenant = caller.with(Right::Configure)?.tenant;
    let query = parameters.page();
    parameters.finish()?;
    let cursor = Cursor::of("api_keys", &tenant);
    let listed = store.api_keys(&tenant, &slice(&query, cursor)?).await?;
    page(&listed, cursor)
}

/// Reads one API key.
#[utoipa::path(
    get,
    operation_id = "get_api_key",
    path = "/v1/api-keys/{id}",
    tag = "Access",
    params(("id" = String, Path, description = "Our id")),
    responses((status = 200, description = "The key, without the key itself", body = ApiKeyDto), ListProblems, IdProblems)
)]
pub(crate) async fn one(
    caller: Caller,
    extract::State(store): extract::State<Store>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<ApiKeyDto>, Problem> {
    let tenant = caller.with(Right::Configure)?.tenant;
    parameters.finish()?;
    let key = find(&store, &tenant, &id_of(&id)?).await?;
    Ok(Json(ApiKeyDto::from(&key)))
}

/// Make an API key.
///
/// The answer shows the key, and nothing ever shows it again. Nobody can give a key rights that his own has not.
#[utoipa::path(
    post, operation_id = "create_api_key", path = "/v1/api-keys", tag = "Access", security(("api_key" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "One key is one API key, for 24 hours")),
    request_body(content = crate::key_dto::ApiKeyBody, content_type = "application/json"),
    responses(
        (status = 201, description = "Made", body = MadeApiKey),
        BodyProblems, CallerProblems, ServiceProblems,
        (status = 409, description = "Somebody else did something at the same time; try again", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "The Idempotency-Key was used with another body", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn create(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    made(&state.store, &authority, "/v1/api-keys", &headers, &body).await
}

/// Makes a key by somebody's authority, or finds the one that the same request made before.
pub(crate) async fn made(
    store: &Store,
    authority: &Authority,
    path: &str,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Response, Problem> {
    let body = read_json(headers, body, MAX_JSON)?;
    let claim = idempotency::claim(&format!("POST {path}"), headers, &body)?;
    let tenant = &authority.tenant;
    if let Some(earlier) = earlier(store, tenant, claim.as_ref()).await? {
        return Ok(replayed(&earlier));
    }
    let now = clock::now();
    let new = NewKey::read(&body, now).map_err(Problem::validation)?;
    authority.grants(new.role, &new.scopes, new.expires_at)?;
    let text = auth::ApiKey::generate();
    let key = ApiKey {
        name: new.name,
        scopes: new.scopes,
        expires_at: new.expires_at,
        ..ApiKey::new(KeyId::at(now), tenant.clone(), new.role, text.hash(), now)
    };
    let mut transaction = Transaction::new();
    store.add_api_key(&mut transaction, &key)?;
    store.remember_claim(
        &mut transaction,
        tenant,
        claim.as_ref(),
        key.id.as_str(),
        now,
    )?;
    let entry = authority.entry(Action::ApiKeyCreated, key.id.as_str(), body, now);
    authority.answers_for(store, &mut transaction, &Changed::Nobody, &entry)?;
    match store.commit(transaction).await {
        Ok(()) => Ok(answer(&key, Some(&text))),
        Err(StoreError::Conflict) => beaten(store, authority, claim.as_ref()).await,
        Err(error) => Err(error.into()),
    }
}

/// A key was not made: the same request was faster, or the tenant has been disabled.
async fn beaten(
    store: &Store,
    authority: &Authority,
    claim: Option<&IdempotencyClaim>,
) -> Result<Response, Problem> {
    if let Some(earlier) = earlier(store, &authority.tenant, claim).await? {
        return Ok(replayed(&earlier));
    }
    Err(authority.why_not(store).await)
}

async fn earlier(
    store: &Store,
    tenant: &TenantId,
    claim: Option<&IdempotencyClaim>,
) -> Result<Option<ApiKey>, Problem> {
    match idempotency::earlier(store, tenant, claim).await? {
        Some(id) => find(store, tenant, &id_of(&id)?).await.map(Some),
        None => Ok(None),
    }
}

fn answer(key: &ApiKey, text: Option<&auth::ApiKey>) -> Response {
    let location = format!("/v1/api-keys/{}", key.id);
    let made = MadeApiKey {
        described: ApiKeyDto::from(key),
        key: text.map(|text| text.expose().to_owned()),
    };
    (StatusCode::CREATED, [(LOCATION, location)], Json(made)).into_response()
}

fn replayed(key: &ApiKey) -> Response {
    ([(REPLAYED, "true")], answer(key, None)).into_response()
}

async fn find(store: &Store, tenant: &TenantId, id: &KeyId) -> Result<ApiKey, Problem> {
    let found = store.api_key_of(tenant, id).await?;
    found.ok_or_else(Problem::not_found)
}

/// Change an API key.
///
/// Used by the next request. A revoked key stays as it is.
#[utoipa::path(
    patch, operation_id = "change_api_key", path = "/v1/api-keys/{id}", tag = "Access", security(("api_key" = [])),
    params(("id" = String, Path, description = "Our id")),
    request_body(content = crate::key_dto::ApiKeyChangesBody, content_type = "application/json"),
    responses(
        (status = 200, description = "The key as it is now", body = ApiKeyDto),
        (status = 409, description = "It is revoked", body = Problem, content_type = "application/problem+json"),
        BodyProblems, CallerProblems, ServiceProblems, IdProblems,
    ),
)]
pub(crate) async fn change(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<ApiKeyDto>, Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let body = read_json(&headers, &body, MAX_JSON)?;
    let key = find(&state.store, &authority.tenant, &id_of(&id)?).await?;
    let changes = read_changes(&body, &key, clock::now()).map_err(Problem::validation)?;
    authority.grants(key.role, &key.scopes, key.expires_at)?;
    let role = changes.role.unwrap_or(key.role);
    let scopes = changes.scopes.as_ref().unwrap_or(&key.scopes);
    let until = changes.expires_at.unwrap_or(key.expires_at);
    authority.grants(role, scopes, until)?;
    if key.revoked_at.is_some() {
        return Err(revoked());
    }
    if changes == ApiKeyChanges::default() {
        return Ok(Json(ApiKeyDto::from(&key)));
    }
    let what = (Action::ApiKeyChanged, body);
    if !changed(&state.store, &authority, &key, &changes, what).await? {
        let now = find(&state.store, &authority.tenant, &key.id).await?;
        return Err(match now.revoked_at {
            Some(_) => revoked(),
            None => StoreError::Conflict.into(),
        });
    }
    let key = find(&state.store, &authority.tenant, &key.id).await?;
    Ok(Json(ApiKeyDto::from(&key)))
}

fn revoked() -> Problem {
    let detail = "this key is revoked; make another one";
    Problem::conflict("api_key_revoked", detail)
}

/// Revoke an API key.
///
/// From the next request on it opens nothing. A key that is revoked already stays so. Nobody revokes a key that may more
/// than his own, or is good for longer.
#[utoipa::path(
    delete, operation_id = "revoke_api_key", path = "/v1/api-keys/{id}", tag = "Access", security(("api_key" = [])),
    params(("id" = String, Path, description = "Our id")),
    responses(
        (status = 204, description = "It is revoked"),
        CallerProblems, ServiceProblems, IdProblems,
    ),
)]
pub(crate) async fn revoke(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let key = find(&state.store, &authority.tenant, &id_of(&id)?).await?;
    let changes = ApiKeyChanges {
        revoked_at: Some(clock::now()),
        ..ApiKeyChanges::default()
    };
    if !authority.is_key(&key.id) {
        authority.grants(key.role, &key.scopes, key.expires_at)?;
    }
    let what = (Action::ApiKeyRevoked, Value::Null);
    if !changed(&state.store, &authority, &key, &changes, what).await? {
        let now = find(&state.store, &authority.tenant, &key.id).await?;
        now.revoked_at.ok_or(StoreError::Conflict)?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Changes a key, and says so in the trail. `false` if it, or who changes it, has been changed meanwhile.
async fn changed(
    store: &Store,
    authority: &Authority,
    key: &ApiKey,
    changes: &ApiKeyChanges,
    (action, said): (Action, Value),
) -> Result<bool, Problem> {
    let mut transaction = Transaction::new();
    store.change_api_key(&mut transaction, key, changes)?;
    let entry = authority.entry(action, key.id.as_str(), said, clock::now());
    authority.answers_for(store, &mut transaction, &Changed::Key(key), &entry)?;
    match store.commit(transaction).await {
        Ok(()) => Ok(true),
        Err(StoreError::Conflict) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
