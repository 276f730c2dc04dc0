//! Meta's WhatsApp Cloud API: sending, and what its webhooks say.
//!
//! Knows Meta's wire and nothing of stores, queues or functions.

pub mod client;
pub mod signature;
pub mod webhook;
