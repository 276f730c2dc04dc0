//! `/v1/senders` as far as they are made, changed and deleted here: `GET` is `api`'s.

use super::changing::{Changing, Said};
use super::entered;
use super::meta_id::meta_id;
use super::numbers::{Access, access};
use super::sender_changes::Changes;
use crate::State;
use crate::authority::Authority;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{self, Path};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use heliograph::domain::account::Step;
use heliograph::domain::audit::Action;
use heliograph::domain::failure::{Class, of_meta};
use heliograph::domain::fault::{Fault, Faults};
use heliograph::domain::fields::Fields;
use heliograph::domain::id::AccountId;
use heliograph::domain::identity::{PhoneNumberId, SenderId};
use heliograph::domain::message::Leg;
use heliograph::domain::pace::{Pause, PauseCause};
use heliograph::domain::role::Right;
use heliograph::messaging::held;
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::dto::SenderDto;
use heliograph::service::http::listing::id_of;
use heliograph::service::http::{MAX_JSON, read_json};
use heliograph::service::openapi::{AccountProblems, BodyProblems, ProviderProblems};
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
use heliograph::store::{Account, Sender, Store};
use jiff::Timestamp;
use serde_json::Value;
use utoipa::ToSchema;

/// Meta's codes for a number that the token may not see, 100 with a subcode.
const HIDDEN: [i64; 2] = [33, 100];

/// A sender to make.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body, which is read by `read_new`"
)]
pub(crate) struct SenderBody {
    /// Our id of its account.
    #[schema(min_length = 1, example = "acct_demo")]
    account_id: String,
    /// Meta's id of the phone number; not the number.
    #[schema(min_length = 1, example = "100000000000002")]
    phone_number_id: String,
}

/// Make a sender of a phone number.
///
/// The number must be one of the account's WABA. One that is a sender already is answered as it is.
#[utoipa::path(
    post, operation_id = "create_sender", path = "/v1/senders", tag = "Senders", security(("api_key" = [])),
    request_body(content = crate::accounts::senders::SenderBody, content_type = "application/json"),
    responses(
        (status = 201, description = "It is a sender", body = SenderDto),
        BodyProblems, AccountProblems, ProviderProblems,
    ),
)]
pub(crate) async fn create(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let body = read_json(&headers, &body, MAX_JSON)?;
    let (account, number) = read_new(&body).map_err(Problem::validation)?;
    let of = (account.as_str(), &number);
    let sender = take(&state, &authority, of, &Changes::default(), body).await?;
    let location = format!("/v1/senders/{number}");
    let shown = SenderDto::read(&state.store, &sender, clock::now()).await?;
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(shown)).into_response())
}

/// Makes a sender of an account's number, as `changes` would have it.
pub(crate) async fn take(
    state: &State,
    authority: &Authority,
    (account, number): (&str, &PhoneNumberId),
    changes: &Changes,
    said: Value,
) -> Result<Sender, Problem> {
    let mut changing = Changing::begin_at_meta(&state.store, authority, account).await?;
    let made = make(state, &mut changing, number, changes).await;
    let said = Said::about(Action::SenderCreated, number.as_str(), said);
    changing.end_with(made.map(|it| (it, said))).await
}

async fn make(
    state: &State,
    changing: &mut Changing<'_>,
    number: &PhoneNumberId,
    changes: &Changes,
) -> Result<Sender, Problem> {
    let Access { token, waba } = access(state, &changing.account).await?;
    Ok(entered::take_number(state, changing, &token, (&waba, number), changes).await?)
}

fn read_new(body: &Value) -> Result<(AccountId, PhoneNumberId), Vec<Fault>> {
    let faults = Faults::new();
    let read = Fields::of(body, "", &faults).and_then(|mut fields| {
        let account = fields.required_parsed("account_id", str::parse::<AccountId>);
        let number = fields.required_parsed("phone_number_id", meta_id::<PhoneNumberId>);
        fields.finish();
        Some((account?, number?))
    });
    faults.into_result(read)
}

/// Change how a sender sends.
#[utoipa::path(
    patch, operation_id = "change_sender", path = "/v1/senders/{id}", tag = "Senders", security(("api_key" = [])),
    params(("id" = String, Path, description = "Meta's phone number id", example = "100000000000001")),
    request_body(content = crate::accounts::sender_changes::SenderChangesBody, content_type = "application/json"),
    responses(
        (status = 200, description = "The sender as it is now", body = SenderDto),
        BodyProblems, AccountProblems,
    ),
)]
pub(crate) async fn change(
    extract::State(store): extract::State<Store>,
    caller: Caller,
    origin: Origin,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<SenderDto>, Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let body = read_json(&headers, &body, MAX_JSON)?;
    let changes = read_changes(&body).map_err(Problem::validation)?;
    let id: SenderId = id_of(&id)?;
    let sender = set(&store, &authority, (&id, &changes), body).await?;
    Ok(Json(SenderDto::read(&store, &sender, clock::now()).await?))
}

/// Changes how a sender sends.
pub(crate) async fn set(
    store: &Store,
    authority: &Authority,
    (id, changes): (&SenderId, &Changes),
    said: Value,
) -> Result<Sender, Problem> {
    let sender = find(store, authority, id.as_str()).await?;
    if let Some(fault) = changes.fault(id) {
        return Err(Problem::validation(vec![fault]));
    }
    let mut changing = Changing::begin(store, authority, sender.account.as_str()).await?;
    let put = put(store, authority, &mut changing, (id.as_str(), changes)).await;
    let said = Said::about(Action::SenderChanged, id.as_str(), said);
    changing.end_with(put.map(|it| (it, said))).await
}

/// Reads it again, now that nobody else changes it.
async fn put(
    store: &Store,
    authority: &Authority,
    changing: &mut Changing<'_>,
    (id, changes): (&str, &Changes),
) -> Result<Sender, Problem> {
    let before = find(store, authority, id).await?;
    let mut sender = before.clone();
    changes.apply(&mut sender);
    let now = changing.now;
    let transaction = &mut changing.transaction;
    store
        .change_sender(transaction, (&before, &sender), now)
        .await?;
    Ok(sender)
}

fn read_changes(body: &Value) -> Result<Changes, Vec<Fault>> {
    let faults = Faults::new();
    let read = Fields::of(body, "", &faults).map(|mut fields| {
        let changes = Changes::read(&mut fields);
        fields.finish();
        changes
    });
    faults.into_result(read)
}

/// Delete a sender.
///
/// None of its jobs may be at work. Its messages and conversations stay; its number stays Meta's. What is scheduled from it
/// goes at its time all the same: cancel what should not.
#[utoipa::path(
    delete, operation_id = "delete_sender", path = "/v1/senders/{id}", tag = "Senders", security(("api_key" = [])),
    params(("id" = String, Path, description = "Meta's phone number id")),
    responses(
        (status = 204, description = "It is gone"),
        AccountProblems,
    ),
)]
pub(crate) async fn delete(
    extract::State(store): extract::State<Store>,
    caller: Caller,
    origin: Origin,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let sender = find(&store, &authority, &id).await?;
    let mut changing = Changing::begin(&store, &authority, sender.account.as_str()).await?;
    let removed = remove(&store, &authority, &mut changing, &id).await;
    let said = removed.map(|()| Said::about(Action::SenderDeleted, &id, Value::Null));
    changing.end(said).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reads it again, now that nobody else changes it.
async fn remove(
    store: &Store,
    authority: &Authority,
    changing: &mut Changing<'_>,
    id: &str,
) -> Result<(), Problem> {
    let sender = find(store, authority, id).await?;
    check_unused(store, &sender).await?;
    changing.account.senders.retain(|known| *known != sender.id);
    if changing.account.senders.is_empty() {
        changing
            .account
            .setup
            .reopen(&[Step::PhoneNumber, Step::Profile]);
    }
    let transaction = &mut changing.transaction;
    Ok(store.remove_senders(transaction, &changing.account, &[sender])?)
}

async fn find(store: &Store, authority: &Authority, id: &str) -> Result<Sender, Problem> {
    let found = store.sender(&authority.tenant, &id_of(id)?).await?;
    found.ok_or_else(Problem::not_found)
}

/// Refuses to delete a sender that a job still needs.
pub(super) async fn check_unused(store: &Store, sender: &Sender) -> Result<(), Problem> {
    let pace = store.pace(&sender.tenant, &sender.id).await?;
    if pace.jobs.is_empty() {
        return Ok(());
    }
    let detail = "a job of this sender's is at work: cancel it, or wait for it";
    Err(Problem::conflict("sender_in_use", detail))
}

/// That nothing leaves a sender whose account is not active yet.
pub(super) fn not_active(account: &Account, now: Timestamp) -> Pause {
    let id = &account.id;
    Pause {
        since: now,
        code: None,
        reason: "its account is not active yet".to_owned(),
        remedy: format!("finish the account's set-up, then POST /v1/accounts/{id}/activate"),
        cause: PauseCause::Account,
    }
}

/// Pauses every sender of an account.
pub(super) async fn pause(store: &Store, account: &Account, pause: &Pause) -> Result<(), Problem> {
    for sender in store.senders_of(account).await? {
        store
            .pause_with_account(&account.tenant, &sender.id, pause)
            .await?;
    }
    Ok(())
}

/// Lets those senders of an account go on that its own standing had paused; what Meta said of one is not undone by it. What
/// keeps any from sending all the same.
pub(super) async fn resume(
    store: &Store,
    account: &Account,
    now: Timestamp,
) -> Result<Vec<String>, Problem> {
    resume_where(store, account, now, |pause| {
        pause.cause == PauseCause::Account
    })
    .await
}

/// Lets those senders of an account go on whose token Meta had refused: it has another one now.
pub(super) async fn resume_refused(
    store: &Store,
    account: &Account,
    now: Timestamp,
) -> Result<Vec<String>, Problem> {
    let is_about_token = |pause: &Pause| {
        let is_so = |code: i64| of_meta(code).class == Class::Credential || HIDDEN.contains(&code);
        pause.cause == PauseCause::Provider && pause.code.is_none_or(is_so)
    };
    resume_where(store, account, now, is_about_token).await
}

/// The same for one sender whose key was refused.
pub(crate) async fn resume_refused_one(
    store: &Store,
    account: &Account,
    id: &SenderId,
    now: Timestamp,
) -> Result<Option<String>, Problem> {
    let is_about_key = |pause: &Pause| pause.cause == PauseCause::Provider && pause.code.is_none();
    resume_if(store, (account, id), now, is_about_key).await
}

async fn resume_where(
    store: &Store,
    account: &Account,
    now: Timestamp,
    is_over: impl Fn(&Pause) -> bool,
) -> Result<Vec<String>, Problem> {
    let mut warnings = Vec::new();
    for sender in store.senders_of(account).await? {
        warnings.extend(resume_if(store, (account, &sender.id), now, &is_over).await?);
    }
    Ok(warnings)
}

/// The same for one sender, which may be one that is just being made: a number keeps its pace from one sender to the next.
pub(super) async fn resume_one(
    store: &Store,
    account: &Account,
    id: &SenderId,
    now: Timestamp,
) -> Result<(), Problem> {
    let is_over = |pause: &Pause| pause.cause == PauseCause::Account;
    resume_if(store, (account, id), now, is_over).await?;
    Ok(())
}

async fn resume_if(
    store: &Store,
    (account, id): (&Account, &SenderId),
    now: Timestamp,
    is_over: impl Fn(&Pause) -> bool,
) -> Result<Option<String>, Problem> {
    let tenant = &account.tenant;
    let pace = store.pace(tenant, id).await?;
    if pace.paused.as_ref().is_some_and(is_over) {
        store.resume_sender(tenant, id, None, now).await?;
    }
    let leg = Leg {
        account: account.id.clone(),
        sender: id.clone(),
    };
    Ok(held::in_the_way(store, tenant, &leg, now).await?)
}
