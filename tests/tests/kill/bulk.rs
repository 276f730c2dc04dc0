//! A bulk job whose platform is killed. Together with its emulators, as at a desk; and without them, at random moments
//! while everything else fails as well, so that what AWS and Meta have is what they would have.
//!
//! The latter is small by default; `HELIOGRAPH_KILL_RECIPIENTS`, `HELIOGRAPH_KILLS` and `HELIOGRAPH_KILL_SEED` make it what
//! CONTRIBUTING.md says.

use super::TURN;
use super::process::{Folder, Process, free_ports};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tests::{Desk, eventually_within};

/// Leases of 30 seconds have to run out. And the queues go on: what a function had of them when it died is invisible for
/// three minutes more.
const LEAST_PATIENCE: Duration = Duration::from_mins(6);

/// And each recipient takes its time.
const PATIENCE_EACH: Duration = Duration::from_millis(30);

/// What goes wrong besides: the share of calls, or of statuses, that it befalls.
const FAULTS: [(&str, f64, u32); 5] = [
    ("timeout_after_accept", 0.02, 300),
    ("http_503", 0.02, 0),
    ("error:130429", 0.005, 0),
    ("duplicate_webhook", 0.1, 200),
    ("reorder_webhooks", 0.1, 700),
];

/// Recipients at most whose call one kill cuts off before the provider took them.
const CUT_OFF: usize = 60;

/// How large, how often, and when.
struct Plan {
    recipients: usize,
    kills: usize,
    seed: u64,
}

impl Plan {
    #[expect(
        clippy::disallowed_methods,
        reason = "the moments differ from run to run"
    )]
    fn asked_for() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let plan = Self {
            recipients: asked("HELIOGRAPH_KILL_RECIPIENTS").unwrap_or(1_000),
            kills: asked("HELIOGRAPH_KILLS").unwrap_or(3),
            seed: asked("HELIOGRAPH_KILL_SEED").unwrap_or(since.as_secs()),
        };
        eprintln!(
            "{} recipients, {} kills, HELIOGRAPH_KILL_SEED={}",
            plan.recipients, plan.kills, plan.seed
        );
        plan
    }

    fn patience(&self) -> Duration {
        let each = u32::try_from(self.recipients + 500 * self.kills).unwrap();
        LEAST_PATIENCE + PATIENCE_EACH * each
    }

    /// When to kill: after how many acceptances, in order, and how many milliseconds after that.
    fn moments(&self) -> Vec<(usize, u64)> {
        let mut state = self.seed;
        let most = self.recipients * 9 / 10;
        let mut moments: Vec<_> = (0..self.kills)
            .map(|_| (below(&mut state, most), below(&mut state, 700) as u64))
            .collect();
        moments.sort_unstable();
        moments
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "it is asked of whoever runs the test, not of a function"
)]
fn asked<T: std::str::FromStr<Err: std::fmt::Debug>>(name: &str) -> Option<T> {
    let wanted = std::env::var(name).ok()?;
    Some(wanted.parse().unwrap())
}

/// A number below `most`, by `SplitMix64`.
fn below(state: &mut u64, most: usize) -> usize {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    usize::try_from((mixed ^ (mixed >> 31)) % most as u64).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_job_survives_the_death_of_everything_at_once() {
    const RECIPIENTS: usize = 400;
    let _turn = TURN.lock().await;
    let (folder, ports) = (Folder::new("bulk-whole"), free_ports());
    let mut process = Process::start(&folder, ports).await;
    let job = job_of(&process.desk, RECIPIENTS).await;
    let _ = process.desk.start_job(&job).await.with(202);
    for share in 1..=2 {
        until_sent(&process.desk, RECIPIENTS * share / 3, LEAST_PATIENCE).await;
        process.kill().await;
        process = Process::start(&folder, ports).await;
    }
    check(&process.desk, &job, (RECIPIENTS, 2), LEAST_PATIENCE).await;
    process.end("TERM").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_job_survives_the_death_of_the_process_at_any_moment_and_every_fault() {
    let _turn = TURN.lock().await;
    let plan = Plan::asked_for();
    let (folder, own) = (Folder::new("bulk-emulators"), Folder::new("bulk"));
    let ports = free_ports();
    let emulators = Process::start_with(&folder, ports, &["emulators"]).await;
    let mut process = Process::join(&own, ports, &emulators).await;
    for (fault, share, delay_ms) in FAULTS {
        let order = json!({"fault": fault, "share": share, "delay_ms": delay_ms});
        process.desk.fault(&order).await;
    }
    let job = job_of(&process.desk, plan.recipients).await;
    let _ = process.desk.start_job(&job).await.with(202);
    for (enough, after_ms) in plan.moments() {
        until_sent(&emulators.desk, enough, plan.patience()).await;
        // A moment that nothing in the platform knows of.
        tokio::time::sleep(Duration::from_millis(after_ms)).await;
        process.kill().await;
        process = Process::join(&own, ports, &emulators).await;
    }
    let size = (plan.recipients, plan.kills);
    check(&process.desk, &job, size, plan.patience()).await;
    process.end("TERM").await;
    emulators.end("TERM").await;
}

/// Waits until the provider has taken so many messages.
async fn until_sent(desk: &Desk, enough: usize, patience: Duration) {
    let look = async || {
        let accepted = desk.stats().await["accepted"].as_u64().unwrap();
        (accepted >= enough as u64).then_some(())
    };
    eventually_within(patience, "a share of the job to be sent", look).await;
}

/// Nothing is lost, nothing was sent twice, and the counts close.
async fn check(desk: &Desk, job: &str, (recipients, kills): (usize, usize), patience: Duration) {
    let ends = ["read", "unknown", "failed"];
    let done = desk.job_once_all_are(job, &ends, patience).await;
    let accepted = desk.accepted(None).await.len();
    let counts = &done["counts"];
    assert_eq!(counts["total"], recipients, "{done}");
    assert_eq!(counts["read"], accepted, "whatever was sent is known");
    let unsent = counts["unknown"].as_u64().unwrap() + counts["failed"].as_u64().unwrap();
    assert_eq!(unsent, (recipients - accepted) as u64, "{done}");
    // They are those whose call a fault or a kill cut off, and nobody else.
    let most = recipients / 20 + kills * CUT_OFF;
    assert!(unsent <= most as u64, "{done}");
    let stats = desk.stats().await;
    assert_eq!(stats["duplicates"], 0, "{stats}");
    assert_eq!(stats["distinct_recipients"], accepted, "{stats}");
    let listed = desk.all(&format!("/v1/bulk-jobs/{job}/recipients")).await;
    assert_eq!(listed.len(), recipients);
    let silent = listed
        .iter()
        .find(|it| it["state"] == "failed" && it["error"]["provider"]["remedy"].as_str().is_none());
    assert_eq!(silent, None, "a failed recipient says why");
}

/// A job with so many recipients.
async fn job_of(desk: &Desk, count: usize) -> String {
    let job = desk.make_job("Hello {{name}}!").await;
    let lines: Vec<Value> = (0..count)
        .map(|place| json!({"to": format!("+15551{place:06}"), "variables": {"name": place}}))
        .collect();
    for lines in lines.chunks(5_000) {
        let _ = desk.add(&job, lines).await.with(200);
    }
    job
}
