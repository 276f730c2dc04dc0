//! `POST /v1/senders/{id}/resume`: a paused sender sends again.

use crate::State;
use crate::life::hint_dispatch;
use axum::Json;
use axum::extract::{self, Path};
use heliograph::domain::audit::Action;
use heliograph::domain::identity::SenderId;
use heliograph::domain::message::Leg;
use heliograph::domain::pace::{Pause, PauseCause};
use heliograph::domain::role::{Principal, Right};
use heliograph::messaging::held;
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::dto::SenderDto;
use heliograph::service::openapi::{CallerProblems, IdProblems, ServiceProblems};
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

/// A sender that goes on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ResumedSender)]
pub(crate) struct ResumedDto {
    /// The sender.
    #[serde(flatten)]
    sender: SenderDto,
    /// What keeps it from sending all the same, and what to do about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// Resume a paused sender.
///
/// Its jobs and the messages that wait go on. Resuming one that is not paused changes nothing. What paused it pauses it
/// again if it is still there. If it has nothing to send with, or its provider is disabled, `warnings` says so, and what to
/// do.
#[utoipa::path(
    post, operation_id = "resume_sender", path = "/v1/senders/{id}/resume", tag = "Senders", security(("api_key" = [])),
    params(("id" = String, Path, description = "Meta's phone number id", example = "100000000000001")),
    responses(
        (status = 200, description = "It may send", body = ResumedDto),
        (status = 409, description = "Its account is not active", body = Problem, content_type = "application/problem+json"),
        CallerProblems, IdProblems, ServiceProblems,
    ),
)]
pub(crate) async fn resume(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    Path(id): Path<String>,
) -> Result<Json<ResumedDto>, Problem> {
    let Principal { tenant, who, .. } = caller.with(Right::Configure)?;
    let id: SenderId = id.parse().map_err(|_| Problem::not_found())?;
    let found = state.store.sender(&tenant, &id).await?;
    let sender = found.ok_or_else(Problem::not_found)?;
    let pause = state.store.pace(&tenant, &id).await?.paused;
    if let Some(pause) = pause {
        if pause.cause == PauseCause::Account {
            return Err(held_by_account(pause));
        }
        let (author, now) = (origin.author(&who), clock::now());
        let lifted = json!({"paused_at": pause.since, "code": pause.code});
        let entry = author.entry(&tenant, Action::SenderResumed, id.as_str(), lifted, now);
        let store = &state.store;
        if store.resume_sender(&tenant, &id, Some(&entry), now).await? {
            tracing::info!(sender.id = id.logged(), "sender resumed");
            hint_dispatch(&state, &tenant, &id).await;
        }
    }
    let leg = Leg {
        account: sender.account.clone(),
        sender: id,
    };
    let now = clock::now();
    let warning = held::in_the_way(&state.store, &tenant, &leg, now).await?;
    Ok(Json(ResumedDto {
        sender: SenderDto::read(&state.store, &sender, now).await?,
        warnings: warning.into_iter().collect(),
    }))
}

fn held_by_account(pause: Pause) -> Problem {
    let Pause { reason, remedy, .. } = pause;
    Problem::conflict("account_not_active", format!("{reason}: {remedy}"))
}
