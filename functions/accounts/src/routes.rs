//! `/v1/routes`: ordered senders with a failover policy. What `from` of a message or a bulk job may name.

mod body;

use crate::State;
use crate::authority::{Authority, Changed};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{self, Path};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use body::{RouteBody, RouteDto};
pub(crate) use body::{Said, read_fields};
use heliograph::domain::audit::Action;
use heliograph::domain::fault::{Fault, FaultCode};
use heliograph::domain::id::RouteId;
use heliograph::domain::identity::{SenderId, TenantId};
use heliograph::domain::role::Right;
use heliograph::domain::route::Route;
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::http::listing::{answer, id_of, slice};
use heliograph::service::http::{Cursor, MAX_JSON, Page, Parameters, read_json};
use heliograph::service::idempotency::{self, REPLAYED};
use heliograph::service::openapi::{
    BodyProblems, CallerProblems, IdProblems, ListProblems, ServiceProblems,
};
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
use heliograph::store::{IdempotencyClaim, Sender, Store, StoreError, Transaction};
use jiff::Timestamp;
use serde_json::Value;

/// Lists a tenant's routes, by their ids, the last first: of those that were made here the newest, after those that came
/// with ids of their own.
#[utoipa::path(
    get,
    operation_id = "list_routes",
    path = "/v1/routes",
    tag = "Routes",
    params(
        ("limit" = Option<u32>, Query, description = "Entries a page, 1 to 100; 25 unless told", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page", body = Page<RouteDto>), ListProblems)
)]
pub(crate) async fn list(
    caller: Caller,
    extract::State(store): extract::State<Store>,
    mut parameters: Parameters,
) -> Result<Json<Page<RouteDto>>, Problem> {
    let tenant = caller.with(Right::Read)?.tenant;
    let query = parameters.page();
    parameters.finish()?;
    let cursor = Cursor::of("routes", &tenant);
    let listed = store.routes(&tenant, &slice(&query, cursor)?).await?;
    let mut shown = Vec::new();
    for route in &listed.entries {
        shown.push(show(&store, route).await?);
    }
    answer(shown, cursor, listed.next.as_ref())
}

/// Reads one route.
#[utoipa::path(
    get,
    operation_id = "get_route",
    path = "/v1/routes/{id}",
    tag = "Routes",
    params(("id" = String, Path, description = "Our id")),
    responses((status = 200, description = "The route", body = RouteDto), ListProblems, IdProblems)
)]
pub(crate) async fn one(
    caller: Caller,
    extract::State(store): extract::State<Store>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<RouteDto>, Problem> {
    let tenant = caller.with(Right::Read)?.tenant;
    parameters.finish()?;
    let route = find(&store, &tenant, &id_of(&id)?).await?;
    Ok(Json(show(&store, &route).await?))
}

/// Make a route.
///
/// A message that names it in `from` leaves from the first of its senders that is ready to send. If that one provably
/// did not take it, the next one takes over; what nobody knows the outcome of is held, so that no message is sent twice.
#[utoipa::path(
    post, operation_id = "create_route", path = "/v1/routes", tag = "Routes", security(("api_key" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "One key is one route, for 24 hours")),
    request_body(content = RouteBody, content_type = "application/json"),
    responses(
        (status = 201, description = "Made", body = RouteDto),
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
    let (store, tenant) = (&state.store, &authority.tenant);
    let body = read_json(&headers, &body, MAX_JSON)?;
    let claim = idempotency::claim("POST /v1/routes", &headers, &body)?;
    if let Some(earlier) = earlier(store, tenant, claim.as_ref()).await? {
        return Ok(earlier);
    }
    let said = body::read(&body).map_err(Problem::validation)?;
    let id = RouteId::at(clock::now());
    match put(store, &authority, (id, said), claim.as_ref(), body).await {
        Ok((route, senders)) => Ok(made(&route, &senders)),
        // The same request may have been faster.
        Err(problem) => match earlier(store, tenant, claim.as_ref()).await? {
            Some(earlier) => Ok(earlier),
            None => Err(problem),
        },
    }
}

/// Makes a route under this id; the request's key is remembered with it.
pub(crate) async fn put(
    store: &Store,
    authority: &Authority,
    (id, said): (RouteId, Said),
    claim: Option<&IdempotencyClaim>,
    trail: Value,
) -> Result<(Route, Vec<Sender>), Problem> {
    let (tenant, now) = (&authority.tenant, clock::now());
    let (route, senders) = of(store, tenant, (id, said), now).await?;
    let mut transaction = Transaction::new();
    store.add_route(&mut transaction, &route)?;
    store.remember_claim(&mut transaction, tenant, claim, route.id.as_str(), now)?;
    let what = (Action::RouteCreated, trail);
    written(store, authority, transaction, &route.id, what).await?;
    Ok((route, senders))
}

/// Replace a route.
///
/// Used by the next message. Messages and jobs that were taken in before go on with the route as it was then.
#[utoipa::path(
    put, operation_id = "change_route", path = "/v1/routes/{id}", tag = "Routes", security(("api_key" = [])),
    params(("id" = String, Path, description = "Our id")),
    request_body(content = RouteBody, content_type = "application/json"),
    responses(
        (status = 200, description = "The route as it is now", body = RouteDto),
        (status = 409, description = "Somebody else did something at the same time; try again", body = Problem,
            content_type = "application/problem+json"),
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
) -> Result<Json<RouteDto>, Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let (store, tenant) = (&state.store, &authority.tenant);
    let body = read_json(&headers, &body, MAX_JSON)?;
    let known = find(store, tenant, &id_of(&id)?).await?;
    let said = body::read(&body).map_err(Problem::validation)?;
    let of = of(store, tenant, (known.id.clone(), said), clock::now());
    let (route, senders) = of.await?;
    let mut transaction = Transaction::new();
    store.change_route(&mut transaction, &known, &route)?;
    let what = (Action::RouteChanged, body);
    written(store, &authority, transaction, &route.id, what).await?;
    Ok(Json(RouteDto::of(&route, &senders)))
}

/// Delete a route.
///
/// Messages and jobs that were taken in before go on with it.
#[utoipa::path(
    delete, operation_id = "delete_route", path = "/v1/routes/{id}", tag = "Routes", security(("api_key" = [])),
    params(("id" = String, Path, description = "Our id")),
    responses(
        (status = 204, description = "It is deleted"),
        CallerProblems, ServiceProblems, IdProblems,
    ),
)]
pub(crate) async fn delete(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let store = &state.store;
    let known = find(store, &authority.tenant, &id_of(&id)?).await?;
    let mut transaction = Transaction::new();
    store.remove_route(&mut transaction, &known)?;
    let what = (Action::RouteDeleted, Value::Null);
    written(store, &authority, transaction, &known.id, what).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Writes what a transaction holds, with its entry in the trail.
async fn written(
    store: &Store,
    authority: &Authority,
    mut transaction: Transaction,
    id: &RouteId,
    (action, said): (Action, Value),
) -> Result<(), Problem> {
    let entry = authority.entry(action, id.as_str(), said, clock::now());
    authority.answers_for(store, &mut transaction, &Changed::Nobody, &entry)?;
    match store.commit(transaction).await {
        Ok(()) => Ok(()),
        Err(StoreError::Conflict) => Err(authority.why_not(store).await),
        Err(error) => Err(error.into()),
    }
}

/// The route that this says, and its senders, which must be the tenant's.
async fn of(
    store: &Store,
    tenant: &TenantId,
    (id, said): (RouteId, Said),
    now: Timestamp,
) -> Result<(Route, Vec<Sender>), Problem> {
    let Said {
        name,
        senders: ids,
        policy,
    } = said;
    let senders = store.senders_named(tenant, &ids).await?;
    let is_there = |id: &SenderId| senders.iter().any(|sender| sender.id == *id);
    let missing = (0..).zip(&ids).filter(|(_, id)| !is_there(id));
    let faults: Vec<Fault> = missing
        .map(|(place, _): (usize, _)| Fault {
            pointer: format!("/senders/{place}"),
            code: FaultCode::Invalid,
            detail: "is not a sender of yours".to_owned(),
        })
        .collect();
    if !faults.is_empty() {
        return Err(Problem::validation(faults));
    }
    let route = Route {
        id,
        tenant: tenant.clone(),
        name,
        senders: ids,
        policy,
        changed_at: now,
    };
    Ok((route, senders))
}

async fn earlier(
    store: &Store,
    tenant: &TenantId,
    claim: Option<&IdempotencyClaim>,
) -> Result<Option<Response>, Problem> {
    let Some(id) = idempotency::earlier(store, tenant, claim).await? else {
        return Ok(None);
    };
    let route = find(store, tenant, &id_of(&id)?).await?;
    let senders = store.senders_named(tenant, &route.senders).await?;
    let answer = ([(REPLAYED, "true")], made(&route, &senders));
    Ok(Some(answer.into_response()))
}

fn made(route: &Route, senders: &[Sender]) -> Response {
    let location = format!("/v1/routes/{}", route.id);
    let shown = Json(RouteDto::of(route, senders));
    (StatusCode::CREATED, [(LOCATION, location)], shown).into_response()
}

async fn show(store: &Store, route: &Route) -> Result<RouteDto, Problem> {
    let senders = store.senders_named(&route.tenant, &route.senders).await?;
    Ok(RouteDto::of(route, &senders))
}

async fn find(store: &Store, tenant: &TenantId, id: &RouteId) -> Result<Route, Problem> {
    let found = store.route(tenant, id).await?;
    found.ok_or_else(Problem::not_found)
}
