//! Step 6 and the end of the set-up: Meta calls our webhook, an event of its is seen to arrive, the account may send.

use super::changing::{Changing, Said};
use super::dto::{AccountDto, SetupDto};
use super::setup::shown;
use super::trouble::Trouble;
use super::{app_webhook, checks, senders};
use crate::State;
use crate::authority::Authority;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{self, Path};
use axum::http::HeaderMap;
use heliograph::domain::account::{Step, StepState};
use heliograph::domain::audit::Action;
use heliograph::domain::fault::{Fault, Faults};
use heliograph::domain::fields::Fields;
use heliograph::domain::role::Right;
use heliograph::service::caller::Caller;
use heliograph::service::http::{MAX_JSON, read_json};
use heliograph::service::openapi::{AccountProblems, BodyProblems, ProviderProblems};
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
use jiff::SignedDuration;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// Meta's error when the webhook does not answer its handshake. Source: Meta, "Error codes".
const CALLBACK_FAILED: i64 = 2_200;

/// How often it is noted that events come.
const NOTED_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// The end of the set-up.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the body, which is read by `read`")]
pub(crate) struct ActivationBody {
    /// Whether an event of Meta's need not have been seen.
    without_event: Option<bool>,
}

/// Step 6: have Meta call the webhook.
///
/// The app is subscribed to the WABA, and its messages and statuses go to this account's address. Meta calls that address at
/// once, with the verify token. The app's own webhook, without which none comes, is set up if it is not; `warnings` tells
/// what is yours to see to, because it goes elsewhere. Afterwards, write to the number from any phone: when
/// `last_event_at` shows it, the way is open.
#[utoipa::path(
    put, operation_id = "set_up_webhook", path = "/v1/accounts/{id}/setup/webhook", tag = "Set-up", security(("api_key" = [])),
    params(("id" = String, Path, description = "Our id of the account")),
    responses(
        (status = 200, description = "The set-up as it is now", body = SetupDto),
        AccountProblems, ProviderProblems,
    ),
)]
pub(crate) async fn webhook(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    Path(id): Path<String>,
) -> Result<Json<SetupDto>, Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let mut changing = Changing::begin_at_meta(&state.store, &authority, &id).await?;
    let mut warnings = Vec::new();
    let done = subscribe(&state, &mut changing, &mut warnings).await;
    let account = changing.end(done).await?;
    let mut setup = shown(&state, &account).await?;
    setup.warnings = warnings;
    Ok(Json(setup))
}

async fn subscribe(
    state: &State,
    changing: &mut Changing<'_>,
    warnings: &mut Vec<String>,
) -> Result<Said, Problem> {
    let account = &changing.account;
    let token = checks::needed_token(state, account).await?;
    let keeper = &state.parts.keeper;
    let mut inbound = keeper.inbound(&account.tenant, &account.id).await?;
    let before = inbound.app_secrets.len();
    let verify_token = inbound.verify_tokens.first().cloned();
    let (Some(waba), Some(verify_token)) = (account.waba.clone(), verify_token) else {
        return Err(incomplete(
            "the WABA and the tokens come first",
            &[Step::Business, Step::Tokens],
        ));
    };
    let url = account.callback(&state.parts.webhook_url);
    let meta = state.parts.providers.meta();
    let subscribed = meta.subscribe(&token, &waba, &url, &verify_token).await;
    subscribed.map_err(|failure| match failure.code {
        Some(CALLBACK_FAILED) => Trouble::of_failure(
            failure,
            "",
            "Meta called this account's webhook and did not get the right answer",
            "make sure that the address can be reached from the internet, by HTTPS, and try again",
        ),
        _ => Trouble::unasked(failure),
    })?;
    let known = meta.subscriptions(&token, &waba).await;
    let known = known.map_err(Trouble::unasked)?;
    if !known.iter().any(|it| it.callback.as_deref() == Some(&url)) {
        let remedy =
            "try again; if it lasts, look at the WABA's subscribed apps in the app's dashboard";
        return Err(
            Trouble::refused("", "Meta has not noted this account's address", remedy).into(),
        );
    }
    if let Some(app) = account.app.as_ref().zip(inbound.app_secrets.first()) {
        warnings.extend(app_webhook::see_to(state, account, app, &verify_token).await?);
        // From now on this app alone calls.
        inbound.app_secrets = meta.good_secrets(app.0, inbound.app_secrets.clone()).await;
    }
    if inbound.app_secrets.len() < before {
        keeper
            .put_inbound(&account.tenant, &account.id, &inbound)
            .await?;
    }
    let now = changing.now;
    changing
        .account
        .setup
        .note(Step::Webhook, StepState::Done, now);
    let said = json!({"step": Step::Webhook, "url": url});
    Ok(Said::of(Action::AccountSetUp, &changing.account, said))
}

fn incomplete(detail: &str, steps: &[Step]) -> Problem {
    let names: Vec<_> = steps.iter().map(|step| step.as_str()).collect();
    Problem::conflict(
        "setup_incomplete",
        format!("{detail}: {}", names.join(", ")),
    )
}

/// Activate an account: from now on its senders send.
///
/// All six steps must be done, and an event of Meta's must have come since step 6, unless the body says that none is needed.
#[utoipa::path(
    post, operation_id = "activate_account", path = "/v1/accounts/{id}/activate", tag = "Set-up", security(("api_key" = [])),
    params(("id" = String, Path, description = "Our id of the account")),
    request_body(content = crate::accounts::activation::ActivationBody, content_type = "application/json"),
    responses(
        (status = 200, description = "It is active", body = AccountDto),
        BodyProblems, AccountProblems,
    ),
)]
pub(crate) async fn activate(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<AccountDto>, Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let body = read_json(&headers, &body, MAX_JSON)?;
    let without_event = read(&body).map_err(Problem::validation)?;
    let mut changing = Changing::begin_at_meta(&state.store, &authority, &id).await?;
    let ready = check_ready(&state, &changing, without_event).await;
    let now = changing.now;
    changing.account.active_since.get_or_insert(now);
    let said = Said::of(Action::AccountActivated, &changing.account, body);
    let account = changing.end(ready.map(|()| said)).await?;
    let (tenant, id) = (&account.tenant, &account.id);
    state.store.plan_health_check(tenant, id, now).await?;
    let mut shown = AccountDto::from(&account);
    if account.disabled_at.is_none() {
        shown.warnings = senders::resume(&state.store, &account, now).await?;
    }
    Ok(Json(shown))
}

async fn check_ready(
    state: &State,
    changing: &Changing<'_>,
    without_event: bool,
) -> Result<(), Problem> {
    let account = &changing.account;
    if account.disabled_at.is_some() {
        let detail = "the account is disabled: enable it, with PATCH and {\"disabled\": false}";
        return Err(Problem::conflict("account_disabled", detail));
    }
    let left: Vec<_> = account.setup.left().collect();
    if !left.is_empty() {
        return Err(incomplete("these steps are not done", &left));
    }
    // Events are noted once a minute at most, so one that came just before the step may stand for one after it.
    let since = account.setup.record(Step::Webhook);
    let since = since.and_then(|it| it.at.checked_sub(NOTED_EVERY).ok());
    let last = state
        .store
        .newest_event(&account.tenant, &account.id)
        .await?;
    if without_event || account.active_since.is_some() || last >= since {
        return Ok(());
    }
    let detail = "no event of Meta's has come yet: write to the number from any phone and wait a moment, \
                  or activate with {\"without_event\": true}";
    Err(Problem::conflict("no_event_seen", detail))
}

fn read(body: &Value) -> Result<bool, Vec<Fault>> {
    let faults = Faults::new();
    let read = Fields::of(body, "", &faults).map(|mut fields| {
        let without = fields.boolean("without_event");
        fields.finish();
        without.unwrap_or(false)
    });
    faults.into_result(read)
}
