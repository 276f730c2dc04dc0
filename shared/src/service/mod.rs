//! What every function needs to run: configuration, logs, AWS clients, secrets, the HTTP kit.
//!
//! Knows nothing of messages, storage or providers, save what `caller`, `dto`, `idempotency` and `unapplied` need; the wall clock and the
//! environment are read here only.

pub mod auth;
pub mod aws;
pub mod caller;
pub mod clock;
pub mod config;
pub mod credentials;
pub mod dto;
pub mod http;
pub mod idempotency;
pub mod lanes;
pub mod openapi;
pub mod origin;
pub mod probe;
pub mod problem;
pub mod queue;
pub mod records;
pub mod secrets;
pub mod telemetry;
pub mod unapplied;

#[cfg(test)]
mod loopback;
