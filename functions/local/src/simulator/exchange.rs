//! A send of any provider's, with what a fault makes of it.

use super::connection::Connection;
use super::faults::CallFault;
use super::state::State;
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use std::time::Duration;

/// Answers a send. `take` checks it and writes it down: its answer may be given when it returns, not before. `refuse`
/// answers with the error that a fault names.
pub(super) async fn answer<E: IntoResponse>(
    state: &State,
    connection: &Connection,
    fault: Option<(CallFault, Duration)>,
    refuse: impl FnOnce(&str) -> E,
    take: impl FnOnce() -> Result<Value, E>,
) -> Response {
    match fault {
        None => state.wait_latency().await,
        Some((CallFault::Slow, delay)) => state.pause(delay).await,
        Some((CallFault::Http(status), _)) => return plain_error(state, status),
        Some((CallFault::Error(name), _)) => return refused(state, refuse(&name)),
        Some((CallFault::ResetConnection, _)) => {
            return no_answer(state, connection, Duration::ZERO).await;
        }
        Some((CallFault::TimeoutBeforeAccept, delay)) => {
            return no_answer(state, connection, delay).await;
        }
        Some((CallFault::TimeoutAfterAccept, delay)) => {
            return match take() {
                Ok(_) => no_answer(state, connection, delay).await,
                Err(refusal) => refused(state, refusal),
            };
        }
    }
    match take() {
        Ok(answer) => Json(answer).into_response(),
        Err(refusal) => refused(state, refusal),
    }
}

/// Counts a refusal.
pub(super) fn refused(state: &State, refusal: impl IntoResponse) -> Response {
    state.note_refusal();
    refusal.into_response()
}

/// An error of the machinery in front of a provider, without anything of the provider's own.
fn plain_error(state: &State, status: u16) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    refused(
        state,
        (status, status.canonical_reason().unwrap_or_default()),
    )
}

async fn no_answer(state: &State, connection: &Connection, after: Duration) -> Response {
    state.pause(after).await;
    connection.cut();
    StatusCode::GATEWAY_TIMEOUT.into_response()
}
