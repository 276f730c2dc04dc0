//! `POST /v1/accounts/{id}/test`: asks Meta everything that sending and receiving need, and changes nothing.

use super::setup::webhook_url;
use super::trouble::{self, Trouble};
use super::{checks, senders};
use crate::State;
use axum::Json;
use axum::extract::{self, Path};
use heliograph::domain::identity::WabaId;
use heliograph::domain::role::Right;
use heliograph::domain::secret::SecretText;
use heliograph::provider::meta::client::management::PhoneNumberNode;
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::http::listing::id_of;
use heliograph::service::openapi::AccountProblems;
use heliograph::service::problem::Problem;
use heliograph::service::telemetry::chain;
use heliograph::store::Account;
use serde::Serialize;
use std::io;
use utoipa::ToSchema;

/// What came of a test.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConnectionTest {
    /// Whether everything is well.
    ok: bool,
    /// Each part that was tried, in order; a part that needs one that failed is not tried.
    checks: Vec<CheckDto>,
}

/// One part of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConnectionCheck)]
struct CheckDto {
    /// What was tried.
    check: CheckName,
    /// Of which phone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number_id: Option<String>,
    /// Whether it is well.
    ok: bool,
    /// What is wrong, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum CheckName {
    /// The app's id and secret belong together.
    App,
    /// The access token is good, the app's, and may do what it must.
    AccessToken,
    /// The token sees the WABA.
    Waba,
    /// The number may send.
    PhoneNumber,
    /// Meta calls this account's webhook.
    Webhook,
}

#[derive(Default)]
struct Checks(Vec<CheckDto>);

impl Checks {
    fn note<T>(&mut self, check: CheckName, came: Result<T, Trouble>) -> Option<T> {
        self.note_of(check, None, came)
    }

    fn note_of<T>(
        &mut self,
        check: CheckName,
        phone_number_id: Option<String>,
        came: Result<T, Trouble>,
    ) -> Option<T> {
        let (value, detail) = match came {
            Ok(value) => (Some(value), None),
            Err(Trouble::Refused { fault, .. }) => {
                (None, Some(format!("{}; {}", fault.detail, fault.remedy)))
            }
            Err(Trouble::Problem(problem)) => (None, Some(problem.detail().to_owned())),
        };
        self.0.push(CheckDto {
            check,
            phone_number_id,
            ok: detail.is_none(),
            detail,
        });
        value
    }
}

/// Test an account's connection to Meta.
///
/// Whatever is found stands in the answer, which is 200: app and secret, token, WABA, each sender's number, webhook.
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
    let found = state.store.account(&tenant, &id_of(&id)?).await?;
    let account = found.ok_or_else(Problem::not_found)?;
    let mut checks = Checks::default();
    try_all(&state, &account, &mut checks).await?;
    let Checks(checks) = checks;
    Ok(Json(ConnectionTest {
        ok: checks.iter().all(|check| check.ok),
        checks,
    }))
}

async fn try_all(state: &State, account: &Account, checks: &mut Checks) -> Result<(), Problem> {
    let keeper = &state.parts.keeper;
    let inbound = keeper.inbound(&account.tenant, &account.id).await;
    let inbound = inbound.map_err(|error| trouble::of_secrets(&error))?;
    let Some((app, secret)) = account
        .app
        .clone()
        .zip(inbound.app_secrets.first().cloned())
    else {
        checks.note(CheckName::App, Err::<(), _>(missing("the app", "business")));
        return Ok(());
    };
    let came = checks::app(state, &app, &secret).await;
    let known = checks.note(CheckName::App, came);
    let Some(token) = checks::access_token(state, account).await? else {
        checks.note(
            CheckName::AccessToken,
            Err::<(), _>(missing("the token", "tokens")),
        );
        return Ok(());
    };
    if known.is_some() {
        let came = checks::token(state, (&app, &secret), &token, clock::now()).await;
        checks.note(CheckName::AccessToken, came);
    }
    let Some(waba) = &account.waba else {
        checks.note(
            CheckName::Waba,
            Err::<(), _>(missing("the WABA", "business")),
        );
        return Ok(());
    };
    let came = checks::waba(state, &token, waba).await;
    if checks.note(CheckName::Waba, came).is_some() {
        try_numbers(state, account, (&token, waba), checks).await?;
        let came = subscription(state, account, &token, waba).await;
        checks.note(CheckName::Webhook, came);
    }
    Ok(())
}

async fn try_numbers(
    state: &State,
    account: &Account,
    (token, waba): (&SecretText, &WabaId),
    checks: &mut Checks,
) -> Result<(), Problem> {
    for sender in senders::of_account(&state.store, account).await? {
        let came = checks::number(state, token, waba, &sender.id).await;
        let came = came.and_then(|node| may_send(&node));
        let id = Some(sender.id.to_string());
        checks.note_of(CheckName::PhoneNumber, id, came);
    }
    Ok(())
}

/// Whether a number may send, as Meta says; one of which it says nothing may.
fn may_send(node: &PhoneNumberNode) -> Result<(), Trouble> {
    if node.health.can_send_message.as_deref() != Some("BLOCKED") {
        return Ok(());
    }
    let entities = node.health.entities.iter();
    let wrong = entities.flat_map(|entity| &entity.errors);
    let first = wrong
        .into_iter()
        .find_map(|it| it.possible_solution.clone());
    let remedy = first.unwrap_or_else(|| "look at the number in WhatsApp Manager".to_owned());
    Err(Trouble::refused(
        "",
        "Meta lets this number send nothing",
        remedy,
    ))
}

async fn subscription(
    state: &State,
    account: &Account,
    token: &SecretText,
    waba: &WabaId,
) -> Result<(), Trouble> {
    let known = state.parts.meta.subscriptions(token, waba).await;
    let known = known.map_err(Trouble::unasked)?;
    let url = webhook_url(state, account);
    if known.iter().any(|it| it.callback.as_deref() == Some(&url)) {
        return Ok(());
    }
    let id = &account.id;
    let remedy = format!("do step 6: PUT /v1/accounts/{id}/setup/webhook");
    Err(Trouble::refused(
        "",
        "Meta does not call this account's webhook",
        remedy,
    ))
}

fn missing(what: &str, step: &str) -> Trouble {
    let detail = format!("{what} is not known yet");
    Trouble::refused("", detail, format!("do the step {step} of the set-up"))
}

/// Has Meta call an account no more that is being deleted. One that Meta does not let go is told of and goes all the same:
/// its webhook answers nobody from then on.
pub(super) async fn unsubscribe(state: &State, account: &Account, waba: &WabaId) {
    let Ok(Some(token)) = checks::access_token(state, account).await else {
        return;
    };
    if let Err(failure) = state.parts.meta.unsubscribe(&token, waba).await {
        let error = io::Error::other(failure.message);
        tracing::warn!(account.id = %account.id, error = chain(&error), "Meta goes on to call a deleted account");
    }
}
