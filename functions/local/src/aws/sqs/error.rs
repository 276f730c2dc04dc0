//! What SQS refuses, in SQS's own words.
//!
//! An SDK types an error by the code in the header `x-amzn-query-error`, which dates from the query protocol
//! and often differs from the JSON shape's name.

use super::super::answer::{self, Dialect};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use std::io;
use thiserror::Error;

/// Why a call, or one entry of a batch, was refused.
#[derive(Debug, Error)]
pub(super) enum Fault {
    #[error("The specified queue does not exist.")]
    NoQueue,
    #[error("A queue already exists with the same name and a different value for attribute {0}")]
    QueueExists(String),
    #[error("The resource that you specified for the SourceArn parameter doesn't exist.")]
    NoSource,
    #[error("Maximum number of entries per request are 10. You have sent {0}.")]
    TooManyEntries(usize),
    #[error("There should be at least one entry in the request.")]
    EmptyBatch,
    #[error("Id {0} repeated.")]
    RepeatedId(String),
    #[error("A batch entry id can only contain alphanumeric characters, hyphens and underscores.")]
    BadEntryId,
    #[error("Batch requests cannot be longer than 1048576 bytes. You have sent {0} bytes.")]
    BatchTooLong(usize),
    #[error("The input receipt handle is invalid.")]
    BadReceipt,
    #[error("The message referred to isn't in flight.")]
    NotInFlight,
    #[error(
        "Invalid characters found. Valid unicode characters are \
         #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"
    )]
    BadCharacters,
    #[error("Unknown Attribute {0}.")]
    UnknownAttribute(String),
    #[error("Invalid value for the parameter {0}.")]
    BadAttribute(String),
    #[error("{0}")]
    BadParameter(String),
    #[error("The request must contain the parameter {0}.")]
    Missing(&'static str),
    #[error("{0}")]
    Unsupported(&'static str),
    #[error("could not read the request: {0}")]
    Unreadable(serde_json::Error),
    #[error("the journal cannot be written: {0}")]
    Journal(#[from] io::Error),
    #[error("could not write the answer: {0}")]
    Unwritable(serde_json::Error),
    #[error("no such operation in the local AWS endpoints")]
    UnknownOperation,
}

impl Fault {
    /// The error's code, as batches name it for an entry and SDKs type it.
    pub(super) fn code(&self) -> &'static str {
        self.names().1
    }

    /// Whether asking again unchanged is pointless.
    pub(super) fn is_senders(&self) -> bool {
        !matches!(self, Self::Journal(_) | Self::Unwritable(_))
    }

    /// The error as a response.
    pub(super) fn into_response(self) -> Response {
        let (shape, code) = self.names();
        let (status, whose) = if self.is_senders() {
            (StatusCode::BAD_REQUEST, "Sender")
        } else {
            tracing::error!(error = %self, "a queue could not serve a call");
            (StatusCode::INTERNAL_SERVER_ERROR, "Receiver")
        };
        let shape = format!("com.amazonaws.sqs#{shape}");
        let mut response = answer::error(status, Dialect::Json10, &shape, &self.to_string());
        if let Ok(value) = HeaderValue::from_str(&format!("{code};{whose}")) {
            response.headers_mut().insert("x-amzn-query-error", value);
        }
        response
    }

    /// The JSON shape and the query protocol's code.
    fn names(&self) -> (&'static str, &'static str) {
        match self {
            Self::NoQueue => (
                "QueueDoesNotExist",
                "AWS.SimpleQueueService.NonExistentQueue",
            ),
            Self::QueueExists(_) => ("QueueNameExists", "QueueAlreadyExists"),
            Self::NoSource => ("ResourceNotFoundException", "ResourceNotFoundException"),
            Self::TooManyEntries(_) => (
                "TooManyEntriesInBatchRequest",
                "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
            ),
            Self::EmptyBatch => (
                "EmptyBatchRequest",
                "AWS.SimpleQueueService.EmptyBatchRequest",
            ),
            Self::RepeatedId(_) => (
                "BatchEntryIdsNotDistinct",
                "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
            ),
            Self::BadEntryId => (
                "InvalidBatchEntryId",
                "AWS.SimpleQueueService.InvalidBatchEntryId",
            ),
            Self::BatchTooLong(_) => (
                "BatchRequestTooLong",
                "AWS.SimpleQueueService.BatchRequestTooLong",
            ),
            Self::BadReceipt => ("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid"),
            Self::NotInFlight => (
                "MessageNotInflight",
                "AWS.SimpleQueueService.MessageNotInflight",
            ),
            Self::BadCharacters => ("InvalidMessageContents", "InvalidMessageContents"),
            Self::UnknownAttribute(_) => ("InvalidAttributeName", "InvalidAttributeName"),
            Self::BadAttribute(_) => ("InvalidAttributeValue", "InvalidAttributeValue"),
            Self::BadParameter(_) => ("InvalidParameterValueException", "InvalidParameterValue"),
            Self::Missing(_) => ("MissingRequiredParameterException", "MissingParameter"),
            Self::Unsupported(_) => (
                "UnsupportedOperation",
                "AWS.SimpleQueueService.UnsupportedOperation",
            ),
            Self::Unreadable(_) => ("SerializationException", "MalformedInput"),
            Self::Journal(_) | Self::Unwritable(_) => ("InternalFailure", "InternalFailure"),
            Self::UnknownOperation => ("UnknownOperationException", "InvalidAction"),
        }
    }
}
