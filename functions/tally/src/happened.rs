//! What became of messages and calls, for the metrics.
//!
//! The stream shows each write once and in order, whoever made it, so nobody who sends or receives pays for a metric; and
//! what is told is what was counted.

use heliograph::domain::failure::Class;
use heliograph::domain::provider::Provider;
use heliograph::domain::state::State;
use heliograph::service::telemetry::{count, measure};
use std::collections::BTreeMap;

/// What happened in some writes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Happened {
    /// How many messages came to be in each state.
    states: BTreeMap<&'static str, u64>,
    /// Why those failed that did.
    failed: BTreeMap<&'static str, u64>,
    /// How long calls took that ended, in milliseconds, by provider.
    calls: BTreeMap<&'static str, Vec<u32>>,
}

impl Happened {
    /// A message came to be in a state; if it failed, for a failure of this class.
    pub(crate) fn became(&mut self, state: State, why: Option<Class>) {
        *self.states.entry(state.as_str()).or_default() += 1;
        if let Some(class) = why.filter(|_| state == State::Failed) {
            *self.failed.entry(class.as_str()).or_default() += 1;
        }
    }

    /// A call ended.
    pub(crate) fn called(&mut self, provider: Provider, milliseconds: u32) {
        let calls = self.calls.entry(provider.as_str()).or_default();
        calls.push(milliseconds);
    }

    /// This, and what else happened.
    pub(crate) fn add(&mut self, other: Self) {
        for (state, number) in other.states {
            *self.states.entry(state).or_default() += number;
        }
        for (class, number) in other.failed {
            *self.failed.entry(class).or_default() += number;
        }
        for (provider, mut calls) in other.calls {
            self.calls.entry(provider).or_default().append(&mut calls);
        }
    }

    /// Tells the metrics.
    pub(crate) fn tell(&self) {
        for (state, number) in &self.states {
            count("messages", state, *number);
        }
        for (class, number) in &self.failed {
            count("messages_failed", class, *number);
        }
        for (provider, calls) in &self.calls {
            measure("call_ms", provider, calls);
        }
    }
}
