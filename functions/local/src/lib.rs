//! local

pub mod aws;
