//! Meta's error object, by code.

use super::assets::Scope;
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::io;
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
    /// What Meta would have a person read.
    user_message: Option<String>,
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
            user_message: None,
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

    /// An error that no sender meets, so that Meta's table of theirs does not have it.
    fn other(status: StatusCode, code: u32, message: impl Into<String>) -> Self {
        Self {
            code,
            subcode: None,
            status,
            message: message.into(),
            details: None,
            user_message: None,
        }
    }

    /// The answer to a call without a token.
    pub(super) fn no_token() -> Self {
        let message = "An access token is required to request this resource";
        Self::other(StatusCode::UNAUTHORIZED, 104, message)
    }

    /// The answer to a token that is none.
    pub(super) fn bad_token() -> Self {
        Self::token(
            "Invalid OAuth access token - Cannot parse access token",
            None,
        )
    }

    /// The answer to a system user where only an app may call.
    pub(super) fn not_an_app() -> Self {
        let message = "(#15) This method must be called with an app access_token.";
        Self::other(StatusCode::BAD_REQUEST, 15, message)
    }

    /// The answer to an app's token with a secret that is not the app's.
    pub(super) fn bad_signature() -> Self {
        Self::token("Invalid OAuth access token signature", None)
    }

    /// The answer to a token whose time is over.
    pub(super) fn expired_token() -> Self {
        let message = "Error validating access token: Session has expired";
        Self::token(message, Some(463))
    }

    /// The answer to a token that was taken back.
    pub(super) fn revoked_token() -> Self {
        let message = "Error validating access token: The session was invalidated";
        Self::token(message, Some(460))
    }

    fn token(message: &str, subcode: Option<u32>) -> Self {
        Self {
            subcode,
            ..Self::other(StatusCode::UNAUTHORIZED, 190, message)
        }
    }

    /// The error inside the answer about a token that is not valid.
    pub(super) fn in_debug(&self) -> Value {
        let mut error = json!({"code": self.code, "message": self.message});
        if let (Some(fields), Some(subcode)) = (error.as_object_mut(), self.subcode) {
            fields.insert("subcode".to_owned(), subcode.into());
        }
        error
    }

    /// The answer to a token without this permission.
    pub(super) fn missing_scope(scope: Scope) -> Self {
        let code = match scope {
            Scope::Management => 200,
            Scope::Messaging => 10,
        };
        let message = format!(
            "(#{code}) The access token lacks the permission {}",
            scope.as_str()
        );
        Self::other(StatusCode::FORBIDDEN, code, message)
    }

    /// The answer to an app id that is none.
    pub(super) fn unknown_app() -> Self {
        let message = "Error validating application. There is no app with this id";
        Self::other(StatusCode::BAD_REQUEST, 101, message)
    }

    /// The answer to a client secret that is not the app's.
    pub(super) fn bad_client_secret() -> Self {
        let message = "Error validating client secret.";
        Self::other(StatusCode::BAD_REQUEST, 1, message)
    }

    /// The answer to an app that asks about another app's token.
    pub(super) fn foreign_token() -> Self {
        Self::parameter("The App_id in the input_token did not match the Viewing App")
    }

    /// The answer when a callback URL does not answer as it should.
    pub(super) fn callback(reason: &str) -> Self {
        let message =
            format!("(#2200) Callback verification failed with the following errors: {reason}");
        Self::other(StatusCode::BAD_REQUEST, 2_200, message)
    }

    /// The answer when a callback URL does not send the challenge back.
    pub(super) fn challenge(expected: &str) -> Self {
        let message =
            format!("(#2201) response does not match challenge, expected value = {expected}");
        Self::other(StatusCode::BAD_REQUEST, 2_201, message)
    }

    /// The answer when no code is sent.
    pub(super) fn request_code(subcode: Option<u32>, reason: &str) -> Self {
        Self {
            subcode,
            user_message: Some(reason.to_owned()),
            ..Self::other(StatusCode::BAD_REQUEST, 136_024, "Request code error")
        }
    }

    /// The answer when a code is not taken.
    pub(super) fn verify_code(reason: &str) -> Self {
        Self {
            subcode: Some(2_388_093),
            user_message: Some(reason.to_owned()),
            ..Self::other(StatusCode::BAD_REQUEST, 136_025, "Verify code error")
        }
    }

    /// Error 100 with a subcode and a message of its own.
    pub(super) fn parameter_of(subcode: u32, message: &str) -> Self {
        Self {
            subcode: Some(subcode),
            ..Self::parameter(message)
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
            if let Some(message) = self.user_message {
                fields.insert("error_user_title".to_owned(), "Not done".into());
                fields.insert("error_user_msg".to_owned(), message.into());
            }
        }
        (self.status, Json(json!({"error": error}))).into_response()
    }
}

impl From<io::Error> for GraphError {
    fn from(error: io::Error) -> Self {
        tracing::error!(%error, "a change could not be written to the journal");
        Self::of_code(131_016)
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
