//! `POST /v1/accounts/{id}/test` and an account's health: everything that sending and receiving need is asked of Meta.

use super::find_at_meta;
use super::trouble::Trouble;
use super::{app_webhook, checks};
use crate::State;
use axum::Json;
use axum::extract::{self, Path};
use heliograph::domain::account::CredentialKind;
use heliograph::domain::health::{Check, CheckName, Health, Standing, worst};
use heliograph::domain::id::AuditId;
use heliograph::domain::role::Right;
use heliograph::domain::secret::SecretText;
use heliograph::messaging::health::{Looking, without_token};
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::http::listing::{page, slice};
use heliograph::service::http::{Cursor, Page, Parameters};
use heliograph::service::openapi::{AccountProblems, ListProblems, ProviderProblems};
use heliograph::service::problem::Problem;
use heliograph::store::{Account, HealthChange, Store};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// When an account that a person has looked at is looked at again.
const NEXT_LOOK: SignedDuration = SignedDuration::from_hours(1);

/// What came of a test.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConnectionTest {
    /// Whether everything is well.
    ok: bool,
    /// Each part that was tried, in order; a part that needs one that failed is not tried.
    checks: Vec<Check>,
}

/// How an account stands at Meta.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Health)]
pub(crate) struct HealthDto {
    /// As the worst of its parts.
    standing: Standing,
    /// When it was last looked at; each account that has an access token is, once an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    checked_at: Option<Timestamp>,
    /// Part by part.
    checks: Vec<Check>,
}

impl From<&Health> for HealthDto {
    fn from(health: &Health) -> Self {
        Self {
            standing: health.standing(),
            checked_at: Some(health.checked_at),
            checks: health.checks.clone(),
        }
    }
}

/// What was different when an account was looked at.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HealthChange)]
pub(crate) struct HealthChangeDto {
    /// Our id.
    #[schema(value_type = String)]
    id: AuditId,
    /// When it was seen.
    at: Timestamp,
    /// The parts that stand otherwise, as they stand since.
    checks: Vec<Check>,
}

impl From<&HealthChange> for HealthChangeDto {
    fn from(change: &HealthChange) -> Self {
        Self {
            id: change.id.clone(),
            at: change.at,
            checks: change.checks.clone(),
        }
    }
}

/// Test an account's connection to Meta.
///
/// Whatever is found stands in the answer, which is 200: app and secret, token, WABA, each sender's number, webhook,
/// templates.
#[utoipa::path(
    post, operation_id = "test_account", path = "/v1/accounts/{id}/test", tag = "Accounts", security(("api_key" = [])),
    params(("id" = String, Path, description = "Our id of the account", example = "acct_demo")),
    responses(
        (status = 200, description = "What was found", body = ConnectionTest),
        AccountProblems,
    ),
)]
pub(crate) async fn test(
    extract::State(state): extract::State<State>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<ConnectionTest>, Problem> {
    let tenant = caller.with(Right::Configure)?.tenant;
    let account = find_at_meta(&state.store, &tenant, &id).await?;
    let checks = try_all(&state, &account).await?;
    let ok = checks.iter().all(|check| check.standing == Standing::Well);
    Ok(Json(ConnectionTest { ok, checks }))
}

/// Reads how an account stood at Meta when it was last looked at.
#[utoipa::path(
    get,
    operation_id = "get_health_of_account",
    path = "/v1/accounts/{id}/health",
    tag = "Accounts",
    params(("id" = String, Path, description = "Our id of the account", example = "acct_demo")),
    responses((status = 200, description = "How it stands", body = HealthDto), ListProblems, AccountProblems)
)]
pub(crate) async fn health(
    caller: Caller,
    extract::State(store): extract::State<Store>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<HealthDto>, Problem> {
    let tenant = caller.with(Right::Configure)?.tenant;
    parameters.finish()?;
    let account = find_at_meta(&store, &tenant, &id).await?;
    let health = store.health(&tenant, &account.id).await?;
    Ok(Json(match health {
        Some(health) => HealthDto::from(&health),
        None => unseen(&account),
    }))
}

/// Of what Meta has not been asked about, only what is not there yet is known.
fn unseen(account: &Account) -> HealthDto {
    let checks = match account.credential(CredentialKind::AccessToken) {
        Some(_) => Vec::new(),
        None => without_token(account),
    };
    HealthDto {
        standing: worst(&checks),
        checked_at: None,
        checks,
    }
}

/// Lists what was different each time an account was looked at, newest first. Kept for 400 days.
#[utoipa::path(
    get,
    operation_id = "list_health_log",
    path = "/v1/accounts/{id}/health/log",
    tag = "Accounts",
    params(
        ("id" = String, Path, description = "Our id of the account", example = "acct_demo"),
        ("limit" = Option<u32>, Query, description = "Entries a page, 1 to 100; 25 unless told", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page", body = Page<HealthChangeDto>), ListProblems, AccountProblems)
)]
pub(crate) async fn log(
    caller: Caller,
    extract::State(store): extract::State<Store>,
    Path(id): Path<String>,
    mut parameters: Parameters,
) -> Result<Json<Page<HealthChangeDto>>, Problem> {
    let tenant = caller.with(Right::Configure)?.tenant;
    let query = parameters.page();
    parameters.finish()?;
    let account = find_at_meta(&store, &tenant, &id).await?;
    let list = format!("health of {}", account.id);
    let cursor = Cursor::of(&list, &tenant);
    let listed = store
        .health_log(&tenant, &account.id, &slice(&query, cursor)?)
        .await?;
    page(&listed, cursor)
}

/// Look at an account at Meta now.
///
/// What is found is kept, with what is different from the last time.
#[utoipa::path(
    post, operation_id = "check_health", path = "/v1/accounts/{id}/health-check", tag = "Accounts", security(("api_key" = [])),
    params(("id" = String, Path, description = "Our id of the account", example = "acct_demo")),
    responses(
        (status = 200, description = "How it stands", body = HealthDto),
        AccountProblems, ProviderProblems,
    ),
)]
pub(crate) async fn check(
    extract::State(state): extract::State<State>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<HealthDto>, Problem> {
    let tenant = caller.with(Right::Configure)?.tenant;
    let account = find_at_meta(&state.store, &tenant, &id).await?;
    let token = checks::access_token(&state, &account).await?;
    let now = clock::now();
    let health = Health {
        checked_at: now,
        checks: look(&state, &account, token.as_ref(), now).await?,
    };
    let next = now.saturating_add(NEXT_LOOK).unwrap_or(now);
    state
        .store
        .put_health(&tenant, &account.id, &health, next)
        .await?;
    Ok(Json(HealthDto::from(&health)))
}

/// What the account's token shows.
async fn look(
    state: &State,
    account: &Account,
    token: Option<&SecretText>,
    now: Timestamp,
) -> Result<Vec<Check>, Problem> {
    let Some(token) = token else {
        return Ok(without_token(account));
    };
    let looking = Looking {
        store: &state.store,
        meta: state.parts.providers.meta(),
        token,
        callback: &account.callback(&state.parts.webhook_url),
    };
    Ok(looking.look(account, now).await?)
}

/// The same, with what the app shows of itself and of the token.
async fn try_all(state: &State, account: &Account) -> Result<Vec<Check>, Problem> {
    let now = clock::now();
    let token = checks::access_token(state, account).await?;
    let mut seen = look(state, account, token.as_ref(), now).await?;
    let keeper = &state.parts.keeper;
    let inbound = keeper.inbound(&account.tenant, &account.id).await?;
    let Some((app, secret)) = account
        .app
        .clone()
        .zip(inbound.app_secrets.first().cloned())
    else {
        let detail = "the app is not known yet: do step 1 of the set-up";
        let missing = Check::ill(CheckName::App, Standing::Failing, detail);
        return Ok([missing].into_iter().chain(seen).collect());
    };
    let came = checks::app(state, &app, &secret).await;
    let mut tried = vec![of(CheckName::App, came)];
    let is_known = tried.iter().all(|it| it.standing == Standing::Well);
    if is_known && let Some(webhook) = well(&mut seen, CheckName::Webhook) {
        let faults = app_webhook::faults(state, account, (&app, &secret)).await?;
        if !faults.is_empty() {
            *webhook = Check::ill(CheckName::Webhook, Standing::Warning, faults.join("; "));
        }
    }
    match token {
        // The app tells more of the token than the token itself.
        Some(token) if is_known => {
            let came = checks::token(state, (&app, &secret), &token, now).await;
            tried.push(of(CheckName::AccessToken, came));
            tried.extend(
                seen.into_iter()
                    .filter(|it| it.check != CheckName::AccessToken),
            );
        }
        Some(_) | None => tried.extend(seen),
    }
    Ok(tried)
}

/// A part that is well.
fn well(checks: &mut [Check], name: CheckName) -> Option<&mut Check> {
    let mut checks = checks.iter_mut();
    checks.find(|it| it.check == name && it.standing == Standing::Well)
}

fn of<T>(check: CheckName, came: Result<T, Trouble>) -> Check {
    match came {
        Ok(_) => Check::well(check),
        Err(Trouble::Refused { fault, .. }) => {
            let detail = format!("{}; {}", fault.detail, fault.remedy);
            Check::ill(check, Standing::Failing, detail)
        }
        Err(Trouble::Problem(problem)) => Check::ill(check, Standing::Unknown, problem.detail()),
    }
}

/// Has Meta call the account no more for its WABA, which it leaves; what a person has to see to. One that Meta does not let
/// go goes all the same: its webhook answers nobody from then on.
pub(super) async fn unsubscribe(state: &State, account: &Account) -> Option<String> {
    let waba = account.waba.as_ref()?;
    let token = checks::access_token(state, account).await.ok()??;
    let failure = state
        .parts
        .providers
        .meta()
        .unsubscribe(&token, waba)
        .await
        .err()?;
    tracing::warn!(account.id = %account.id, error = failure.message, "Meta goes on to call for a WABA");
    Some(format!(
        "Meta may go on to call for the WABA {waba} ({}): take the app off it in Meta's Business settings, WhatsApp \
         accounts",
        failure.message
    ))
}
