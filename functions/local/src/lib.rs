//! The whole platform in one process, for a desk and for tests; never deployed.
//!
//! It mounts the very routers and handlers that the Lambda binaries run, over an emulated AWS and a simulated Meta. What
//! it adds is only what AWS and Meta would bring: ports, event sources, a clock that ticks.
#![expect(
    clippy::disallowed_methods,
    reason = "a desk is not Lambda: background tasks live as long as the process"
)]

pub mod aws;
mod chance;
mod cli;
mod demo;
mod edge;
mod functions;
mod platform;
mod pollers;
mod provision;
#[cfg(test)]
mod samples;
pub mod simulator;

pub use cli::main;
pub use functions::openapi;
pub use platform::{Parts, Platform, Ports, Settings};
