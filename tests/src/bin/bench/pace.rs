//! A bulk job at the pace of an ordinary sender: 80 messages a second.

use crate::bulk::{outcome, rate_of};
use crate::caller::{Caller, SENDER};
use crate::desk::Desk;
use crate::scale::Scale;
use crate::table::{Table, number};
use anyhow::{Context, Result};
use heliograph::service::aws::{Aws, Endpoints};
use heliograph::store::{Sender, Store};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// Messages a second of a sender whose throughput Meta has not raised.
const PACE: u32 = 80;
/// Beyond the time the job should take.
const PATIENCE: Duration = Duration::from_secs(45);

pub(crate) async fn measure(scale: &Scale, table: &mut Table) -> Result<()> {
    let pace = f64::from(PACE);
    let recipients = scale.paced_s * usize::try_from(PACE)?;
    table.part(&format!(
        "A bulk job of {recipients} at {PACE} a second (1 percent of that left to other lanes), statuses coming back"
    ));
    let (desk, _folder) = Desk::fresh().await?;
    slow_down(desk.url("aws")?).await?;
    let caller = Caller::of(&desk, &desk)?;
    let job = caller.job(recipients).await?;
    caller.start(&job).await?;
    let patience = Duration::from_secs(u64::try_from(scale.paced_s)?) + PATIENCE;
    let (counts, _) = caller
        .counts_once(&job, ("read", recipients), patience)
        .await?;
    let times = caller.accepted().await?;
    let rate = rate_of(&times);
    table.at_least(
        "rate, from the first to the last acceptance",
        rate,
        pace * 0.98,
        "/s",
    );
    table.at_most(
        "rate, from the first to the last acceptance",
        rate,
        pace * 1.02,
        "/s",
    );
    let (least, most) = seconds(&times);
    // A slot is 1.01 s / pace long, and one may be missed.
    table.at_least(
        "least in one of the whole seconds between",
        least,
        pace * 0.95,
        "",
    );
    table.at_most("most in one of the whole seconds between", most, pace, "");
    let stats = caller.simulator_counts().await?;
    let highest = stats.pointer(&format!("/max_rate_per_sender/{SENDER}"));
    let highest = highest.and_then(serde_json::Value::as_f64);
    table.at_most(
        "most in any second, wherever it begins",
        highest.context("no rate")?,
        pace,
        "",
    );
    outcome(&caller, &counts, recipients, table).await?;
    desk.stop().await
}

/// Gives the demo sender this pace; there is no route for it yet.
async fn slow_down(aws: &str) -> Result<()> {
    let endpoints = Endpoints {
        aws: aws.to_owned(),
        dynamodb: None,
    };
    let store = Store::new(
        Aws::at(&endpoints).dynamodb(),
        "heliograph-messages",
        "heliograph-logs",
    );
    let sender = store.sender(&"demo".parse()?, &SENDER.parse()?).await?;
    let sender = Sender {
        messages_per_second: PACE,
        reserved_percent: 1,
        ..sender.context("no demo sender")?
    };
    Ok(store.put_sender(&sender).await?)
}

/// The least and the most in one of the whole seconds between the first and the last.
fn seconds(times: &[Timestamp]) -> (f64, f64) {
    let Some(first) = times.iter().min() else {
        return (0.0, 0.0);
    };
    let mut counts: BTreeMap<i64, usize> = BTreeMap::new();
    for time in times {
        *counts
            .entry(time.duration_since(*first).as_secs())
            .or_default() += 1;
    }
    counts.pop_last();
    let least = counts.values().min().copied().unwrap_or(0);
    (
        number(least),
        number(counts.values().max().copied().unwrap_or(0)),
    )
}
