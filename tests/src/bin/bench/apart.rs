//! Our functions in one process, the emulators and the simulator in another.
//!
//! Their process stands for what Lambda runs, and for what Lambda itself does: ports and pollers are in it, too.

use crate::caller::Caller;
use crate::desk::{Desk, Folder};
use crate::process;
use crate::table::{Table, ms, number, shown};
use crate::tap::{Noted, Tap, takes_everything};
use anyhow::Result;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Our functions and what they stand on, apart.
pub(crate) struct Apart {
    ours: Desk,
    emulators: Desk,
    tap: Tap,
    webhook_port: u16,
    /// Who calls ours, and looks into the simulator.
    pub(crate) caller: Caller,
    _folder: Folder,
    _elsewhere: JoinSet<()>,
}

/// What some work took of us, and asked of AWS.
pub(crate) struct Used {
    /// Our CPU time, in milliseconds.
    pub(crate) cpu_ms: f64,
    /// The calls of AWS.
    pub(crate) noted: Noted,
}

impl Apart {
    /// Starts both; the statuses of what is sent come back.
    pub(crate) async fn start() -> Result<Self> {
        let port = free_port().await?;
        Self::with(port, port, JoinSet::new()).await
    }

    /// Starts both; statuses go to somebody who takes everything.
    pub(crate) async fn without_statuses() -> Result<Self> {
        let (port, elsewhere) = takes_everything().await?;
        Self::with(port, 0, elsewhere).await
    }

    /// The simulator's webhooks go to this port, and ours are taken on that one.
    async fn with(webhooks_to: u16, webhook_port: u16, elsewhere: JoinSet<()>) -> Result<Self> {
        let folder = Folder::new()?;
        let emulators = Desk::emulators(&folder, webhooks_to).await?;
        let tap = Tap::before(emulators.url("aws")?).await?;
        let ours = Desk::functions(tap.url(), emulators.url("simulator")?, webhook_port).await?;
        Ok(Self {
            caller: Caller::of(&ours, &emulators)?,
            ours,
            emulators,
            tap,
            webhook_port,
            _folder: folder,
            _elsewhere: elsewhere,
        })
    }

    /// Our CPU for what `work` does and for what follows from it, and the calls of AWS.
    pub(crate) async fn used(&self, work: impl Future<Output = Result<()>>) -> Result<Used> {
        let pid = self.ours.pid()?;
        let before = process::rest(pid).await?;
        self.tap.take();
        work.await?;
        let used = process::rest(pid).await?.saturating_sub(before);
        Ok(Used {
            cpu_ms: ms(used),
            noted: self.tap.take(),
        })
    }

    /// The memory our process holds now, in MB.
    pub(crate) fn memory(&self) -> Result<f64> {
        process::memory(self.ours.pid()?)
    }

    /// The most memory that ours, and that both processes held, in MB.
    pub(crate) fn peak_memory(&self) -> Result<(f64, f64)> {
        let ours = process::peak_memory(self.ours.pid()?)?;
        Ok((ours, ours + process::peak_memory(self.emulators.pid()?)?))
    }

    /// Kills our functions; AWS and Meta live.
    pub(crate) async fn kill(&mut self) -> Result<()> {
        self.ours.kill().await
    }

    /// Starts our functions anew.
    pub(crate) async fn start_again(&mut self) -> Result<()> {
        let graph = self.emulators.url("simulator")?;
        self.ours = Desk::functions(self.tap.url(), graph, self.webhook_port).await?;
        self.caller = Caller::of(&self.ours, &self.emulators)?;
        Ok(())
    }

    /// Ends both.
    pub(crate) async fn stop(self) -> Result<()> {
        self.ours.stop().await?;
        self.emulators.stop().await
    }
}

impl Used {
    /// Tells the calls of AWS that one of so many needs.
    pub(crate) fn tell_calls(&self, count: usize, what: &str, table: &Table) {
        let (noted, share) = (&self.noted, number(count));
        println!("  calls of AWS for each {what}: {}", noted.shown(share));
        let dynamodb = shown(noted.of("DynamoDB_") / share, "");
        table.fact(
            &format!("DynamoDB calls a {what}, every function's"),
            &dynamodb,
        );
        let sqs = shown(noted.of("AmazonSQS") / share, "");
        table.fact(&format!("SQS calls a {what}, without Lambda's own"), &sqs);
    }
}

/// A port nobody listens on now.
async fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    Ok(listener.local_addr()?.port())
}
