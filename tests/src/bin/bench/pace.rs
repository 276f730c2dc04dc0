//! A bulk job at the pace of an ordinary sender, 80 messages a second, with a Meta that takes its time and has its
//! troubles.

use crate::apart::Apart;
use crate::caller::SENDER;
use crate::job::{Job, LATENCY_MS, Run};
use crate::scale::Scale;
use crate::table::{Table, shown};
use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;

/// Messages a second of a sender whose throughput Meta has not raised.
pub(crate) const PACE: u32 = 80;
/// Beyond the time the job should take: some are refused at first, and tried again.
const PATIENCE: Duration = Duration::from_mins(2);
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
         Meta takes {least} to {most} ms, refuses 1 in 100 for now, repeats and reorders 1 status in 10; \
         AWS and Meta in another process"
    ));
    let apart = Apart::start().await?;
    let caller = &apart.caller;
    caller.pace(PACE, 0).await?;
    caller.provider_takes(least, most).await?;
    for (fault, share, delay_ms) in FAULTS {
        let order = json!({"fault": fault, "share": share, "delay_ms": delay_ms});
        caller.fault(&order).await?;
    }
    let job = Job::of(recipients, &apart).await?;
    let plan = caller.plan(&job.id).await?;
    let patience = Duration::from_secs(u64::try_from(scale.paced_s)?) + PATIENCE;
    let run = job.run("read", patience).await?;
    foretold(&plan, &run, table)?;
    rates(&run, table);
    run.outcome(0, table);
    run.usage(table)?;
    apart.stop().await
}

/// What the plan told before the start: until when the last one is sent. Those that are refused at first come on top.
fn foretold(plan: &Value, run: &Run<'_>, table: &mut Table) -> Result<()> {
    let time = |name: &str| plan.get(name).and_then(Value::as_str).context("no time");
    let (begins, end): (Timestamp, Timestamp) =
        (time("begins_at")?.parse()?, time("eta")?.parse()?);
    let told = end.duration_since(begins).as_secs_f64();
    let first = run.accepted.first().context("nothing sent")?;
    let last = run.accepted.last().unwrap_or(first);
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

/// Meta counts calls, whatever it answers.
fn rates(run: &Run<'_>, table: &mut Table) {
    let pace = f64::from(PACE);
    let calls = run.evenness(table);
    let what = "calls a second, but for the first second and the last three in 100";
    table.at_least(what, calls, pace * 0.98, "/s");
    table.at_most(what, calls, pace * 1.02, "/s");
    table.fact(
        "accepted, but for the last three in 100",
        &shown(run.rate(), "/s"),
    );
    let highest = run.simulated(&format!("/max_rate_per_sender/{SENDER}"));
    let what = "calls that came in the busiest second, wherever it begins";
    table.at_most(what, highest, pace, "");
}
