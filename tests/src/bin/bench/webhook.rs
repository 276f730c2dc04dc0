//! Webhooks: how soon they are answered, and how many a second.

use crate::caller::{APP_SECRET, Caller};
use crate::desk::Desk;
use crate::load::{calls, calls_at, rate};
use crate::process;
use crate::scale::Scale;
use crate::signed::Signed;
use crate::table::{Table, ms, number, shown};
use anyhow::{Context, Result};
use std::time::Instant;

/// Messages whose statuses come.
const MESSAGES: usize = 50;
/// Webhooks a second that a desk also applies as they come: what waits then, waits for the way alone.
const STEADY: u32 = 50;
const AT_ONCE: usize = 16;
const AT_ONCE_SUSTAINED: usize = 32;
/// Bodies are signed before they are posted, and posted again and again.
const BODIES: usize = 5_000;

pub(crate) async fn measure(scale: &Scale, table: &mut Table) -> Result<()> {
    table.part("POST /webhooks/meta/{account}, signed, one message or one status each; they are applied meanwhile");
    let (desk, _folder) = Desk::fresh().await?;
    let caller = Caller::of(&desk, &desk)?;
    let bodies = bodies(&caller).await?;
    let post = async |place: usize| {
        let body = bodies.get(place % bodies.len().max(1)).context("no body")?;
        caller.webhook(body).await
    };
    let steady = calls_at(STEADY, scale.webhooks / 5, post).await?;
    let (half, most) = (ms(steady.median()), ms(steady.percentile(99)));
    table.at_most(&format!("{STEADY} a second, p50"), half, 3.0, "ms");
    table.at_most(&format!("{STEADY} a second, p99"), most, 15.0, "ms");
    process::rest(desk.pid()?).await?;
    // As many as go: what is added is time in the queue before the emulators, which share these cores.
    let begun = Instant::now();
    let together = calls(scale.webhooks, AT_ONCE, post).await?;
    let went = number(scale.webhooks) / begun.elapsed().as_secs_f64();
    let (half, most) = (ms(together.median()), ms(together.percentile(99)));
    let told = format!("{went:.0} /s, {half:.1}, {most:.1} ms");
    table.fact("16 at once: rate, p50, p99", &told);
    process::rest(desk.pid()?).await?;
    let answered = rate(scale.sustained, AT_ONCE_SUSTAINED, post).await?;
    let seconds = scale.sustained.as_secs();
    table.fact(
        &format!("32 at once for {seconds} s: answered with 200"),
        &shown(answered, "/s"),
    );
    table.at_most(
        "memory, the most there was",
        process::peak_memory(desk.pid()?)?,
        150.0,
        "MB",
    );
    Ok(())
}

/// Signed webhooks about new people and about messages that were sent.
pub(crate) async fn bodies(caller: &Caller) -> Result<Vec<Signed>> {
    let mut messages = Vec::new();
    for place in 0..MESSAGES {
        messages.push(caller.send(place).await?);
    }
    let signed = (0..BODIES).map(|place| Signed::update(place, &messages, APP_SECRET));
    Ok(signed.collect())
}
