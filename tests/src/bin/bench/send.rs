//! Single messages: what we add to the time the provider takes.

use crate::caller::Caller;
use crate::desk::Desk;
use crate::load::{Timings, calls};
use crate::process;
use crate::scale::Scale;
use crate::table::{Table, ms, number};
use anyhow::Result;
use std::ops::Range;
use std::time::{Duration, Instant};

/// How long the simulated provider takes, the second time.
const PROVIDER_MS: u32 = 50;
/// Messages before the measured ones.
const WARM_UP: usize = 20;
const AT_ONCE: usize = 16;

pub(crate) async fn measure(scale: &Scale, table: &mut Table) -> Result<()> {
    table.part("POST /v1/messages, synchronous; statuses come back meanwhile");
    let (desk, _folder) = Desk::fresh().await?;
    let mut sending = Sending {
        caller: Caller::of(&desk, &desk)?,
        met: 0,
    };
    let people = sending.strangers(WARM_UP);
    sending.to(people, 1).await?;
    for provider_ms in [0, PROVIDER_MS] {
        sending
            .caller
            .provider_takes(provider_ms, provider_ms)
            .await?;
        let people = sending.strangers(scale.sends);
        let how = format!("one after another, provider takes {provider_ms} ms, without these");
        let timings = sending.to(people.clone(), 1).await?;
        let (half, most) = beyond(&timings, provider_ms);
        table.at_most(&format!("{how}, p50"), half, 10.0, "ms");
        table.at_most(&format!("{how}, p99"), most, 30.0, "ms");
        let timings = sending.to(people, 1).await?;
        let (half, most) = beyond(&timings, provider_ms);
        let how = format!("the same to people who are known, {provider_ms} ms: p50, p99");
        table.fact(&how, &format!("{half:.1}, {most:.1} ms"));
        // As many as go: what is added is time in the queue before the emulated engine, which shares these cores.
        let people = sending.strangers(scale.sends);
        let begun = Instant::now();
        let timings = sending.to(people, AT_ONCE).await?;
        let rate = number(scale.sends) / begun.elapsed().as_secs_f64();
        let (half, most) = beyond(&timings, provider_ms);
        let how = format!("16 at once, provider takes {provider_ms} ms: rate, p50, p99");
        table.fact(&how, &format!("{rate:.0} /s, {half:.0}, {most:.0} ms"));
    }
    let memory = process::peak_memory(desk.pid()?)?;
    table.at_most("memory, the most there was", memory, 150.0, "MB");
    desk.stop().await
}

/// Sends; each time to others, for a person to whom messages go too fast must wait.
struct Sending {
    caller: Caller,
    met: usize,
}

impl Sending {
    /// So many people to whom nothing was sent yet.
    fn strangers(&mut self, count: usize) -> Range<usize> {
        let first = self.met;
        self.met += count;
        first..self.met
    }

    async fn to(&self, people: Range<usize>, at_once: usize) -> Result<Timings> {
        let send = async |place| self.caller.send(people.start + place).await.map(drop);
        calls(people.len(), at_once, send).await
    }
}

/// The time within which half of all were answered, and 99 of a hundred, without what the provider takes.
fn beyond(timings: &Timings, provider_ms: u32) -> (f64, f64) {
    let provider = Duration::from_millis(provider_ms.into());
    let beyond = |percent| ms(timings.percentile(percent).saturating_sub(provider));
    (beyond(50), beyond(99))
}
