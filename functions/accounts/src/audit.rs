//! `GET /v1/audit`: who did what to which thing, when, and from where.

use axum::Json;
use axum::extract::State;
use heliograph::domain::audit::{Action, Actor, AuditEntry};
use heliograph::domain::id::AuditId;
use heliograph::domain::role::Right;
use heliograph::service::caller::Caller;
use heliograph::service::http::listing::{page, slice};
use heliograph::service::http::{Cursor, Page, Parameters};
use heliograph::service::openapi::ListProblems;
use heliograph::service::problem::Problem;
use heliograph::store::Store;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// One thing that was done.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub(crate) struct AuditEntryDto {
    /// Our id.
    #[schema(value_type = String)]
    id: AuditId,
    /// When.
    at: Timestamp,
    /// Who did it.
    actor: ActorDto,
    /// The address the request came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// What was done.
    action: Action,
    /// The id of what it was done to.
    target: String,
    /// What it was made, or changed to.
    #[serde(skip_serializing_if = "Value::is_null")]
    #[schema(value_type = Option<Object>)]
    changes: Value,
}

/// Who did something.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Actor)]
struct ActorDto {
    /// `operator`, `platform`, `api_key` or `user`.
    kind: &'static str,
    /// The id of the API key or of the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
}

impl From<&AuditEntry> for AuditEntryDto {
    fn from(entry: &AuditEntry) -> Self {
        let actor = match &entry.actor {
            Actor::Operator => ActorDto {
                kind: "operator",
                id: None,
            },
            Actor::Platform => ActorDto {
                kind: "platform",
                id: None,
            },
            Actor::ApiKey { id } => ActorDto {
                kind: "api_key",
                id: Some(id.to_string()),
            },
            Actor::User { id } => ActorDto {
                kind: "user",
                id: Some(id.to_string()),
            },
        };
        Self {
            id: entry.id.clone(),
            at: entry.at,
            actor,
            address: entry.address.clone(),
            action: entry.action,
            target: entry.target.clone(),
            changes: entry.changes.clone(),
        }
    }
}

/// Lists what was done to a tenant's things, newest first. That messages are sent and recipients added is not among it:
/// those are listed themselves.
#[utoipa::path(
    get,
    operation_id = "list_audit",
    path = "/v1/audit",
    tag = "Access",
    params(
        ("limit" = Option<u32>, Query, description = "Entries a page, 1 to 100; 25 unless told", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page", body = Page<AuditEntryDto>), ListProblems)
)]
pub(crate) async fn list(
    caller: Caller,
    State(store): State<Store>,
    mut parameters: Parameters,
) -> Result<Json<Page<AuditEntryDto>>, Problem> {
    let tenant = caller.with(Right::Configure)?.tenant;
    let query = parameters.page();
    parameters.finish()?;
    let cursor = Cursor::of("audit", &tenant);
    let listed = store.audit(&tenant, &slice(&query, cursor)?).await?;
    page(&listed, cursor)
}
