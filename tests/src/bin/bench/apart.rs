//! Our functions in one process, the emulators and the simulator in another.
//!
//! Their process stands for what Lambda runs, and for what Lambda itself does: ports and pollers are in it, too.

use crate::caller::Caller;
use crate::desk::{Desk, Folder};
use crate::process;
use crate::table::ms;
use crate::tap::{Noted, Tap};
use anyhow::Result;
use tokio::net::TcpListener;

/// Our functions and what they stand on, apart.
pub(crate) struct Apart {
    ours: Desk,
    emulators: Desk,
    tap: Tap,
    /// Who calls ours, and looks into the simulator.
    pub(crate) caller: Caller,
    /// The number of our process.
    pub(crate) pid: u32,
    _folder: Folder,
}

impl Apart {
    /// The simulator's webhooks go to this port, and ours are taken on that one.
    pub(crate) async fn start(webhooks_to: u16, webhook_port: u16) -> Result<Self> {
        let folder = Folder::new()?;
        let emulators = Desk::emulators(&folder, webhooks_to).await?;
        let tap = Tap::before(emulators.url("aws")?).await?;
        let ours = Desk::functions(tap.url(), emulators.url("simulator")?, webhook_port).await?;
        Ok(Self {
            caller: Caller::of(&ours, &emulators)?,
            pid: ours.pid()?,
            ours,
            emulators,
            tap,
            _folder: folder,
        })
    }

    /// Our CPU for what `work` does and for what follows from it, in milliseconds, and the calls of AWS.
    pub(crate) async fn cost(
        &self,
        work: impl Future<Output = Result<()>>,
    ) -> Result<(f64, Noted)> {
        let before = process::rest(self.pid).await?;
        self.tap.take();
        work.await?;
        let used = process::rest(self.pid).await?.saturating_sub(before);
        Ok((ms(used), self.tap.take()))
    }

    /// Ends both.
    pub(crate) async fn stop(self) -> Result<()> {
        self.ours.stop().await?;
        self.emulators.stop().await
    }
}

/// A port nobody listens on now.
pub(crate) async fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    Ok(listener.local_addr()?.port())
}
