//! What can go wrong with the store, by what the caller does next.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use std::error::Error;
use thiserror::Error as ThisError;

/// DynamoDB's word for a write that met a transaction on the same item.
pub(super) const TRANSACTION_CONFLICT: &str = "TransactionConflictException";

/// Why the store did not do what it was asked.
#[derive(Debug, ThisError)]
pub enum StoreError {
    /// A condition did not hold: someone else wrote first. Read again and decide again.
    #[error("somebody else wrote first")]
    Conflict,
    /// Too many requests: try again later.
    #[error("the database asks to slow down")]
    Throttled(#[source] Box<dyn Error + Send + Sync>),
    /// An item is not of the shape its key promises: tell a person.
    #[error("an item could not be read: {what}")]
    Corrupt {
        /// Which item.
        what: String,
        /// Why.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// The database will never take this: an item that is too large, a name that is too long.
    #[error("the database refuses this item")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
    /// The database did not answer as it should: try again later.
    #[error("the database is not available")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

impl StoreError {
    pub(crate) fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt {
            what: what.into(),
            source: None,
        }
    }
}

impl From<serde_dynamo::Error> for StoreError {
    fn from(error: serde_dynamo::Error) -> Self {
        Self::Corrupt {
            what: "an item".into(),
            source: Some(Box::new(error)),
        }
    }
}

impl<E> From<SdkError<E>> for StoreError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    fn from(error: SdkError<E>) -> Self {
        match error.code() {
            Some("ConditionalCheckFailedException") => Self::Conflict,
            // Nothing was decided: a transaction holds the item.
            Some(
                TRANSACTION_CONFLICT
                | "ProvisionedThroughputExceededException"
                | "ThrottlingException"
                | "RequestLimitExceeded",
            ) => Self::Throttled(Box::new(error)),
            Some("ValidationException") => Self::Refused(Box::new(error)),
            _ => Self::Unavailable(Box::new(error)),
        }
    }
}
