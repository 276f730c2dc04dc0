//! What an environment learns of its calls, and tells the others.
//!
//! Calls are counted in memory. Only once some have failed is anything written, and then four times a second at most.

use super::{Credentials, Learnt, Of, account_name, learnt_of};
use crate::domain::breaker::{Calls, WINDOW};
use crate::domain::identity::SenderId;
use crate::domain::secret::Credential;
use crate::service::clock;
use crate::service::telemetry::{chain, count};
use crate::store::{CredentialName, StoreError};
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Failures are told so much apart at least.
const BETWEEN_WRITES: Duration = Duration::from_millis(250);

/// Nobody waits longer for such a write: it may get lost.
const PATIENCE: Duration = Duration::from_millis(250);

/// Credentials whose calls are remembered at most.
const CAPACITY: usize = 1_000;

/// What is known here and was not told yet.
#[derive(Debug, Default)]
pub(super) struct Learning(Mutex<HashMap<String, Counted>>);

#[derive(Debug, Default)]
struct Counted {
    calls: Calls,
    from: Option<Instant>,
    told: Option<Instant>,
    /// The right to make the one call after a rest.
    probe: Option<String>,
}

/// What is to be written.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    Calls(Calls),
    Probe(String),
}

impl Learning {
    /// Notes that this environment makes the one call.
    pub(super) fn probes(&self, name: &str, token: String) {
        let mut all = self.all();
        if all.len() >= CAPACITY && !all.contains_key(name) {
            all.clear();
        }
        all.entry(name.to_owned()).or_default().probe = Some(token);
    }

    fn learn(&self, name: &str, learnt: Learnt, now: Instant) -> Told {
        let mut all = self.all();
        if all.len() >= CAPACITY && !all.contains_key(name) {
            all.clear();
        }
        let counted = all.entry(name.to_owned()).or_default();
        if let Some(token) = counted.probe.take() {
            *counted = Counted::default();
            return Told::Probe(token);
        }
        counted.count(learnt, now);
        let is_soon = counted
            .told
            .is_some_and(|told| now.duration_since(told) < BETWEEN_WRITES);
        if counted.calls.failed == 0 || is_soon {
            return Told::Nothing;
        }
        counted.told = Some(now);
        counted.from = None;
        Told::Calls(std::mem::take(&mut counted.calls))
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Counted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    fn count(&mut self, learnt: Learnt, now: Instant) {
        let is_old = |from: Instant| now.duration_since(from) > WINDOW.unsigned_abs();
        if self.from.is_none_or(is_old) {
            (self.from, self.calls) = (Some(now), Calls::default());
        }
        match learnt {
            Learnt::Accepted => self.calls.made = self.calls.made.saturating_add(1),
            Learnt::Failed { is_first: true } => {
                self.calls.made = self.calls.made.saturating_add(1);
                self.calls.failed = self.calls.failed.saturating_add(1);
            }
            Learnt::Failed { is_first: false } | Learnt::Nothing => {}
        }
    }
}

impl Credentials {
    /// Told after each call how it ended, so that a credential rests whose calls fail. While they do not, nothing is
    /// written; a slow or lost write fails no message.
    pub async fn learn(
        &self,
        of: Of<'_>,
        sender: &SenderId,
        credential: &Credential,
        learnt: Learnt,
    ) {
        let Some(name) = self.name(of, sender, credential).await else {
            return;
        };
        let told = self
            .learning
            .learn(&learnt_of(&name), learnt, Instant::now());
        let telling = async {
            let now = clock::now();
            match told {
                Told::Nothing => Ok(()),
                Told::Calls(calls) => self.tell_calls(&name, calls, now).await,
                Told::Probe(token) => self.tell_probe(&name, (&token, learnt), now).await,
            }
        };
        match tokio::time::timeout(PATIENCE, telling).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                let error = chain(&error);
                tracing::warn!(account.id = %of.1, error, "how a credential's calls end was not told");
            }
            Err(_) => {
                tracing::warn!(account.id = %of.1, "how a credential's calls end was told too slowly");
            }
        }
    }

    async fn tell_calls(
        &self,
        name: &CredentialName,
        calls: Calls,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let counted = self.store.note_calls(name, calls, now).await?;
        let Some(opened) = counted.and_then(|breaker| breaker.opened(now)) else {
            return Ok(());
        };
        if self.store.turn_breaker(name, &opened, now).await? {
            count("breaker", "opened", 1);
            self.turned(name, "rests: too many of its calls failed");
        }
        Ok(())
    }

    async fn tell_probe(
        &self,
        name: &CredentialName,
        (token, learnt): (&str, Learnt),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let breaker = self.read_known(name).await?.breaker;
        let Some(probed) = breaker.probed(token, learnt, now) else {
            return Ok(());
        };
        if self.store.turn_breaker(name, &probed, now).await? {
            let (counted, what) = match learnt {
                Learnt::Accepted => ("closed", "is good again"),
                Learnt::Failed { .. } => ("opened", "rests on: the one call failed"),
                Learnt::Nothing => ("probed", "is still to be tried"),
            };
            count("breaker", counted, 1);
            self.turned(name, what);
        }
        Ok(())
    }

    /// Whoever chooses next here sees it at once.
    fn turned(&self, name: &CredentialName, what: &'static str) {
        let CredentialName {
            tenant,
            account,
            name,
            ..
        } = name;
        self.known.remove(&account_name((tenant, account)));
        tracing::warn!(account.id = %account, credential.name = name, "a credential {what}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILED: Learnt = Learnt::Failed { is_first: true };

    fn calls(made: u32, failed: u32) -> Told {
        Told::Calls(Calls { made, failed })
    }

    #[test]
    fn nothing_is_told_while_nothing_fails_and_then_four_times_a_second_at_most() {
        let (learning, start) = (Learning::default(), Instant::now());
        let learn = |learnt, ms| learning.learn("one", learnt, start + Duration::from_millis(ms));
        for _ in 0..100 {
            assert_eq!(learn(Learnt::Accepted, 0), Told::Nothing);
        }
        assert_eq!(learn(FAILED, 1), calls(101, 1));
        let told = (2..1_002).filter(|ms| learn(FAILED, *ms) != Told::Nothing);
        assert_eq!(told.count(), 4);
    }

    #[test]
    fn a_failure_that_was_not_told_yet_is_told_with_the_next_call() {
        let (learning, start) = (Learning::default(), Instant::now());
        let learn = |learnt, ms| learning.learn("one", learnt, start + Duration::from_millis(ms));
        assert_eq!(learn(FAILED, 0), calls(1, 1));
        assert_eq!(learn(FAILED, 10), Told::Nothing);
        assert_eq!(learn(Learnt::Accepted, 300), calls(2, 1));
    }

    #[test]
    fn a_message_that_fails_again_and_what_is_no_trouble_of_the_providers_is_not_counted() {
        let (learning, now) = (Learning::default(), Instant::now());
        for learnt in [Learnt::Failed { is_first: false }, Learnt::Nothing] {
            assert_eq!(learning.learn("one", learnt, now), Told::Nothing);
        }
    }

    #[test]
    fn the_one_call_is_told_however_it_ends() {
        let (learning, now) = (Learning::default(), Instant::now());
        learning.probes("one", "mine".to_owned());
        let told = learning.learn("one", Learnt::Nothing, now);
        assert_eq!(told, Told::Probe("mine".to_owned()));
        assert_eq!(learning.learn("one", Learnt::Accepted, now), Told::Nothing);
    }
}
