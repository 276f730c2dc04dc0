//! Single messages: what we add to the time the provider takes.

use crate::caller::Caller;
use crate::desk::Desk;
use crate::load::{Timings, calls};
use crate::process;
use crate::scale::Scale;
use crate::table::{Table, ms};
use anyhow::Result;
use std::time::Duration;

/// How long the simulated provider takes, the second time.
const PROVIDER_MS: u32 = 50;
/// Messages before the measured ones.
const WARM_UP: usize = 20;
const AT_ONCE: usize = 16;

pub(crate) async fn measure(scale: &Scale, table: &mut Table) -> Result<()> {
    table.part("POST /v1/messages, synchronous; statuses come back meanwhile");
    let (desk, _folder) = Desk::fresh().await?;
    let caller = Caller::of(&desk, &desk)?;
    send(&caller, WARM_UP, 1).await?;
    let alone = send(&caller, scale.sends, 1).await?;
    say(table, "one after another", &alone, 0);
    let together = send(&caller, scale.sends, AT_ONCE).await?;
    say(table, "16 at once", &together, 0);
    caller.provider_takes(PROVIDER_MS).await?;
    let slow = send(&caller, scale.sends / 2, 1).await?;
    say(
        table,
        "one after another, provider takes 50 ms (subtracted)",
        &slow,
        PROVIDER_MS,
    );
    let slow = send(&caller, scale.sends, AT_ONCE).await?;
    say(
        table,
        "16 at once, provider takes 50 ms (subtracted)",
        &slow,
        PROVIDER_MS,
    );
    table.at_most(
        "memory, the most there was",
        process::peak_memory(desk.pid()?)?,
        150.0,
        "MB",
    );
    desk.stop().await
}

async fn send(caller: &Caller, count: usize, at_once: usize) -> Result<Timings> {
    calls(count, at_once, async |place| {
        caller.send(place).await.map(drop)
    })
    .await
}

fn say(table: &mut Table, how: &str, timings: &Timings, provider_ms: u32) {
    table.at_most(
        &format!("{how}, p50"),
        beyond(timings, 50, provider_ms),
        10.0,
        "ms",
    );
    table.at_most(
        &format!("{how}, p99"),
        beyond(timings, 99, provider_ms),
        30.0,
        "ms",
    );
}

fn beyond(timings: &Timings, percent: usize, provider_ms: u32) -> f64 {
    let provider = Duration::from_millis(provider_ms.into());
    ms(timings.percentile(percent).saturating_sub(provider))
}
