//! The command line: flags, the banner, the end.

use crate::platform::{Parts, Platform, Ports, Settings};
use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use heliograph::service::telemetry;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::runtime::Builder;

/// Heliograph at your desk: the whole platform in one process, with an emulated AWS and a simulated Meta.
#[derive(Debug, Parser)]
#[command(name = "heliograph", version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run only the AWS endpoints and the simulator; a platform joins them with --aws-endpoint and --graph-url
    Emulators,
    /// Print the `OpenAPI` document of the HTTP API, as the code describes it
    Openapi,
}

#[derive(Debug, Args)]
struct Flags {
    /// The port of the HTTP API (0 picks a free one, as for every port)
    #[arg(long, default_value_t = 3000, global = true)]
    port: u16,
    /// The port Meta's webhooks come to
    #[arg(long, default_value_t = 3001, global = true)]
    webhook_port: u16,
    /// The port of the simulated Graph API, and of its control surface under `/_sim`
    #[arg(long, default_value_t = 3002, global = true)]
    simulator_port: u16,
    /// The port of the emulated `DynamoDB`, SQS and Secrets Manager
    #[arg(long, default_value_t = 3003, global = true)]
    aws_port: u16,
    /// Where everything is kept between two starts
    #[arg(long, default_value = ".heliograph", value_name = "DIR", global = true)]
    data_dir: PathBuf,
    /// Keep nothing: everything is gone at the end
    #[arg(long, conflicts_with = "data_dir", global = true)]
    in_memory: bool,
    /// Do not make the demo tenant, with its keys, its account and some history
    #[arg(long, global = true)]
    no_demo: bool,
    /// Use another AWS-compatible endpoint instead of the emulated one
    #[arg(long, value_name = "URL", value_parser = url)]
    aws_endpoint: Option<String>,
    /// Use another Graph API instead of the simulated one
    #[arg(long, value_name = "URL", value_parser = url)]
    graph_url: Option<String>,
    /// Have the simulator send webhooks there, as to the Function URL of a stack
    #[arg(long, value_name = "URL", value_parser = url, global = true)]
    webhook_url: Option<String>,
}

/// A URL whose paths can be told apart from its own.
fn url(text: &str) -> Result<String, &'static str> {
    let parsed = reqwest::Url::parse(text).ok();
    let is_http = |url: &reqwest::Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    match parsed.filter(is_http) {
        Some(_) => Ok(text.trim_end_matches('/').to_owned()),
        None => Err("must be a URL such as http://127.0.0.1:3003"),
    }
}

impl Flags {
    fn settings(self, parts: Parts) -> Settings {
        Settings {
            ports: Ports {
                api: self.port,
                webhook: self.webhook_port,
                simulator: self.simulator_port,
                aws: self.aws_port,
            },
            data_dir: (!self.in_memory).then_some(self.data_dir),
            demo: !self.no_demo,
            aws_endpoint: self.aws_endpoint,
            graph_url: self.graph_url,
            webhook_url: self.webhook_url,
            parts,
        }
    }
}

/// A thread looks at its clocks and sockets after so many tasks. At tokio's 61 the ten milliseconds in which a
/// slot can be used pass behind others' tasks.
const TASKS_BETWEEN_LOOKS: u32 = 4;

/// Runs what the command line asks for.
#[must_use]
pub fn main() -> ExitCode {
    let Cli { command, flags } = Cli::parse();
    let parts = match command {
        Some(Command::Openapi) => return print_openapi(),
        Some(Command::Emulators) => Parts::Emulators,
        None => Parts::Everything,
    };
    telemetry::init();
    match run(flags.settings(parts)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("heliograph: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(settings: Settings) -> Result<()> {
    let runtime = Builder::new_multi_thread()
        .event_interval(TASKS_BETWEEN_LOOKS)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let platform = Platform::start(settings).await?;
        print_banner(&platform);
        wait_for_the_end().await;
        platform.shutdown().await;
        Ok(())
    })
}

#[expect(clippy::print_stdout, reason = "it is what was asked for")]
fn print_openapi() -> ExitCode {
    match crate::functions::openapi() {
        Ok(document) => {
            print!("{document}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("heliograph: {error}");
            ExitCode::FAILURE
        }
    }
}

#[expect(
    clippy::print_stdout,
    reason = "the banner is for the person at the desk"
)]
fn print_banner(platform: &Platform) {
    println!("\nHeliograph\n");
    for (name, url) in platform.urls() {
        println!("  {name:<10} {url}");
    }
    if platform.has_demo() {
        println!(
            "  {:<10} hg_demo_admin (all rights), hg_demo_viewer (reads), hg_operator_demo (tenants)",
            "demo keys"
        );
    }
    println!("\n  Ctrl-C ends it.\n");
    let urls = platform
        .urls()
        .into_iter()
        .map(|(name, url)| format!(" {name}={url}"));
    println!("ready{}", urls.collect::<String>());
}

/// Ctrl-C, or whatever asks processes to end.
async fn wait_for_the_end() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    let _ = interrupted.await;
}
