//! What the black-box tests stand on: a platform, and a caller who speaks raw JSON to it.
//!
//! Knows no type of Heliograph's, save where a second tenant moves in: what a caller cannot see, these tests cannot see.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a test fails by panicking"
)]

mod answer;
mod apart;
mod deployed;
mod described;
mod desk;
mod fixtures;
mod jobs;
pub mod neighbour;
mod routes;
mod samples;
mod simulator;
mod waiting;

pub use answer::Answer;
pub use apart::Emulators;
pub use described::{undescribed, undescribed_by};
pub use desk::{Desk, read, text};
pub use fixtures::{Fixture, fixtures};
pub use jobs::recipients;
pub use routes::{Route, leads_to, nothing, routes};
pub use samples::{Sample, samples, samples_of};
pub use simulator::sign;
pub use waiting::{eventually, eventually_within, in_seconds};

/// The demo tenant's sender: Meta's phone number id.
pub const SENDER: &str = "100000000000001";

/// The demo tenant's WhatsApp Business Account.
pub const WABA: &str = "200000000000001";

/// The demo tenant's account.
pub const ACCOUNT: &str = "acct_demo";

/// The demo tenant's key with all rights.
pub const ADMIN_KEY: &str = "hg_demo_admin";

/// The demo tenant's key that only reads.
pub const VIEWER_KEY: &str = "hg_demo_viewer";

/// The key of whoever runs the desk.
pub const OPERATOR_KEY: &str = "hg_operator_demo";

/// What Meta signs the demo account's webhooks with.
pub const APP_SECRET: &str = "demo-app-secret";
