//! Why a call to a provider was not accepted, as it is shown beside counts.

use crate::domain::calls::CallError;
use crate::domain::failure::Class;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// Why a call was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = CallError)]
pub struct CallErrorDto {
    /// What it means.
    pub class: Class,
    /// The provider's own code, if it gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,
    /// What went wrong, in plain words.
    pub message: String,
    /// When the call began.
    pub at: Timestamp,
}

impl From<CallError> for CallErrorDto {
    fn from(error: CallError) -> Self {
        let CallError {
            class,
            code,
            message,
            at,
        } = error;
        Self {
            class,
            code,
            message,
            at,
        }
    }
}
