//! What a function's binary costs: its zip, the time from exec to the first poll of the Runtime API, its memory.
//!
//! The size and the memory are the binary's own, and are held. The time is also the machine's, and is told.

use flate2::Compression;
use flate2::write::DeflateEncoder;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::process::Command;

/// Starts that are measured, after one that reads the binary from the disk.
const STARTS: usize = 9;

/// A function that has not polled by then never will.
const PATIENCE: Duration = Duration::from_secs(29);

const FIRST_POLL_MS: f64 = 8.0;
/// As AWS counts: its quota of 250 MB is 262,144,000 bytes.
const ZIP_MB: f64 = 4.0;
const MEMORY_MB: f64 = 64.0;

/// One function's.
pub(super) struct Figures {
    zip_mb: f64,
    first_poll_ms: f64,
    /// After the first event, and after all.
    memory_mb: Option<(f64, f64)>,
}

impl Figures {
    pub(super) fn of(bootstrap: &Path, mut first_polls: Vec<Duration>) -> Self {
        first_polls.sort();
        let bytes = std::fs::read(bootstrap).unwrap();
        let mut zip = DeflateEncoder::new(Vec::new(), Compression::default());
        zip.write_all(&bytes).unwrap();
        Self {
            zip_mb: megabytes(zip.finish().unwrap().len()) * 1e6 / 1_048_576.0,
            first_poll_ms: first_polls[first_polls.len() / 2].as_secs_f64() * 1_000.0,
            memory_mb: None,
        }
    }

    /// Looks at the function's process after an event.
    pub(super) fn note_memory(&mut self, process: u32) {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let line = status.lines().find(|it| it.starts_with("VmRSS:")).unwrap();
        let kilobytes: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        let now = megabytes(kilobytes * 1_024);
        let (first, most) = self.memory_mb.unwrap_or((now, now));
        self.memory_mb = Some((first, most.max(now)));
    }
}

/// The time from exec to the first poll, start by start. Whoever polls is never answered.
pub(super) async fn first_polls(bootstrap: &Path, variables: &[(String, String)]) -> Vec<Duration> {
    let runtime_api = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = runtime_api.local_addr().unwrap().to_string();
    let mut polls = Vec::new();
    for _ in 0..=STARTS {
        let mut command = Command::new(bootstrap);
        command.env_clear().envs(variables.iter().cloned());
        command.env("AWS_LAMBDA_RUNTIME_API", &address);
        command.stdin(Stdio::null()).kill_on_drop(true);
        let begun = Instant::now();
        let mut function = command.spawn().unwrap();
        let polled = tokio::time::timeout(PATIENCE, runtime_api.accept()).await;
        let (mut poll, _) = polled.unwrap().unwrap();
        let mut asked = [0; 64];
        let read = poll.read(&mut asked).await.unwrap();
        polls.push(begun.elapsed());
        let asked = String::from_utf8_lossy(&asked[..read]).into_owned();
        let expected = "GET /2018-06-01/runtime/invocation/next ";
        assert!(asked.starts_with(expected), "{asked}");
        function.kill().await.unwrap();
    }
    polls.split_off(1)
}

/// Prints them, and fails where a limit is passed for which no busy machine is to blame.
#[expect(clippy::print_stdout, reason = "the figures are what was asked for")]
pub(super) fn show_and_hold<'a>(all: impl Iterator<Item = (&'a str, &'a Figures)>) {
    println!("function  zip MB  first poll ms  memory MB after one event, after all");
    let mut beyond = Vec::new();
    for (function, figures) in all {
        let (first, most) = figures.memory_mb.unwrap();
        let (zip, poll) = (figures.zip_mb, figures.first_poll_ms);
        let slow = if poll > FIRST_POLL_MS {
            format!("  slower than {FIRST_POLL_MS} ms: is the machine busy?")
        } else {
            String::new()
        };
        println!("{function:<8} {zip:>7.2} {poll:>14.1} {first:>10.1} {most:>5.1}{slow}");
        if zip > ZIP_MB || most > MEMORY_MB {
            beyond.push(function);
        }
    }
    let limits = format!("{ZIP_MB} MB of zip, {MEMORY_MB} MB of memory");
    assert!(beyond.is_empty(), "{beyond:?} are beyond {limits}");
}

#[expect(clippy::cast_precision_loss, reason = "no binary has so many bytes")]
fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}
