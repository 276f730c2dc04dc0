//! `DELETE /v1/accounts/{id}`: an account goes, with what belongs to it here and with what Meta was told of it.

use super::changing::Changing;
use super::{app_webhook, connection, senders};
use crate::State;
use crate::authority::Authority;
use axum::Json;
use axum::extract::{self, Path};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use heliograph::domain::role::Right;
use heliograph::service::caller::Caller;
use heliograph::service::openapi::AccountProblems;
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
use heliograph::service::telemetry::chain;
use serde::Serialize;
use utoipa::ToSchema;

/// Senders that go with their account in one transaction, which holds a hundred items.
const MOST_SENDERS: usize = 40;

/// What is left to a person of an account that is gone.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeletedAccount)]
pub(crate) struct DeletedDto {
    /// What Meta could not be told.
    warnings: Vec<String>,
}

/// Delete an account.
///
/// It must be disabled, and none of its senders may have a job at work. Its senders go with it, Meta is told to call its
/// webhook no more, and its secrets are deleted; whoever owns the AWS account can restore those for seven days. Messages and
/// conversations stay. The app's own webhook, if it goes to this account, goes to another account of yours that has the app,
/// or is taken away. What Meta does not do keeps no account: `warnings` tells what is yours to see to.
#[utoipa::path(
    delete, operation_id = "delete_account", path = "/v1/accounts/{id}", tag = "Accounts", security(("api_key" = [])),
    params(("id" = String, Path, description = "Our id")),
    responses(
        (status = 200, description = "It is gone, and Meta may go on to call its webhook", body = DeletedDto),
        (status = 204, description = "It is gone"),
        AccountProblems,
    ),
)]
pub(crate) async fn delete(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let mut changing = Changing::begin(&state.store, &authority, &id).await?;
    let mut warnings = Vec::new();
    let removed = remove(&state, &mut changing, &mut warnings).await;
    let account = changing.end_removed(removed).await?;
    // Afterwards, for an account without its secrets could be neither used nor mended. Those that stay cost a little.
    let keeper = &state.parts.keeper;
    if let Err(error) = keeper.delete(&account.tenant, &account.id).await {
        tracing::error!(account.id = %account.id, error = chain(&error), "a deleted account's secrets stay");
    }
    if warnings.is_empty() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok(Json(DeletedDto { warnings }).into_response())
}

async fn remove(
    state: &State,
    changing: &mut Changing<'_>,
    warnings: &mut Vec<String>,
) -> Result<(), Problem> {
    let account = changing.account.clone();
    if account.disabled_at.is_none() {
        let detail = "disable the account first: PATCH it with {\"disabled\": true}";
        return Err(Problem::conflict("account_enabled", detail));
    }
    let senders = state.store.senders_of(&account).await?;
    if senders.len() > MOST_SENDERS {
        let detail =
            format!("the account has more than {MOST_SENDERS} senders: delete some of them first");
        return Err(Problem::conflict("too_many_senders", detail));
    }
    for sender in &senders {
        senders::check_unused(&state.store, sender).await?;
    }
    let transaction = &mut changing.transaction;
    state
        .store
        .remove_senders(transaction, &account, &senders)?;
    if let Some(waba) = &account.waba {
        state.store.leave_waba(transaction, &account, waba)?;
    }
    // At once, for each may wait for Meta until it gives up, and the request does not last that often.
    let (unsubscribed, left) = tokio::join!(
        connection::unsubscribe(state, &account),
        app_webhook::leave(state, &account),
    );
    warnings.extend(unsubscribed);
    warnings.extend(left?);
    Ok(())
}
