//! Runs the records of an SQS batch side by side, so that a bad one fails alone.
//!
//! A record fails by an error or by a panic; either way it goes back to its queue, and the others are done. Whatever is
//! said meanwhile bears which record it is about, and the trace in which it was sent. How long each was queued is measured.

use super::clock;
use super::telemetry::{chain, measure};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::FutureExt;
use futures_util::future::join_all;
use jiff::Timestamp;
use std::error::Error;
use std::fmt::Display;
use std::panic::AssertUnwindSafe;
use tracing::field::{Empty, display};
use tracing::{Instrument, Span};

/// Where SQS hands on the trace of whoever sent a message. In Lambda the SDK sends it with every call by itself. Source:
/// AWS, "Amazon SQS and AWS X-Ray".
const TRACE: &str = "AWSTraceHeader";

/// When a message was put on its queue, in milliseconds since 1970. Source: AWS, "`ReceiveMessage`", `SentTimestamp`.
const SENT: &str = "SentTimestamp";

/// Our queues, as they are called after the stack's name.
const QUEUES: [&str; 6] = ["otp", "single", "bulk", "dispatch", "inbound", "status"];

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
    if let Some((queue, ages)) = ages(&event, clock::now()) {
        measure("queue_age_ms", queue, &ages);
    }
    let outcomes = join_all(event.records.into_iter().map(|record| one(record, &handle))).await;
    let mut response = SqsBatchResponse::default();
    for Failed(message_id) in outcomes.into_iter().filter_map(Result::err) {
        response.add_failure(message_id);
    }
    response
}

/// Whose records these are, and for how long each has been on that queue: its delay and its tries before are part of it.
fn ages(event: &SqsEvent, now: Timestamp) -> Option<(&'static str, Vec<u32>)> {
    let arn = event.records.first()?.event_source_arn.as_deref()?;
    let (_, name) = arn.rsplit_once(['-', ':'])?;
    let queue = QUEUES.into_iter().find(|it| *it == name)?;
    let sent = event
        .records
        .iter()
        .filter_map(|it| it.attributes.get(SENT));
    let sent = sent.filter_map(|it| it.parse::<i64>().ok());
    let age = |sent: i64| u32::try_from((now.as_millisecond() - sent).max(0)).unwrap_or(u32::MAX);
    Some((queue, sent.map(age).collect()))
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

    #[test]
    fn how_long_each_record_was_queued_is_told_by_queue_though_clocks_differ() {
        let at = |arn: Option<&str>| -> SqsEvent {
            let record =
                |sent: &str| json!({"eventSourceARN": arn, "attributes": {"SentTimestamp": sent}});
            let records = ["1000", "400", "1001", "soon"].map(record);
            serde_json::from_value(json!({"Records": records})).unwrap()
        };
        let now = Timestamp::from_millisecond(1_000).unwrap();
        for (arn, queue) in [
            (
                "arn:aws:sqs:eu-central-1:111122223333:heliograph-dev-bulk",
                "bulk",
            ),
            ("arn:aws:sqs:us-east-1:000000000000:otp", "otp"),
        ] {
            assert_eq!(ages(&at(Some(arn)), now), Some((queue, vec![0, 600, 0])));
        }
        let strange = "arn:aws:sqs:eu-central-1:111122223333:somebody-elses";
        for none in [at(None), at(Some(strange)), batch(&[])] {
            assert_eq!(ages(&none, now), None);
        }
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
