//! A flood of webhooks: as many as the binaries of `webhook` and the emulated SQS take, with nobody to apply them, and
//! then a spike beside everything; what becomes of them, and how soon all is as before.

use crate::caller::Caller;
use crate::desk::{Desk, Folder};
use crate::functions::addresses;
use crate::invoked::{WARM_UP, invoke_webhook, queue_urls, url_event};
use crate::lambda::Lambda;
use crate::load::{Timings, calls_at};
use crate::process;
use crate::scale::Scale;
use crate::signed::Signed;
use crate::table::{Table, ms, number, shown};
use crate::tap::takes_everything;
use crate::webhook::bodies;
use anyhow::{Context, Result, ensure};
use aws_sdk_sqs::types::QueueAttributeName::{
    ApproximateNumberOfMessages as Visible, ApproximateNumberOfMessagesNotVisible as InFlight,
};
use futures_util::future::try_join_all;
use heliograph::service::aws::{Aws, Endpoints};
use serde_json::Value;
use std::time::{Duration, Instant};

/// Binaries of `webhook` at once; each takes one event at a time, as in Lambda.
const AT_ONCE: usize = 4;
/// Webhooks a second around the spike and in it, and how long each part lasts.
const BASE: u32 = 50;
const SPIKE: u32 = 10 * BASE;
const SPIKE_S: u32 = 5;
/// For the queues to be empty.
const PATIENCE: Duration = Duration::from_mins(15);
const STEP: Duration = Duration::from_millis(20);

pub(crate) async fn measure(scale: &Scale, table: &mut Table) -> Result<()> {
    let (webhook_port, _statuses) = takes_everything().await?;
    let folder = Folder::new()?;
    let emulators = Desk::emulators(&folder, webhook_port).await?;
    let (aws, graph) = (emulators.url("aws")?, emulators.url("simulator")?);
    let platform = Desk::functions(aws, graph, 0).await?;
    let bodies = bodies(&Caller::of(&platform, &emulators)?).await?;
    let queues = Queues::of(aws).await?;
    queues.drained().await?;
    platform.stop().await?;

    table.part("Webhooks as fast as four binaries of `webhook` take them; AWS in another process, nobody applies them");
    let events: Vec<Value> = bodies.iter().map(url_event).collect();
    let answered = flood(scale.flood, &events, (aws, graph), table).await?;
    let kept = queues.waiting().await?;
    table.at_least(
        "on the queues, of each answered with 200",
        kept / number(answered),
        1.0,
        "",
    );

    table.part("They are applied, then a spike comes beside that");
    let platform = Desk::functions(aws, graph, 0).await?;
    let caller = Caller::of(&platform, &emulators)?;
    let next = bodies.first().context("no body")?;
    let drained = queues.drained().await?;
    table.fact("applied", &shown(kept / drained.as_secs_f64(), "/s"));
    let lag = applied_after(next, &caller, &queues).await?;
    table.at_most(
        "the next one: from its answer to its being applied",
        ms(lag),
        1_000.0,
        "ms",
    );
    spike(&bodies, &caller, &queues, table).await?;
    ensure!(queues.dead().await? == 0.0, "there are dead letters");
    platform.stop().await?;
    emulators.stop().await
}

/// Has them take events for `time`; how many were answered.
async fn flood(
    time: Duration,
    events: &[Value],
    (aws, graph): (&str, &str),
    table: &mut Table,
) -> Result<usize> {
    let queues = queue_urls(aws).await?;
    let url = |queue: &str| queues.get(queue).cloned().unwrap_or_default();
    let mut variables = addresses(graph, url);
    variables.push(("AWS_ENDPOINT_URL".to_owned(), aws.to_owned()));
    let mut lambdas = Vec::new();
    for _ in 0..AT_ONCE {
        let mut lambda = Lambda::start("webhook", &variables).await?;
        for event in events.iter().take(WARM_UP) {
            invoke_webhook(&mut lambda, event).await?;
        }
        lambdas.push(lambda);
    }
    let pids = lambdas
        .iter()
        .map(Lambda::pid)
        .collect::<Result<Vec<_>>>()?;
    let used = || {
        pids.iter()
            .map(|pid| process::cpu(*pid))
            .sum::<Result<Duration>>()
    };
    let (before, begun) = (used()?, Instant::now());
    let working = lambdas.iter_mut().map(async |lambda| {
        let mut took = Vec::new();
        for event in events.iter().cycle() {
            if begun.elapsed() > time {
                break;
            }
            took.push(invoke_webhook(lambda, event).await?);
        }
        anyhow::Ok(took)
    });
    let took = try_join_all(working).await?.concat();
    let (went, cpu) = (
        number(took.len()) / begun.elapsed().as_secs_f64(),
        used()?.saturating_sub(before),
    );
    let (answered, took) = (took.len(), Timings::of(took));
    table.at_least(
        &format!("for {} s: answered with 200", time.as_secs()),
        went,
        2_000.0,
        "/s",
    );
    let (half, most) = (ms(took.median()), ms(took.percentile(99)));
    table.fact(
        "an invocation: p50, p99",
        &format!("{half:.2}, {most:.2} ms"),
    );
    table.at_most("our CPU an event", ms(cpu) / number(answered), 0.25, "ms");
    Ok(answered + AT_ONCE * WARM_UP)
}

/// Ten times as many as before and after, for five seconds.
async fn spike(
    bodies: &[Signed],
    caller: &Caller,
    queues: &Queues,
    table: &mut Table,
) -> Result<()> {
    let post = async |place: usize| {
        let body = bodies.get(place % bodies.len().max(1)).context("no body")?;
        caller.webhook(body).await
    };
    for (rate, name) in [
        (BASE, "before"),
        (SPIKE, "in the spike"),
        (BASE, "after it"),
    ] {
        let count = usize::try_from(rate * SPIKE_S)?;
        let took = calls_at(rate, count, &post).await?;
        let (half, most) = (ms(took.median()), ms(took.percentile(99)));
        let told = format!("{half:.1}, {most:.1} ms");
        table.fact(
            &format!("{name}, {rate} a second for {SPIKE_S} s: p50, p99"),
            &told,
        );
    }
    let drained = queues.drained().await?;
    table.fact(
        "the queues are empty, after that",
        &shown(drained.as_secs_f64(), "s"),
    );
    let next = bodies.first().context("no body")?;
    let lag = applied_after(next, caller, queues).await?;
    table.at_most(
        "the next one: from its answer to its being applied",
        ms(lag),
        1_000.0,
        "ms",
    );
    Ok(())
}

/// How long it takes from a webhook's answer until it is applied, and so gone from its queue.
async fn applied_after(body: &Signed, caller: &Caller, queues: &Queues) -> Result<Duration> {
    caller.webhook(body).await?;
    queues.drained().await
}

/// The queues of what Meta tells.
struct Queues {
    sqs: aws_sdk_sqs::Client,
    urls: Vec<String>,
    dead: Vec<String>,
}

impl Queues {
    async fn of(aws: &str) -> Result<Self> {
        let endpoints = Endpoints {
            aws: aws.to_owned(),
            dynamodb: None,
        };
        let sqs = Aws::at(&endpoints).sqs();
        let all = sqs
            .list_queues()
            .send()
            .await?
            .queue_urls
            .unwrap_or_default();
        let (dead, living): (Vec<_>, _) = all
            .into_iter()
            .partition(|url| url.ends_with("-dead-letters"));
        let of_meta = |url: &String| url.ends_with("-inbound") || url.ends_with("-status");
        Ok(Self {
            sqs,
            urls: living.into_iter().filter(of_meta).collect(),
            dead,
        })
    }

    async fn waiting(&self) -> Result<f64> {
        self.count(&self.urls).await
    }

    async fn dead(&self) -> Result<f64> {
        self.count(&self.dead).await
    }

    async fn count(&self, urls: &[String]) -> Result<f64> {
        let mut sum = 0.0;
        for url in urls {
            let asked = self.sqs.get_queue_attributes().queue_url(url);
            let told = asked
                .attribute_names(Visible)
                .attribute_names(InFlight)
                .send()
                .await?;
            for count in told.attributes.unwrap_or_default().values() {
                sum += count.parse::<f64>()?;
            }
        }
        Ok(sum)
    }

    /// How long it takes until nothing waits.
    async fn drained(&self) -> Result<Duration> {
        let begun = Instant::now();
        while self.waiting().await? > 0.0 {
            ensure!(begun.elapsed() < PATIENCE, "the queues were not drained");
            tokio::time::sleep(STEP).await;
        }
        Ok(begun.elapsed())
    }
}
