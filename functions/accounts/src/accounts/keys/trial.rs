//! `POST /v1/accounts/{id}/keys/{alias}/test`: whether a key is good, and what follows if it is.

use super::body::KeyTestDto;
use super::checks;
use crate::State;
use crate::accounts::find;
use crate::providers;
use axum::Json;
use axum::extract::{self, Path};
use heliograph::domain::credential::Refusal;
use heliograph::domain::failure::{Class, ProviderFailure};
use heliograph::domain::identity::KeyAlias;
use heliograph::domain::pace::{Pause, PauseCause};
use heliograph::domain::provider_key::ProviderKey;
use heliograph::domain::role::Right;
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::openapi::AccountProblems;
use heliograph::service::problem::Problem;
use heliograph::store::{Account, CredentialName, Store};

/// Test a key.
///
/// The provider is asked whether it takes the key, be that enabled or not, and the provider too: who enables them tests them
/// first. Nothing is sent. A key that was refused, or that rests, and is good again is used again, by everybody within two
/// seconds. Its sender stays paused, if it is: then `warnings` says so, and how it goes on. A key that the provider does not
/// take is `refused` from then on, and nothing is sent with it.
#[utoipa::path(
    post, operation_id = "test_key", path = "/v1/accounts/{id}/keys/{alias}/test", tag = "Keys", security(("api_key" = [])),
    params(
        ("id" = String, Path, description = "Our id of the account"),
        ("alias" = String, Path, description = "What it is called"),
    ),
    responses((status = 200, description = "What the provider says", body = KeyTestDto), AccountProblems),
)]
pub(crate) async fn test(
    caller: Caller,
    extract::State(state): extract::State<State>,
    Path((id, alias)): Path<(String, String)>,
) -> Result<Json<KeyTestDto>, Problem> {
    let tenant = caller.with(Right::Configure)?.tenant;
    let alias: KeyAlias = alias.parse().map_err(|_| Problem::not_found())?;
    let account = find(&state.store, &tenant, &id).await?;
    let key = account.key(&alias).ok_or_else(Problem::not_found)?;
    let secrets = state.parts.keeper.outbound(&tenant, &account.id).await?;
    let Some(secret) = secrets.of_key(key) else {
        return Ok(Json(KeyTestDto::lost()));
    };
    let way = providers::way(&state, &tenant, account.provider).await?;
    let (access, number) = (way.with(&secret.key), key.sender.name());
    let asked = checks::asked(account.provider, access, Some(number)).await;
    let said = asked.map(|good| good.said);
    let mut tested = KeyTestDto::of(&said, clock::now());
    let follows = match &said {
        Ok(_) => good(&state.store, &account, key).await?,
        Err(failure) => refused(&state.store, &account, (key, failure)).await?,
    };
    tested.warnings.extend(follows);
    Ok(Json(tested))
}

/// Has a key that is good be used again; what keeps its sender from that. Nothing leaves a sender by a mere test: what it has
/// to send goes once somebody wants it to.
async fn good(
    store: &Store,
    account: &Account,
    key: &ProviderKey,
) -> Result<Option<String>, Problem> {
    let of = (&account.tenant, &account.id);
    let name = CredentialName::of_key(of, key);
    store.clear_credential(&name).await?;
    let pace = store.pace(&account.tenant, &key.sender).await?;
    Ok(pace.paused.map(|pause| still_paused(key, &pause)))
}

/// Has a key that the provider does not take be used no more: the next message would only find out again.
async fn refused(
    store: &Store,
    account: &Account,
    (key, failure): (&ProviderKey, &ProviderFailure),
) -> Result<Option<String>, Problem> {
    // One that is told when it is good again rests when a message finds that out.
    if failure.class != Class::Credential || failure.retry_after_s.is_some() {
        return Ok(None);
    }
    let name = CredentialName::of_key((&account.tenant, &account.id), key);
    let refusal = Refusal {
        at: clock::now(),
        message: failure.message.clone(),
    };
    store.refuse_credential(&name, &refusal).await?;
    Ok(Some(
        "nothing is sent with it any more, until it is tested good or another key takes its place"
            .to_owned(),
    ))
}

fn still_paused(key: &ProviderKey, pause: &Pause) -> String {
    let then = match pause.cause {
        PauseCause::Provider => format!("POST /v1/senders/{}/resume", key.sender),
        PauseCause::Account => pause.remedy.clone(),
    };
    let reason = &pause.reason;
    format!("its sender is paused, and stays so: {reason}. To have it go on: {then}")
}
