//! The mapping of the table's stream: brings its records to `tally`, in order, again and again until they are counted.

use crate::functions::Functions;
use anyhow::{Context as _, Result, bail};
use aws_sdk_dynamodbstreams::Client;
use aws_sdk_dynamodbstreams::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodbstreams::types::{Record, ShardIteratorType, StreamDescription};
use heliograph::service::aws::Endpoints;
use heliograph::service::{clock, telemetry};
use heliograph::store::Store;
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Context, LambdaEvent};
use serde_dynamo::Item;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Between two looks at a stream that has nothing more; Lambda looks four times a second.
const IDLE: Duration = Duration::from_millis(250);

/// How long a batch that is not full waits for more, as in the template.
const WINDOW: Duration = Duration::from_secs(1);

/// After a failure.
const PAUSE: Duration = Duration::from_secs(1);

/// Records a batch holds: fewer than the template's 500, for all wait here while the engine reads them and they are taken
/// apart.
const BATCH: usize = 20;

/// Records it holds while the stream runs behind: to catch up is then worth a longer wait.
const BATCH_BEHIND: usize = 200;

/// How old a record is when it is read of a stream that runs behind. Records tell their second alone.
const BEHIND: SignedDuration = SignedDuration::from_secs(2);

pub(super) async fn run(
    functions: Arc<Functions>,
    endpoints: Endpoints,
    store: Store,
    table: String,
    mut stop: watch::Receiver<()>,
) {
    let client = client(&endpoints);
    loop {
        tokio::select! {
            ended = follow(&functions, &client, &store, &table) => {
                if let Err(error) = ended {
                    tracing::warn!(error = format!("{error:#}"), "the stream cannot be followed");
                }
                tokio::time::sleep(PAUSE).await;
            }
            _ = stop.changed() => return,
        }
    }
}

fn client(endpoints: &Endpoints) -> Client {
    let config = aws_sdk_dynamodbstreams::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        .endpoint_url(endpoints.dynamodb.as_ref().unwrap_or(&endpoints.aws));
    Client::from_conf(config.build())
}

/// Follows the table's one shard from the last record that was counted: the checkpoint that Lambda keeps.
async fn follow(functions: &Functions, client: &Client, store: &Store, table: &str) -> Result<()> {
    let streams = client.list_streams().table_name(table).send().await?;
    let arn = streams
        .streams()
        .first()
        .and_then(|stream| stream.stream_arn())
        .context("no stream")?;
    let described = client.describe_stream().stream_arn(arn).send().await?;
    let shards = described
        .stream_description()
        .map(StreamDescription::shards)
        .unwrap_or_default();
    let shard = shards
        .last()
        .and_then(|shard| shard.shard_id())
        .context("no shard")?;
    let counted = store.position(shard).await?.sequence;
    let begin = match counted {
        Some(_) => ShardIteratorType::AfterSequenceNumber,
        None => ShardIteratorType::TrimHorizon,
    };
    let iterator = client.get_shard_iterator().stream_arn(arn).shard_id(shard);
    let iterator = iterator
        .shard_iterator_type(begin)
        .set_sequence_number(counted);
    let mut iterator = iterator.send().await?.shard_iterator;
    let mut batch = Vec::new();
    let mut most = BATCH;
    let mut since = Instant::now();
    while let Some(here) = iterator {
        let room = most.saturating_sub(batch.len()).max(1);
        let records = client.get_records().shard_iterator(here);
        let records = records.limit(i32::try_from(room)?).send().await?;
        iterator = records.next_shard_iterator;
        let mut records = records.records.unwrap_or_default();
        let may_be_more = records.len() == room;
        most = batch_after(&records, clock::now());
        records.retain(is_of_a_message);
        if batch.is_empty() {
            since = Instant::now();
        }
        batch.append(&mut records);
        let is_due = iterator.is_none() || since.elapsed() >= WINDOW;
        if batch.len() >= most || (is_due && !batch.is_empty()) {
            count(functions, event(shard, std::mem::take(&mut batch))).await?;
        } else if !may_be_more {
            tokio::time::sleep(IDLE).await;
        }
    }
    Ok(())
}

/// How many records the next batch holds, as these tell whether the stream runs behind.
fn batch_after(records: &[Record], now: Timestamp) -> usize {
    let change = records.last().and_then(|record| record.dynamodb.as_ref());
    let written = change
        .and_then(|change| change.approximate_creation_date_time())
        .and_then(|time| Timestamp::from_second(time.secs()).ok());
    match written {
        Some(written) if now.duration_since(written) >= BEHIND => BATCH_BEHIND,
        Some(_) | None => BATCH,
    }
}

async fn count(functions: &Functions, event: Value) -> Result<()> {
    let event = LambdaEvent::new(serde_json::from_value(event)?, Context::default());
    match tally::handle(&functions.tally, event).await {
        Ok(_) => Ok(()),
        Err(error) => bail!("a batch was not counted: {}", telemetry::chain(&*error)),
    }
}

/// The filter of the mapping in the template. Without it the counters, which stand in the same table, would wake their
/// own counting for ever.
fn is_of_a_message(record: &Record) -> bool {
    let new = record
        .dynamodb
        .as_ref()
        .and_then(|change| change.new_image.as_ref());
    let kind = new.and_then(|item| item.get("type")?.as_s().ok());
    kind.is_some_and(|kind| kind == "message")
}

/// The event Lambda would make of these records.
fn event(shard: &str, records: Vec<Record>) -> Value {
    let records: Vec<Value> = records.into_iter().map(record).collect();
    json!({"shardId": shard, "Records": records})
}

fn record(record: Record) -> Value {
    let (mut sequence, mut new, mut old) = (None, None, None);
    if let Some(change) = record.dynamodb {
        sequence = change.sequence_number;
        new = change.new_image.map(Item::from);
        old = change.old_image.map(Item::from);
    }
    json!({
        "eventName": record.event_name.map(|name| name.as_str().to_owned()),
        "dynamodb": {"SequenceNumber": sequence, "NewImage": new, "OldImage": old},
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodbstreams::primitives::DateTime;
    use aws_sdk_dynamodbstreams::types::{AttributeValue, StreamRecord};

    fn record_at(second: i64) -> Record {
        let change = StreamRecord::builder();
        let change = change.approximate_creation_date_time(DateTime::from_secs(second));
        Record::builder().dynamodb(change.build()).build()
    }

    #[test]
    fn a_stream_that_runs_behind_is_read_in_larger_batches() {
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_millis(9_900);
        let second = now.as_second();
        assert_eq!(batch_after(&[record_at(second)], now), BATCH);
        assert_eq!(batch_after(&[record_at(second - 1)], now), BATCH);
        assert_eq!(batch_after(&[record_at(second - 2)], now), BATCH_BEHIND);
        let caught_up = [record_at(second - 5), record_at(second)];
        assert_eq!(batch_after(&caught_up, now), BATCH);
        assert_eq!(batch_after(&[], now), BATCH);
    }

    fn record_of(kind: &str) -> Record {
        let change = StreamRecord::builder()
            .new_image("pk", AttributeValue::S("T#demo".to_owned()))
            .new_image("type", AttributeValue::S(kind.to_owned()));
        Record::builder().dynamodb(change.build()).build()
    }

    #[test]
    fn counters_do_not_wake_their_own_counting() {
        assert!(is_of_a_message(&record_of("message")));
        assert!(!is_of_a_message(&record_of("counters")));
        assert!(!is_of_a_message(&record_of("position")));
        assert!(!is_of_a_message(&Record::builder().build()));
    }
}
