//! What every Heliograph function shares.
//!
//! `service` is what a function needs to run, `messaging` the use cases that several functions need, `store` DynamoDB,
//! `provider` the services behind accounts, `domain` the words and the rules. Dependencies point down this list,
//! never up; a test in `tests/` holds it.

pub mod domain;
pub mod messaging;
pub mod provider;
pub mod service;
pub mod store;
