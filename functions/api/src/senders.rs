//! `GET /v1/senders`, one sender: what it may send, and why it may not.

use axum::Json;
use axum::extract::{Path, State};
use futures_util::future::try_join_all;
use heliograph::domain::role::Right;
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::dto::SenderDto;
use heliograph::service::http::listing::{answer, id_of, slice};
use heliograph::service::http::{Cursor, Page, Parameters};
use heliograph::service::openapi::{IdProblems, ListProblems};
use heliograph::service::problem::Problem;
use heliograph::store::Store;

/// Lists a tenant's senders, by their ids.
#[utoipa::path(
    get,
    operation_id = "list_senders",
    path = "/v1/senders",
    tag = "Senders",
    params(
        ("limit" = Option<u32>, Query, description = "Entries a page, 1 to 100; 25 unless told", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page", body = Page<SenderDto>), ListProblems)
)]
pub(crate) async fn list(
    caller: Caller,
    State(store): State<Store>,
    mut parameters: Parameters,
) -> Result<Json<Page<SenderDto>>, Problem> {
    let tenant = caller.with(Right::Read)?.tenant;
    let query = parameters.page();
    parameters.finish()?;
    let cursor = Cursor::of("senders", &tenant);
    let listed = store.senders(&tenant, &slice(&query, cursor)?).await?;
    let now = clock::now();
    let senders = listed
        .entries
        .iter()
        .map(|sender| SenderDto::read(&store, sender, now));
    answer(try_join_all(senders).await?, cursor, listed.next.as_ref())
}

/// Reads one sender: its rate, and whether it is slowed down or paused, why and since when.
#[utoipa::path(
    get,
    operation_id = "get_sender",
    path = "/v1/senders/{id}",
    tag = "Senders",
    params(("id" = String, Path, description = "Meta's phone number id", example = "100000000000001")),
    responses((status = 200, description = "The sender", body = SenderDto), ListProblems, IdProblems)
)]
pub(crate) async fn one(
    caller: Caller,
    State(store): State<Store>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<SenderDto>, Problem> {
    let tenant = caller.with(Right::Read)?.tenant;
    parameters.finish()?;
    let found = store.sender(&tenant, &id_of(&id)?).await?;
    let sender = found.ok_or_else(Problem::not_found)?;
    Ok(Json(SenderDto::read(&store, &sender, clock::now()).await?))
}
