//! A bulk job by the binaries alone: the bench brings each of them what Lambda would bring it.
//!
//! What receives, deletes and reads the stream is this process; so what the binaries use is what we pay for.

use crate::caller::Caller;
use crate::lambda::Lambda;
use crate::process;
use crate::table::{Table, ms, number};
use crate::tap::Tap;
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tests::samples_of;

/// Records of a batch, as the template's mappings have it.
const BATCH: usize = 10;
const STREAM_BATCH: usize = 500;
/// Messages before those that are measured.
pub(crate) const WARM_UP: usize = 200;
/// The emulated AWS wants to see who calls, and believes it.
const UNPROVEN: &str = "AWS4-HMAC-SHA256 \
    Credential=local/20261120/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0";
/// A job that delivers nothing for so long does not go on.
const PATIENCE: Duration = Duration::from_mins(1);

/// What stands for Lambda.
pub(crate) struct Chain<'a> {
    dispatch: Lambda,
    deliver: Lambda,
    tally: Lambda,
    aws: Service,
    queues: &'a BTreeMap<&'static str, String>,
    caller: &'a Caller,
}

/// Where AWS is, without a tap before it: what the bench asks is not counted.
pub(crate) struct Service {
    http: reqwest::Client,
    url: String,
}

impl<'a> Chain<'a> {
    /// Starts the binaries.
    pub(crate) async fn start(
        aws: &str,
        queues: &'a BTreeMap<&'static str, String>,
        caller: &'a Caller,
        variables: &[(String, String)],
    ) -> Result<Self> {
        Ok(Self {
            dispatch: Lambda::start("dispatch", variables).await?,
            deliver: Lambda::start("deliver", variables).await?,
            tally: Lambda::start("tally", variables).await?,
            aws: Service {
                http: reqwest::Client::builder().no_proxy().build()?,
                url: aws.to_owned(),
            },
            queues,
            caller,
        })
    }

    /// Starts a job and delivers it, by what `variables` say; then tells what each message took, after the first ones.
    pub(crate) async fn measure(
        &mut self,
        table: &mut Table,
        (job, count): (&str, usize),
        (variables, tap): (&[(String, String)], &Tap),
    ) -> Result<()> {
        let mut stream = Stream::now(&self.aws).await?;
        let mut send = Lambda::start("send", variables).await?;
        let (_, answer) = send.invoke(&start_event(job)?).await?;
        let status = answer.get("statusCode").and_then(Value::as_u64);
        ensure!(status == Some(202), "send answered {answer}");
        let earlier = self.accepted().await?;
        self.work_until(earlier + WARM_UP).await?;
        self.count(&mut stream).await?;
        let (begun_with, before) = (self.accepted().await?, self.cpu()?);
        tap.take();
        self.work_until(earlier + count).await?;
        self.count(&mut stream).await?;
        let noted = tap.take();
        let share = number(self.accepted().await? - begun_with);
        println!("  a message: {}", noted.shown(share));
        let mut sum = 0.0;
        for ((name, lambda), before) in self.all().into_iter().zip(before) {
            let used = process::cpu(lambda.pid()?)?.saturating_sub(before);
            let each = ms(used) / share;
            table.fact(
                &format!("{name}: CPU a bulk message delivered"),
                &format!("{each:.2} ms"),
            );
            sum += each;
        }
        table.at_most("CPU a bulk message delivered, of all three", sum, 1.0, "ms");
        let calls = noted.of("DynamoDB_") + noted.of("AmazonSQS") + noted.of("secretsmanager");
        table.at_most(
            "AWS calls a bulk message delivered, of all three",
            calls / share,
            4.0,
            "",
        );
        for (name, lambda) in self.all() {
            let most = process::peak_memory(lambda.pid()?)?;
            table.at_most(
                &format!("{name}: memory, the most there was"),
                most,
                64.0,
                "MB",
            );
        }
        Ok(())
    }

    fn all(&self) -> [(&'static str, &Lambda); 3] {
        [
            ("dispatch", &self.dispatch),
            ("deliver", &self.deliver),
            ("tally", &self.tally),
        ]
    }

    fn cpu(&self) -> Result<Vec<Duration>> {
        let each = self.all().into_iter();
        each.map(|(_, lambda)| process::cpu(lambda.pid()?))
            .collect()
    }

    /// Works until the provider has accepted so many.
    async fn work_until(&mut self, count: usize) -> Result<()> {
        let begun = Instant::now();
        while self.accepted().await? < count {
            ensure!(begun.elapsed() < PATIENCE, "the job does not go on");
            self.bring("dispatch", 0).await?;
            // Until nothing is left of what was handed out; a slot is at most a second away.
            while self.bring("bulk", 1).await? {}
        }
        Ok(())
    }

    async fn accepted(&self) -> Result<usize> {
        let counts = self.caller.simulator_counts().await?;
        let accepted = counts.get("accepted").and_then(Value::as_u64);
        Ok(usize::try_from(accepted.unwrap_or(0))?)
    }

    /// Brings a batch of a queue to the function that it is mapped to, if there is one.
    async fn bring(&mut self, queue: &'static str, wait_s: u32) -> Result<bool> {
        let url = self.queues.get(queue).context("no such queue")?;
        let asked = json!({
            "QueueUrl": url, "MaxNumberOfMessages": BATCH, "WaitTimeSeconds": wait_s,
            "MessageSystemAttributeNames": ["ApproximateReceiveCount"],
        });
        let mut answer = self.aws.call("AmazonSQS.ReceiveMessage", &asked).await?;
        let received = answer
            .get_mut("Messages")
            .map(Value::take)
            .unwrap_or_default();
        let received = received.as_array().map(Vec::as_slice).unwrap_or_default();
        if received.is_empty() {
            return Ok(false);
        }
        let records: Vec<Value> = received.iter().map(|it| record(queue, it)).collect();
        let function = if queue == "bulk" {
            &mut self.deliver
        } else {
            &mut self.dispatch
        };
        let (_, answer) = function.invoke(&json!({"Records": records})).await?;
        let failures = answer.get("batchItemFailures").and_then(Value::as_array);
        ensure!(
            failures.is_some_and(Vec::is_empty),
            "{queue}: answered {answer}"
        );
        let done = received.iter().enumerate().map(|(place, it)| {
            json!({"Id": place.to_string(), "ReceiptHandle": it.get("ReceiptHandle")})
        });
        let done = json!({"QueueUrl": url, "Entries": done.collect::<Vec<_>>()});
        self.aws.call("AmazonSQS.DeleteMessageBatch", &done).await?;
        Ok(true)
    }

    /// Brings what was written of messages to `tally`.
    async fn count(&mut self, stream: &mut Stream) -> Result<()> {
        let records = stream.rest(&self.aws).await?;
        ensure!(!records.is_empty(), "nothing was written");
        for batch in records.chunks(STREAM_BATCH) {
            let event = json!({"shardId": stream.shard, "Records": batch});
            self.tally.invoke(&event).await?;
        }
        Ok(())
    }
}

impl Service {
    async fn call(&self, target: &str, body: &Value) -> Result<Value> {
        let request = self.http.post(&self.url).header("x-amz-target", target);
        let request = request
            .header("content-type", "application/x-amz-json-1.0")
            .header("authorization", UNPROVEN)
            .header("x-amz-date", "20261120T090000Z");
        let answer = request.body(body.to_string()).send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        ensure!(status.is_success(), "{target} answered {status}: {text}");
        Ok(serde_json::from_str(if text.is_empty() {
            "{}"
        } else {
            &text
        })?)
    }
}

/// The stream of the table from some moment on.
struct Stream {
    shard: String,
    iterator: Option<String>,
}

impl Stream {
    async fn now(aws: &Service) -> Result<Self> {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let streams = streams(
            aws,
            "ListStreams",
            &json!({"TableName": "heliograph-messages"}),
        )
        .await?;
        let arn = text(streams.pointer("/Streams/0/StreamArn")).context("no stream")?;
        let described = streams_of(aws, "DescribeStream", &arn, json!({})).await?;
        let shards = described
            .pointer("/StreamDescription/Shards")
            .and_then(Value::as_array);
        let shard = shards.and_then(|shards| shards.last());
        let shard = text(shard.and_then(|it| it.get("ShardId"))).context("no shard")?;
        let from = json!({"ShardId": shard, "ShardIteratorType": "LATEST"});
        let found = streams_of(aws, "GetShardIterator", &arn, from).await?;
        Ok(Self {
            shard,
            iterator: text(found.get("ShardIterator")),
        })
    }

    /// What was written of messages since, as the template's filter has it.
    async fn rest(&mut self, aws: &Service) -> Result<Vec<Value>> {
        let mut all = Vec::new();
        while let Some(here) = self.iterator.take() {
            let asked = json!({"ShardIterator": here, "Limit": 200});
            let mut answer = streams(aws, "GetRecords", &asked).await?;
            let next = answer.get("NextShardIterator").and_then(Value::as_str);
            self.iterator = next.map(str::to_owned);
            match answer.get_mut("Records").map(Value::take) {
                Some(Value::Array(records)) if !records.is_empty() => all.extend(records),
                _ => break,
            }
        }
        let kind = |it: &Value| {
            it.pointer("/dynamodb/NewImage/type/S")
                .and_then(Value::as_str)
                == Some("message")
        };
        all.retain(kind);
        Ok(all)
    }
}

async fn streams(aws: &Service, operation: &str, body: &Value) -> Result<Value> {
    aws.call(&format!("DynamoDBStreams_20120810.{operation}"), body)
        .await
}

async fn streams_of(aws: &Service, operation: &str, arn: &str, mut body: Value) -> Result<Value> {
    if let Some(body) = body.as_object_mut() {
        body.insert("StreamArn".to_owned(), arn.into());
    }
    streams(aws, operation, &body).await
}

/// What the HTTP API makes of the request that starts this job: the sample, for another job.
fn start_event(job: &str) -> Result<Value> {
    let samples = samples_of("send");
    let sample = samples.iter().find(|it| it.case == "bulk-start");
    let event = sample.context("no sample of a start")?.event.to_string();
    let Some(known) = event
        .split("/v1/bulk-jobs/")
        .nth(1)
        .and_then(|it| it.split('/').next())
    else {
        bail!("the sample of a start names no job");
    };
    Ok(serde_json::from_str(&event.replace(known, job))?)
}

/// What Lambda makes of a message of a queue.
fn record(queue: &str, message: &Value) -> Value {
    json!({
        "messageId": message.get("MessageId"), "receiptHandle": message.get("ReceiptHandle"), "body": message.get("Body"),
        "attributes": message.get("Attributes"), "messageAttributes": {}, "eventSource": "aws:sqs",
        "eventSourceARN": format!("arn:aws:sqs:us-east-1:000000000000:heliograph-{queue}"), "awsRegion": "us-east-1",
    })
}
