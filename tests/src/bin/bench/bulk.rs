//! A bulk job as fast as the emulated engine lets it go, with a Meta that takes its time.

use crate::apart::Apart;
use crate::job::{Job, LATENCY_MS};
use crate::scale::Scale;
use crate::table::{Table, number, shown};
use anyhow::Result;
use std::time::Duration;

/// Far longer than a job of ten thousand should take.
const PATIENCE: Duration = Duration::from_mins(5);

pub(crate) async fn measure(scale: &Scale, table: &mut Table) -> Result<()> {
    let recipients = scale.recipients;
    let (least, most) = LATENCY_MS;
    table.part(&format!(
        "A bulk job of {recipients} without a pace (sender: 1,000 a second), three statuses each coming back; \
         Meta takes {least} to {most} ms; AWS and Meta in another process"
    ));
    let apart = Apart::start().await?;
    apart.caller.provider_takes(least, most).await?;
    let job = Job::of(recipients, &apart).await?;
    let adding = number(recipients) / job.adding.as_secs_f64();
    table.fact("recipients added", &shown(adding, "/s"));
    let run = job.run("read", PATIENCE).await?;
    let what = "accepted, but for the last three in 100";
    table.fact(what, &shown(run.rate(), "/s"));
    run.evenness(table);
    let all = format!("job finished and all {recipients} read, after");
    table.fact(&all, &shown(run.took.as_secs_f64(), "s"));
    run.outcome(0, table);
    run.usage(table)?;
    apart.stop().await
}
