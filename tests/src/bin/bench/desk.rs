//! The platform, or the emulators it stands on, as a process of its own.

use anyhow::{Context, Result, bail, ensure};
use heliograph::domain::id::EventId;
use heliograph::service::clock;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, BufReader, sink};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;

/// It should be ready within a second.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running process; killed when dropped.
pub(crate) struct Desk {
    child: Child,
    urls: HashMap<String, String>,
    /// From exec to the line that says so.
    pub(crate) ready_after: Duration,
    _output: JoinSet<()>,
}

impl Desk {
    /// The whole platform with a new folder.
    pub(crate) async fn fresh() -> Result<(Self, Folder)> {
        let folder = Folder::new()?;
        Ok((Self::whole(&folder).await?, folder))
    }

    /// The whole platform with this folder.
    pub(crate) async fn whole(folder: &Folder) -> Result<Self> {
        let data_dir = folder.0.to_string_lossy();
        Self::start(&["--webhook-port", "0", "--data-dir", &data_dir]).await
    }

    /// Only the emulators; their webhooks go to this port.
    pub(crate) async fn emulators(folder: &Folder, webhook_port: u16) -> Result<Self> {
        let data_dir = folder.0.to_string_lossy();
        let port = webhook_port.to_string();
        Self::start(&[
            "emulators",
            "--webhook-port",
            &port,
            "--data-dir",
            &data_dir,
        ])
        .await
    }

    /// Only our functions, with AWS and Meta at these URLs.
    pub(crate) async fn functions(aws: &str, graph: &str, webhook_port: u16) -> Result<Self> {
        let port = webhook_port.to_string();
        let urls = ["--aws-endpoint", aws, "--graph-url", graph];
        Self::start(&[&urls[..], &["--webhook-port", &port, "--in-memory"]].concat()).await
    }

    async fn start(arguments: &[&str]) -> Result<Self> {
        let path = binary("desk")?;
        let ports = ["--port", "0", "--simulator-port", "0", "--aws-port", "0"];
        let begun = Instant::now();
        let mut child = Command::new(path)
            .args(arguments)
            .args(ports)
            .env("RUST_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = child.stdout.take().context("no output")?;
        let mut lines = BufReader::new(output).lines();
        let ready = tokio::time::timeout(PATIENCE, async {
            while let Some(line) = lines.next_line().await? {
                if let Some(urls) = line.strip_prefix("ready") {
                    return anyhow::Ok(urls.to_owned());
                }
            }
            bail!("the platform ended before it was ready")
        });
        let ready = ready
            .await
            .context("the platform was not ready in time")??;
        let ready_after = begun.elapsed();
        let pairs = ready
            .split_whitespace()
            .filter_map(|pair| pair.split_once('='));
        let urls = pairs.map(|(name, url)| (name.to_owned(), url.to_owned()));
        let mut draining = JoinSet::new();
        draining.spawn(async move {
            tokio::io::copy(&mut lines.into_inner(), &mut sink())
                .await
                .ok();
        });
        Ok(Self {
            urls: urls.collect(),
            child,
            ready_after,
            _output: draining,
        })
    }

    /// The URL of a part that runs in this process.
    pub(crate) fn url(&self, part: &str) -> Result<&str> {
        let url = self.urls.get(part).map(String::as_str);
        url.with_context(|| format!("{part} does not run in this process"))
    }

    /// Its number.
    pub(crate) fn pid(&self) -> Result<u32> {
        self.child.id().context("the platform has ended")
    }

    /// Kills it.
    pub(crate) async fn kill(&mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Asks it to end, and waits for that.
    pub(crate) async fn stop(mut self) -> Result<()> {
        let pid = self.pid()?.to_string();
        Command::new("kill").args(["-TERM", &pid]).status().await?;
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        ended.context("the platform did not end in time")??;
        Ok(())
    }
}

/// A folder for one run, gone at its end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// A new folder.
    pub(crate) fn new() -> Result<Self> {
        let name = format!("heliograph-bench-{}", EventId::at(clock::now()));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// A binary that was built beside this one.
pub(crate) fn binary(name: &str) -> Result<PathBuf> {
    let bench = std::env::current_exe()?;
    let path = bench.parent().unwrap_or(Path::new(".")).join(name);
    ensure!(
        path.is_file(),
        "{} is missing: run without --no-build",
        path.display()
    );
    Ok(path)
}
