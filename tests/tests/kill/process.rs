//! The platform as a process of its own, on ports and a folder of its own.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use tests::{Desk, eventually};

/// A running platform, or the emulators it stands on.
pub(crate) struct Process {
    pub(crate) desk: Desk,
    /// What it said until it was ready.
    pub(crate) banner: String,
    child: Child,
}

/// Where a platform keeps everything; gone at the end of the test.
pub(crate) struct Folder(PathBuf);

/// A port that somebody else holds.
pub(crate) struct Taken(TcpListener);

static FOLDERS: AtomicU32 = AtomicU32::new(0);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let process = std::process::id();
        let name = format!("heliograph-{name}-{process}-{number}");
        Self(std::env::temp_dir().join(name))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Taken {
    pub(crate) fn port() -> Self {
        Self(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap())
    }

    pub(crate) fn number(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }
}

/// Ports that nobody holds just now: API, webhook, simulator, AWS. A platform that starts again needs the same ones.
pub(crate) fn free_ports() -> [u16; 4] {
    let taken = [(); 4].map(|()| Taken::port());
    taken.map(|taken| taken.number())
}

/// Runs the platform's command to its end.
pub(crate) fn run(arguments: &[String]) -> Output {
    command().args(arguments).output().unwrap()
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_desk"));
    command.env("RUST_LOG", "error");
    command
}

/// The command on these ports and this folder.
fn on(folder: &Folder, ports: [u16; 4]) -> Command {
    let names = ["--port", "--webhook-port", "--simulator-port", "--aws-port"];
    let mut command = command();
    for (name, port) in names.into_iter().zip(ports) {
        command.args([name, &port.to_string()]);
    }
    command.arg("--data-dir").arg(folder.path());
    command
}

impl Process {
    pub(crate) async fn start(folder: &Folder, ports: [u16; 4]) -> Self {
        Self::start_with(folder, ports, &[]).await
    }

    /// Starts the functions alone, over the emulators of another process. Those must run on the same ports, so that
    /// the simulator knows where webhooks go.
    pub(crate) async fn join(folder: &Folder, ports: [u16; 4], emulators: &Self) -> Self {
        let urls = emulators.urls();
        let url = |name| urls.iter().find(|(known, _)| *known == name).unwrap();
        let flags = [
            "--aws-endpoint",
            &url("aws").1,
            "--graph-url",
            &url("simulator").1,
        ];
        let mut functions = Self::start_with(folder, ports, &flags).await;
        functions.desk = Desk::at(&[functions.urls(), urls].concat());
        functions
    }

    /// Where its parts answer, by name: the line that said it was ready.
    fn urls(&self) -> Vec<(&str, String)> {
        let ready = self.banner.lines().last().unwrap_or_default();
        let parts = ready.split_whitespace();
        let parts = parts.filter_map(|word| word.split_once('='));
        parts.map(|(name, url)| (name, url.to_owned())).collect()
    }

    /// Starts it and waits for the line that says it is ready.
    pub(crate) async fn start_with(folder: &Folder, ports: [u16; 4], flags: &[&str]) -> Self {
        let mut command = on(folder, ports);
        let mut child = command.args(flags).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let banner = tokio::task::spawn_blocking(move || banner(BufReader::new(stdout)));
        Self::of(child, banner.await.unwrap())
    }

    /// The same, and all that it ever says goes to this file, with what it says at the level `debug`.
    pub(crate) async fn start_heard(folder: &Folder, ports: [u16; 4], log: &Path) -> Self {
        let file = File::create(log).unwrap();
        let mut command = on(folder, ports);
        command.env("RUST_LOG", "debug");
        command.stderr(file.try_clone().unwrap()).stdout(file);
        let child = command.spawn().unwrap();
        let look = async || {
            let said = std::fs::read_to_string(log).unwrap();
            let banner = banner(said.as_bytes());
            banner.contains("\nready").then_some(banner)
        };
        let banner = eventually("the platform to be ready", look).await;
        Self::of(child, banner)
    }

    fn of(child: Child, banner: String) -> Self {
        let mut process = Self {
            desk: Desk::at(&[]),
            banner,
            child,
        };
        process.desk = Desk::at(&process.urls());
        process
    }

    /// Sends it a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([format!("-{name}"), self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Kills it, and waits until it is gone.
    pub(crate) async fn kill(mut self) {
        self.child.kill().unwrap();
        self.gone().await;
    }

    /// Asks it to end, which it must do cleanly.
    pub(crate) async fn end(mut self, signal: &str) {
        self.signal(signal);
        assert_eq!(self.gone().await.code(), Some(0), "{signal}");
    }

    async fn gone(&mut self) -> ExitStatus {
        let look = async || self.child.try_wait().unwrap();
        eventually("the process to end", look).await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Every line up to the one that says that it is ready.
fn banner(output: impl BufRead) -> String {
    let mut banner = String::new();
    for line in output.lines().map(Result::unwrap) {
        banner += &line;
        if line.starts_with("ready") {
            break;
        }
        banner += "\n";
    }
    banner
}
