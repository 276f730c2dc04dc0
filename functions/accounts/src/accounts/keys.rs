//! `/v1/accounts/{id}/keys`: the keys of an account at any other provider than Meta. Each is checked with its provider
//! before it is kept, and brings what it sends from.

mod body;
mod checks;
pub(crate) mod rotation;
pub(crate) mod trial;
mod usage;
mod webhook;

use super::changing::{Changing, Said};
use super::{find, senders};
use crate::State;
use crate::authority::Authority;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{self, Path};
use axum::http::{HeaderMap, StatusCode};
use body::{KeyBody, KeyDto, Keys, sender_named};
pub(crate) use body::{New, Said as SaidOfKey, key as secret_key, number_of};
use heliograph::domain::audit::Action;
use heliograph::domain::credential::{Known, Standing, standing};
use heliograph::domain::fault::{Fault, FaultCode};
use heliograph::domain::identity::{KeyAlias, SenderId};
use heliograph::domain::limits::Limits;
use heliograph::domain::provider::Provider;
use heliograph::domain::provider_key::{KeySecret, MOST_KEYS, ProviderKey, USUAL_WEIGHT};
use heliograph::domain::role::Right;
use heliograph::domain::secret::SecretText;
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::http::{MAX_JSON, Parameters, read_json};
use heliograph::service::openapi::{
    AccountProblems, BodyProblems, IdProblems, ListProblems, ProviderProblems,
};
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
use heliograph::store::{Account, CredentialName, Sender, Store};
use jiff::Timestamp;
use serde_json::json;

/// Lists an account's keys, with how each was used.
#[utoipa::path(
    get, operation_id = "list_keys", path = "/v1/accounts/{id}/keys", tag = "Keys",
    params(("id" = String, Path, description = "Our id of the account")),
    responses((status = 200, description = "All of them", body = Keys), ListProblems, IdProblems)
)]
pub(crate) async fn list(
    caller: Caller,
    extract::State(store): extract::State<Store>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<Keys>, Problem> {
    let tenant = caller.with(Right::Configure)?.tenant;
    parameters.finish()?;
    let account = find(&store, &tenant, &id).await?;
    let now = clock::now();
    let known = store.known_credentials(&tenant, &account.id).await?;
    let mut usage = usage::of_keys(&store, &account, now).await?;
    let shown = account.keys.iter().map(|key| {
        let mut shown = KeyDto::of(key, &known, now);
        shown.usage = Some(usage.remove(&key.alias).unwrap_or_default());
        shown
    });
    Ok(Json(Keys {
        data: shown.collect(),
    }))
}

/// Put a key in.
///
/// The provider is asked whether it is good. With the first key of a number comes its sender. The same alias again changes
/// the key: what is absent stays, and `null` is what is usual. Messages that are being sent go on with the key before. A
/// provider that has webhooks is told to call us with what comes in; if it could not be told, `warnings` says so, and the
/// key put in again repeats it. A sender that was paused because its keys were refused goes on with a key that is put in,
/// and with one that is enabled again; not with one that is refused itself, of which `warnings` says so, as it does of a
/// provider that is disabled. A key of another number leaves the sender of the number before: if that has no other key,
/// `warnings` says it.
#[utoipa::path(
    put, operation_id = "put_key", path = "/v1/accounts/{id}/keys/{alias}", tag = "Keys", security(("api_key" = [])),
    params(
        ("id" = String, Path, description = "Our id of the account"),
        ("alias" = String, Path, description = "What people and attempts call it", example = "main"),
    ),
    request_body(content = KeyBody, content_type = "application/json"),
    responses(
        (status = 200, description = "The key as it is now", body = KeyDto),
        BodyProblems, AccountProblems, ProviderProblems,
    ),
)]
pub(crate) async fn put(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    Path((id, alias)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<KeyDto>, Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let body = read_json(&headers, &body, MAX_JSON)?;
    let new = New::read(&body).map_err(Problem::validation)?;
    let alias: KeyAlias = alias.parse().map_err(|error| unusable(&error))?;
    let taken = take(&state, &authority, &id, &alias, new).await?;
    shown(&state.store, &alias, taken).await
}

async fn shown(
    store: &Store,
    alias: &KeyAlias,
    (account, warnings): (Account, Vec<String>),
) -> Result<Json<KeyDto>, Problem> {
    let key = account.key(alias).ok_or_else(Problem::not_found)?;
    let known = store
        .known_credentials(&account.tenant, &account.id)
        .await?;
    let mut shown = KeyDto::of(key, &known, clock::now());
    shown.warnings = warnings;
    Ok(Json(shown))
}

/// Puts a key in, or changes it. Its sender goes on, if it stood still for want of one, and its provider is told whom to
/// call. The account as it is then, and what could not be told.
pub(crate) async fn take(
    state: &State,
    authority: &Authority,
    account: &str,
    alias: &KeyAlias,
    new: New,
) -> Result<(Account, Vec<String>), Problem> {
    let secret = new.key.clone();
    let mut changing = Changing::begin(&state.store, authority, account).await?;
    let now = changing.now;
    let before = changing.account.key(alias).cloned();
    let kept = keep(state, &mut changing, alias, new).await;
    let account = changing.end(kept).await?;
    if secret.is_some() && before.is_some() {
        prune(state, authority, account.id.as_str()).await;
    }
    let mut warnings = Vec::new();
    let was_usable = before.as_ref().is_some_and(|key| key.is_usable(now));
    if let Some(key) = account.key(alias)
        && key.is_usable(now)
        && (secret.is_some() || !was_usable)
    {
        warnings.extend(goes_on(&state.store, &account, key, now).await?);
    }
    if let Some(secret) = &secret {
        warnings.extend(webhook::tell(state, &account, secret).await);
    }
    warnings.extend(before.and_then(|before| left_without(&account, &before)));
    Ok((account, warnings))
}

/// Lets a key's sender go on, if it stood still for want of one; what keeps it from that. A key that is refused would have
/// the next message fail.
async fn goes_on(
    store: &Store,
    account: &Account,
    key: &ProviderKey,
    now: Timestamp,
) -> Result<Option<String>, Problem> {
    let known = store
        .known_credentials(&account.tenant, &account.id)
        .await?;
    match standing(key, Known::of_key(&known, key), now) {
        Standing::Refused(_) => Ok(Some(still_refused(account, key))),
        Standing::Healthy
        | Standing::Rested
        | Standing::Resting { .. }
        | Standing::Full(_)
        | Standing::Expired(_)
        | Standing::Disabled => senders::resume_refused_one(store, account, &key.sender, now).await,
    }
}

fn still_refused(account: &Account, key: &ProviderKey) -> String {
    let path = format!("/v1/accounts/{}/keys/{}", account.id, key.alias);
    format!(
        "the provider has refused this key, so nothing is sent with it: POST {path}/test once it is good again, or PUT \
         another key in its place"
    )
}

/// That the sender which a key was of before has no key any more.
fn left_without(account: &Account, before: &ProviderKey) -> Option<String> {
    let sender = &before.sender;
    let has_one = account.keys.iter().any(|key| key.sender == *sender);
    (!has_one).then(|| {
        format!(
            "{sender} has no key any more, so nothing leaves it: put one in for it, under another alias, or DELETE \
             /v1/senders/{sender}"
        )
    })
}

fn unusable(error: &impl ToString) -> Problem {
    Problem::validation(vec![Fault {
        pointer: "/alias".to_owned(),
        code: FaultCode::Invalid,
        detail: format!("the path's last part is {}", error.to_string()),
    }])
}

/// Checks a key, and writes its secret beside the one before. Which of them counts, the account says: so it is the old one
/// until the account is written, and also if that is refused.
async fn keep(
    state: &State,
    changing: &mut Changing<'_>,
    alias: &KeyAlias,
    new: New,
) -> Result<Said, Problem> {
    let account = &changing.account;
    has_keys(account)?;
    let known = account.key(alias).cloned();
    if known.is_none() && account.keys.len() >= MOST_KEYS {
        let detail = format!("an account has {MOST_KEYS} keys at most: delete one first");
        return Err(Problem::conflict("too_many_keys", detail));
    }
    let key = match (&new.key, known) {
        (Some(secret), known) => {
            let named = sender_named(account.provider, new.number.as_ref())?;
            let sender = checks::sender(state, account, secret, named).await?;
            take_sender(state, changing, &sender).await?;
            let known = known.unwrap_or_else(|| unnamed(alias, &sender, changing.now));
            new.settings.applied(ProviderKey {
                mask: secret.masked(),
                sender,
                since: changing.now,
                ..known
            })
        }
        (None, Some(known)) => new.settings.applied(known),
        (None, None) => return Err(body::missing_key()),
    };
    if let Some(secret) = &new.key {
        write(state, &changing.account, &key, secret).await?;
        webhook::draw_path_token(state, &changing.account).await?;
    }
    let said = json!({
        "alias": alias, "key": key.mask, "sender_id": key.sender, "weight": key.weight, "enabled": key.enabled,
        "expires_at": key.expires_at, "limits": key.limits,
    });
    changing.account.put_key(key);
    Ok(Said::of(Action::KeyPut, &changing.account, said))
}

/// A key of which nobody has said more than what it is.
fn unnamed(alias: &KeyAlias, sender: &SenderId, now: Timestamp) -> ProviderKey {
    ProviderKey {
        alias: alias.clone(),
        mask: String::new(),
        sender: sender.clone(),
        weight: USUAL_WEIGHT,
        enabled: true,
        since: now,
        expires_at: None,
        limits: Limits::default(),
    }
}

fn has_keys(account: &Account) -> Result<(), Problem> {
    if account.provider != Provider::Meta {
        return Ok(());
    }
    let detail = format!(
        "an account at Meta has an access token instead: PUT /v1/accounts/{}/setup/tokens",
        account.id
    );
    Err(Problem::conflict("at_meta", detail))
}

/// Makes the key's sender, unless the account has it.
async fn take_sender(
    state: &State,
    changing: &mut Changing<'_>,
    id: &SenderId,
) -> Result<(), Problem> {
    if changing.account.senders.contains(id) {
        return Ok(());
    }
    let account = &changing.account;
    let holder = state.store.holder_of_number(id).await?;
    let there = state.store.sender(&account.tenant, id).await?;
    if holder.is_some() || there.is_some() {
        let detail = "another account sends from this number: take it away there first";
        return Err(Problem::conflict("number_taken", detail));
    }
    let sender = Sender::at_gateway(account, id.clone());
    let transaction = &mut changing.transaction;
    state.store.add_sender(transaction, account, &sender)?;
    changing.adds_sender = true;
    changing.account.senders.push(id.clone());
    Ok(())
}

/// Puts a key into the account's secret, beside those that the account lists.
async fn write(
    state: &State,
    account: &Account,
    key: &ProviderKey,
    secret: &SecretText,
) -> Result<(), Problem> {
    let keeper = &state.parts.keeper;
    let mut secrets = keeper.outbound(&account.tenant, &account.id).await?;
    secrets.provider_keys.retain(|it| is_listed(account, it));
    secrets.provider_keys.push(KeySecret {
        alias: key.alias.clone(),
        since: key.since,
        key: secret.clone(),
    });
    Ok(keeper
        .put_outbound(&account.tenant, &account.id, &secrets)
        .await?)
}

fn is_listed(account: &Account, secret: &KeySecret) -> bool {
    account.keys.iter().any(|key| secret.is_of(key))
}

/// Takes out of the account's secret what the account lists no more. It is held meanwhile, for somebody else may put a key
/// in. What stays is used by nobody, and goes with the next change of a key.
async fn prune(state: &State, authority: &Authority, id: &str) {
    let pruned = async {
        let changing = Changing::begin(&state.store, authority, id).await?;
        let account = &changing.account;
        let keeper = &state.parts.keeper;
        let written = async {
            let mut secrets = keeper.outbound(&account.tenant, &account.id).await?;
            secrets.provider_keys.retain(|it| is_listed(account, it));
            keeper
                .put_outbound(&account.tenant, &account.id, &secrets)
                .await
        };
        let written = written.await;
        changing.leave().await;
        written.map_err(Problem::from)
    };
    if let Err(problem) = pruned.await {
        let error = problem.detail();
        tracing::warn!(
            account.id = id,
            error,
            "a key that is not listed stays in the account's secret"
        );
    }
}

/// Take a key away.
///
/// Nothing is sent with it any more. Its sender stays, and sends with its other keys; without one its next message is
/// refused, and pauses it.
#[utoipa::path(
    delete, operation_id = "delete_key", path = "/v1/accounts/{id}/keys/{alias}", tag = "Keys", security(("api_key" = [])),
    params(
        ("id" = String, Path, description = "Our id of the account"),
        ("alias" = String, Path, description = "What it is called"),
    ),
    responses((status = 204, description = "It is gone"), AccountProblems),
)]
pub(crate) async fn delete(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    Path((id, alias)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let alias: KeyAlias = alias.parse().map_err(|_| Problem::not_found())?;
    let mut changing = Changing::begin(&state.store, &authority, &id).await?;
    let removed = match changing.account.take_key(&alias) {
        Some(key) => {
            let said = json!({"alias": alias, "key": key.mask, "sender_id": key.sender});
            Ok(Said::of(Action::KeyDeleted, &changing.account, said))
        }
        None => Err(Problem::not_found()),
    };
    let account = changing.end(removed).await?;
    // Afterwards: what is listed must be there.
    prune(&state, &authority, account.id.as_str()).await;
    let known = CredentialName {
        tenant: account.tenant,
        account: account.id,
        name: alias.to_string(),
        since: 0,
    };
    state.store.forget_credential(&known).await?;
    Ok(StatusCode::NO_CONTENT)
}
