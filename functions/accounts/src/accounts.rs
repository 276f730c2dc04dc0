//! `/v1/accounts`: a tenant's connections to providers, at Meta each a WABA.

pub(crate) mod activation;
mod app_secrets;
mod app_webhook;
pub(crate) mod bot;
pub(crate) mod changing;
pub(crate) mod checks;
pub(crate) mod connection;
pub(crate) mod deletion;
pub(crate) mod dto;
pub(crate) mod entered;
pub(crate) mod groups;
pub(crate) mod keys;
pub(crate) mod meta_id;
pub(crate) mod number_settings;
pub(crate) mod numbers;
pub(crate) mod profile;
pub(crate) mod registration;
pub(crate) mod rotation;
pub(crate) mod sender_changes;
pub(crate) mod senders;
pub(crate) mod setup;
pub(crate) mod tokens;
pub(crate) mod trouble;

use crate::State;
use crate::authority::{Authority, Changed};
use crate::key_body::LONGEST_NAME;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{self, Path};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use changing::{Changing, Said};
use dto::AccountDto;
use heliograph::domain::audit::Action;
use heliograph::domain::fault::{Fault, Faults};
use heliograph::domain::fields::Fields;
use heliograph::domain::id::AccountId;
use heliograph::domain::identity::TenantId;
use heliograph::domain::pace::{Pause, PauseCause};
use heliograph::domain::provider::Provider;
use heliograph::domain::role::Right;
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::http::listing::{id_of, page, slice};
use heliograph::service::http::{Cursor, MAX_JSON, Page, Parameters, read_json};
use heliograph::service::idempotency::{self, REPLAYED};
use heliograph::service::openapi::{
    AccountProblems, BodyProblems, CallerProblems, IdProblems, ListProblems, ServiceProblems,
};
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
use heliograph::store::{Account, IdempotencyClaim, Store, StoreError, Transaction};
use jiff::Timestamp;
use serde_json::Value;

/// Lists a tenant's accounts, the newest first.
#[utoipa::path(
    get,
    operation_id = "list_accounts",
    path = "/v1/accounts",
    tag = "Accounts",
    params(
        ("limit" = Option<u32>, Query, description = "Entries a page, 1 to 100; 25 unless told", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page", body = Page<AccountDto>), ListProblems)
)]
pub(crate) async fn list(
    caller: Caller,
    extract::State(store): extract::State<Store>,
    mut parameters: Parameters,
) -> Result<Json<Page<AccountDto>>, Problem> {
    let tenant = caller.with(Right::Configure)?.tenant;
    let query = parameters.page();
    parameters.finish()?;
    let cursor = Cursor::of("accounts", &tenant);
    let listed = store.accounts(&tenant, &slice(&query, cursor)?).await?;
    page(&listed, cursor)
}

/// Reads one account.
#[utoipa::path(
    get,
    operation_id = "get_account",
    path = "/v1/accounts/{id}",
    tag = "Accounts",
    params(("id" = String, Path, description = "Our id", example = "acct_demo")),
    responses((status = 200, description = "The account", body = AccountDto), ListProblems, IdProblems)
)]
pub(crate) async fn one(
    caller: Caller,
    extract::State(store): extract::State<Store>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<AccountDto>, Problem> {
    let tenant = caller.with(Right::Configure)?.tenant;
    parameters.finish()?;
    let account = find(&store, &tenant, &id).await?;
    Ok(Json(AccountDto::from(&account)))
}

/// The tenant's account of this id, which must be one at Meta.
pub(crate) async fn find_at_meta(
    store: &Store,
    tenant: &TenantId,
    id: &str,
) -> Result<Account, Problem> {
    let account = find(store, tenant, id).await?;
    check_at_meta(&account).map(|()| account)
}

/// What Meta alone has is not there for an account of another provider.
fn check_at_meta(account: &Account) -> Result<(), Problem> {
    if account.provider == Provider::Meta {
        return Ok(());
    }
    let title = account.provider.title();
    let detail = format!(
        "the account is at {title}, which has nothing of the kind: its keys are at /v1/accounts/{}/keys",
        account.id
    );
    Err(Problem::conflict("not_at_meta", detail))
}

/// The tenant's account of this id.
pub(crate) async fn find(store: &Store, tenant: &TenantId, id: &str) -> Result<Account, Problem> {
    let found = store.account(tenant, &id_of(id)?).await?;
    found.ok_or_else(Problem::not_found)
}

/// Make an account.
///
/// It is empty. At Meta its six steps of set-up follow, with `PUT /v1/accounts/{id}/setup/...`; at any other provider its
/// keys, with `PUT /v1/accounts/{id}/keys/{alias}`.
#[utoipa::path(
    post, operation_id = "create_account", path = "/v1/accounts", tag = "Accounts", security(("api_key" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "One key is one account, for 24 hours")),
    request_body(content = crate::accounts::dto::AccountBody, content_type = "application/json"),
    responses(
        (status = 201, description = "Made", body = AccountDto),
        (status = 422, description = "The Idempotency-Key was used with another body", body = Problem,
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
    let claim = idempotency::claim("POST /v1/accounts", &headers, &body)?;
    if let Some(account) = earlier(&store, &authority, claim.as_ref()).await? {
        return Ok(([(REPLAYED, "true")], made(&account)).into_response());
    }
    let now = clock::now();
    let (provider, name) = read_new(&body).map_err(Problem::validation)?;
    let tenant = authority.tenant.clone();
    let account = Account::new(AccountId::at(now), tenant, name, now).at(provider);
    let mut transaction = adding(&store, &authority, &account, body)?;
    let id = account.id.as_str();
    store.remember_claim(&mut transaction, &account.tenant, claim.as_ref(), id, now)?;
    match store.commit(transaction).await {
        Ok(()) => Ok(made(&account)),
        Err(StoreError::Conflict) => match earlier(&store, &authority, claim.as_ref()).await? {
            Some(account) => Ok(([(REPLAYED, "true")], made(&account)).into_response()),
            None => Err(authority.why_not(&store).await),
        },
        Err(error) => Err(error.into()),
    }
}

/// What makes an account; it fails if there is one of this id on the installation.
pub(crate) fn adding(
    store: &Store,
    authority: &Authority,
    account: &Account,
    said: Value,
) -> Result<Transaction, Problem> {
    let mut transaction = Transaction::new();
    store.add_account(&mut transaction, account)?;
    let id = account.id.as_str();
    let entry = authority.entry(Action::AccountCreated, id, said, account.created_at);
    authority.answers_for(store, &mut transaction, &Changed::Nobody, &entry)?;
    Ok(transaction)
}

async fn earlier(
    store: &Store,
    authority: &Authority,
    claim: Option<&IdempotencyClaim>,
) -> Result<Option<Account>, Problem> {
    match idempotency::earlier(store, &authority.tenant, claim).await? {
        Some(id) => Ok(store.account(&authority.tenant, &id_of(&id)?).await?),
        None => Ok(None),
    }
}

fn made(account: &Account) -> Response {
    let location = format!("/v1/accounts/{}", account.id);
    let made = Json(AccountDto::from(account));
    (StatusCode::CREATED, [(LOCATION, location)], made).into_response()
}

fn read_new(body: &Value) -> Result<(Provider, String), Vec<Fault>> {
    let faults = Faults::new();
    let read = Fields::of(body, "", &faults).and_then(|mut fields| {
        let name = fields.required_line("name", 1..=LONGEST_NAME);
        let provider = fields.choice("provider", &Provider::ALL.map(Provider::as_str));
        fields.finish();
        let provider = provider.and_then(Provider::named);
        Some((provider.unwrap_or(Provider::Meta), name?.to_owned()))
    });
    faults.into_result(read)
}

/// Change an account.
///
/// Nothing leaves a disabled account: its senders are paused. What comes in is taken all the same. Enabled again, they go on;
/// `warnings` tells what keeps any from sending all the same.
#[utoipa::path(
    patch, operation_id = "change_account", path = "/v1/accounts/{id}", tag = "Accounts", security(("api_key" = [])),
    params(("id" = String, Path, description = "Our id", example = "acct_demo")),
    request_body(content = crate::accounts::dto::AccountChangesBody, content_type = "application/json"),
    responses(
        (status = 200, description = "The account as it is now", body = AccountDto),
        BodyProblems, AccountProblems,
    ),
)]
pub(crate) async fn change(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<AccountDto>, Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let body = read_json(&headers, &body, MAX_JSON)?;
    let (name, disabled) = read_changes(&body).map_err(Problem::validation)?;
    let mut changing = Changing::begin(&state.store, &authority, &id).await?;
    if let Some(name) = name {
        changing.account.name = name;
    }
    let now = changing.now;
    let was = changing.account.disabled_at.is_some();
    match disabled {
        Some(true) if !was => changing.account.disabled_at = Some(now),
        Some(false) => changing.account.disabled_at = None,
        Some(true) | None => {}
    }
    // A sender that is resumed must belong to an account that may send; one that is paused may still belong to one.
    let paused = match disabled {
        Some(true) => senders::pause(&state.store, &changing.account, &disabled_pause(now)).await,
        Some(false) | None => Ok(()),
    };
    let said = Said::of(Action::AccountChanged, &changing.account, body);
    let account = changing.end(paused.map(|()| said)).await?;
    let mut shown = AccountDto::from(&account);
    if disabled == Some(false) && account.may_send() {
        shown.warnings = senders::resume(&state.store, &account, now).await?;
    }
    Ok(Json(shown))
}

fn disabled_pause(now: Timestamp) -> Pause {
    Pause {
        since: now,
        code: None,
        reason: "its account is disabled".to_owned(),
        remedy: "enable the account: PATCH /v1/accounts/{id} with {\"disabled\": false}".to_owned(),
        cause: PauseCause::Account,
    }
}

fn read_changes(body: &Value) -> Result<(Option<String>, Option<bool>), Vec<Fault>> {
    let faults = Faults::new();
    let read = Fields::of(body, "", &faults).map(|mut fields| {
        let name = fields.line("name", 1..=LONGEST_NAME);
        let disabled = fields.boolean("disabled");
        fields.finish();
        (name.map(str::to_owned), disabled)
    });
    faults.into_result(read)
}
