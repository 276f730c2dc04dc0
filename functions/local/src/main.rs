//! `cargo run`: starts the platform and keeps it running until Ctrl-C.

use std::process::ExitCode;

fn main() -> ExitCode {
    local::main()
}
