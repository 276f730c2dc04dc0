//! Builds what is measured, so that no figure is of yesterday's code.

use crate::functions::FUNCTIONS;
use anyhow::{Result, ensure};
use std::path::Path;
use tokio::process::Command;

/// Builds the functions as they are deployed, and the platform as a process. Quick if nothing has changed.
pub(crate) async fn everything() -> Result<()> {
    let functions: Vec<&str> = FUNCTIONS.iter().flat_map(|name| ["-p", name]).collect();
    // Apart from the platform, whose dependencies have features that no function is deployed with.
    cargo(&[&["build", "--release"], &functions[..]].concat()).await?;
    cargo(&["build", "--release", "-p", "tests", "--bin", "desk"]).await
}

async fn cargo(arguments: &[&str]) -> Result<()> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    println!("cargo {}", arguments.join(" "));
    let status = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(workspace)
        .status()
        .await?;
    ensure!(status.success(), "what is to be measured does not build");
    Ok(())
}
