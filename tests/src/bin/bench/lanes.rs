//! One-time codes beside a large bulk job: of the same sender, and of another tenant's.

use crate::caller::{ADMIN_KEY, Caller, SENDER};
use crate::desk::Desk;
use crate::load::Timings;
use crate::pace::PACE;
use crate::process;
use crate::scale::Scale;
use crate::table::{Table, shown};
use anyhow::Result;
use std::time::{Duration, Instant};
use tests::neighbour::{self, Neighbour};

/// A sender of 80 messages a second has more slots for one-time codes than this.
const BETWEEN: Duration = Duration::from_millis(350);
/// What a job may add to the median.
const MOST_MS: f64 = 100.0;

pub(crate) async fn measure(scale: &Scale, table: &mut Table) -> Result<()> {
    let recipients = scale.beside;
    table.part(&format!(
        "One-time codes, synchronous, beside a running job of {recipients} at {PACE} a second"
    ));
    let (desk, _folder) = Desk::fresh().await?;
    let names = ["api", "webhook", "simulator", "aws"];
    let urls = names.map(|name| Ok((name, desk.url(name)?.to_owned())));
    let urls = urls.into_iter().collect::<Result<Vec<_>>>()?;
    Neighbour::move_in(&tests::Desk::at(&urls)).await;
    let caller = Caller::of(&desk, &desk)?;
    caller.pace(PACE, 10).await?;
    let who = [
        ("of the same sender", SENDER, ADMIN_KEY),
        (
            "of another tenant",
            neighbour::SENDER,
            neighbour::Key::Admin.text(),
        ),
    ];
    let mut alone = Vec::new();
    for (_, sender, key) in who {
        alone.push(median(&caller, scale.codes, sender, key).await?);
    }
    let job = caller.job(recipients).await?;
    caller.start(&job).await?;
    caller.until_accepted(100).await?;
    for ((whose, sender, key), alone) in who.into_iter().zip(alone) {
        let beside = median(&caller, scale.codes, sender, key).await?;
        let shown = format!("{}, {}", shown(alone, ""), shown(beside, "ms"));
        table.fact(
            &format!("median of a code {whose}, alone and beside the job"),
            &shown,
        );
        let what = format!("added to the median of a code {whose}");
        table.at_most(&what, (beside - alone).max(0.0), MOST_MS, "ms");
    }
    let memory = process::peak_memory(desk.pid()?)?;
    table.at_most("memory, the most there was", memory, 150.0, "MB");
    desk.stop().await
}

/// The median time to the answer, of codes one after another.
async fn median(caller: &Caller, count: usize, sender: &str, key: &str) -> Result<f64> {
    let mut timings = Vec::new();
    for place in 0..count {
        let begun = Instant::now();
        caller.code(place, sender, key).await?;
        timings.push(begun.elapsed());
        tokio::time::sleep(BETWEEN).await;
    }
    Ok(crate::table::ms(Timings::of(timings).median()))
}
