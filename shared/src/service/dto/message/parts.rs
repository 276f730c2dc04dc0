//! What a message is told with that has parts of its own.

use crate::domain::identity::Wamid;
use crate::service::problem::ProviderProblem;
use serde::Serialize;
use utoipa::ToSchema;

/// What a person shows of themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Profile)]
pub struct ProfileDto {
    /// Their name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Their user name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
}

/// The message that another one answers, reacts to, edits or revokes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Context)]
pub struct ContextDto {
    /// The provider's id of it.
    #[schema(value_type = String)]
    pub message_id: Wamid,
}

/// Why a message is not on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = MessageError)]
pub struct MessageErrorDto {
    /// What the provider said.
    pub provider: ProviderProblem,
}
