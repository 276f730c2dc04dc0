//! One module per provider: clients, wire types, signatures.

pub mod meta;
