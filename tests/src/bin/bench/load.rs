//! Calls made again and again, and how long they took.

use anyhow::Result;
use futures_util::future::try_join_all;
use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt, TryStreamExt, stream};
use std::iter;
use std::pin::pin;
use std::time::{Duration, Instant};

/// How long calls took, shortest first.
#[derive(Debug, Default)]
pub(crate) struct Timings(Vec<Duration>);

impl Timings {
    /// Sorts them.
    pub(crate) fn of(mut timings: Vec<Duration>) -> Self {
        timings.sort_unstable();
        Self(timings)
    }

    /// The time within which so many of a hundred calls were answered.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let place = (self.0.len() * percent).div_ceil(100).max(1) - 1;
        self.0.get(place).copied().unwrap_or_default()
    }

    /// Half of them took longer.
    pub(crate) fn median(&self) -> Duration {
        self.percentile(50)
    }
}

/// Makes calls, so many a second, until `other` is over: what came of each of them, and of the other.
pub(crate) async fn calls_beside<F: Future, T>(
    per_second: u32,
    call: impl Fn(usize) -> F,
    other: impl Future<Output = T>,
) -> (Vec<F::Output>, T) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / per_second);
    let (mut under_way, mut over, mut place) = (FuturesUnordered::new(), Vec::new(), 0);
    let mut other = pin!(other);
    let outcome = loop {
        tokio::select! {
            outcome = &mut other => break outcome,
            _ = ticks.tick() => {
                under_way.push(call(place));
                place += 1;
            }
            Some(call) = under_way.next() => over.push(call),
        }
    };
    over.extend(under_way.collect::<Vec<_>>().await);
    (over, outcome)
}

/// How long a call takes.
async fn timed(call: impl Future<Output = Result<()>>) -> Result<Duration> {
    let begun = Instant::now();
    call.await?;
    Ok(begun.elapsed())
}

/// Makes `count` calls, so many at once.
pub(crate) async fn calls<F: Future<Output = Result<()>>>(
    count: usize,
    at_once: usize,
    call: impl Fn(usize) -> F,
) -> Result<Timings> {
    let timings = stream::iter(0..count).map(|place| timed(call(place)));
    let timings = timings.buffer_unordered(at_once).try_collect().await?;
    Ok(Timings::of(timings))
}

/// Makes `count` calls, so many a second, whatever becomes of those before: one that takes long delays no other.
pub(crate) async fn calls_at<F: Future<Output = Result<()>>>(
    per_second: u32,
    count: usize,
    call: impl Fn(usize) -> F,
) -> Result<Timings> {
    let (first, apart) = (Instant::now(), Duration::from_secs(1) / per_second);
    let moments = iter::successors(Some(first), |time| Some(*time + apart));
    let timings = moments.take(count).enumerate().map(|(place, time)| {
        let call = call(place);
        async move {
            tokio::time::sleep_until(time.into()).await;
            timed(call).await
        }
    });
    Ok(Timings::of(try_join_all(timings).await?))
}

/// Makes calls, so many at once, for as long as `time`; how many were answered a second.
pub(crate) async fn rate<F: Future<Output = Result<()>>>(
    time: Duration,
    at_once: usize,
    call: impl Fn(usize) -> F,
) -> Result<f64> {
    let begun = Instant::now();
    let going_on = stream::iter(0_usize..)
        .take_while(|_| std::future::ready(begun.elapsed() < time))
        .map(call);
    let answered = going_on
        .buffer_unordered(at_once)
        .try_fold(0_u32, |sum, ()| std::future::ready(Ok(sum + 1)))
        .await?;
    Ok(f64::from(answered) / begun.elapsed().as_secs_f64())
}
