//! Runs the records of an SQS batch side by side, so that a bad one fails alone.
//!
//! A record fails by an error or by a panic; either way it goes back to its queue, and the others are done. Whatever is
//! said meanwhile bears which record it is about, and the trace in which it was sent.

use super::telemetry::chain;
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::FutureExt;
use futures_util::future::join_all;
use std::error::Error;
use std::fmt::Display;
use std::panic::AssertUnwindSafe;
use tracing::field::{Empty, display};
use tracing::{Instrument, Span};

/// Where SQS hands on the trace of whoever sent a message. In Lambda the SDK sends it with every call by itself. Source:
/// AWS, "Amazon SQS and AWS X-Ray".
const TRACE: &str = "AWSTraceHeader";

/// Runs `handle` for every record at once and names those that failed.
///
/// A failed record without an id of its own (SQS always gives one) is named by an empty id, by which Lambda
/// understands that the whole batch failed: <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>.
pub async fn each<F, Fut, E>(event: SqsEvent, handle: F) -> SqsBatchResponse
where
    F: Fn(SqsMessage) -> Fut,
    Fut: Future<Output = Result<(), E>>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let outcomes = join_all(event.records.into_iter().map(|record| one(record, &handle))).await;
    let mut response = SqsBatchResponse::default();
    for Failed(message_id) in outcomes.into_iter().filter_map(Result::err) {
        response.add_failure(message_id);
    }
    response
}

/// A record that goes back to its queue, by its message id.
struct Failed(String);

async fn one<F, Fut, E>(record: SqsMessage, handle: &F) -> Result<(), Failed>
where
    F: Fn(SqsMessage) -> Fut,
    Fut: Future<Output = Result<(), E>>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let message_id = record.message_id.clone().unwrap_or_default();
    let span = span(&record, &message_id);
    // The call stands inside the block: `handle` may panic before it returns its future.
    let outcome = AssertUnwindSafe(async { handle(record).await })
        .catch_unwind()
        .instrument(span.clone())
        .await;
    let _about_it = span.entered();
    match outcome {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => {
            let error: Box<dyn Error + Send + Sync> = error.into();
            tracing::error!(
                sqs.message_id = message_id,
                error = chain(&*error),
                "record failed"
            );
        }
        Err(_) => tracing::error!(sqs.message_id = message_id, "record panicked"),
    }
    Err(Failed(message_id))
}

fn span(record: &SqsMessage, message_id: &str) -> Span {
    let sent_in = record.attributes.get(TRACE);
    tracing::info_span!(
        "record",
        sqs.message_id = message_id,
        trace.id = sent_in.and_then(|header| root(header)),
        message.id = Empty,
        event.id = Empty
    )
}

/// The trace's own id, as it stands in its header.
fn root(header: &str) -> Option<&str> {
    header
        .split(';')
        .find_map(|part| part.trim().strip_prefix("Root="))
}

/// Notes on the record at hand which message it is about.
pub fn about_message(id: &impl Display) {
    Span::current().record("message.id", display(id));
}

/// Notes on the record at hand which webhook event it is about.
pub fn about_event(id: &impl Display) {
    Span::current().record("event.id", display(id));
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        clippy::panic,
        reason = "a test fails by panicking"
    )]
    use super::*;
    use serde_json::json;
    use std::cell::RefCell;
    use tokio::sync::Barrier;

    fn batch(ids: &[Option<&str>]) -> SqsEvent {
        let records: Vec<_> = ids
            .iter()
            .map(|id| json!({"messageId": id, "body": id}))
            .collect();
        serde_json::from_value(json!({"Records": records})).unwrap()
    }

    fn failed(response: &SqsBatchResponse) -> Vec<&str> {
        let failures = response.batch_item_failures.iter();
        failures
            .map(|failure| failure.item_identifier.as_str())
            .collect()
    }

    #[tokio::test]
    async fn a_bad_record_fails_alone_and_a_panicking_one_too() {
        let done = RefCell::new(Vec::new());
        let event = batch(&[
            Some("a"),
            Some("error"),
            Some("panic"),
            Some("early"),
            Some("b"),
        ]);
        let response = each(event, |record: SqsMessage| {
            let id = record.message_id.unwrap_or_default();
            assert_ne!(id, "early", "before the future is made");
            let done = &done;
            async move {
                match id.as_str() {
                    "error" => return Err(std::io::Error::other("the table does not answer")),
                    "panic" => panic!("within the future"),
                    _ => done.borrow_mut().push(id),
                }
                Ok(())
            }
        })
        .await;
        assert_eq!(failed(&response), ["error", "panic", "early"]);
        assert_eq!(*done.borrow(), ["a", "b"]);
    }

    #[tokio::test]
    async fn records_run_side_by_side() {
        let barrier = Barrier::new(3);
        let response = each(batch(&[Some("a"), Some("b"), Some("c")]), |_| async {
            barrier.wait().await;
            Ok::<_, std::io::Error>(())
        })
        .await;
        assert_eq!(failed(&response), Vec::<&str>::new());
    }

    #[tokio::test]
    async fn a_failed_record_without_an_id_fails_the_whole_batch() {
        let response = each(batch(&[Some("a"), None]), |record| async move {
            match record.message_id {
                Some(_) => Ok(()),
                None => Err(std::io::Error::other("no id")),
            }
        })
        .await;
        let response = serde_json::to_value(response).unwrap();
        assert_eq!(
            response,
            json!({"batchItemFailures": [{"itemIdentifier": ""}]})
        );
    }
}
