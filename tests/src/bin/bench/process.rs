//! What Linux knows of a process, and of the machine.

use anyhow::{Context, Result};
use std::fs::read_to_string;
use std::time::{Duration, Instant};

/// Linux shows CPU time to programs in hundredths of a second, whatever the kernel's own clock is.
const TICK: Duration = Duration::from_millis(10);

/// A process that uses less than this of a second is at rest.
const AT_REST: Duration = Duration::from_millis(70);

/// How long to wait for that.
const PATIENCE: Duration = Duration::from_mins(1);

/// The CPU time the process has used, its own and the kernel's for it.
pub(crate) fn cpu(pid: u32) -> Result<Duration> {
    let stat = read_to_string(format!("/proc/{pid}/stat"))?;
    // The name, in parentheses, may hold spaces.
    let (_, fields) = stat.rsplit_once(')').context("not a stat file")?;
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: u32 = ticks.map(|field| field.parse().unwrap_or(0)).sum();
    Ok(TICK * ticks)
}

/// The memory the process holds now, in MB.
pub(crate) fn memory(pid: u32) -> Result<f64> {
    status(pid, "VmRSS:")
}

/// The most memory it ever held, in MB.
pub(crate) fn peak_memory(pid: u32) -> Result<f64> {
    status(pid, "VmHWM:")
}

/// Waits until the process has done what it was given; its CPU time then.
pub(crate) async fn rest(pid: u32) -> Result<Duration> {
    let begun = Instant::now();
    let mut before = cpu(pid)?;
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let after = cpu(pid)?;
        if after.saturating_sub(before) < AT_REST || begun.elapsed() > PATIENCE {
            return Ok(after);
        }
        before = after;
    }
}

/// The machine and how busy it is, for whoever reads the figures later.
pub(crate) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let cpu = read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("", |line| line.trim_start_matches([' ', '\t', ':']));
    let load = read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split_whitespace().take(3).collect();
    format!("{cores} cores, {model}, load {}", load.join(" "))
}

fn status(pid: u32, name: &str) -> Result<f64> {
    let status = read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kilobytes: f64 = line
        .and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse().ok())
        .with_context(|| format!("no {name} of process {pid}"))?;
    Ok(kilobytes * 1_024.0 / 1_000_000.0)
}
