//! A bulk job as fast as the emulated engine lets it go: how fast, and whether the counts close.

use crate::caller::Caller;
use crate::desk::Desk;
use crate::process;
use crate::scale::Scale;
use crate::table::{Table, number, shown};
use anyhow::Result;
use serde_json::Value;
use std::time::{Duration, Instant};

/// Far longer than a job of ten thousand should take.
const PATIENCE: Duration = Duration::from_secs(150);

pub(crate) async fn measure(scale: &Scale, table: &mut Table) -> Result<()> {
    let recipients = scale.recipients;
    table.part(&format!(
        "A bulk job of {recipients} without a pace (sender: 1,000 a second); three statuses each come back meanwhile"
    ));
    let (desk, _folder) = Desk::fresh().await?;
    let caller = Caller::of(&desk, &desk)?;
    let begun = Instant::now();
    let job = caller.job(recipients).await?;
    let adding = number(recipients) / begun.elapsed().as_secs_f64();
    table.fact("recipients added", &shown(adding, "/s"));
    caller.start(&job).await?;
    let (counts, took) = caller
        .counts_once(&job, ("read", recipients), PATIENCE)
        .await?;
    let times = caller.accepted().await?;
    table.fact(
        "sent, from the first to the last acceptance",
        &shown(rate_of(&times), "/s"),
    );
    let all = format!("job finished and all {recipients} read, after");
    table.fact(&all, &shown(took.as_secs_f64(), "s"));
    outcome(&caller, &counts, recipients, table).await?;
    table.at_most(
        "memory, the most there was",
        process::peak_memory(desk.pid()?)?,
        150.0,
        "MB",
    );
    desk.stop().await
}

/// Nothing lost, nothing twice, and the counts close.
pub(crate) async fn outcome(
    caller: &Caller,
    counts: &Value,
    recipients: usize,
    table: &mut Table,
) -> Result<()> {
    let simulator = caller.simulator_counts().await?;
    let of = |counts: &Value, name: &str| counts.get(name).and_then(Value::as_f64).unwrap_or(0.0);
    let lost = number(recipients) - of(&simulator, "distinct_recipients");
    table.at_most("duplicates", of(&simulator, "duplicates"), 0.0, "");
    table.at_most("lost", lost, 0.0, "");
    let states = counts.as_object().into_iter().flatten();
    let sum: f64 = states
        .filter(|(name, _)| *name != "total")
        .filter_map(|(_, count)| count.as_f64())
        .sum();
    let apart = (sum - number(recipients)).abs() + (of(counts, "total") - number(recipients)).abs();
    table.at_most("how far the job's counts are from its size", apart, 0.0, "");
    let open = of(counts, "queued") + of(counts, "sending") + of(counts, "unknown");
    table.at_most("recipients left queued, sending or unknown", open, 0.0, "");
    Ok(())
}

/// How many a second, from the first to the last.
pub(crate) fn rate_of(times: &[jiff::Timestamp]) -> f64 {
    let (Some(first), Some(last)) = (times.iter().min(), times.iter().max()) else {
        return 0.0;
    };
    let seconds = last.duration_since(*first).as_secs_f64();
    if seconds > 0.0 {
        number(times.len().saturating_sub(1)) / seconds
    } else {
        0.0
    }
}
