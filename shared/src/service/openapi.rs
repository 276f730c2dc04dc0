//! The OpenAPI document: what is said once for all functions, around what each says of its own routes.
//!
//! It is made when the document is generated, never while a function runs: `api` serves the committed text.

use super::problem::Problem;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{IntoResponses, Modify, OpenApi};

/// One document of what each function says of its routes.
#[must_use]
pub fn document(functions: impl IntoIterator<Item = Document>) -> Document {
    let frame = Frame::openapi();
    functions.into_iter().fold(frame, Document::merge_from)
}

/// The document as it is committed and served.
pub fn text(document: &Document) -> Result<String, serde_json::Error> {
    Ok(document.to_pretty_json()? + "\n")
}

/// What a list may answer instead of a page.
#[derive(Debug, IntoResponses)]
pub enum ListProblems {
    /// A parameter is not as it must be, unknown, or stands twice: `errors` names each.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(Problem),
    /// The API key is missing, malformed, unknown, expired or revoked.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(Problem),
    /// The key's role is not enough.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem),
    /// Too many requests, over all callers.
    #[response(status = 429, content_type = "application/problem+json")]
    Throttled(Problem),
    /// A mistake of ours.
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(Problem),
    /// Something we stand on does not answer; try again.
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

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Heliograph",
        description = "Self-hosted WhatsApp messaging. Times are RFC 3339 in UTC; what is absent is left out, never \
                       null; lists are read page by page with `limit` and `cursor`, until no `next_cursor` comes.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(Problem)),
    tags(
        (name = "messages", description = "Messages, in and out"),
        (name = "bulk jobs", description = "One message to many recipients"),
        (name = "conversations", description = "One contact with one sender"),
        (name = "contacts", description = "People"),
        (name = "webhook events", description = "What providers sent, kept raw"),
        (name = "stats", description = "Messages counted by day and sender"),
        (name = "platform", description = "Health, and this document")
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
