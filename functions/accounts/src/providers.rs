//! `/v1/providers`: what a tenant says of each provider: where it is, whether it is used, how often, how long a call may
//! last. Used by the next message.

mod body;

pub(crate) use body::read_settings;

use crate::State;
use crate::authority::{Authority, Changed};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{self, Path};
use axum::http::{HeaderMap, StatusCode};
use body::{ProviderBody, ProviderDto, Providers, check_address};
use heliograph::domain::audit::Action;
use heliograph::domain::identity::TenantId;
use heliograph::domain::provider::Provider;
use heliograph::domain::provider_settings::ProviderSettings;
use heliograph::domain::role::Right;
use heliograph::provider::Way;
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::http::{MAX_JSON, Parameters, read_json};
use heliograph::service::openapi::{
    BodyProblems, CallerProblems, IdProblems, ListProblems, ServiceProblems,
};
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
use heliograph::store::{Store, Transaction};
use serde_json::json;

/// Lists every provider.
///
/// What is not said of one is as the installation has it. What each can do stands beside that.
#[utoipa::path(
    get, operation_id = "list_providers", path = "/v1/providers", tag = "Providers",
    responses((status = 200, description = "All of them", body = Providers), ListProblems)
)]
pub(crate) async fn list(
    caller: Caller,
    extract::State(store): extract::State<Store>,
    parameters: Parameters,
) -> Result<Json<Providers>, Problem> {
    let tenant = caller.with(Right::Configure)?.tenant;
    parameters.finish()?;
    let every = store.every_provider_settings(&tenant).await?;
    Ok(Json(Providers {
        data: every.into_iter().map(ProviderDto::from).collect(),
    }))
}

/// Reads one provider.
#[utoipa::path(
    get, operation_id = "get_provider", path = "/v1/providers/{id}", tag = "Providers",
    params(("id" = Provider, Path, description = "Which one", example = "fonnte")),
    responses((status = 200, description = "The provider", body = ProviderDto), ListProblems, IdProblems)
)]
pub(crate) async fn one(
    caller: Caller,
    extract::State(store): extract::State<Store>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<ProviderDto>, Problem> {
    let tenant = caller.with(Right::Configure)?.tenant;
    parameters.finish()?;
    let settings = store.provider_settings(&tenant, named(&id)?).await?;
    Ok(Json(settings.into()))
}

/// Change what is said of a provider.
///
/// What is absent stays, and `null` is what is usual. The next message goes by it, a second later at the latest; nothing is deployed. Nothing is sent
/// through a provider that is disabled: messages that wait stay queued and go once it is enabled, new ones are refused,
/// save those with a `send_at`. Nor is it asked for groups, or whether people can be reached; its keys can be tested, by
/// `POST /v1/accounts/{id}/keys/{alias}/test` and `POST /v1/test-sends`, and are checked when they are put in. An address must be on the internet, and its name is looked up before it is kept and again
/// whenever it is called; keys are checked there from then on, too.
#[utoipa::path(
    put, operation_id = "change_provider", path = "/v1/providers/{id}", tag = "Providers", security(("api_key" = [])),
    params(("id" = Provider, Path, description = "Which one")),
    request_body(content = ProviderBody, content_type = "application/json"),
    responses(
        (status = 200, description = "As it is now", body = ProviderDto),
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
) -> Result<Json<ProviderDto>, Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let body = read_json(&headers, &body, MAX_JSON)?;
    let (store, provider) = (&state.store, named(&id)?);
    let before = store.provider_settings(&authority.tenant, provider).await?;
    let networks = state.parts.providers.networks();
    let after = body::read(&body, before.clone(), networks).map_err(Problem::validation)?;
    let put = put(&state, &authority, before, after).await?;
    Ok(Json(put.into()))
}

/// Take back what is said of a provider.
///
/// It is as the installation has it again, from the next message on.
#[utoipa::path(
    delete, operation_id = "reset_provider", path = "/v1/providers/{id}", tag = "Providers", security(("api_key" = [])),
    params(("id" = Provider, Path, description = "Which one")),
    responses(
        (status = 204, description = "It is as the installation has it"),
        (status = 409, description = "Somebody else did something at the same time; try again", body = Problem,
            content_type = "application/problem+json"),
        CallerProblems, ServiceProblems, IdProblems,
    ),
)]
pub(crate) async fn reset(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let (store, provider) = (&state.store, named(&id)?);
    let before = store.provider_settings(&authority.tenant, provider).await?;
    // It stays as an item, so that whoever read it before overwrites nothing.
    let after = ProviderSettings {
        rev: before.rev,
        ..ProviderSettings::of(provider)
    };
    put(&state, &authority, before, after).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Writes what is said of a provider, if it is not what was said before.
pub(crate) async fn put(
    state: &State,
    authority: &Authority,
    before: ProviderSettings,
    after: ProviderSettings,
) -> Result<ProviderSettings, Problem> {
    if after.say_the_same(&before) {
        return Ok(before);
    }
    check_address(&before, &after, state.parts.providers.networks()).await?;
    let (store, now) = (&state.store, clock::now());
    let mut transaction = Transaction::new();
    let put = store.put_provider_settings(&mut transaction, &authority.tenant, after, now)?;
    let said = json!({
        "base_url": put.base_url, "enabled": put.enabled, "priority": put.priority, "limits": put.limits,
        "timeout_ms": put.timeout_ms,
    });
    let target = put.provider.as_str();
    let entry = authority.entry(Action::ProviderChanged, target, said, now);
    authority.answers_for(store, &mut transaction, &Changed::Nobody, &entry)?;
    store.commit(transaction).await?;
    Ok(put)
}

/// The way to a provider that a tenant says now.
pub(crate) async fn way(
    state: &State,
    tenant: &TenantId,
    provider: Provider,
) -> Result<Way, Problem> {
    let settings = state.store.provider_settings(tenant, provider).await?;
    let way = state.parts.providers.way(&settings);
    way.map_err(|failure| crate::accounts::trouble::unasked(provider, failure))
}

/// Refuses to ask a provider that is disabled, where nobody says that he tests it.
pub(crate) async fn check_enabled(
    state: &State,
    tenant: &TenantId,
    provider: Provider,
) -> Result<(), Problem> {
    let settings = state.store.provider_settings(tenant, provider).await?;
    if settings.enabled {
        return Ok(());
    }
    let (title, name) = (provider.title(), provider.as_str());
    let detail = format!(
        "{title} is disabled, so it is not asked. Remedy: PUT /v1/providers/{name} with {{\"enabled\":true}}"
    );
    Err(Problem::conflict("provider_disabled", detail))
}

fn named(id: &str) -> Result<Provider, Problem> {
    Provider::named(id).ok_or_else(Problem::not_found)
}
