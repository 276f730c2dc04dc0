//! The bench: measures the platform and its functions, and prints what it measured beside the figures to hold.
//!
//! Every figure is measured in the run that prints it. It knows the platform from outside: processes, ports, `/proc`.
#![expect(clippy::print_stdout, reason = "its table is what it is run for")]

mod apart;
mod build;
mod bulk;
mod busy;
mod caller;
mod chain;
mod cost;
mod cpu;
mod desk;
mod flood;
mod functions;
mod handler;
mod invoked;
mod job;
mod lambda;
mod lanes;
mod life;
mod load;
mod pace;
mod process;
mod rotate;
mod scale;
mod send;
mod signed;
mod start;
mod table;
mod tap;
mod versus;
mod webhook;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use scale::Scale;
use std::process::ExitCode;
use table::Table;

/// Measures Heliograph on this machine and prints the figures to hold beside what was measured.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Cli {
    /// Run one part only
    #[arg(long, value_name = "NAME")]
    only: Option<Part>,
    /// Measure less of everything: for a first look, not for figures
    #[arg(long)]
    quick: bool,
    /// Measure the binaries that are there, whatever their age
    #[arg(long)]
    no_build: bool,
}

/// What can be measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// From exec to `ready`, and memory
    Start,
    /// Single messages
    Send,
    /// Webhooks
    Webhook,
    /// A bulk job as fast as it goes, what it takes of us, and what AWS charges for it
    Bulk,
    /// The same at 80 messages a second, with Meta failing
    Pace,
    /// How soon a bulk job obeys, and goes on after a death
    Life,
    /// One-time codes beside a large bulk job
    Lanes,
    /// Every secret of an account rotated beside a bulk job, single messages and webhooks
    Rotate,
    /// A minute's flood of webhooks, and a spike of them
    Flood,
    /// Our CPU for a bulk message, a single one, a webhook
    Cpu,
    /// Each function's binary: size, exec to first poll
    Functions,
    /// Every function's binary, invoked as Lambda invokes it: CPU a webhook and a bulk message, memory of each
    Invoked,
    /// `webhook` beside the same in Node.js and in Python; by name only, and by `tests/versus/run`, which prepares it
    Versus,
}

impl Part {
    fn is_asked_for(self, only: Option<Self>) -> bool {
        only.map_or(self != Self::Versus, |only| only == self)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let scale = if cli.quick {
        Scale::quick()
    } else {
        Scale::full()
    };
    if !cli.no_build
        && let Err(error) = build::everything().await
    {
        eprintln!("bench: {error:#}");
        return ExitCode::FAILURE;
    }
    let mut table = Table::default();
    println!("\n{}", process::machine());
    let mut failed = false;
    for part in Part::value_variants() {
        if part.is_asked_for(cli.only) {
            let name = part.to_possible_value();
            let name = name.as_ref().map_or("", |name| name.get_name());
            let measured = measure(*part, &scale, &mut table).await;
            if let Err(error) = measured.with_context(|| format!("{name} could not be measured")) {
                eprintln!("bench: {error:#}");
                failed = true;
            }
        }
    }
    println!("\n{}", table.summary());
    println!("{}", process::machine());
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

async fn measure(part: Part, scale: &Scale, table: &mut Table) -> Result<()> {
    match part {
        Part::Start => start::measure(scale, table).await,
        Part::Send => send::measure(scale, table).await,
        Part::Webhook => webhook::measure(scale, table).await,
        Part::Bulk => bulk::measure(scale, table).await,
        Part::Pace => pace::measure(scale, table).await,
        Part::Life => life::measure(table).await,
        Part::Lanes => lanes::measure(scale, table).await,
        Part::Rotate => rotate::measure(scale, table).await,
        Part::Flood => flood::measure(scale, table).await,
        Part::Cpu => cpu::measure(scale, table).await,
        Part::Functions => functions::measure(scale, table).await,
        Part::Invoked => invoked::measure(scale, table).await,
        Part::Versus => versus::measure(scale, table).await,
    }
}
