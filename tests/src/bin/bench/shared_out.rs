//! Our CPU and memory alone: our functions in one process, the emulators and the simulator in another.
//!
//! Their process stands for what Lambda runs, and for what Lambda itself does: ports and pollers are in it, too.

use crate::caller::Caller;
use crate::desk::{Desk, Folder};
use crate::load::calls;
use crate::process;
use crate::scale::Scale;
use crate::table::{Table, ms, number, shown};
use crate::tap::{Tap, takes_everything};
use crate::webhook::bodies;
use anyhow::{Context, Result};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(150);
const AT_ONCE: usize = 16;

pub(crate) async fn measure(scale: &Scale, table: &mut Table) -> Result<()> {
    table.part("Our CPU: every function with the ports and pollers in one process; AWS and Meta in another");
    let (webhook_port, _statuses) = takes_everything().await?;
    let folder = Folder::new()?;
    let emulators = Desk::emulators(&folder, webhook_port).await?;
    let tap = Tap::before(emulators.url("aws")?).await?;
    let ours = Desk::functions(tap.url(), emulators.url("simulator")?).await?;
    let pid = ours.pid()?;
    let caller = Caller::of(&ours, &emulators)?;
    table.fact("memory at rest", &shown(process::memory(pid)?, "MB"));
    bulk(scale, table, &caller, (pid, &tap)).await?;
    webhooks(scale, table, &caller, (pid, &tap)).await?;
    table.fact(
        "memory, the most there was",
        &shown(process::peak_memory(pid)?, "MB"),
    );
    ours.stop().await?;
    emulators.stop().await
}

async fn bulk(
    scale: &Scale,
    table: &mut Table,
    caller: &Caller,
    (pid, tap): (u32, &Tap),
) -> Result<()> {
    let recipients = scale.recipients;
    let job = caller.job(recipients).await?;
    let before = process::rest(pid).await?;
    tap.take();
    caller.start(&job).await?;
    caller
        .counts_once(&job, ("accepted", recipients), PATIENCE)
        .await?;
    let used = process::rest(pid).await?.saturating_sub(before);
    let noted = tap.take();
    let share = number(recipients);
    table.at_most(
        "bulk message delivered, no statuses: CPU",
        ms(used) / share,
        1.0,
        "ms",
    );
    table.fact(
        "  DynamoDB calls of all functions",
        &shown(noted.of("DynamoDB_") / share, ""),
    );
    table.fact(
        "  SQS calls, without Lambda's own",
        &shown(noted.of("AmazonSQS") / share, ""),
    );
    println!("  a message: {}", noted.shown(share));
    Ok(())
}

async fn webhooks(
    scale: &Scale,
    table: &mut Table,
    caller: &Caller,
    (pid, tap): (u32, &Tap),
) -> Result<()> {
    let bodies = bodies(caller).await?;
    let before = process::rest(pid).await?;
    tap.take();
    let post = async |place: usize| {
        caller
            .webhook(bodies.get(place % bodies.len().max(1)).context("no body")?)
            .await
    };
    calls(scale.webhooks, AT_ONCE, post).await?;
    let used = process::rest(pid).await?.saturating_sub(before);
    let noted = tap.take();
    let share = number(scale.webhooks);
    table.fact(
        "webhook taken and applied (webhook, ingest, tally): CPU",
        &shown(ms(used) / share, "ms"),
    );
    table.fact(
        "  DynamoDB calls of all functions",
        &shown(noted.of("DynamoDB_") / share, ""),
    );
    println!("  a webhook: {}", noted.shown(share));
    Ok(())
}
