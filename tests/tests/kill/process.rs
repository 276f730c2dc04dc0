//! The platform as a process of its own, on ports and a folder of its own.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use tests::{Desk, eventually};

/// A running platform, or the emulators it stands on.
pub(crate) struct Process {
    pub(crate) desk: Desk,
    urls: Vec<(String, String)>,
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

    fn path(&self) -> &Path {
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

impl Process {
    pub(crate) async fn start(folder: &Folder, ports: [u16; 4]) -> Self {
        Self::start_with(folder, ports, &[]).await
    }

    /// Starts the emulators alone: they outlive every death of the platform that joins them.
    pub(crate) async fn emulators(folder: &Folder, ports: [u16; 4]) -> Self {
        Self::start_with(folder, ports, &["emulators"]).await
    }

    /// Starts a platform that stands on these emulators, and keeps nothing itself.
    pub(crate) async fn joined(emulators: &Self, folder: &Folder, ports: [u16; 4]) -> Self {
        let url = |name: &str| {
            let mut urls = emulators.urls.iter();
            let found = urls.find(|(known, _)| known == name);
            found.map(|(_, url)| url.clone()).unwrap()
        };
        let (aws, graph) = (url("aws"), url("simulator"));
        let flags = ["--aws-endpoint", &aws, "--graph-url", &graph];
        let mut process = Self::start_with(folder, ports, &flags).await;
        process.urls.extend(emulators.urls.iter().cloned());
        process.desk = desk_at(&process.urls);
        process
    }

    /// Starts it and waits for the line that says it is ready.
    pub(crate) async fn start_with(folder: &Folder, ports: [u16; 4], flags: &[&str]) -> Self {
        let names = ["--port", "--webhook-port", "--simulator-port", "--aws-port"];
        let mut command = command();
        for (name, port) in names.into_iter().zip(ports) {
            command.args([name, &port.to_string()]);
        }
        let mut child = command
            .arg("--data-dir")
            .arg(folder.path())
            .args(flags)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let ready = tokio::task::spawn_blocking(move || ready_line(BufReader::new(stdout)));
        let ready = ready.await.unwrap();
        let urls: Vec<(String, String)> = ready
            .split_whitespace()
            .filter_map(|word| word.split_once('='))
            .map(|(name, url)| (name.to_owned(), url.to_owned()))
            .collect();
        Self {
            desk: desk_at(&urls),
            urls,
            child,
        }
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

fn desk_at(urls: &[(String, String)]) -> Desk {
    let urls: Vec<(&str, String)> = urls
        .iter()
        .map(|(name, url)| (name.as_str(), url.clone()))
        .collect();
    Desk::at(&urls)
}

fn ready_line(output: impl BufRead) -> String {
    let mut lines = output.lines().map(Result::unwrap);
    let ready = lines.find(|line| line.starts_with("ready"));
    ready.unwrap_or_default()
}
