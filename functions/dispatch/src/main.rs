//! dispatch
fn main() {}
