//! `/v1/configuration`: what a tenant has set up, as a document from which another stack is made the same.
//!
//! Its secrets are named in it and left out. It comes in pages, each of which can be imported as it is; importing one again
//! changes nothing that is there, so that what had to wait is made then.

mod connections;
mod entry;
mod export;
mod import;

use crate::State;
use crate::authority::Authority;
use axum::Json;
use axum::body::Bytes;
use axum::extract;
use axum::http::HeaderMap;
use entry::Entry;
use export::Place;
use heliograph::domain::fault::{Fault, Faults};
use heliograph::domain::fields::Fields;
use heliograph::domain::role::Right;
use heliograph::service::caller::Caller;
use heliograph::service::clock;
use heliograph::service::http::listing::{answer, limit};
use heliograph::service::http::{Cursor, Page, Parameters, read_json};
use heliograph::service::openapi::{BodyProblems, CallerProblems, ListProblems, ServiceProblems};
use heliograph::service::origin::Origin;
use heliograph::service::problem::Problem;
use heliograph::store::Store;
use import::Imported;
use jiff::SignedDuration;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A page of a hundred entries, each as long as it may be.
const LARGEST_PAGE: usize = 4_000_000;

/// More than any page that is exported has: an account's senders stand on one page with it. The last page may have none.
const MOST_ENTRIES: usize = 500;

/// After this nothing more is begun: the gateway waits half a minute, and Meta is asked of some entries.
const TIME: SignedDuration = SignedDuration::from_secs(18);

/// A page of a configuration to import: one that was exported, with the secrets that are known put in.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the body, which is read by `read`")]
pub(crate) struct ConfigurationBody {
    /// Its entries.
    #[schema(max_items = 500)]
    data: Vec<Entry>,
    /// May stand there, as in what was exported; says nothing.
    next_cursor: Option<String>,
}

/// What came of an import.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ImportedConfiguration {
    /// What came of each entry, in their order.
    data: Vec<Imported>,
}

/// Exports the tenant's configuration, secrets left out.
///
/// The tenant, its people, its API keys, what it says of providers, its accounts with their senders, bots and what those
/// know, and its routes. Each page can be imported as it is. What Meta keeps (templates, profiles) stays there; messages and contacts
/// are no configuration.
#[utoipa::path(
    get,
    operation_id = "export_configuration",
    path = "/v1/configuration",
    tag = "Access",
    params(
        ("limit" = Option<u32>, Query, description = "Entries a page, 1 to 100; 25 unless told. An account's senders stand with it, be they more", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page", body = Page<Entry>), ListProblems)
)]
pub(crate) async fn export(
    caller: Caller,
    extract::State(store): extract::State<Store>,
    mut parameters: Parameters,
) -> Result<Json<Page<Entry>>, Problem> {
    let tenant = caller.with(Right::Configure)?.tenant;
    let query = parameters.page();
    parameters.finish()?;
    let cursor = Cursor::of("configuration", &tenant);
    let begin = query.cursor.as_deref().map(|text| cursor.read(text));
    let begin = begin.transpose()?.unwrap_or(Place::Tenant);
    let (entries, next) = export::page(&store, &tenant, begin, limit(&query)).await?;
    answer(entries, cursor, next.as_ref())
}

/// Imports a page of a configuration.
///
/// Makes what is not there. What is there stays as it is, and is told to differ if it does: import a page as often as you
/// like. The `secret` of an account's credentials may be put in; then Meta is asked about them, as in the steps of its
/// set-up, and its senders are made. Without them senders wait: do steps 1 and 3 of the account's set-up and import the page
/// again. What is left of the set-up afterwards stands at `next`; nothing leaves an account, and Meta does not call it,
/// before its last steps are done. A page that is not of this form is refused whole; otherwise each entry fails alone.
#[utoipa::path(
    post, operation_id = "import_configuration", path = "/v1/configuration", tag = "Access", security(("api_key" = [])),
    request_body(content = ConfigurationBody, content_type = "application/json"),
    responses(
        (status = 200, description = "What came of each entry", body = ImportedConfiguration),
        BodyProblems, CallerProblems, ServiceProblems,
    ),
)]
pub(crate) async fn import(
    extract::State(state): extract::State<State>,
    caller: Caller,
    origin: Origin,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<ImportedConfiguration>, Problem> {
    let authority = Authority::of(caller.proven(Right::Configure)?, origin);
    let body = read_json(&headers, &body, LARGEST_PAGE)?;
    let entries = read(&body).map_err(Problem::validation)?;
    let begun = clock::now();
    let mut data = Vec::with_capacity(entries.len());
    for entry in entries {
        data.push(if clock::now().duration_since(begun) > TIME {
            Imported::too_late(&entry)
        } else {
            import::take(&state, &authority, entry).await
        });
    }
    Ok(Json(ImportedConfiguration { data }))
}

fn read(body: &Value) -> Result<Vec<Entry>, Vec<Fault>> {
    let faults = Faults::new();
    let read = Fields::of(body, "", &faults).and_then(|mut fields| {
        let entries = fields.required_objects("data", 0..=MOST_ENTRIES);
        fields.text("next_cursor", 0..=usize::MAX);
        fields.finish();
        // Each is read, whatever is wrong with those before.
        let entries: Vec<_> = entries.into_iter().map(Entry::read).collect();
        entries.into_iter().collect()
    });
    faults.into_result(read)
}
