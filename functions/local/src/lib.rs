//! local

pub mod aws;
pub mod simulator;
