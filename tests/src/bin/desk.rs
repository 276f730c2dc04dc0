//! The platform as a process, for the tests that kill it.

use std::process::ExitCode;

fn main() -> ExitCode {
    local::main()
}
