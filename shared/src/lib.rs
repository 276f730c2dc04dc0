//! What every Heliograph function shares.
//!
//! Dependencies point down this list, never up; a test in `tests/` holds it.

pub mod domain;
pub mod messaging;
pub mod provider;
pub mod store;
