//! From exec to `ready`, and the memory of the whole platform at rest.

use crate::desk::{Desk, Folder};
use crate::load::Timings;
use crate::process;
use crate::scale::Scale;
use crate::table::{Table, ms, shown};
use anyhow::Result;
use std::time::Duration;

/// After this nothing of the start is under way.
const SETTLED: Duration = Duration::from_secs(3);
/// How long it is watched then.
const WATCHED: Duration = Duration::from_secs(5);

pub(crate) async fn measure(scale: &Scale, table: &mut Table) -> Result<()> {
    table.part("The whole platform in one process: emulated AWS, simulated Meta, every function");
    // The first start reads the binary from the disk; what is measured is a warm disk.
    let (first, _folder) = Desk::fresh().await?;
    first.stop().await?;
    let (mut new, mut again) = (Vec::new(), Vec::new());
    let (mut memory, mut at_rest) = (0.0, Duration::ZERO);
    for _ in 0..scale.starts {
        let folder = Folder::new()?;
        let desk = Desk::whole(&folder).await?;
        new.push(desk.ready_after);
        desk.stop().await?;
        let desk = Desk::whole(&folder).await?;
        again.push(desk.ready_after);
        tokio::time::sleep(SETTLED).await;
        memory = process::memory(desk.pid()?)?;
        let before = process::cpu(desk.pid()?)?;
        tokio::time::sleep(WATCHED).await;
        at_rest = process::cpu(desk.pid()?)?.saturating_sub(before);
        desk.stop().await?;
    }
    let (new, again) = (Timings::of(new).median(), Timings::of(again).median());
    table.at_most(
        "exec to ready, new folder, demo tenant made (median)",
        ms(new),
        1_000.0,
        "ms",
    );
    table.at_most(
        "exec to ready, folder of an earlier run (median)",
        ms(again),
        1_000.0,
        "ms",
    );
    table.at_most("memory at rest", memory, 150.0, "MB");
    let share = 100.0 * at_rest.as_secs_f64() / WATCHED.as_secs_f64();
    table.fact("CPU at rest, of one core", &shown(share, "%"));
    Ok(())
}
