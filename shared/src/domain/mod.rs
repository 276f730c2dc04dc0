//! What the words mean and what is allowed.
//!
//! Plain values and plain functions: no async, no AWS, no HTTP, and the time is always an argument.
//! A test in `tests/` holds this module to that.

pub mod account;
pub mod audit;
pub mod availability;
pub mod bot;
pub mod breaker;
pub mod calls;
mod characters;
pub mod content;
pub mod credential;
pub mod email;
pub mod failure;
pub mod fault;
pub mod fields;
pub mod health;
pub mod held;
pub mod id;
pub mod identity;
pub mod job;
pub(crate) mod json_text;
pub mod latency;
pub mod ledger;
pub mod limits;
pub mod message;
pub mod network;
pub mod pace;
pub mod phone;
pub mod placeholder;
pub mod provider;
pub mod provider_key;
pub mod provider_settings;
pub mod purpose;
pub mod queue;
mod reckoning;
pub mod retry;
pub mod role;
pub mod route;
pub mod secret;
pub mod settlement;
pub mod state;
pub mod tier;
pub mod times;
pub mod usage;
pub mod waiting;
pub mod webhook;
