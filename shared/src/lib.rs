//! What every Heliograph function shares.
//!
//! Dependencies point down this list, never up; a test in `tests/` holds it.

pub mod domain;
pub mod provider;
pub mod service;
