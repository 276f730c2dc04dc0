//! `/v1/tenants`: who is on this installation. The operator's alone.

use crate::api_keys;
use crate::authority::{Authority, Changed};
use crate::key_body::LONGEST_NAME;
use crate::key_dto::{ApiKeyBody, MadeApiKey};
use crate::operator::Operator;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{self, Path};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use heliograph::domain::audit::Action;
use heliograph::domain::fault::{Fault, Faults};
use heliograph::domain::fields::Fields;
use heliograph::domain::identity::TenantId;
use heliograph::domain::tier::{self, LimitChanges, Limits};
use heliograph::service::clock;
use heliograph::service::http::listing::{id_of, page, slice};
use heliograph::service::http::{Cursor, MAX_JSON, Page, Parameters, read_json};
use heliograph::service::idempotency::{self, REPLAYED};
use heliograph::service::openapi::{
    BodyProblems, CallerProblems, IdProblems, ListProblems, ServiceProblems,
};
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
use heliograph::store::{Store, StoreError, Tenant, TenantChanges, Transaction};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A company on this installation.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Tenant)]
pub(crate) struct TenantDto {
    /// Its id.
    #[schema(value_type = String, example = "acme")]
    id: TenantId,
    /// What people call it.
    name: String,
    /// When it was made.
    created_at: Timestamp,
    /// Since when its keys open nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_at: Option<Timestamp>,
    /// What people call its subscription.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "starter")]
    tier: Option<String>,
    /// What it may use; what is absent is not limited.
    limits: Limits,
}

impl From<&Tenant> for TenantDto {
    fn from(tenant: &Tenant) -> Self {
        Self {
            id: tenant.id.clone(),
            name: tenant.name.clone(),
            created_at: tenant.created_at,
            disabled_at: tenant.disabled_at,
            tier: tenant.tier.clone(),
            limits: tenant.limits,
        }
    }
}

/// A tenant to make.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body, which is read by `read_new`"
)]
pub(crate) struct TenantBody {
    /// Its id: 1 to 40 lower-case letters, digits and dashes. It never changes.
    #[schema(pattern = "^[a-z0-9-]{1,40}$", example = "acme")]
    id: String,
    /// What people call it.
    #[schema(min_length = 1, max_length = 100, example = "Acme")]
    name: String,
    /// What people call its subscription: any words.
    #[schema(min_length = 1, max_length = 100, example = "starter")]
    tier: Option<String>,
    /// What it may use; what is absent is not limited.
    limits: Option<LimitsBody>,
}

/// Limits to set. What is absent stays as it is, and `null` takes a limit away.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "it describes an object, which is read by `LimitChanges::read`"
)]
pub(crate) struct LimitsBody {
    /// Requests a minute (UTC), of all its callers together.
    #[schema(minimum = 1, maximum = 1_000_000_000, example = 600)]
    requests_per_minute: Option<u64>,
    /// Messages that go out a day (UTC).
    #[schema(minimum = 0, maximum = 1_000_000_000, example = 10_000)]
    messages_per_day: Option<u64>,
    /// Senders.
    #[schema(minimum = 0, maximum = 1_000_000_000, example = 3)]
    senders: Option<u64>,
}

/// What is changed of a tenant; what is absent stays.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body, which is read by `read_changes`"
)]
pub(crate) struct TenantChangesBody {
    /// What people call it.
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    /// Whether its keys open nothing.
    disabled: Option<bool>,
    /// What people call its subscription; `null` for nothing.
    #[schema(min_length = 1, max_length = 100)]
    tier: Option<String>,
    /// What it may use; what is absent stays, `null` takes a limit away.
    limits: Option<LimitsBody>,
}

/// Lists the tenants, by id.
#[utoipa::path(
    get,
    operation_id = "list_tenants",
    path = "/v1/tenants",
    tag = "Tenants",
    params(
        ("limit" = Option<u32>, Query, description = "Entries a page, 1 to 100; 25 unless told", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page", body = Page<TenantDto>), ListProblems)
)]
pub(crate) async fn list(
    _: Operator,
    extract::State(store): extract::State<Store>,
    mut parameters: Parameters,
) -> Result<Json<Page<TenantDto>>, Problem> {
    let query = parameters.page();
    parameters.finish()?;
    // No tenant's cursor: no list of a tenant's bears this name.
    let nobody = id_of("-")?;
    let cursor = Cursor::of("tenants", &nobody);
    let listed = store.tenants(&slice(&query, cursor)?).await?;
    page(&listed, cursor)
}

/// Reads one tenant.
#[utoipa::path(
    get,
    operation_id = "get_tenant",
    path = "/v1/tenants/{id}",
    tag = "Tenants",
    params(("id" = String, Path, description = "Its id", example = "acme")),
    responses((status = 200, description = "The tenant", body = TenantDto), ListProblems, IdProblems)
)]
pub(crate) async fn one(
    _: Operator,
    extract::State(store): extract::State<Store>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<TenantDto>, Problem> {
    parameters.finish()?;
    Ok(Json(TenantDto::from(&find(&store, &id).await?)))
}

/// Make a tenant.
///
/// It has no API key yet: make its first one, of role `admin`, with `POST /v1/tenants/{id}/api-keys`.
#[utoipa::path(
    post, operation_id = "create_tenant", path = "/v1/tenants", tag = "Tenants", security(("api_key" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "One key is one tenant, for 24 hours")),
    request_body(content = crate::tenants::TenantBody, content_type = "application/json"),
    responses(
        (status = 201, description = "Made", body = TenantDto),
        (status = 409, description = "There is a tenant of this id", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "The Idempotency-Key was used with another body", body = Problem,
            content_type = "application/problem+json"),
        BodyProblems, CallerProblems, ServiceProblems,
    ),
)]
pub(crate) async fn create(
    _: Operator,
    extract::State(store): extract::State<Store>,
    origin: Origin,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let body = read_json(&headers, &body, MAX_JSON)?;
    let claim = idempotency::claim("POST /v1/tenants", &headers, &body)?;
    let now = clock::now();
    let tenant = read_new(&body, now).map_err(Problem::validation)?;
    let authority = Authority::of_operator(tenant.id.clone(), origin);
    let mut transaction = Transaction::new();
    store.add_tenant(&mut transaction, &tenant)?;
    store.remember_claim(
        &mut transaction,
        &tenant.id,
        claim.as_ref(),
        tenant.id.as_str(),
        now,
    )?;
    let entry = authority.entry(Action::TenantCreated, tenant.id.as_str(), body, now);
    authority.answers_for(&store, &mut transaction, &Changed::Nobody, &entry)?;
    match store.commit(transaction).await {
        Ok(()) => Ok(answer(&tenant)),
        Err(StoreError::Conflict) => {
            if idempotency::earlier(&store, &tenant.id, claim.as_ref())
                .await?
                .is_some()
            {
                let made = answer(&find(&store, tenant.id.as_str()).await?);
                return Ok(([(REPLAYED, "true")], made).into_response());
            }
            let detail = "there is a tenant of this id; choose another one";
            Err(Problem::conflict("tenant_exists", detail))
        }
        Err(error) => Err(error.into()),
    }
}

fn answer(tenant: &Tenant) -> Response {
    let location = format!("/v1/tenants/{}", tenant.id);
    let made = Json(TenantDto::from(tenant));
    (StatusCode::CREATED, [(LOCATION, location)], made).into_response()
}

fn read_new(body: &Value, now: Timestamp) -> Result<Tenant, Vec<Fault>> {
    let faults = Faults::new();
    let read = Fields::of(body, "", &faults).and_then(|mut fields| {
        let id = fields.required_parsed("id", str::parse);
        let name = fields.required_line("name", 1..=LONGEST_NAME);
        let (tier, limits) = read_tier(&mut fields);
        fields.finish();
        Some(Tenant {
            tier: tier.flatten(),
            limits: limits.of(Limits::default()),
            ..Tenant::new(id?, name?, now)
        })
    });
    faults.into_result(read)
}

/// What is said of a subscription; `null` takes away what was.
pub(crate) fn read_tier(fields: &mut Fields<'_>) -> (tier::Changed<String>, LimitChanges) {
    let tier = if fields.is_cleared("tier") {
        Some(None)
    } else {
        let tier = fields.line("tier", 1..=LONGEST_NAME);
        tier.map(|tier| Some(tier.to_owned()))
    };
    let limits = fields.object("limits").map(LimitChanges::read);
    (tier, limits.unwrap_or_default())
}

/// Change a tenant.
///
/// Limits are heeded half a minute later at the latest; what was used before counts towards them. The keys of a disabled tenant open nothing, half a minute later at the latest. What it had taken in before still goes
/// out, and what people write to it is received: pause its senders to hold that, too.
#[utoipa::path(
    patch, operation_id = "change_tenant", path = "/v1/tenants/{id}", tag = "Tenants", security(("api_key" = [])),
    params(("id" = String, Path, description = "Its id", example = "acme")),
    request_body(content = crate::tenants::TenantChangesBody, content_type = "application/json"),
    responses(
        (status = 200, description = "The tenant as it is now", body = TenantDto),
        BodyProblems, CallerProblems, ServiceProblems, IdProblems,
    ),
)]
pub(crate) async fn change(
    _: Operator,
    extract::State(store): extract::State<Store>,
    origin: Origin,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<TenantDto>, Problem> {
    let body = read_json(&headers, &body, MAX_JSON)?;
    let tenant = find(&store, &id).await?;
    let now = clock::now();
    let changes = read_changes(&body, &tenant, now).map_err(Problem::validation)?;
    if changes != TenantChanges::default() {
        let authority = Authority::of_operator(tenant.id.clone(), origin);
        let mut transaction = Transaction::new();
        store.change_tenant(&mut transaction, &tenant.id, &changes)?;
        let entry = authority.entry(Action::TenantChanged, tenant.id.as_str(), body, now);
        authority.answers_for(&store, &mut transaction, &Changed::Nobody, &entry)?;
        store.commit(transaction).await?;
        store.forget_standing(&tenant.id);
    }
    Ok(Json(TenantDto::from(&find(&store, &id).await?)))
}

fn read_changes(
    body: &Value,
    tenant: &Tenant,
    now: Timestamp,
) -> Result<TenantChanges, Vec<Fault>> {
    let faults = Faults::new();
    let read = Fields::of(body, "", &faults).map(|mut fields| {
        let name = fields.line("name", 1..=LONGEST_NAME);
        let disabled = fields.boolean("disabled");
        let (tier, limits) = read_tier(&mut fields);
        fields.finish();
        let name = name.filter(|name| *name != tenant.name);
        let disabled = disabled.filter(|disabled| *disabled != tenant.disabled_at.is_some());
        TenantChanges {
            name: name.map(str::to_owned),
            disabled_at: disabled.map(|disabled| disabled.then_some(now)),
            tier: tier.filter(|tier| *tier != tenant.tier),
            limits: limits.beside(tenant.limits),
        }
    });
    faults.into_result(read)
}

/// Make an API key for a tenant.
///
/// The first one of a new tenant, or one for a tenant that has lost its own.
#[utoipa::path(
    post, operation_id = "create_api_key_of_tenant", path = "/v1/tenants/{id}/api-keys", tag = "Tenants",
    security(("api_key" = [])),
    params(
        ("id" = String, Path, description = "The tenant's id", example = "acme"),
        ("Idempotency-Key" = Option<String>, Header, description = "One key is one API key, for 24 hours"),
    ),
    request_body(content = ApiKeyBody, content_type = "application/json"),
    responses(
        (status = 201, description = "Made", body = MadeApiKey),
        BodyProblems, CallerProblems, ServiceProblems, IdProblems,
        (status = 409, description = "Somebody else did something at the same time; try again", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "The Idempotency-Key was used with another body", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn create_key(
    _: Operator,
    extract::State(store): extract::State<Store>,
    origin: Origin,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let tenant = find(&store, &id).await?;
    let path = format!("/v1/tenants/{id}/api-keys");
    let authority = Authority::of_operator(tenant.id, origin);
    api_keys::made(&store, &authority, &path, &headers, &body).await
}

async fn find(store: &Store, id: &str) -> Result<Tenant, Problem> {
    let found = store.tenant(&id_of(id)?).await?;
    found.ok_or_else(Problem::not_found)
}
