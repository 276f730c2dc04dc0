//! Single messages: what we add to the time the provider takes.

use crate::caller::Caller;
use crate::desk::Desk;
use crate::load::{Timings, calls};
use crate::process;
use crate::scale::Scale;
use crate::table::{Table, ms, number};
use anyhow::Result;
use std::time::{Duration, Instant};

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
    for provider_ms in [0, PROVIDER_MS] {
        caller.provider_takes(provider_ms, provider_ms).await?;
        let alone = send(&caller, scale.sends, 1).await?;
        let how = format!("one after another, provider takes {provider_ms} ms, without these");
        let (half, most) = (
            beyond(&alone, 50, provider_ms),
            beyond(&alone, 99, provider_ms),
        );
        table.at_most(&format!("{how}, p50"), half, 10.0, "ms");
        table.at_most(&format!("{how}, p99"), most, 30.0, "ms");
        // As many as go: what is added is time in the queue before the emulated engine, which shares these cores.
        let begun = Instant::now();
        let together = send(&caller, scale.sends, AT_ONCE).await?;
        let rate = number(scale.sends) / begun.elapsed().as_secs_f64();
        let shown = format!(
            "{rate:.0} /s, {:.0}, {:.0} ms",
            beyond(&together, 50, provider_ms),
            beyond(&together, 99, provider_ms)
        );
        let how = format!("16 at once, provider takes {provider_ms} ms: rate, p50, p99");
        table.fact(&how, &shown);
    }
    let memory = process::peak_memory(desk.pid()?)?;
    table.at_most("memory, the most there was", memory, 150.0, "MB");
    desk.stop().await
}

async fn send(caller: &Caller, count: usize, at_once: usize) -> Result<Timings> {
    let send = async |place| caller.send(place).await.map(drop);
    calls(count, at_once, send).await
}

/// The time within which so many of a hundred were answered, without what the provider takes.
fn beyond(timings: &Timings, percent: usize, provider_ms: u32) -> f64 {
    let provider = Duration::from_millis(provider_ms.into());
    ms(timings.percentile(percent).saturating_sub(provider))
}
