//! A phone number's business profile and settings: Meta's own, read and changed there.

use super::changing::{Changing, Said};
use super::find_at_meta;
use super::numbers::{Access, access, of_waba};
use super::profile;
use super::trouble::Trouble;
use crate::State;
use crate::authority::Authority;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{self, Path};
use axum::http::{HeaderMap, StatusCode};
use heliograph::domain::audit::Action;
use heliograph::domain::fault::{Fault, FaultCode, Faults};
use heliograph::domain::fields::Fields;
use heliograph::domain::role::Right;
use heliograph::provider::meta::client::management::Profile;
use heliograph::service::caller::Caller;
use heliograph::service::http::listing::id_of;
use heliograph::service::http::{MAX_JSON, Parameters, read_json};
use heliograph::service::openapi::{AccountProblems, BodyProblems, ListProblems, ProviderProblems};
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
use heliograph::store::Account;
use serde_json::{Map, Value, json};

/// More than any settings need.
const LARGEST_SETTINGS: usize = 16 * 1024;

/// The settings of a number that Meta has, by its names. Source: Meta, "Phone number settings".
const SETTINGS: [&str; 4] = [
    "calling",
    "user_identity_change",
    "payload_encryption",
    "storage_configuration",
];

/// Reads a number's business profile from Meta.
#[utoipa::path(
    get,
    operation_id = "get_profile",
    path = "/v1/accounts/{id}/phone-numbers/{number}/profile",
    tag = "Phone numbers",
    params(
        ("id" = String, Path, description = "Our id of the account", example = "acct_demo"),
        ("number" = String, Path, description = "Meta's phone number id", example = "100000000000001"),
    ),
    responses((status = 200, description = "The profile", body = Profile), ListProblems, AccountProblems, ProviderProblems)
)]
pub(crate) async fn profile(
    caller: Caller,
    extract::State(state): extract::State<State>,
    Path((id, number)): Path<(String, String)>,
    parameters: Parameters,
) -> Result<Json<Profile>, Problem> {
    let tenant = caller.with(Right::Configure)?.tenant;
    parameters.finish()?;
    let account = find_at_meta(&state.store, &tenant, &id).await?;
    let Access { token, waba } = access(&state, &account).await?;
    of_waba(&state, &token, &waba, &number).await?;
    let number = id_of(&number)?;
    Ok(Json(
        profile::read_from_meta(&state, &token, &number).await?,
    ))
}

/// Change a number's business profile.
#[utoipa::path(
    put, operation_id = "change_profile", path = "/v1/accounts/{id}/phone-numbers/{number}/profile", tag = "Phone numbers",
    security(("api_key" = [])),
    params(
        ("id" = String, Path, description = "Our id of the account"),
        ("number" = String, Path, description = "Meta's phone number id"),
    ),
    request_body(content = crate::accounts::profile::ProfileBody, content_type = "application/json"),
    responses(
        (status = 200, description = "The profile as Meta has it now", body = Profile),
        BodyProblems, AccountProblems, ProviderProblems,
    ),
)]
pub(crate) async fn change_profile(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    Path((id, number)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Profile>, Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let body = read_json(&headers, &body, MAX_JSON)?;
    let changes = profile::read_changes(&body).map_err(Problem::validation)?;
    let changing = Changing::begin_at_meta(&state.store, &authority, &id).await?;
    let pushed = push(&state, &changing.account, &number, &changes).await;
    let said = Said::about(
        Action::PhoneNumberChanged,
        &number,
        json!({"profile": changes}),
    );
    Ok(Json(changing.end_with(pushed.map(|it| (it, said))).await?))
}

async fn push(
    state: &State,
    account: &Account,
    number: &str,
    changes: &Map<String, Value>,
) -> Result<Profile, Problem> {
    let Access { token, waba } = access(state, account).await?;
    of_waba(state, &token, &waba, number).await?;
    profile::put_to_meta(state, &token, &id_of(number)?, changes).await
}

/// Reads a number's settings from Meta: calling, identity change, encryption, storage, as Meta words them.
#[utoipa::path(
    get,
    operation_id = "get_phone_number_settings",
    path = "/v1/accounts/{id}/phone-numbers/{number}/settings",
    tag = "Phone numbers",
    params(
        ("id" = String, Path, description = "Our id of the account", example = "acct_demo"),
        ("number" = String, Path, description = "Meta's phone number id", example = "100000000000001"),
    ),
    responses((status = 200, description = "The settings", body = Object), ListProblems, AccountProblems, ProviderProblems)
)]
pub(crate) async fn settings(
    caller: Caller,
    extract::State(state): extract::State<State>,
    Path((id, number)): Path<(String, String)>,
    parameters: Parameters,
) -> Result<Json<Map<String, Value>>, Problem> {
    let tenant = caller.with(Right::Configure)?.tenant;
    parameters.finish()?;
    let account = find_at_meta(&state.store, &tenant, &id).await?;
    let Access { token, waba } = access(&state, &account).await?;
    of_waba(&state, &token, &waba, &number).await?;
    let settings = state
        .parts
        .providers
        .meta()
        .settings(&token, &id_of(&number)?)
        .await;
    let mut settings = settings.map_err(Trouble::unasked)?;
    settings.retain(|name, _| SETTINGS.contains(&name.as_str()));
    Ok(Json(settings))
}

/// Change a number's settings.
///
/// An object of Meta's own: `calling`, `user_identity_change`, `payload_encryption` or `storage_configuration`, each as Meta
/// words it. Meta checks what is within.
#[utoipa::path(
    put, operation_id = "change_phone_number_settings", path = "/v1/accounts/{id}/phone-numbers/{number}/settings",
    tag = "Phone numbers", security(("api_key" = [])),
    params(
        ("id" = String, Path, description = "Our id of the account"),
        ("number" = String, Path, description = "Meta's phone number id"),
    ),
    request_body(content = Object, content_type = "application/json"),
    responses(
        (status = 204, description = "Changed"),
        BodyProblems, AccountProblems, ProviderProblems,
    ),
)]
pub(crate) async fn change_settings(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    Path((id, number)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let body = read_json(&headers, &body, LARGEST_SETTINGS)?;
    check_settings(&body).map_err(Problem::validation)?;
    let changing = Changing::begin_at_meta(&state.store, &authority, &id).await?;
    let put = put_settings(&state, &changing.account, &number, &body).await;
    let said = Said::about(
        Action::PhoneNumberChanged,
        &number,
        json!({"settings": names_of(&body)}),
    );
    changing.end(put.map(|()| said)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What was changed, by name: some of it opens telephone systems, and is not for the trail.
fn names_of(settings: &Value) -> Vec<&String> {
    let fields = settings.as_object();
    fields.into_iter().flat_map(|it| it.keys()).collect()
}

fn check_settings(body: &Value) -> Result<(), Vec<Fault>> {
    let faults = Faults::new();
    let read = Fields::of(body, "", &faults).map(|mut fields| {
        let given: Vec<_> = SETTINGS
            .into_iter()
            .filter(|name| fields.object(name).is_some())
            .collect();
        if given.is_empty() {
            let detail = format!("must have one of {}", SETTINGS.join(", "));
            faults.add("", FaultCode::Required, detail);
        }
        fields.finish();
    });
    faults.into_result(read)
}

async fn put_settings(
    state: &State,
    account: &Account,
    number: &str,
    settings: &Value,
) -> Result<(), Problem> {
    let Access { token, waba } = access(state, account).await?;
    of_waba(state, &token, &waba, number).await?;
    let meta = state.parts.providers.meta();
    let put = meta
        .change_settings(&token, &id_of(number)?, settings)
        .await;
    Ok(put.map_err(Trouble::unasked)?)
}
