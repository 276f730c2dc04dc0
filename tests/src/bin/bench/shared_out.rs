//! Our CPU and memory alone: our functions in one process, the emulators and the simulator in another.

use crate::apart::{Apart, free_port};
use crate::cost::Cost;
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
/// How long a batch of hints holds its worker: it comes half a second before the first of its slots, which are a tenth
/// apart at most; the slowest call of a Meta that takes 50 to 600 ms takes nearly the longest, and the writes some more.
const HELD_S: f64 = 0.5 + 0.1 + 0.55 + 0.05;

pub(crate) async fn measure(scale: &Scale, table: &mut Table) -> Result<()> {
    table.part("Our CPU: every function with the ports and pollers in one process; AWS and Meta in another");
    let (elsewhere, _statuses) = takes_everything().await?;
    let apart = Apart::start(elsewhere, 0).await?;
    table.fact("memory at rest", &shown(process::memory(apart.pid)?, "MB"));
    let (cpu, _) = bulk(scale.recipients, "accepted", &apart, table).await?;
    table.at_most("a bulk message delivered, no statuses: CPU", cpu, 1.0, "ms");
    singles(scale, &apart, table).await?;
    webhooks(scale, &apart, table).await?;
    let most = process::peak_memory(apart.pid)?;
    table.fact("memory, the most there was", &shown(most, "MB"));
    apart.stop().await?;
    let port = free_port().await?;
    let apart = Apart::start(port, port).await?;
    let recipients = scale.recipients / 4;
    let (cpu, noted) = bulk(recipients, "read", &apart, table).await?;
    table.fact(
        "a bulk message delivered and its three statuses applied: CPU",
        &shown(cpu, "ms"),
    );
    charges(&noted, recipients, table);
    apart.stop().await
}

/// Our CPU a message, and what AWS charges for all of them, their adding included.
async fn bulk(
    recipients: usize,
    state: &str,
    apart: &Apart,
    table: &mut Table,
) -> Result<(f64, Noted)> {
    let mut job = String::new();
    let adding = async {
        job = apart.caller.job(recipients).await?;
        Ok(())
    };
    let (_, added) = apart.cost(adding).await?;
    let work = async {
        apart.caller.start(&job).await?;
        let reached = apart
            .caller
            .counts_once(&job, (state, recipients), PATIENCE);
        reached.await.map(drop)
    };
    let (cpu, mut noted) = apart.cost(work).await?;
    say(&noted, recipients, "message", table);
    noted.write_units += added.write_units;
    noted.read_units += added.read_units;
    Ok((cpu / number(recipients), noted))
}

/// What AWS would charge.
fn charges(noted: &Noted, recipients: usize, table: &mut Table) {
    let messages = number(recipients);
    let write_units = noted.write_units / messages;
    table.at_most("DynamoDB write units a message", write_units, 14.0, "");
    let read_units = shown(noted.read_units / messages, "");
    table.fact("DynamoDB read units a message", &read_units);
    let sqs = shown(noted.all_of("AmazonSQS") / messages, "");
    table.fact("SQS calls a message, receiving and deleting included", &sqs);
    let cost = Cost::of(noted, messages, HELD_S);
    table.fact("a million of them: DynamoDB", &dollars(cost.dynamodb));
    table.fact("a million of them: SQS", &dollars(cost.sqs));
    table.fact("a million of them: Lambda, deliver", &dollars(cost.deliver));
}

fn dollars(amount: f64) -> String {
    format!("${amount:.2}")
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
