//! `cargo run`: starts the platform and keeps it running until Ctrl-C.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    local::main().await
}
