//! The binaries, invoked one event after another as Lambda invokes them: `webhook` with signed bodies, those that deliver
//! a bulk job with what it makes of them, every other one with its samples.
//!
//! Nothing of Lambda's or AWS's is in these processes, so what they use is what we pay for.

use crate::busy;
use crate::caller::{ACCOUNT, Caller};
use crate::chain::{self, Chain};
use crate::desk::{Desk, Folder};
use crate::functions::addresses;
use crate::handler;
use crate::lambda::Lambda;
use crate::load::Timings;
use crate::process;
use crate::scale::Scale;
use crate::signed::Signed;
use crate::table::{Table, ms, number};
use crate::tap::{Tap, takes_everything};
use crate::webhook::bodies;
use anyhow::{Context, Result, ensure};
use heliograph::service::aws::{Aws, Endpoints};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Invocations before the measured ones.
pub(crate) const WARM_UP: usize = 20;
const QUEUES: [&str; 6] = ["otp", "single", "bulk", "dispatch", "inbound", "status"];

pub(crate) async fn measure(scale: &Scale, table: &mut Table) -> Result<()> {
    table.part("Release binaries invoked through a Runtime API, one event after another; AWS and Meta in another process");
    let (webhook_port, _statuses) = takes_everything().await?;
    let folder = Folder::new()?;
    let emulators = Desk::emulators(&folder, webhook_port).await?;
    let platform = Desk::functions(emulators.url("aws")?, emulators.url("simulator")?, 0).await?;
    let caller = Caller::of(&platform, &emulators)?;
    let bodies = bodies(&caller).await?;
    let recipients = scale.invocations + chain::WARM_UP;
    let job = caller.job(recipients).await?;
    // It made the tables and queues; from here on it would only take CPU from those that are measured.
    platform.stop().await?;
    let tap = Arc::new(Tap::before(emulators.url("aws")?).await?);
    let queues = queue_urls(tap.url()).await?;
    let url = |queue: &str| queues.get(queue).cloned().unwrap_or_default();
    let mut variables = addresses(emulators.url("simulator")?, url);
    variables.push(("AWS_ENDPOINT_URL".to_owned(), tap.url().to_owned()));
    webhook(scale, table, &bodies, (&variables, &tap)).await?;
    handler::measure(scale, table, &bodies, (&variables, &tap)).await?;
    let mut chain = Chain::start(emulators.url("aws")?, &queues, &caller, &variables).await?;
    chain
        .measure(table, (&job, recipients), (&variables, &tap))
        .await?;
    drop(chain);
    busy::measure(scale, table, &variables).await?;
    emulators.stop().await
}

type Place<'a> = (&'a [(String, String)], &'a Tap);

async fn webhook(
    scale: &Scale,
    table: &mut Table,
    bodies: &[Signed],
    (variables, tap): Place<'_>,
) -> Result<()> {
    let mut lambda = Lambda::start("webhook", variables).await?;
    let events: Vec<Value> = bodies.iter().map(url_event).collect();
    for event in events.iter().cycle().take(WARM_UP) {
        invoke_webhook(&mut lambda, event).await?;
    }
    let before = process::cpu(lambda.pid()?)?;
    let (mut whole, mut beyond) = (Vec::new(), Vec::new());
    for event in events.iter().cycle().take(scale.invocations) {
        tap.take();
        let took = invoke_webhook(&mut lambda, event).await?;
        whole.push(took);
        beyond.push(took.saturating_sub(tap.take().time));
    }
    let used = process::cpu(lambda.pid()?)?.saturating_sub(before);
    let (whole, beyond) = (Timings::of(whole), Timings::of(beyond));
    let cpu = ms(used) / number(scale.invocations);
    table.at_most(
        "webhook: CPU an event, its acceptance by SQS included",
        cpu,
        0.25,
        "ms",
    );
    let (half, most) = (ms(beyond.median()), ms(beyond.percentile(99)));
    table.fact(
        "webhook: an invocation; beyond the SQS call, p50, p99",
        &format!("{:.2}; {half:.2}, {most:.2} ms", ms(whole.median())),
    );
    table.at_most(
        "webhook: memory, the most there was",
        process::peak_memory(lambda.pid()?)?,
        64.0,
        "MB",
    );
    Ok(())
}

/// Has a function take a webhook.
pub(crate) async fn invoke_webhook(
    lambda: &mut Lambda,
    event: &Value,
) -> Result<std::time::Duration> {
    let (took, answer) = lambda.invoke(event).await?;
    ensure!(
        answer.get("statusCode").and_then(Value::as_u64) == Some(200),
        "webhook answered {answer}"
    );
    Ok(took)
}

/// What a Function URL makes of a webhook.
pub(crate) fn url_event(signed: &Signed) -> Value {
    let path = format!("/webhooks/meta/{ACCOUNT}");
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "",
        "headers": {
            "accept": "*/*", "content-type": "application/json", "host": "bench.lambda-url.us-east-1.on.aws",
            "x-hub-signature-256": signed.signature,
        },
        "requestContext": {
            "accountId": "anonymous", "apiId": "bench", "domainName": "bench.lambda-url.us-east-1.on.aws",
            "domainPrefix": "bench", "requestId": "bench", "routeKey": "$default", "stage": "$default",
            "time": "20/Nov/2026:11:30:45 +0000", "timeEpoch": 1_795_174_245_000_i64,
            "http": {
                "method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.10", "userAgent": "bench",
            },
        },
        "body": signed.body, "isBase64Encoded": false,
    })
}

/// The URLs of the queues the platform made.
pub(crate) async fn queue_urls(aws: &str) -> Result<BTreeMap<&'static str, String>> {
    let endpoints = Endpoints {
        aws: aws.to_owned(),
        dynamodb: None,
    };
    let sqs = Aws::at(&endpoints).sqs();
    let mut urls = BTreeMap::new();
    for queue in QUEUES {
        let name = format!("heliograph-{queue}");
        let answer = sqs.get_queue_url().queue_name(name).send().await?;
        urls.insert(queue, answer.queue_url.context("a queue without a URL")?);
    }
    Ok(urls)
}
