//! schedule
fn main() {}
