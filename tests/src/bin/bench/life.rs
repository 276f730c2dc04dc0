//! How soon a running job obeys, and how soon it goes on after the functions have died, while AWS and Meta, in another
//! process, live.

use crate::apart::Apart;
use crate::caller::Caller;
use crate::job::LATENCY_MS;
use crate::pace::PACE;
use crate::table::{Table, ms, shown};
use anyhow::{Context, Result};
use heliograph::service::clock;
use jiff::{SignedDuration, Timestamp};
use std::time::{Duration, Instant};

/// More than are sent before it is cancelled.
const RECIPIENTS: usize = 5_000;
/// What the job sends after an order, before the next one.
const SOME: u64 = 160;
/// Longer than an order may take.
const REST: Duration = Duration::from_secs(4);

pub(crate) async fn measure(table: &mut Table) -> Result<()> {
    let (least, most) = LATENCY_MS;
    table.part(&format!(
        "Orders to a running job, at {PACE} a second; Meta takes {least} to {most} ms"
    ));
    let mut apart = Apart::start().await?;
    let caller = &apart.caller;
    caller.pace(PACE, 10).await?;
    caller.provider_takes(least, most).await?;
    let job = caller.job(RECIPIENTS).await?;
    let began = Instant::now();
    caller.start(&job).await?;
    table.fact(
        &format!("the start of a job of {RECIPIENTS} is answered after"),
        &shown(ms(began.elapsed()), "ms"),
    );
    first_call("from that answer to the first call", caller, table).await?;
    last_call("pause", caller, &job, table).await?;
    caller.order(&job, "resume").await?;
    first_call("from the answer to resume to the next call", caller, table).await?;
    apart.kill().await?;
    // What was under way at Meta ends there.
    tokio::time::sleep(REST).await;
    let born = clock::now();
    apart.start_again().await?;
    let what = "from exec of new functions, after the old were killed, to the next call";
    first_since(born, what, 5.0, &apart.caller, table).await?;
    last_call("cancel", &apart.caller, &job, table).await?;
    apart.stop().await
}

/// From now to the next call, which comes within the two seconds an order may take; then lets some more go.
async fn first_call(what: &str, caller: &Caller, table: &mut Table) -> Result<()> {
    first_since(clock::now(), what, 2.0, caller, table).await
}

async fn first_since(
    since: Timestamp,
    what: &str,
    limit: f64,
    caller: &Caller,
    table: &mut Table,
) -> Result<()> {
    caller.until_accepted(SOME).await?;
    let calls = caller.accepted().await?;
    let first = calls.into_iter().filter(|at| *at >= since).min();
    let after = first.context("no call")?.duration_since(since);
    table.at_most(what, after.as_secs_f64(), limit, "s");
    Ok(())
}

/// From the answer to an order that ends sending to the last call.
async fn last_call(order: &str, caller: &Caller, job: &str, table: &mut Table) -> Result<()> {
    caller.order(job, order).await?;
    let now = clock::now();
    tokio::time::sleep(REST).await;
    let calls = caller.accepted().await?;
    let last: Timestamp = calls.into_iter().max().context("no call")?;
    let after = last.duration_since(now).max(SignedDuration::ZERO);
    let what = format!("from the answer to {order} to the last call");
    table.at_most(&what, after.as_secs_f64(), 2.0, "s");
    Ok(())
}
