//! `POST /v1/messages/{id}/cancel`: takes a message back that has not gone yet.

use crate::{State, messages};
use axum::Json;
use axum::extract;
use heliograph::domain::audit::Action;
use heliograph::domain::ledger::Event;
use heliograph::domain::message::Outbound;
use heliograph::domain::role::{Principal, Right};
use heliograph::domain::state::State as MessageState;
use heliograph::messaging::attempt::lapse;
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::dto::MessageDto;
use heliograph::service::openapi::{CallerProblems, IdProblems, ServiceProblems};
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
use serde_json::Value;

/// Cancel a message.
///
/// Only one that waits for its turn, or for its `send_at`, can be taken back. One that was attempted already, with an
/// outcome nobody knows, and waits to be sent again is not sent again: it is `unknown` then, for it may have been sent.
/// Cancelling twice changes nothing.
#[utoipa::path(
    post, operation_id = "cancel_message", path = "/v1/messages/{id}/cancel", tag = "Messages", security(("api_key" = [])),
    params(("id" = String, Path, description = "Our id", example = "msg_019e92a7c8887000a000000000000001")),
    responses(
        (status = 200, description = "It will not be sent", body = MessageDto),
        CallerProblems, IdProblems, ServiceProblems,
        (status = 409, description = "`not_cancellable`: it is being sent, or has gone", body = Problem,
            content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn cancel(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    extract::Path(id): extract::Path<String>,
) -> Result<Json<MessageDto>, Problem> {
    let Principal { tenant, who, .. } = caller.with(Right::Send)?;
    let message = messages::find(&state, &tenant, &id).await?;
    let now = clock::now();
    let message = lapse(&state.store, message, now).await?;
    let waited = message.state == MessageState::Queued;
    let (action, id) = (Action::MessageCancelled, message.id.as_str());
    let entry = origin
        .author(&who)
        .entry(&tenant, action, id, Value::Null, now);
    let cancel = state.store.apply_asked(message, &Event::Cancelled, &entry);
    let message = cancel.await?;
    match message.state {
        MessageState::Cancelled => Ok(Json(MessageDto::from(&message))),
        MessageState::Unknown if waited => Ok(Json(MessageDto::from(&message))),
        MessageState::Queued
        | MessageState::Sending
        | MessageState::Unknown
        | MessageState::Accepted
        | MessageState::Sent
        | MessageState::Failed
        | MessageState::Delivered
        | MessageState::Read
        | MessageState::Received
        | MessageState::Expired => Err(too_late(&message)),
    }
}

fn too_late(message: &Outbound) -> Problem {
    let detail = format!(
        "the message is {}: only one that waits to be sent can be taken back",
        message.state.as_str()
    );
    Problem::conflict("not_cancellable", detail).about(message.id.as_str())
}
