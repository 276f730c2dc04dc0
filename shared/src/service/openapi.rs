//! The OpenAPI document: what is said once for all functions, around what each says of its own routes.
//!
//! It is made when the document is generated, never while a function runs: `api` serves the committed text.

mod gateway;
mod links;
mod requests;

use super::problem::Problem;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{OpenApi as Document, RefOr, Response};
use utoipa::{IntoResponses, Modify, OpenApi};

/// The document that is committed and served: what each function says of its routes, in one.
pub fn document(
    functions: impl IntoIterator<Item = Document>,
) -> Result<String, serde_json::Error> {
    let frame = Frame::openapi();
    let whole = functions.into_iter().fold(frame, Document::merge_from);
    let mut whole = serde_json::to_value(whole)?;
    requests::tell_apart(&mut whole);
    requests::bound_keys(&mut whole);
    links::add_links(&mut whole);
    name_entries(&mut whole);
    gateway::add_answers(&mut whole);
    Ok(serde_json::to_string_pretty(&whole)? + "\n")
}

/// What is absent is left out: where the derived schemas would allow `null` too, they must not.
fn without_null(value: &mut Value) {
    if let Some(kind) = value.get_mut("type")
        && let Value::Array(kinds) = kind
    {
        kinds.retain(|kind| kind != "null");
        if let [only] = kinds.as_slice() {
            *kind = only.clone();
        }
    }
    if let Some(Value::Array(choices)) = value.get_mut("oneOf") {
        choices.retain(|choice| choice != &json!({"type": "null"}));
        if let [choice] = choices.as_slice() {
            *value = choice.clone();
        }
    }
    match value {
        Value::Array(members) => members.iter_mut().for_each(without_null),
        Value::Object(members) => members.values_mut().for_each(without_null),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A page names the schema of its entries instead of repeating it.
fn name_entries(document: &mut Value) {
    let schemas = document.pointer_mut("/components/schemas");
    for (name, schema) in schemas.and_then(Value::as_object_mut).into_iter().flatten() {
        let entry = name.strip_prefix("Page_");
        if let (Some(entry), Some(items)) = (entry, schema.pointer_mut("/properties/data/items")) {
            *items = json!({"$ref": format!("#/components/schemas/{entry}")});
        }
    }
}

/// What a route that reads may answer instead.
#[derive(Debug)]
pub enum ListProblems {}

impl IntoResponses for ListProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let parts = [
            ParameterProblems::responses(),
            CallerProblems::responses(),
            ServiceProblems::responses(),
        ];
        parts.into_iter().flatten().collect()
    }
}

/// What may be wrong with a query string.
#[derive(Debug, IntoResponses)]
pub enum ParameterProblems {
    /// A parameter is not as it must be, unknown, or stands twice: `errors` names each.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(Problem),
}

/// What may be wrong with a body.
#[derive(Debug, IntoResponses)]
pub enum BodyProblems {
    /// The body is not JSON, or `errors` names every fault of it; or a header is not as it must be. Nothing was done.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(Problem),
    /// The body is larger than `detail` allows.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem),
    /// The `Content-Type` is not that of JSON.
    #[response(status = 415, content_type = "application/problem+json")]
    UnsupportedMediaType(Problem),
}

/// What may be wrong with who calls.
#[derive(Debug, IntoResponses)]
pub enum CallerProblems {
    /// The API key is missing, malformed, unknown, expired or revoked.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(Problem),
    /// The key's role is not enough.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem),
    /// Too many: more requests a minute than the tenant's tier allows (`rate_limited`), more messages a day
    /// (`daily_limit_reached`), or more than the provider takes or the gateway lets through. `Retry-After` says when.
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(Problem),
}

/// What may be wrong with us.
#[derive(Debug, IntoResponses)]
pub enum ServiceProblems {
    /// A mistake of ours.
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(Problem),
    /// Something we stand on does not answer; try again, with the same `Idempotency-Key` if there is one.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}

/// What else may be answered where an id stands in the path.
#[derive(Debug, IntoResponses)]
pub enum IdProblems {
    /// There is no such thing, or it is another tenant's.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
}

/// What may be answered instead where something is asked of a bulk job.
#[derive(Debug)]
pub enum JobProblems {}

impl IntoResponses for JobProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let parts = [
            CallerProblems::responses(),
            IdProblems::responses(),
            JobConflict::responses(),
            ServiceProblems::responses(),
        ];
        parts.into_iter().flatten().collect()
    }
}

/// What may be answered instead where an account, or something of one, is asked for or changed.
#[derive(Debug)]
pub enum AccountProblems {}

impl IntoResponses for AccountProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let parts = [
            CallerProblems::responses(),
            IdProblems::responses(),
            AccountConflict::responses(),
            ServiceProblems::responses(),
        ];
        parts.into_iter().flatten().collect()
    }
}

/// What may stand against it in the account.
#[derive(Debug, IntoResponses)]
pub enum AccountConflict {
    /// Not as the account stands, or somebody else changes it just now: `code` says which.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Problem),
}

/// What may be answered instead where the provider is asked.
#[derive(Debug, IntoResponses)]
pub enum ProviderProblems {
    /// The provider does not take it: `errors` names the field, `provider` what was said. Nothing was changed.
    #[response(status = 422, content_type = "application/problem+json")]
    Refused(Problem),
    /// The provider asks to slow down.
    #[response(status = 429, content_type = "application/problem+json")]
    Throttled(Problem),
    /// The provider failed, or does not take our token.
    #[response(status = 502, content_type = "application/problem+json")]
    Failed(Problem),
}

/// What may stand against it in the job.
#[derive(Debug, IntoResponses)]
pub enum JobConflict {
    /// Not as the job stands: `code` says why.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Problem),
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Heliograph",
        description = "Self-hosted WhatsApp messaging. Times are RFC 3339 in UTC; what is absent is left out, never \
                       null, and in a request `null` counts as absent; lists are read page by page with `limit` and \
                       `cursor`, until no `next_cursor` comes.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(Problem)),
    tags(
        (name = "Messages", description = "Messages, in and out"),
        (name = "Bulk jobs", description = "One message to many recipients"),
        (name = "Conversations", description = "One contact with one sender"),
        (name = "Contacts", description = "People"),
        (name = "Webhook events", description = "What providers sent, kept raw"),
        (name = "Stats", description = "Messages counted by day and sender"),
        (name = "Usage", description = "Messages counted by day, account, sender and price category"),
        (name = "Access", description = "API keys, people, sessions, and the trail of what was changed"),
        (name = "Accounts", description = "Connections to Meta"),
        (name = "Providers", description = "The services behind accounts: where they are, whether and how they are used"),
        (name = "Set-up", description = "The six steps that connect an account"),
        (name = "Phone numbers", description = "An account's numbers, as Meta has them"),
        (name = "Senders", description = "What messages leave from"),
        (name = "Tenants", description = "Who is on this installation; with the operator's key alone"),
        (name = "Platform", description = "Health, and this document")
    ),
    security(("api_key" = [])),
    modifiers(&ApiKeyScheme)
)]
struct Frame;

struct ApiKeyScheme;

impl Modify for ApiKeyScheme {
    fn modify(&self, document: &mut Document) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("hg_...")
            .description(Some(
                "An API key. The tenant is the key's; its role says what it may do.",
            ))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("api_key", SecurityScheme::Http(scheme));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_that_may_be_null_may_not_any_more() {
        let mut schema = json!({"properties": {
            "name": {"type": ["string", "null"]},
            "lane": {"oneOf": [{"$ref": "#/components/schemas/Lane"}, {"type": "null"}]},
            "size": {"type": ["string", "integer", "null"]},
        }});
        without_null(&mut schema);
        let expected = json!({"properties": {
            "name": {"type": "string"},
            "lane": {"$ref": "#/components/schemas/Lane"},
            "size": {"type": ["string", "integer"]},
        }});
        assert_eq!(schema, expected);
    }

    #[test]
    fn a_page_names_the_schema_of_its_entries() {
        let page = |items: Value| {
            let page = json!({"properties": {"data": {"type": "array", "items": items}}});
            json!({"components": {"schemas": {"Page_Message": page}}})
        };
        let mut document = page(json!({"type": "object"}));
        name_entries(&mut document);
        assert_eq!(
            document,
            page(json!({"$ref": "#/components/schemas/Message"}))
        );
    }
}
