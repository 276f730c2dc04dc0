//! What Secrets Manager refuses, in its own words. No text here ever holds a secret's value.

use std::io;
use thiserror::Error;

/// Why a call was refused.
#[derive(Debug, Error)]
pub(super) enum Refusal {
    #[error("Secrets Manager can't find the specified secret.")]
    NoSecret,
    #[error("Secrets Manager can't find the specified secret value for {0}")]
    NoVersion(String),
    #[error("The operation failed because the secret already exists.")]
    SecretExists,
    #[error(
        "You can't use ClientRequestToken because that value is already in use \
         for a version of this secret with another value."
    )]
    VersionExists,
    #[error("You can't perform this operation on the secret because it was marked for deletion.")]
    Deleted,
    #[error("{0}")]
    Request(&'static str),
    #[error("{0}")]
    Parameter(&'static str),
    #[error("the request could not be read")]
    Unreadable,
    #[error("the secrets' file cannot be written")]
    File(#[from] io::Error),
    #[error("no such operation in the local AWS endpoints")]
    UnknownOperation,
}

impl Refusal {
    /// The name an SDK turns into a type.
    pub(super) fn shape(&self) -> &'static str {
        match self {
            Self::NoSecret | Self::NoVersion(_) => "ResourceNotFoundException",
            Self::SecretExists | Self::VersionExists => "ResourceExistsException",
            Self::Deleted | Self::Request(_) => "InvalidRequestException",
            Self::Parameter(_) => "InvalidParameterException",
            Self::Unreadable => "SerializationException",
            Self::File(_) => "InternalServiceError",
            Self::UnknownOperation => "UnknownOperationException",
        }
    }
}
