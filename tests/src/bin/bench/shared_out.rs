//! Our CPU and memory alone: our functions in one process, the emulators and the simulator in another.

use crate::apart::{Apart, free_port};
use crate::load::calls;
use crate::process;
use crate::scale::Scale;
use crate::table::{Table, number, shown};
use crate::tap::{Noted, takes_everything};
use crate::webhook::bodies;
use anyhow::{Context, Result};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(150);
const AT_ONCE: usize = 16;

pub(crate) async fn measure(scale: &Scale, table: &mut Table) -> Result<()> {
    table.part("Our CPU: every function with the ports and pollers in one process; AWS and Meta in another");
    let (elsewhere, _statuses) = takes_everything().await?;
    let apart = Apart::start(elsewhere, 0).await?;
    table.fact("memory at rest", &shown(process::memory(apart.pid)?, "MB"));
    let cpu = bulk(scale.recipients, "accepted", &apart, table).await?;
    table.at_most("a bulk message delivered, no statuses: CPU", cpu, 1.0, "ms");
    singles(scale, &apart, table).await?;
    webhooks(scale, &apart, table).await?;
    let most = process::peak_memory(apart.pid)?;
    table.fact("memory, the most there was", &shown(most, "MB"));
    apart.stop().await?;
    let port = free_port().await?;
    let apart = Apart::start(port, port).await?;
    let cpu = bulk(scale.recipients / 4, "read", &apart, table).await?;
    table.fact(
        "a bulk message delivered and its three statuses applied: CPU",
        &shown(cpu, "ms"),
    );
    apart.stop().await
}

async fn bulk(recipients: usize, state: &str, apart: &Apart, table: &mut Table) -> Result<f64> {
    let job = apart.caller.job(recipients).await?;
    let work = async {
        apart.caller.start(&job).await?;
        let reached = apart
            .caller
            .counts_once(&job, (state, recipients), PATIENCE);
        reached.await.map(drop)
    };
    let (cpu, noted) = apart.cost(work).await?;
    say(&noted, recipients, "message", table);
    Ok(cpu / number(recipients))
}

async fn singles(scale: &Scale, apart: &Apart, table: &mut Table) -> Result<()> {
    let send = async |place| apart.caller.send(place).await.map(drop);
    let work = async { calls(scale.sends, 1, send).await.map(drop) };
    let (cpu, noted) = apart.cost(work).await?;
    say(&noted, scale.sends, "single message", table);
    let cpu = cpu / number(scale.sends);
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
    let (cpu, noted) = apart.cost(work).await?;
    say(&noted, scale.webhooks, "webhook", table);
    let cpu = cpu / number(scale.webhooks);
    table.fact(
        "a webhook taken and applied (webhook, ingest, tally): CPU",
        &shown(cpu, "ms"),
    );
    Ok(())
}

/// The calls of AWS that one of so many needs.
fn say(noted: &Noted, count: usize, what: &str, table: &mut Table) {
    let share = number(count);
    println!("  calls of AWS for each {what}: {}", noted.shown(share));
    let dynamodb = shown(noted.of("DynamoDB_") / share, "");
    table.fact(
        &format!("DynamoDB calls a {what}, every function's"),
        &dynamodb,
    );
    let sqs = shown(noted.of("AmazonSQS") / share, "");
    table.fact(&format!("SQS calls a {what}, without Lambda's own"), &sqs);
}
