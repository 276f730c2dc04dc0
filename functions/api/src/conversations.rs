//! `GET /v1/conversations`, one conversation, its messages.

use axum::Json;
use axum::extract::{Path, State};
use heliograph::domain::fault::FaultCode;
use heliograph::domain::id::{AccountId, ContactId, ConversationId};
use heliograph::domain::identity::{SenderId, TenantId};
use heliograph::domain::role::Right;
use heliograph::messaging::submit::WINDOW;
use heliograph::service::caller::Caller;
use heliograph::service::dto::MessageDto;
use heliograph::service::http::listing::{id_of, page, slice};
use heliograph::service::http::{Cursor, Page, Parameters};
use heliograph::service::openapi::{IdProblems, ListProblems};
use heliograph::service::problem::Problem;
use heliograph::store::{Conversation, ConversationState, Store};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// One contact with one sender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Conversation)]
pub(crate) struct ConversationDto {
    /// Our id.
    #[schema(value_type = String, example = "conv_019e92a7c8887000a000000000000001")]
    id: ConversationId,
    /// The account of the sender.
    #[schema(value_type = String, example = "acct_demo")]
    account_id: AccountId,
    /// The sender: Meta's phone number id.
    #[schema(value_type = String, example = "100000000000001")]
    sender_id: SenderId,
    /// The contact.
    #[schema(value_type = String, example = "cont_019e92a7c8887000a000000000000001")]
    contact_id: ContactId,
    /// Whether somebody still has to act on it.
    state: ConversationState,
    /// How many messages of the contact nobody has read.
    unread: u64,
    /// When the contact last wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_inbound_at: Option<Timestamp>,
    /// Until when anything but templates may be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    window_closes_at: Option<Timestamp>,
    /// When either side last wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_activity_at: Option<Timestamp>,
}

impl From<&Conversation> for ConversationDto {
    fn from(conversation: &Conversation) -> Self {
        let last_inbound_at = conversation.last_inbound_at;
        Self {
            id: conversation.id.clone(),
            account_id: conversation.account.clone(),
            sender_id: conversation.sender.clone(),
            contact_id: conversation.contact.clone(),
            state: conversation.state,
            unread: conversation.unread,
            last_inbound_at,
            window_closes_at: last_inbound_at.and_then(|at| at.checked_add(WINDOW).ok()),
            last_activity_at: conversation.last_activity_at,
        }
    }
}

/// Lists a tenant's conversations of one state, the last active first.
#[utoipa::path(
    get,
    operation_id = "list_conversations",
    path = "/v1/conversations",
    tag = "Conversations",
    params(
        ("state" = Option<ConversationState>, Query, description = "`open` unless told"),
        ("limit" = Option<u32>, Query, description = "Entries a page, 1 to 100; 25 unless told", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page", body = Page<ConversationDto>), ListProblems)
)]
pub(crate) async fn list(
    caller: Caller,
    State(store): State<Store>,
    mut parameters: Parameters,
) -> Result<Json<Page<ConversationDto>>, Problem> {
    let tenant = caller.with(Right::Read)?.tenant;
    let state = wanted_state(&mut parameters);
    let query = parameters.page();
    parameters.finish()?;
    let name = format!("conversations/{}", state.as_str());
    let cursor = Cursor::of(&name, &tenant);
    let slice = slice(&query, cursor)?;
    let listed = store.conversations(&tenant, state, &slice).await?;
    page(&listed, cursor)
}

fn wanted_state(parameters: &mut Parameters) -> ConversationState {
    let states = [
        ConversationState::Open,
        ConversationState::Closed,
        ConversationState::Archived,
    ];
    let Some(name) = parameters.text("state") else {
        return ConversationState::Open;
    };
    let named = states.into_iter().find(|state| state.as_str() == name);
    named.unwrap_or_else(|| {
        parameters.fault(
            "state",
            FaultCode::Invalid,
            "must be open, closed or archived",
        );
        ConversationState::Open
    })
}

/// Reads one conversation.
#[utoipa::path(
    get,
    operation_id = "get_conversation",
    path = "/v1/conversations/{id}",
    tag = "Conversations",
    params(("id" = String, Path, description = "Our id", example = "conv_019e92a7c8887000a000000000000001")),
    responses((status = 200, description = "The conversation", body = ConversationDto), ListProblems, IdProblems)
)]
pub(crate) async fn one(
    caller: Caller,
    State(store): State<Store>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<ConversationDto>, Problem> {
    let tenant = caller.with(Right::Read)?.tenant;
    parameters.finish()?;
    let conversation = find(&store, &tenant, &id).await?;
    Ok(Json(ConversationDto::from(&conversation)))
}

/// Lists a conversation's messages, newest first.
#[utoipa::path(
    get,
    operation_id = "list_conversation_messages",
    path = "/v1/conversations/{id}/messages",
    tag = "Conversations",
    params(
        ("id" = String, Path, description = "The conversation's id", example = "conv_019e92a7c8887000a000000000000001"),
        ("limit" = Option<u32>, Query, description = "Entries a page, 1 to 100; 25 unless told", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page", body = Page<MessageDto>), ListProblems, IdProblems)
)]
pub(crate) async fn messages(
    caller: Caller,
    State(store): State<Store>,
    Path(id): Path<String>,
    mut parameters: Parameters,
) -> Result<Json<Page<MessageDto>>, Problem> {
    let tenant = caller.with(Right::Read)?.tenant;
    let query = parameters.page();
    parameters.finish()?;
    let conversation = find(&store, &tenant, &id).await?;
    let name = format!("conversations/{id}/messages");
    let cursor = Cursor::of(&name, &tenant);
    let threads: Vec<_> = conversation.threads.into_iter().collect();
    let slice = slice(&query, cursor)?;
    let listed = store.messages_by_thread(&threads, &slice).await?;
    page(&listed, cursor)
}

async fn find(store: &Store, tenant: &TenantId, id: &str) -> Result<Conversation, Problem> {
    let found = store.conversation(tenant, &id_of(id)?).await?;
    found.ok_or_else(Problem::not_found)
}
