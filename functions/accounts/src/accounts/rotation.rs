//! `POST /v1/accounts/{id}/rotate`: a secret gives way to the next one, now. Each month that is done by itself.

use super::changing::{Changing, Said};
use crate::State;
use crate::authority::Authority;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{self, Path};
use axum::http::{HeaderMap, StatusCode};
use heliograph::domain::account::CredentialKind;
use heliograph::domain::audit::Action;
use heliograph::domain::fault::{Fault, Faults};
use heliograph::domain::fields::Fields;
use heliograph::domain::role::Right;
use heliograph::service::caller::Caller;
use heliograph::service::http::{MAX_JSON, read_json};
use heliograph::service::openapi::{AccountProblems, BodyProblems};
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
use heliograph::service::secrets::{Begin, RotatingDirection};
use heliograph::store::Account;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// What is to be rotated.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the body, which is read by `read`")]
pub(crate) struct RotationBody {
    /// `access_token` or `verify_token`. An app secret can be reset by a person at Meta alone: enter the next one in step 1.
    #[schema(pattern = "^(access_token|verify_token)$", example = "verify_token")]
    credential: String,
}

/// A rotation that was asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RotationAsked {
    /// What is rotated. When it is over, the account's `credentials` show the new one's mask.
    credential: CredentialKind,
}

/// Rotate a secret of an account.
///
/// An access token that ends is exchanged for a new one, one that does not end stays; a verify token is drawn anew and told to
/// Meta. The one before stays good, so nothing is refused meanwhile.
#[utoipa::path(
    post, operation_id = "rotate_credential", path = "/v1/accounts/{id}/rotate", tag = "Accounts", security(("api_key" = [])),
    params(("id" = String, Path, description = "Our id of the account", example = "acct_demo")),
    request_body(content = crate::accounts::rotation::RotationBody, content_type = "application/json"),
    responses(
        (status = 202, description = "It is under way", body = RotationAsked),
        BodyProblems, AccountProblems,
    ),
)]
pub(crate) async fn rotate(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<RotationAsked>), Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let body = read_json(&headers, &body, MAX_JSON)?;
    let kind = read(&body).map_err(Problem::validation)?;
    let changing = Changing::begin_at_meta(&state.store, &authority, &id).await?;
    let asked = match changing.account.credential(kind) {
        Some(_) => match begin(&state, &changing.account, kind, Begin::Now).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Problem::conflict(
                "rotation_under_way",
                "a rotation is under way already: wait a minute",
            )),
            Err(problem) => Err(problem),
        },
        None => Err(Problem::conflict(
            "no_credential",
            "the account has none yet: do step 3 of the set-up",
        )),
    };
    let said = Said::of(
        Action::AccountChanged,
        &changing.account,
        json!({"rotate": kind}),
    );
    changing.end(asked.map(|()| said)).await?;
    Ok((
        StatusCode::ACCEPTED,
        Json(RotationAsked { credential: kind }),
    ))
}

/// Has a secret of an account rotated. `false` if a rotation is under way.
pub(super) async fn begin(
    state: &State,
    account: &Account,
    kind: CredentialKind,
    begin: Begin,
) -> Result<bool, Problem> {
    let direction = match kind {
        CredentialKind::AccessToken => RotatingDirection::Out,
        CredentialKind::AppSecret | CredentialKind::VerifyToken => RotatingDirection::In,
    };
    let whose = (&account.tenant, &account.id);
    let function = &state.parts.rotate_function;
    let keeper = &state.parts.keeper;
    let asked = keeper.rotate(direction, whose, function, begin).await;
    asked.map_err(Problem::from)
}

fn read(body: &Value) -> Result<CredentialKind, Vec<Fault>> {
    let faults = Faults::new();
    let read = Fields::of(body, "", &faults).and_then(|mut fields| {
        let kind = fields.required_choice("credential", &["access_token", "verify_token"]);
        fields.finish();
        Some(match kind? {
            "access_token" => CredentialKind::AccessToken,
            _ => CredentialKind::VerifyToken,
        })
    });
    faults.into_result(read)
}
