//! A bulk job at the pace of an ordinary sender, 80 messages a second, with a Meta that takes its time and has its
//! troubles.

use crate::bulk::{outcome, rate_of};
use crate::caller::{Caller, SENDER};
use crate::desk::Desk;
use crate::process;
use crate::scale::Scale;
use crate::table::{Table, number, shown};
use anyhow::{Context, Result};
use heliograph::service::aws::{Aws, Endpoints};
use heliograph::store::{Sender, Store};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// Messages a second of a sender whose throughput Meta has not raised.
pub(crate) const PACE: u32 = 80;
/// Beyond the time the job should take: some are refused at first, and tried again.
const PATIENCE: Duration = Duration::from_mins(2);
/// What Meta takes for a message, in milliseconds.
pub(crate) const LATENCY_MS: (u32, u32) = (50, 600);
/// What goes wrong meanwhile: the share of calls, or of statuses, and how late.
const FAULTS: [(&str, f64, u32); 3] = [
    ("error:131016", 0.01, 0),
    ("duplicate_webhook", 0.1, 200),
    ("reorder_webhooks", 0.1, 700),
];

pub(crate) async fn measure(scale: &Scale, table: &mut Table) -> Result<()> {
    let recipients = scale.paced_s * usize::try_from(PACE)?;
    let (least, most) = LATENCY_MS;
    table.part(&format!(
        "A bulk job of {recipients} at {PACE} a second, none of that left to other lanes, statuses coming back; \
         Meta takes {least} to {most} ms, refuses 1 in 100 for now, repeats and reorders 1 status in 10"
    ));
    let (desk, _folder) = Desk::fresh().await?;
    slow_down(desk.url("aws")?, 0).await?;
    let caller = Caller::of(&desk, &desk)?;
    caller.provider_takes(least, most).await?;
    for (fault, share, delay_ms) in FAULTS {
        let order = json!({"fault": fault, "share": share, "delay_ms": delay_ms});
        caller.fault(&order).await?;
    }
    let job = caller.job(recipients).await?;
    let plan = caller.plan(&job).await?;
    caller.start(&job).await?;
    let patience = Duration::from_secs(u64::try_from(scale.paced_s)?) + PATIENCE;
    let read = ("read", recipients);
    let (counts, _) = caller.counts_once(&job, read, patience).await?;
    let mut times = caller.accepted().await?;
    times.sort_unstable();
    foretold(&plan, &times, table)?;
    times.truncate(recipients * 97 / 100);
    rates(&caller, &times, table).await?;
    outcome(&caller, &counts, recipients, table).await?;
    let memory = process::peak_memory(desk.pid()?)?;
    table.at_most("memory, the most there was", memory, 150.0, "MB");
    desk.stop().await
}

/// What the plan told before the start: until when the last one is sent. Those that are refused at first come on top.
fn foretold(plan: &Value, times: &[Timestamp], table: &mut Table) -> Result<()> {
    let time = |name: &str| plan.get(name).and_then(Value::as_str).context("no time");
    let (begins, end): (Timestamp, Timestamp) =
        (time("begins_at")?.parse()?, time("eta")?.parse()?);
    let told = end.duration_since(begins).as_secs_f64();
    let first = times.first().context("nothing sent")?;
    let last = times.last().unwrap_or(first);
    let took = last.duration_since(*first).as_secs_f64();
    table.fact(
        "the plan's time, and from the first acceptance to the last",
        &format!("{told:.1}, {took:.1} s"),
    );
    table.at_most(
        "by how much they differ",
        (took - told).abs() / told * 100.0,
        10.0,
        "%",
    );
    Ok(())
}

/// How evenly they went, without the last of them: those that were refused at first, which go when they may.
async fn rates(caller: &Caller, times: &[Timestamp], table: &mut Table) -> Result<()> {
    let pace = f64::from(PACE);
    let stats = caller.simulator_counts().await?;
    let count = |pointer: &str| stats.pointer(pointer).and_then(Value::as_f64);
    let accepted = count("/accepted").context("no count")?;
    let refused = count("/refused").context("no count")?;
    let rate = rate_of(times);
    // Meta counts calls, whatever it answers.
    let calls = rate * (accepted + refused) / accepted;
    let what = "calls, reckoned from the acceptances, from the first to the last but three in 100";
    table.at_least(what, calls, pace * 0.98, "/s");
    table.at_most(what, calls, pace * 1.02, "/s");
    table.fact("of which accepted", &shown(rate, "/s"));
    let (least, most) = seconds(times);
    table.fact(
        "least in one of the whole seconds between",
        &shown(least, ""),
    );
    table.fact("most in one of the whole seconds between", &shown(most, ""));
    let highest = count(&format!("/max_rate_per_sender/{SENDER}"));
    let what = "calls that came in the busiest second, wherever it begins";
    table.at_most(what, highest.context("no rate")?, pace, "");
    Ok(())
}

/// Gives the demo sender this pace, of which bulk leaves so much to other lanes; there is no route for it yet.
pub(crate) async fn slow_down(aws: &str, reserved_percent: u8) -> Result<()> {
    let endpoints = Endpoints {
        aws: aws.to_owned(),
        dynamodb: None,
    };
    let store = Store::new(
        Aws::at(&endpoints).dynamodb(),
        "heliograph-messages",
        "heliograph-logs",
    );
    let sender = store.sender(&"demo".parse()?, &SENDER.parse()?).await?;
    let sender = Sender {
        messages_per_second: PACE,
        reserved_percent,
        ..sender.context("no demo sender")?
    };
    Ok(store.put_sender(&sender).await?)
}

/// The least and the most in one of the whole seconds between the first and the last.
fn seconds(times: &[Timestamp]) -> (f64, f64) {
    let Some(first) = times.iter().min() else {
        return (0.0, 0.0);
    };
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    for time in times {
        *counts
            .entry(time.duration_since(*first).as_secs())
            .or_default() += 1;
    }
    counts.pop_last();
    let least = counts.values().min().copied().unwrap_or(0);
    (
        number(least),
        number(counts.values().max().copied().unwrap_or(0)),
    )
}
