//! A measured bulk job of the demo sender's, our functions apart from AWS and Meta: what came of it, how evenly it went,
//! what it took of us, and what AWS charges for it.

use crate::apart::{Apart, Used};
use crate::cost::{Cost, PRICED};
use crate::table::{Table, number, shown};
use crate::tap::Noted;
use anyhow::Result;
use jiff::Timestamp;
use serde_json::Value;
use std::time::{Duration, Instant};

/// What Meta takes for a message, in milliseconds.
pub(crate) const LATENCY_MS: (u32, u32) = (50, 600);

/// A job with its recipients.
pub(crate) struct Job<'a> {
    apart: &'a Apart,
    /// Its id.
    pub(crate) id: String,
    recipients: usize,
    /// How long adding them took.
    pub(crate) adding: Duration,
    added: Used,
}

/// A job that has run.
pub(crate) struct Run<'a> {
    apart: &'a Apart,
    recipients: usize,
    /// From its start until it was finished and all were as they should be.
    pub(crate) took: Duration,
    /// What sending took, and what followed from it.
    pub(crate) used: Used,
    added: Used,
    counts: Value,
    simulator: Value,
    /// When each message was accepted, in order.
    pub(crate) accepted: Vec<Timestamp>,
    calls: Vec<u32>,
}

impl<'a> Job<'a> {
    /// Makes a job and adds so many recipients.
    pub(crate) async fn of(recipients: usize, apart: &'a Apart) -> Result<Self> {
        let (mut id, mut adding) = (String::new(), Duration::ZERO);
        let work = async {
            let begun = Instant::now();
            id = apart.caller.job(recipients).await?;
            adding = begun.elapsed();
            Ok(())
        };
        let added = apart.used(work).await?;
        Ok(Self {
            apart,
            id,
            recipients,
            adding,
            added,
        })
    }

    /// Starts it and waits until all of its recipients are in `state`.
    pub(crate) async fn run(self, state: &str, patience: Duration) -> Result<Run<'a>> {
        self.run_beside(state, patience, async { Ok(()) }).await
    }

    /// The same, with what else goes on from its start on.
    pub(crate) async fn run_beside(
        self,
        state: &str,
        patience: Duration,
        other: impl Future<Output = Result<()>>,
    ) -> Result<Run<'a>> {
        let caller = &self.apart.caller;
        let (mut counts, mut took) = (Value::Null, Duration::ZERO);
        let work = async {
            caller.start(&self.id).await?;
            let reached = (state, self.recipients);
            let reached = caller.counts_once(&self.id, reached, patience);
            ((counts, took), ()) = tokio::try_join!(reached, other)?;
            Ok(())
        };
        let used = self.apart.used(work).await?;
        let mut accepted = caller.accepted().await?;
        accepted.sort_unstable();
        Ok(Run {
            apart: self.apart,
            recipients: self.recipients,
            took,
            used,
            added: self.added,
            counts,
            simulator: caller.simulator_counts().await?,
            accepted,
            calls: caller.calls_by_second().await?,
        })
    }
}

impl Run<'_> {
    /// A count of the simulator's.
    pub(crate) fn simulated(&self, pointer: &str) -> f64 {
        let count = self.simulator.pointer(pointer).and_then(Value::as_f64);
        count.unwrap_or(0.0)
    }

    /// How many of its recipients are in a state.
    pub(crate) fn count(&self, state: &str) -> f64 {
        self.counts
            .get(state)
            .and_then(Value::as_f64)
            .unwrap_or(0.0)
    }

    /// Nothing lost, nothing twice, and the counts close; `others` are people to whom messages went beside the job.
    pub(crate) fn outcome(&self, others: usize, table: &mut Table) {
        let recipients = number(self.recipients);
        let lost = recipients + number(others) - self.simulated("/distinct_recipients");
        table.at_most("duplicates", self.simulated("/duplicates"), 0.0, "");
        table.at_most("lost", lost, 0.0, "");
        let states = self.counts.as_object().into_iter().flatten();
        let sum: f64 = states
            .filter(|(name, _)| *name != "total")
            .filter_map(|(_, count)| count.as_f64())
            .sum();
        let apart = (sum - recipients).abs() + (self.count("total") - recipients).abs();
        table.at_most("how far the job's counts are from its size", apart, 0.0, "");
        let open = self.count("queued") + self.count("sending") + self.count("unknown");
        table.at_most("recipients left queued, sending or unknown", open, 0.0, "");
    }

    /// Messages accepted a second. Those that were refused at first go when they may, so the last three in 100 are left
    /// out.
    pub(crate) fn rate(&self) -> f64 {
        let last = self.accepted.len() * 97 / 100;
        let (Some(first), Some(at)) = (self.accepted.first(), self.accepted.get(last)) else {
            return 0.0;
        };
        number(last) / at.duration_since(*first).as_secs_f64()
    }

    /// How evenly calls came; the mean of a second. The last three in 100 are left out, and the second in which the job
    /// began.
    pub(crate) fn evenness(&self, table: &Table) -> f64 {
        let all: u32 = self.calls.iter().sum();
        let mut so_far = 0;
        let whole = self.calls.iter().skip(1).take_while(|calls| {
            so_far += **calls;
            so_far * 100 < all * 97
        });
        let whole: Vec<f64> = whole.map(|calls| f64::from(*calls)).collect();
        let seconds = number(whole.len().max(1));
        let mean = whole.iter().sum::<f64>() / seconds;
        let squares: f64 = whole.iter().map(|calls| (calls - mean).powi(2)).sum();
        let deviation = (squares / seconds).sqrt();
        let least = whole.iter().copied().reduce(f64::min).unwrap_or(0.0);
        let most = whole.iter().copied().reduce(f64::max).unwrap_or(0.0);
        table.fact(
            "calls in each second of the clock: least, most, standard deviation",
            &format!("{least}, {most}, {}", shown(deviation, "")),
        );
        mean
    }

    /// What it took of us a message, and what AWS charges.
    pub(crate) fn usage(&self, table: &mut Table) -> Result<()> {
        let messages = number(self.recipients);
        let (ours, both) = self.apart.peak_memory()?;
        table.fact(
            "most memory: every function together, both processes",
            &format!("{}, {}", shown(ours, ""), shown(both, "MB")),
        );
        table.fact(
            "our CPU a message and its three statuses, every function together",
            &shown(self.used.cpu_ms / messages, "ms"),
        );
        self.used.tell_calls(self.recipients, "message", table);
        let (added, sent) = (&self.added.noted, &self.used.noted);
        let units = |of: fn(&Noted) -> f64| (of(added) + of(sent)) / messages;
        let write_units = units(|noted| noted.write_units);
        table.at_most(
            "DynamoDB write units a message, its adding included",
            write_units,
            14.0,
            "",
        );
        let read_units = units(|noted| noted.read_units);
        table.fact("DynamoDB read units a message", &shown(read_units, ""));
        let sqs = units(|noted| noted.all_of("AmazonSQS"));
        table.fact(
            "SQS calls a message, receiving and deleting included",
            &shown(sqs, ""),
        );
        let batches = units(Noted::batches);
        let webhooks = self.simulated("/webhooks/sent") / messages;
        let cost = Cost {
            write_units,
            read_units,
            sqs,
            invocations: batches + webhooks,
        };
        table.fact(
            &format!("a million of them, prices of {PRICED}: DynamoDB, SQS, Lambda"),
            &cost.shown(),
        );
        table.fact(
            "a million of them, together",
            &format!("${:.2}", cost.together()),
        );
        Ok(())
    }
}
