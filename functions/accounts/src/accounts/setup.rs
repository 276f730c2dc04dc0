//! The set-up's state, and its first two steps: the WABA with its app, and the phone number.
//!
//! Steps may come in any order and be done again. What takes an access token to check waits, entered, for the third step;
//! nothing uses it before it has been checked.

use super::changing::{Changing, Said};
use super::dto::SetupDto;
use super::find_at_meta;
use super::meta_id::{meta_id, waba_id};
use super::sender_changes::Changes;
use super::{app_secrets, checks, entered, tokens};
use crate::State;
use crate::authority::Authority;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{self, Path};
use axum::http::HeaderMap;
use heliograph::domain::account::{CredentialKind, CredentialRecord, Step, StepState};
use heliograph::domain::audit::Action;
use heliograph::domain::fault::{Fault, FaultCode, Faults};
use heliograph::domain::fields::Fields;
use heliograph::domain::identity::{AppId, PhoneNumberId, WabaId};
use heliograph::domain::role::Right;
use heliograph::domain::secret::SecretText;
use heliograph::service::caller::Caller;
use heliograph::service::http::{MAX_JSON, Parameters, read_json};
use heliograph::service::openapi::{AccountProblems, BodyProblems, ListProblems, ProviderProblems};
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
use heliograph::store::Account;
use serde_json::{Value, json};

/// Longer than any of Meta's.
const LONGEST_SECRET: usize = 200;

/// How far the set-up is.
pub(crate) async fn shown(state: &State, account: &Account) -> Result<SetupDto, Problem> {
    let last = state
        .store
        .newest_event(&account.tenant, &account.id)
        .await?;
    let callback = account.callback(&state.parts.webhook_url);
    Ok(SetupDto::of(account, callback, last))
}

/// Shows how far an account's set-up is, and what to do next.
#[utoipa::path(
    get,
    operation_id = "get_setup",
    path = "/v1/accounts/{id}/setup",
    tag = "Set-up",
    params(("id" = String, Path, description = "Our id of the account", example = "acct_demo")),
    responses((status = 200, description = "The set-up", body = SetupDto), ListProblems, AccountProblems)
)]
pub(crate) async fn show(
    caller: Caller,
    extract::State(state): extract::State<State>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<SetupDto>, Problem> {
    let tenant = caller.with(Right::Configure)?.tenant;
    parameters.finish()?;
    let account = find_at_meta(&state.store, &tenant, &id).await?;
    Ok(Json(shown(&state, &account).await?))
}

/// What the first step says.
pub(crate) struct Business {
    pub(crate) waba: WabaId,
    pub(crate) app: AppId,
    /// The one there is, if it is left out.
    pub(crate) app_secret: Option<SecretText>,
}

/// Step 1: the Meta business account.
///
/// App and secret are checked with Meta at once. The WABA is checked with the access token: at once if there is one that
/// Meta takes for this app, else in step 3. Another app, or a secret that was reset together with the token, is entered
/// here first; then do steps 3 and 6.
#[utoipa::path(
    put, operation_id = "set_up_business", path = "/v1/accounts/{id}/setup/business", tag = "Set-up", security(("api_key" = [])),
    params(("id" = String, Path, description = "Our id of the account")),
    request_body(content = crate::accounts::dto::BusinessBody, content_type = "application/json"),
    responses(
        (status = 200, description = "The set-up as it is now", body = SetupDto),
        BodyProblems, AccountProblems, ProviderProblems,
    ),
)]
pub(crate) async fn business(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<SetupDto>, Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let body = read_json(&headers, &body, MAX_JSON)?;
    let business = read_business(&body).map_err(Problem::validation)?;
    let account = take_business(&state, &authority, &id, business).await?;
    Ok(Json(shown(&state, &account).await?))
}

/// Does the first step.
pub(crate) async fn take_business(
    state: &State,
    authority: &Authority,
    id: &str,
    business: Business,
) -> Result<Account, Problem> {
    let mut changing = Changing::begin_at_meta(&state.store, authority, id).await?;
    let done = put_business(state, &mut changing, business).await;
    changing.end(done).await
}

async fn put_business(
    state: &State,
    changing: &mut Changing<'_>,
    new: Business,
) -> Result<Said, Problem> {
    let (tenant, id) = (changing.account.tenant.clone(), changing.account.id.clone());
    let keeper = &state.parts.keeper;
    let mut secrets = keeper.inbound(&tenant, &id).await?;
    let is_same_app = changing.account.app.as_ref() == Some(&new.app);
    let known = secrets.app_secrets.first().filter(|_| is_same_app);
    let secret = new.app_secret.as_ref().or(known);
    let secret = secret.ok_or_else(|| missing_secret(is_same_app))?.clone();
    checks::app(state, &new.app, &secret).await?;
    entered::check_free(state, &changing.account, &new.waba).await?;
    let app = (&new.app, &secret);
    let token = app_secrets::good_token(state, changing, app).await?;
    if changing.account.app.is_some() && !is_same_app {
        // Meta calls on behalf of the app before until the new one has subscribed.
        changing.account.setup.reopen(&[Step::Webhook]);
    }
    let is_called = changing.account.setup.state(Step::Webhook) == StepState::Done;
    app_secrets::put(&mut secrets, &secret);
    if is_called {
        let meta = state.parts.providers.meta();
        secrets.app_secrets = meta.good_secrets(&new.app, secrets.app_secrets).await;
    }
    let said = json!({"step": Step::Business, "waba_id": new.waba, "app_id": new.app, "app_secret": secret.masked()});
    if let Some(token) = &token {
        entered::take_waba(state, changing, token, &new.waba).await?;
        tokens::check_number(state, changing, token).await?;
    } else {
        enter(changing, new.waba);
    }
    keeper.put_inbound(&tenant, &id, &secrets).await?;
    changing.account.app = Some(new.app);
    changing.account.note_credential(CredentialRecord {
        kind: CredentialKind::AppSecret,
        alias: "main".to_owned(),
        mask: secret.masked(),
        since: changing.now,
        expires_at: None,
    });
    Ok(Said::of(Action::AccountSetUp, &changing.account, said))
}

/// Without a token that Meta takes the WABA waits for one, unless it is the one that was checked before.
fn enter(changing: &mut Changing<'_>, waba: WabaId) {
    let (account, now) = (&mut changing.account, changing.now);
    let state = if account.waba.as_ref() == Some(&waba) {
        StepState::Done
    } else {
        account.setup.waba = Some(waba);
        StepState::Entered
    };
    account.setup.note(Step::Business, state, now);
}

fn missing_secret(is_same_app: bool) -> Problem {
    let detail = if is_same_app {
        "is missing; it is in the app's dashboard under App settings, Basic"
    } else {
        "is missing: another app has another secret; it is in its dashboard under App settings, Basic"
    };
    Problem::validation(vec![Fault {
        pointer: "/app_secret".to_owned(),
        code: FaultCode::Required,
        detail: detail.to_owned(),
    }])
}

fn read_business(body: &Value) -> Result<Business, Vec<Fault>> {
    let faults = Faults::new();
    let read = Fields::of(body, "", &faults).and_then(|mut fields| {
        let waba = fields.required_parsed("waba_id", waba_id);
        let app = fields.required_parsed("app_id", meta_id::<AppId>);
        let app_secret = fields.parsed("app_secret", secret_text);
        fields.finish();
        Some(Business {
            waba: waba?,
            app: app?,
            app_secret,
        })
    });
    faults.into_result(read)
}

/// A secret as it was copied: without what stands around it.
pub(crate) fn secret_text(text: &str) -> Result<SecretText, String> {
    let text = text.trim();
    let is_one = (8..=LONGEST_SECRET).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_one {
        Ok(SecretText::new(text))
    } else {
        Err(format!(
            "must be 8 to {LONGEST_SECRET} characters without spaces: copy it once more"
        ))
    }
}

/// Step 2: the phone number that messages leave from.
///
/// It is checked with the access token: at once if there is one, else in step 3. Then it is a sender. Further numbers
/// of the WABA are made senders with `POST /v1/senders`.
#[utoipa::path(
    put, operation_id = "set_up_phone_number", path = "/v1/accounts/{id}/setup/phone-number", tag = "Set-up",
    security(("api_key" = [])),
    params(("id" = String, Path, description = "Our id of the account")),
    request_body(content = crate::accounts::dto::PhoneNumberBody, content_type = "application/json"),
    responses(
        (status = 200, description = "The set-up as it is now", body = SetupDto),
        BodyProblems, AccountProblems, ProviderProblems,
    ),
)]
pub(crate) async fn phone_number(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<SetupDto>, Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let body = read_json(&headers, &body, MAX_JSON)?;
    let number = read_phone_number(&body).map_err(Problem::validation)?;
    let account = take_phone_number(&state, &authority, &id, number).await?;
    Ok(Json(shown(&state, &account).await?))
}

/// Does the step.
pub(crate) async fn take_phone_number(
    state: &State,
    authority: &Authority,
    id: &str,
    number: PhoneNumberId,
) -> Result<Account, Problem> {
    let mut changing = Changing::begin_at_meta(&state.store, authority, id).await?;
    let done = put_phone_number(state, &mut changing, number).await;
    changing.end(done).await
}

async fn put_phone_number(
    state: &State,
    changing: &mut Changing<'_>,
    number: PhoneNumberId,
) -> Result<Said, Problem> {
    entered::check_number_free(state, &changing.account, &number).await?;
    let said = json!({"step": Step::PhoneNumber, "phone_number_id": number});
    let token = checks::access_token(state, &changing.account).await?;
    if let (Some(token), Some(waba)) = (token, changing.account.waba.clone()) {
        entered::take_number(
            state,
            changing,
            &token,
            (&waba, &number),
            &Changes::default(),
        )
        .await?;
    } else {
        changing.account.setup.phone_number = Some(number);
        let now = changing.now;
        changing
            .account
            .setup
            .note(Step::PhoneNumber, StepState::Entered, now);
    }
    Ok(Said::of(Action::AccountSetUp, &changing.account, said))
}

/// A phone number's id, alone in a body.
fn read_phone_number(body: &Value) -> Result<PhoneNumberId, Vec<Fault>> {
    let faults = Faults::new();
    let read = Fields::of(body, "", &faults).and_then(|mut fields| {
        let number = fields.required_parsed("phone_number_id", meta_id::<PhoneNumberId>);
        fields.finish();
        number
    });
    faults.into_result(read)
}
