//! Our CPU alone, a message, a call, a webhook: our functions in one process, the emulators and the simulator in another.

use crate::apart::Apart;
use crate::job::Job;
use crate::load::calls;
use crate::scale::Scale;
use crate::table::{Table, number, shown};
use crate::webhook::bodies;
use anyhow::{Context, Result};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(150);
const AT_ONCE: usize = 16;

pub(crate) async fn measure(scale: &Scale, table: &mut Table) -> Result<()> {
    table.part("Our CPU: every function with the ports and pollers in one process; AWS and Meta in another");
    let apart = Apart::without_statuses().await?;
    table.fact("memory at rest", &shown(apart.memory()?, "MB"));
    bulk(scale.recipients, &apart, table).await?;
    singles(scale, &apart, table).await?;
    webhooks(scale, &apart, table).await?;
    apart.stop().await
}

async fn bulk(recipients: usize, apart: &Apart, table: &mut Table) -> Result<()> {
    let job = Job::of(recipients, apart).await?;
    let run = job.run("accepted", PATIENCE).await?;
    run.used.tell_calls(recipients, "message", table);
    let cpu = run.used.cpu_ms / number(recipients);
    table.fact(
        "a bulk message delivered, no statuses: CPU",
        &shown(cpu, "ms"),
    );
    Ok(())
}

async fn singles(scale: &Scale, apart: &Apart, table: &mut Table) -> Result<()> {
    let send = async |place| apart.caller.send(place).await.map(drop);
    let work = async { calls(scale.sends, 1, send).await.map(drop) };
    let used = apart.used(work).await?;
    used.tell_calls(scale.sends, "single message", table);
    let cpu = used.cpu_ms / number(scale.sends);
    table.fact("a single message sent, no statuses: CPU", &shown(cpu, "ms"));
    Ok(())
}

async fn webhooks(scale: &Scale, apart: &Apart, table: &mut Table) -> Result<()> {
    let bodies = bodies(&apart.caller).await?;
    let post = async |place: usize| {
        let body = bodies.get(place % bodies.len().max(1)).context("no body")?;
        apart.caller.webhook(body).await
    };
    let work = async { calls(scale.webhooks, AT_ONCE, post).await.map(drop) };
    let used = apart.used(work).await?;
    used.tell_calls(scale.webhooks, "webhook", table);
    let cpu = used.cpu_ms / number(scale.webhooks);
    table.fact(
        "a webhook taken and applied (webhook, ingest, tally): CPU",
        &shown(cpu, "ms"),
    );
    Ok(())
}
