//! One attempt to send one message: claim, wait for the slot, call, record.
//!
//! The only place where a provider is asked to send. Idempotency key: the message id; a second attempt at the same
//! time loses the claim. The message is claimed a little before its slot, so that the call begins in it; a call that
//! cannot begin in its slot does not begin.

mod departure;
mod heed;
mod lapse;
mod refused;

pub use departure::Departure;
pub use lapse::lapse;
pub use refused::RefusedCredential;
use refused::without_credential;

use super::{pace, people};
use crate::domain::content::Content;
use crate::domain::failure::{Class, ProviderFailure};
use crate::domain::id::{JobId, MessageId};
use crate::domain::identity::{SenderId, TenantId};
use crate::domain::job::{Duty, Job, Withdrawal};
use crate::domain::ledger::{CallResult, Event, START_WITHIN};
use crate::domain::message::Outbound;
use crate::domain::pace::Held;
use crate::domain::provider_settings::ProviderSettings;
use crate::domain::purpose::Purpose;
use crate::domain::secret::Credential;
use crate::domain::state::State;
use crate::provider::{Providers, SendOutcome};
use crate::service::telemetry::{STEPS, count};
use crate::store::{ClaimError, Expiring, Pace, PacedSender, Store, StoreError};
use jiff::Timestamp;
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};
use thiserror::Error;
use tokio::try_join;
use uuid::Uuid;

/// Heads of jobs and the pace of senders are read again after this long: pause and cancel act within it.
const HEAD_LIFETIME: Duration = Duration::from_secs(1);

/// What it takes to send: the ledger and the providers.
#[derive(Debug)]
pub struct Sending {
    store: Store,
    providers: Providers,
    jobs: Expiring<Arc<Job>>,
    paces: Expiring<Arc<Pace>>,
    now: fn() -> Timestamp,
}

/// What came of an attempt.
#[derive(Debug)]
pub enum Attempted {
    /// A call was made, and its outcome is written.
    Made(Box<Outbound>),
    /// The message may not be sent now, or not any more; this is how it stands, if it is there at all.
    NotNow(Option<Box<Outbound>>),
    /// Its call could not begin in its slot, or that is used no more; it waits for another one.
    TooLate(Box<Outbound>),
    /// A call was made, and the provider refused the credential. What that means for the message depends on whether the
    /// account has another one: [`Sending::with_another`] or [`Sending::with_no_other`] must be told, within the lease; or,
    /// where nobody waits for an answer, [`Sending::with_none_yet`].
    CredentialRefused(Box<RefusedCredential>),
}

impl Attempted {
    /// Whether a call was made, or may have been.
    #[must_use]
    pub const fn is_call(&self) -> bool {
        match self {
            Self::Made(_) | Self::CredentialRefused(_) => true,
            Self::NotNow(_) | Self::TooLate(_) => false,
        }
    }
}

/// Why an attempt could not be made. The message is as it was, or its lease runs out.
#[derive(Debug, Error)]
pub enum AttemptError {
    /// The store failed.
    #[error("the store failed while a message was being sent")]
    Store(#[from] StoreError),
}

impl Sending {
    /// Sends through `providers` what stands in `store`; `now` is the clock.
    #[must_use]
    pub fn new(store: Store, providers: Providers, now: fn() -> Timestamp) -> Self {
        Self {
            store,
            providers,
            jobs: Expiring::new(100, HEAD_LIFETIME),
            paces: Expiring::new(100, HEAD_LIFETIME),
            now,
        }
    }

    /// Claims the message, has it depart in the slot that it holds, and writes the outcome. A departure without a
    /// credential refuses the message: its ledger must say why it was not sent.
    pub async fn attempt(
        &self,
        tenant: &TenantId,
        id: &MessageId,
        departure: Departure<'_>,
        held: Held,
    ) -> Result<Attempted, AttemptError> {
        let slot = held.slot;
        pace::wait(slot.wait_to_claim((self.now)())).await;
        let claimed_at = (self.now)();
        if slot.is_over(claimed_at) {
            return self.missed(tenant, id).await;
        }
        let random = Uuid::new_v4();
        let token = random.simple().to_string();
        let claim = departure.attempt(claimed_at);
        // Boxed, because requests are large.
        let claimed = Box::pin(self.store.claim(tenant, id, &token, claim)).await;
        let message = match claimed {
            Ok(message) => departure.of(message),
            Err(ClaimError::NotNow(message)) => return self.look_after(message).await,
            Err(ClaimError::Store(error)) => return Err(error.into()),
        };
        let chance = random.as_u128();
        let prepared = self.prepare(&message, departure.purpose, held, chance);
        let prepared = prepared.await;
        let Some(credential) = departure.credential else {
            count("account_paused", "no_credential", 1);
            return self.refuse(message, &token, without_credential()).await;
        };
        let (content, settings) = match prepared {
            Ok(Prepared::Content(content, settings)) => (content, settings),
            Ok(Prepared::Unsendable(failure)) => {
                return self.refuse(message, &token, failure).await;
            }
            Ok(Prepared::Stopped) => {
                return Ok(not_now(self.give_back(message, &token).await?));
            }
            Ok(Prepared::OtherPace) => return self.too_late(message, &token).await,
            Ok(Prepared::Withdrawn(withdrawal)) => {
                let message = self.give_back(message, &token).await?;
                let event = withdrawal.event();
                let ended = self.store.apply(message, &event, (self.now)());
                return Ok(not_now(ended.await?));
            }
            Err(error) => {
                self.give_back(message, &token).await?;
                return Err(error.into());
            }
        };
        pace::wait(slot.wait((self.now)())).await;
        let starting = (self.now)();
        if slot.is_over(starting) || starting.duration_since(claimed_at) > START_WITHIN {
            return self.too_late(message, &token).await;
        }
        self.call(message, &token, credential, &content, &settings)
            .await
    }

    async fn call(
        &self,
        message: Outbound,
        token: &str,
        credential: &Credential,
        content: &Content,
        settings: &ProviderSettings,
    ) -> Result<Attempted, AttemptError> {
        let began = Instant::now();
        let key = &credential.token;
        let outcome = self.providers.send(settings, &message, content, key).await;
        let result = match outcome {
            SendOutcome::Accepted(acceptance) => CallResult::Accepted {
                provider_id: acceptance.provider_id,
                recipient: acceptance.recipient,
            },
            SendOutcome::NotAccepted(failure) if failure.class == Class::Credential => {
                let took = began.elapsed();
                let refused = RefusedCredential::new(message, token, failure, took, credential);
                return Ok(Attempted::CredentialRefused(Box::new(refused)));
            }
            SendOutcome::NotAccepted(failure) => CallResult::Refused(failure),
            SendOutcome::Ambiguous(failure) => CallResult::Ambiguous(failure),
        };
        self.record(message, token, result, began.elapsed(), Some(credential))
            .await
            .map(Attempted::Made)
    }

    /// No call is made: it could only fail.
    async fn refuse(
        &self,
        message: Outbound,
        token: &str,
        failure: ProviderFailure,
    ) -> Result<Attempted, AttemptError> {
        let result = CallResult::Refused(failure);
        self.record(message, token, result, Duration::ZERO, None)
            .await
            .map(Attempted::Made)
    }

    async fn record(
        &self,
        message: Outbound,
        token: &str,
        result: CallResult,
        took: Duration,
        credential: Option<&Credential>,
    ) -> Result<Box<Outbound>, AttemptError> {
        let told = match &result {
            CallResult::Accepted { recipient, .. } => Some(recipient.clone()),
            CallResult::Refused(_)
            | CallResult::GaveWay(_)
            | CallResult::LastRefused(_)
            | CallResult::Ambiguous(_) => None,
        };
        let onward = match &result {
            CallResult::Accepted { .. } | CallResult::GaveWay(_) => None,
            CallResult::Refused(failure)
            | CallResult::LastRefused(failure)
            | CallResult::Ambiguous(failure) => {
                // Boxed, because it is rare and holds a whole message's content.
                Box::pin(self.onward(&message, failure)).await
            }
        };
        // The credential alone was meant, and another one takes its place.
        let is_over = matches!(result, CallResult::GaveWay(_));
        let event = Event::CallEnded {
            token,
            result,
            duration_ms: u32::try_from(took.as_millis()).unwrap_or(u32::MAX),
            credential: credential.map(|credential| credential.alias.clone()),
            onward: onward.as_ref(),
        };
        let now = (self.now)();
        let left = message.leg();
        let message = self.store.apply(message, &event, now).await?;
        let state = message.state.as_str();
        tracing::info!(target: STEPS, { message.id = %message.id, state }, "attempt ended");
        if let Some(failure) = message.failure().filter(|_| !is_over) {
            self.heed(&message, &left, failure).await;
        }
        if let Some(told) = told {
            // The outcome is written. Each status tells the names again, and `ingest` does not give up. Boxed, because
            // it is large and rarely has anything to do.
            let learned = Box::pin(people::learn_names(&self.store, &message, &told, now)).await;
            if let Err(error) = learned {
                tracing::warn!(message.id = %message.id, %error, "the provider's name for a person not noted");
            }
        }
        Ok(Box::new(message))
    }

    async fn too_late(&self, message: Outbound, token: &str) -> Result<Attempted, AttemptError> {
        let message = self.give_back(message, token).await?;
        Ok(Attempted::TooLate(Box::new(message)))
    }

    async fn give_back(&self, message: Outbound, token: &str) -> Result<Outbound, StoreError> {
        let event = Event::GivenBack { token };
        self.store.apply(message, &event, (self.now)()).await
    }

    /// The slot was over before the message was claimed.
    async fn missed(&self, tenant: &TenantId, id: &MessageId) -> Result<Attempted, AttemptError> {
        let message = self.store.outbound(tenant, id).await?.map(Box::new);
        Ok(match message {
            Some(message) if message.state == State::Queued => Attempted::TooLate(message),
            message => self.look_after(message).await?,
        })
    }

    /// A message that cannot be claimed may have run out of time or of its lease: then that is written down.
    async fn look_after(&self, message: Option<Box<Outbound>>) -> Result<Attempted, AttemptError> {
        let Some(message) = message else {
            return Ok(Attempted::NotNow(None));
        };
        Ok(not_now(lapse(&self.store, *message, (self.now)()).await?))
    }

    /// What the message says: its own content, or its job's with the placeholders filled.
    async fn prepare(
        &self,
        message: &Outbound,
        purpose: Purpose,
        held: Held,
        chance: u128,
    ) -> Result<Prepared, StoreError> {
        let (tenant, sender) = (&message.tenant, &message.sender);
        let settings = self
            .store
            .known_provider_settings(tenant, sender.provider());
        let (pace, settings) = try_join!(self.pace(tenant, sender), settings)?;
        let is_paused = pace.paused.as_ref().is_some_and(|it| purpose.heeds(it));
        if is_paused || !purpose.may_use(&settings) {
            return Ok(Prepared::Stopped);
        }
        if !pace.lets(held, (self.now)(), chance) {
            return Ok(Prepared::OtherPace);
        }
        let Some(job) = &message.job else {
            return Ok(match &message.content {
                Some(content) => Prepared::Content(content.clone(), settings),
                None => Prepared::Unsendable(unsendable("the message has no content")),
            });
        };
        let Some(job) = self.job(&message.tenant, job).await? else {
            return Ok(Prepared::Unsendable(unsendable(
                "the message's job is gone",
            )));
        };
        match job.duty_to(message.lane, (self.now)()) {
            Duty::Send => {}
            Duty::Nothing => return Ok(Prepared::Stopped),
            Duty::Withdraw(withdrawal) => return Ok(Prepared::Withdrawn(withdrawal)),
        }
        let variables = message.variables.as_ref().unwrap_or(&Value::Null);
        // Checked when the recipient was added; a rule may have changed since.
        Ok(match job.message.fill(variables) {
            Ok(content) => Prepared::Content(content, settings),
            Err(_) => Prepared::Unsendable(unsendable("the job's message cannot be filled")),
        })
    }

    /// Takes the pace of a message's sender as known.
    pub fn know(&self, message: &Outbound, read: &PacedSender) {
        let pace = Arc::new(read.pace.clone());
        let name = pace_name(&message.tenant, &message.sender);
        self.paces.put(&name, pace, read.as_of);
    }

    async fn pace(&self, tenant: &TenantId, sender: &SenderId) -> Result<Arc<Pace>, StoreError> {
        let name = pace_name(tenant, sender);
        if let Some(pace) = self.paces.get(&name, Instant::now()) {
            return Ok(pace);
        }
        let pace = Arc::new(self.store.pace(tenant, sender).await?);
        self.paces.put(&name, pace.clone(), Instant::now());
        Ok(pace)
    }

    async fn job(&self, tenant: &TenantId, id: &JobId) -> Result<Option<Arc<Job>>, StoreError> {
        let name = format!("{tenant}/{id}");
        if let Some(job) = self.jobs.get(&name, Instant::now()) {
            return Ok(Some(job));
        }
        let Some(job) = self.store.job(tenant, id).await? else {
            return Ok(None);
        };
        let job = Arc::new(job);
        self.jobs.put(&name, job.clone(), Instant::now());
        Ok(Some(job))
    }
}

fn pace_name(tenant: &TenantId, sender: &SenderId) -> String {
    format!("{tenant}/{sender}")
}

fn not_now(message: Outbound) -> Attempted {
    Attempted::NotNow(Some(Box::new(message)))
}

enum Prepared {
    Content(Content, Arc<ProviderSettings>),
    /// It can never be sent.
    Unsendable(ProviderFailure),
    /// Its job does not run, its sender is paused, or its provider disabled.
    Stopped,
    /// Its sender was slowed down, or given another rate, after it was given its slot.
    OtherPace,
    /// Its job was given up, or its time has passed.
    Withdrawn(Withdrawal),
}

fn unsendable(why: &str) -> ProviderFailure {
    ProviderFailure::without_code(Class::Permanent, why, "create the message again")
}
