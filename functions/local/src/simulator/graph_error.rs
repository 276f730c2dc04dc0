//! Meta's error object, by code.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use uuid::Uuid;

/// Code, HTTP status, title and details of the errors a sender meets, separated by tabs.
const TABLE: &str = include_str!("graph_errors.tsv");

/// An error as the Graph API answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GraphError {
    code: u32,
    subcode: Option<u32>,
    status: StatusCode,
    message: String,
    details: Option<String>,
}

impl GraphError {
    /// The error with this code as Meta's table words it; codes that are not in it answer 400.
    pub(super) fn of_code(code: u32) -> Self {
        let (status, title, details) =
            find(code).unwrap_or((StatusCode::BAD_REQUEST, "Unknown error", "Unknown error"));
        Self {
            code,
            subcode: None,
            status,
            message: format!("(#{code}) {title}"),
            details: Some(details.to_owned()),
        }
    }

    /// The error with this code and details of its own.
    pub(super) fn with_details(code: u32, details: impl Into<String>) -> Self {
        Self {
            details: Some(details.into()),
            ..Self::of_code(code)
        }
    }

    /// Error 100 with a message of its own, as Meta answers a malformed body.
    pub(super) fn parameter(message: &str) -> Self {
        Self {
            message: format!("(#100) {message}"),
            details: None,
            ..Self::of_code(100)
        }
    }

    /// The answer to a token that is none.
    pub(super) fn bad_token() -> Self {
        Self {
            message: "Invalid OAuth access token - Cannot parse access token".to_owned(),
            details: None,
            ..Self::of_code(190)
        }
    }

    /// The answer to an id that names nothing this token may see.
    pub(super) fn unknown_object(verb: &str, id: &str) -> Self {
        Self {
            subcode: Some(33),
            message: format!(
                "Unsupported {verb} request. Object with ID '{id}' does not exist, cannot be loaded \
                 due to missing permissions, or does not support this operation"
            ),
            details: None,
            ..Self::of_code(100)
        }
    }

    /// Whether `code` is one the simulator knows.
    pub(super) fn is_known(code: u32) -> bool {
        find(code).is_some()
    }

    /// The error as a `failed` status carries it.
    pub(super) fn in_status(code: u32) -> Value {
        let (_, title, details) =
            find(code).unwrap_or((StatusCode::BAD_REQUEST, "Unknown error", "Unknown error"));
        json!({
            "code": code,
            "title": title,
            "message": title,
            "error_data": {"details": details},
            "href": "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/",
        })
    }
}

impl IntoResponse for GraphError {
    fn into_response(self) -> Response {
        let trace: String = Uuid::new_v4().simple().to_string();
        let mut error = json!({
            "message": self.message,
            "type": "OAuthException",
            "code": self.code,
            "fbtrace_id": format!("A{}", trace.get(..22).unwrap_or_default()),
        });
        if let Some(fields) = error.as_object_mut() {
            if let Some(details) = self.details {
                let details = json!({"messaging_product": "whatsapp", "details": details});
                fields.insert("error_data".to_owned(), details);
            }
            if let Some(subcode) = self.subcode {
                fields.insert("error_subcode".to_owned(), subcode.into());
            }
        }
        (self.status, Json(json!({"error": error}))).into_response()
    }
}

fn find(code: u32) -> Option<(StatusCode, &'static str, &'static str)> {
    TABLE.lines().find_map(|line| {
        let mut columns = line.split('\t');
        if columns.next()?.parse() != Ok(code) {
            return None;
        }
        let status = columns.next()?.parse().ok()?;
        Some((status, columns.next()?, columns.next()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_can_be_read() {
        for line in TABLE.lines() {
            let code = line.split('\t').next().and_then(|code| code.parse().ok());
            assert!(code.is_some_and(GraphError::is_known), "{line}");
        }
    }

    #[test]
    fn a_code_that_is_not_in_the_table_answers_400() {
        let error = GraphError::of_code(999_999);
        assert_eq!(error.status, StatusCode::BAD_REQUEST);
        assert_eq!(error.code, 999_999);
    }
}
