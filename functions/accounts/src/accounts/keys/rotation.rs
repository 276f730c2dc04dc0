//! `POST /v1/accounts/{id}/keys/{alias}/rotate`: another key takes a key's place.

use super::body::{KeyDto, New, NextKeyBody};
use super::{shown, take};
use crate::State;
use crate::accounts::find;
use crate::authority::Authority;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{self, Path};
use axum::http::HeaderMap;
use heliograph::domain::identity::KeyAlias;
use heliograph::domain::role::Right;
use heliograph::service::caller::Caller;
use heliograph::service::http::{MAX_JSON, read_json};
use heliograph::service::openapi::{AccountProblems, BodyProblems, ProviderProblems};
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;

/// Let another key take a key's place.
///
/// The provider is asked whether it is good, and whether it is one of the same number. The next message goes with it; those
/// under way go on with the key before, so let that be good for some seconds more. All that was said of the key stays, and
/// what was refused is forgotten.
#[utoipa::path(
    post, operation_id = "rotate_key", path = "/v1/accounts/{id}/keys/{alias}/rotate", tag = "Keys", security(("api_key" = [])),
    params(
        ("id" = String, Path, description = "Our id of the account"),
        ("alias" = String, Path, description = "What it is called", example = "main"),
    ),
    request_body(content = NextKeyBody, content_type = "application/json"),
    responses(
        (status = 200, description = "The key as it is now", body = KeyDto),
        BodyProblems, AccountProblems, ProviderProblems,
    ),
)]
pub(crate) async fn rotate(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    Path((id, alias)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<KeyDto>, Problem> {
    let proven = caller.proven(Right::Configure)?;
    let authority = Authority::of(proven, origin);
    let body = read_json(&headers, &body, MAX_JSON)?;
    let alias: KeyAlias = alias.parse().map_err(|_| Problem::not_found())?;
    let account = find(&state.store, &authority.tenant, &id).await?;
    let before = account.key(&alias).ok_or_else(Problem::not_found)?;
    let next = New::read_next(&body, before).map_err(Problem::validation)?;
    let taken = take(&state, &authority, &id, &alias, next).await?;
    shown(&state.store, &alias, taken).await
}
