//! The router over an emulated DynamoDB and a stand-in for every other service, as a caller meets it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod desk;
mod events;
mod health;
mod jobs;
mod provider_stats;
mod reading;
mod stats;
mod waiting;
