//! `GET /v1/contacts`, one contact.

use axum::Json;
use axum::extract::{Path, State};
use heliograph::domain::id::ContactId;
use heliograph::domain::identity::{Bsuid, WaId};
use heliograph::domain::role::Right;
use heliograph::service::caller::Caller;
use heliograph::service::http::listing::{id_of, page, slice};
use heliograph::service::http::{Cursor, Page, Parameters};
use heliograph::service::openapi::{IdProblems, ListProblems};
use heliograph::service::problem::Problem;
use heliograph::store::{Contact, Store};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Contact)]
pub(crate) struct ContactDto {
    /// Our id.
    #[schema(value_type = String, example = "cont_019e92a7c8887000a000000000000001")]
    id: ContactId,
    /// The phone, as the provider writes it; a person may have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "15550001111")]
    wa_id: Option<WaId>,
    /// The business-scoped user id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    user_id: Option<Bsuid>,
    /// The name the person chose to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The person's user name.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    /// When we first met.
    created_at: Timestamp,
}

impl From<&Contact> for ContactDto {
    fn from(contact: &Contact) -> Self {
        Self {
            id: contact.id.clone(),
            wa_id: contact.wa_id.clone(),
            user_id: contact.user_id.clone(),
            name: contact.name.clone(),
            username: contact.username.clone(),
            created_at: contact.created_at,
        }
    }
}

/// Lists a tenant's contacts, newest first.
#[utoipa::path(
    get,
    operation_id = "list_contacts",
    path = "/v1/contacts",
    tag = "Contacts",
    params(
        ("limit" = Option<u32>, Query, description = "Entries a page, 1 to 100; 25 unless told", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page", body = Page<ContactDto>), ListProblems)
)]
pub(crate) async fn list(
    caller: Caller,
    State(store): State<Store>,
    mut parameters: Parameters,
) -> Result<Json<Page<ContactDto>>, Problem> {
    let tenant = caller.with(Right::Read)?.tenant;
    let query = parameters.page();
    parameters.finish()?;
    let cursor = Cursor::of("contacts", &tenant);
    let listed = store.contacts(&tenant, &slice(&query, cursor)?).await?;
    page(&listed, cursor)
}

/// Reads one contact.
#[utoipa::path(
    get,
    operation_id = "get_contact",
    path = "/v1/contacts/{id}",
    tag = "Contacts",
    params(("id" = String, Path, description = "Our id", example = "cont_019e92a7c8887000a000000000000001")),
    responses((status = 200, description = "The contact", body = ContactDto), ListProblems, IdProblems)
)]
pub(crate) async fn one(
    caller: Caller,
    State(store): State<Store>,
    Path(id): Path<String>,
    parameters: Parameters,
) -> Result<Json<ContactDto>, Problem> {
    let tenant = caller.with(Right::Read)?.tenant;
    parameters.finish()?;
    let found = store.contact(&tenant, &id_of(&id)?).await?;
    let contact = found.ok_or_else(Problem::not_found)?;
    Ok(Json(ContactDto::from(&contact)))
}
