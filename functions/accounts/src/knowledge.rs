//! `/v1/accounts/{id}/knowledge`: what an account's bot knows.

use crate::State;
use crate::accounts::changing::{Changing, Said};
use crate::accounts::find;
use crate::authority::Authority;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{self, Path};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use heliograph::domain::audit::Action;
use heliograph::domain::bot::Knowledge;
use heliograph::domain::fault::{Fault, Faults};
use heliograph::domain::fields::Fields;
use heliograph::domain::id::{AccountId, KnowledgeId};
use heliograph::domain::identity::TenantId;
use heliograph::domain::role::Right;
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::http::listing::{id_of, page, slice};
use heliograph::service::http::{Cursor, MAX_JSON, Page, Parameters, read_json};
use heliograph::service::idempotency::{self, REPLAYED};
use heliograph::service::openapi::{AccountProblems, BodyProblems, IdProblems, ListProblems};
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
use heliograph::store::{IdempotencyClaim, Store};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

const LONGEST_QUESTION: usize = 500;

/// What WhatsApp takes as one text. Source: Meta, "Text messages".
const LONGEST_ANSWER: usize = 4_096;

/// Something a bot knows.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Knowledge)]
pub(crate) struct KnowledgeDto {
    /// Our id.
    #[schema(value_type = String)]
    id: KnowledgeId,
    /// What people ask.
    question: String,
    /// What they are told.
    answer: String,
    /// When it was written, or last changed.
    changed_at: Timestamp,
}

impl From<&Knowledge> for KnowledgeDto {
    fn from(knowledge: &Knowledge) -> Self {
        Self {
            id: knowledge.id.clone(),
            question: knowledge.question.clone(),
            answer: knowledge.answer.clone(),
            changed_at: knowledge.changed_at,
        }
    }
}

/// Something a bot is to know.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the body, which is read by `read`")]
pub(crate) struct KnowledgeBody {
    /// What people ask.
    #[schema(min_length = 1, max_length = 500, example = "Do you ship to islands?")]
    question: String,
    /// What they are told.
    #[schema(min_length = 1, max_length = 4096, example = "We do, within a week.")]
    answer: String,
}

/// Lists what an account's bot knows, the oldest first.
#[utoipa::path(
    get,
    operation_id = "list_knowledge",
    path = "/v1/accounts/{id}/knowledge",
    tag = "Set-up",
    params(
        ("id" = String, Path, description = "Our id of the account", example = "acct_demo"),
        ("limit" = Option<u32>, Query, description = "Entries a page, 1 to 100; 25 unless told", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page", body = Page<KnowledgeDto>), ListProblems, IdProblems)
)]
pub(crate) async fn list(
    caller: Caller,
    extract::State(store): extract::State<Store>,
    Path(id): Path<String>,
    mut parameters: Parameters,
) -> Result<Json<Page<KnowledgeDto>>, Problem> {
    let tenant = caller.with(Right::Configure)?.tenant;
    let query = parameters.page();
    parameters.finish()?;
    let account = find(&store, &tenant, &id).await?.id;
    let list = format!("knowledge of {account}");
    let cursor = Cursor::of(&list, &tenant);
    let listed = store
        .all_knowledge(&tenant, &account, &slice(&query, cursor)?)
        .await?;
    page(&listed, cursor)
}

/// Have an account's bot know something.
#[utoipa::path(
    post, operation_id = "create_knowledge", path = "/v1/accounts/{id}/knowledge", tag = "Set-up", security(("api_key" = [])),
    params(
        ("id" = String, Path, description = "Our id of the account"),
        ("Idempotency-Key" = Option<String>, Header, description = "One key is one entry, for 24 hours"),
    ),
    request_body(content = crate::knowledge::KnowledgeBody, content_type = "application/json"),
    responses(
        (status = 201, description = "It knows", body = KnowledgeDto),
        (status = 422, description = "The Idempotency-Key was used with another body", body = Problem,
            content_type = "application/problem+json"),
        BodyProblems, AccountProblems,
    ),
)]
pub(crate) async fn create(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let account: AccountId = id_of(&id)?;
    let body = read_json(&headers, &body, MAX_JSON)?;
    let path = format!("POST /v1/accounts/{account}/knowledge");
    let claim = idempotency::claim(&path, &headers, &body)?;
    let of = (&authority.tenant, &account);
    if let Some(replay) = earlier(&state.store, of, claim.as_ref()).await? {
        return Ok(replay);
    }
    let now = clock::now();
    let knowledge = read(&body, KnowledgeId::at(now), now).map_err(Problem::validation)?;
    match put(&state.store, &authority, &id, &knowledge, claim.as_ref()).await {
        Ok(()) => Ok(made(&knowledge)),
        // Another request with the same key may have been faster.
        Err(problem) => match earlier(&state.store, of, claim.as_ref()).await? {
            Some(replay) => Ok(replay),
            None => Err(problem),
        },
    }
}

/// The answer to a request that was answered before; what it made may be forgotten since.
async fn earlier(
    store: &Store,
    (tenant, account): (&TenantId, &AccountId),
    claim: Option<&IdempotencyClaim>,
) -> Result<Option<Response>, Problem> {
    let Some(id) = idempotency::earlier(store, tenant, claim).await? else {
        return Ok(None);
    };
    let known = store.knowledge(tenant, account, &id_of(&id)?).await?;
    let known = known.ok_or_else(Problem::not_found)?;
    Ok(Some(([(REPLAYED, "true")], made(&known)).into_response()))
}

fn made(knowledge: &Knowledge) -> Response {
    (StatusCode::CREATED, Json(KnowledgeDto::from(knowledge))).into_response()
}

/// Change what an account's bot knows.
#[utoipa::path(
    put, operation_id = "change_knowledge", path = "/v1/accounts/{id}/knowledge/{entry}", tag = "Set-up",
    security(("api_key" = [])),
    params(
        ("id" = String, Path, description = "Our id of the account"),
        ("entry" = String, Path, description = "Our id of the entry"),
    ),
    request_body(content = crate::knowledge::KnowledgeBody, content_type = "application/json"),
    responses(
        (status = 200, description = "As it is now", body = KnowledgeDto),
        BodyProblems, AccountProblems,
    ),
)]
pub(crate) async fn change(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    Path((id, entry)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<KnowledgeDto>, Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let body = read_json(&headers, &body, MAX_JSON)?;
    let entry: KnowledgeId = id_of(&entry)?;
    let changed = read(&body, entry.clone(), clock::now()).map_err(Problem::validation)?;
    let known = state
        .store
        .knowledge(&authority.tenant, &id_of(&id)?, &entry)
        .await?;
    known.ok_or_else(Problem::not_found)?;
    put(&state.store, &authority, &id, &changed, None).await?;
    Ok(Json(KnowledgeDto::from(&changed)))
}

/// Have an account's bot forget something.
#[utoipa::path(
    delete, operation_id = "delete_knowledge", path = "/v1/accounts/{id}/knowledge/{entry}", tag = "Set-up",
    security(("api_key" = [])),
    params(
        ("id" = String, Path, description = "Our id of the account"),
        ("entry" = String, Path, description = "Our id of the entry"),
    ),
    responses(
        (status = 204, description = "It is forgotten"),
        AccountProblems,
    ),
)]
pub(crate) async fn delete(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    Path((id, entry)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let entry: KnowledgeId = id_of(&entry)?;
    let mut changing = Changing::begin(&state.store, &authority, &id).await?;
    let of = (&changing.account.tenant, &changing.account.id);
    let removed = state
        .store
        .remove_knowledge(&mut changing.transaction, of, &entry);
    let said = Said::of(
        Action::AccountChanged,
        &changing.account,
        json!({"knowledge": entry, "deleted": true}),
    );
    changing
        .end(removed.map(|()| said).map_err(Problem::from))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Has the bot of the account of this id know something; the request's key is remembered with it.
pub(crate) async fn put(
    store: &Store,
    authority: &Authority,
    id: &str,
    knowledge: &Knowledge,
    claim: Option<&IdempotencyClaim>,
) -> Result<(), Problem> {
    let mut changing = Changing::begin(store, authority, id).await?;
    let Changing {
        account,
        transaction,
        now,
        ..
    } = &mut changing;
    let tenant = &account.tenant;
    let put = store
        .put_knowledge(transaction, (tenant, &account.id), knowledge)
        .and_then(|()| {
            store.remember_claim(transaction, tenant, claim, knowledge.id.as_str(), *now)
        });
    let said = Said::of(
        Action::AccountChanged,
        &changing.account,
        json!({"knowledge": knowledge.id}),
    );
    changing
        .end(put.map(|()| said).map_err(Problem::from))
        .await?;
    Ok(())
}

fn read(body: &Value, id: KnowledgeId, now: Timestamp) -> Result<Knowledge, Vec<Fault>> {
    let faults = Faults::new();
    let read = Fields::of(body, "", &faults).and_then(|mut fields| {
        let texts = read_texts(&mut fields);
        fields.finish();
        let (question, answer) = texts?;
        Some(Knowledge {
            id,
            question,
            answer,
            changed_at: now,
        })
    });
    faults.into_result(read)
}

/// Reads a question and its answer; whoever hands the fields over finishes them.
pub(crate) fn read_texts(fields: &mut Fields<'_>) -> Option<(String, String)> {
    let question = fields.required_text("question", 1..=LONGEST_QUESTION);
    let answer = fields.required_text("answer", 1..=LONGEST_ANSWER);
    Some((question?.to_owned(), answer?.to_owned()))
}
