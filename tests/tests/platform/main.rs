//! What the platform promises, asked of it from outside: over its ports, in raw JSON.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod access;
mod accounts;
mod app_webhook;
mod availability;
mod belongings;
mod bulk;
mod callers;
mod configuration;
mod csv;
mod described;
mod devices;
mod examples;
mod faults;
mod garbage;
mod gateways;
mod health;
mod idempotency;
mod inbound;
mod jobs;
mod keys_changed;
mod keys_in_use;
mod later;
mod limits;
mod lists;
mod operator;
mod outages;
mod people;
mod plans;
mod provider_stats;
mod providers;
mod recipients;
mod refusals;
mod replacing;
mod report;
mod resuming;
mod rotation;
mod routes;
mod senders;
mod sending;
mod setup;
mod tenants;
mod test_sends;
mod tiers;
mod trail;
mod unknown;
mod usage;
mod waiting;

use tests::neighbour;

/// The id of an answer.
fn id_of(answer: &serde_json::Value) -> String {
    answer["id"].as_str().unwrap().to_owned()
}
