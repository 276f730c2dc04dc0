//! One attempt to send one message: claim, wait for the slot, call, record.
//!
//! The only place where a provider is asked to send. Idempotency key: the message id; a second attempt at the same
//! time loses the claim. The message is claimed a little before its slot, so that the call begins in it; a call that
//! cannot begin in its slot does not begin.

mod lapse;
mod refused;

pub use lapse::lapse;
pub use refused::RefusedCredential;

use super::{pace, people};
use crate::domain::content::Content;
use crate::domain::failure::{Class, ProviderFailure};
use crate::domain::id::{JobId, MessageId};
use crate::domain::identity::TenantId;
use crate::domain::job::{Duty, Job, Withdrawal};
use crate::domain::ledger::{CallResult, Event, START_WITHIN};
use crate::domain::message::Outbound;
use crate::domain::pace::{Consequence, Held, Pause, Slowed, consequence};
use crate::domain::provider::Provider;
use crate::domain::secret::Credential;
use crate::domain::state::State;
use crate::provider::{Providers, SendOutcome};
use crate::store::{ClaimError, Expiring, Pace, PacedSender, Store, StoreError};
use jiff::Timestamp;
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};
use thiserror::Error;
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
    /// account has another one: [`Sending::with_another`] or [`Sending::with_no_other`] must be told, within the lease.
    CredentialRefused(Box<RefusedCredential>),
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

    /// Claims the message, calls the provider with `credential` in the slot that it holds, and writes the outcome. An
    /// account without a credential refuses the message: its ledger must say why it was not sent.
    pub async fn attempt(
        &self,
        tenant: &TenantId,
        id: &MessageId,
        credential: Option<&Credential>,
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
        let message = match self.store.claim(tenant, id, &token, claimed_at).await {
            Ok(message) => message,
            Err(ClaimError::NotNow(message)) => return self.look_after(message).await,
            Err(ClaimError::Store(error)) => return Err(error.into()),
        };
        let prepared = self.prepare(&message, held, random.as_u128()).await;
        let Some(credential) = credential else {
            return self
                .refuse(message, &token, refused::without_credential())
                .await;
        };
        let content = match prepared {
            Ok(Prepared::Content(content)) => content,
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
        self.call(message, &token, credential, &content).await
    }

    async fn call(
        &self,
        message: Outbound,
        token: &str,
        credential: &Credential,
        content: &Content,
    ) -> Result<Attempted, AttemptError> {
        let began = Instant::now();
        let sent = self.providers.send(&message, content, &credential.token);
        let outcome = sent.await;
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
            CallResult::Refused(_) | CallResult::GaveWay(_) | CallResult::Ambiguous(_) => None,
        };
        // The credential alone was meant, and another one takes its place.
        let is_over = matches!(result, CallResult::GaveWay(_));
        let event = Event::CallEnded {
            token,
            result,
            duration_ms: u32::try_from(took.as_millis()).unwrap_or(u32::MAX),
            credential: credential.map(|credential| credential.alias.clone()),
        };
        let now = (self.now)();
        let message = self.store.apply(message, &event, now).await?;
        if let Some(failure) = message.failure().filter(|_| !is_over) {
            self.heed(&message, failure).await;
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

    /// What a refusal means for the sender. Nothing is lost if this fails, for the next message is refused alike.
    async fn heed(&self, message: &Outbound, failure: &ProviderFailure) {
        let now = (self.now)();
        let heeded = match consequence(failure, now) {
            Consequence::Nothing => return,
            Consequence::Pause(pause) => self.pause_with(message, &pause, failure.class).await,
            Consequence::SlowDown => self.slow_down(message, now).await,
        };
        if let Err(error) = heeded {
            tracing::warn!(sender.id = message.sender.logged(), %error, "the sender's pace was not changed");
        }
    }

    async fn slow_down(&self, message: &Outbound, now: Timestamp) -> Result<(), StoreError> {
        let (tenant, sender) = (&message.tenant, &message.sender);
        // What this worker knows is a second old at most: somebody has done it already.
        let known = self.pace(message).await?;
        if Slowed::again(known.slowed.as_ref(), now).is_none() {
            return Ok(());
        }
        self.store.slow_down(tenant, sender, now).await?;
        self.paces.remove(&pace_name(message));
        Ok(())
    }

    async fn pause_with(
        &self,
        message: &Outbound,
        pause: &Pause,
        class: Class,
    ) -> Result<(), StoreError> {
        let (tenant, sender) = (&message.tenant, &message.sender);
        let is_new = self.store.pause_sender(tenant, sender, pause).await?;
        self.paces.remove(&pace_name(message));
        if is_new {
            tracing::warn!(
                sender.id = sender.logged(),
                code = pause.code,
                "sender paused"
            );
        }
        let is_shared = sender.provider() == Provider::Meta;
        if is_new && is_shared && class == Class::Credential {
            self.pause_others(message, pause).await?;
        }
        Ok(())
    }

    /// What one sender's token is refused for, each sender of its account at Meta would be refused for: they share it.
    async fn pause_others(&self, message: &Outbound, pause: &Pause) -> Result<(), StoreError> {
        let (tenant, id) = (&message.tenant, &message.account);
        let account = self.store.account(tenant, id).await?;
        for sender in account.iter().flat_map(|account| &account.senders) {
            if self.store.pause_sender(tenant, sender, pause).await? {
                tracing::warn!(
                    sender.id = sender.logged(),
                    code = pause.code,
                    "sender paused"
                );
            }
        }
        Ok(())
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
        held: Held,
        chance: u128,
    ) -> Result<Prepared, StoreError> {
        let pace = self.pace(message).await?;
        if pace.paused.is_some() {
            return Ok(Prepared::Stopped);
        }
        if !pace.lets(held, (self.now)(), chance) {
            return Ok(Prepared::OtherPace);
        }
        let Some(job) = &message.job else {
            return Ok(match &message.content {
                Some(content) => Prepared::Content(content.clone()),
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
            Ok(content) => Prepared::Content(content),
            Err(_) => Prepared::Unsendable(unsendable("the job's message cannot be filled")),
        })
    }

    /// Takes the pace of a message's sender as known.
    pub fn know(&self, message: &Outbound, read: &PacedSender) {
        let pace = Arc::new(read.pace.clone());
        self.paces.put(&pace_name(message), pace, read.as_of);
    }

    async fn pace(&self, message: &Outbound) -> Result<Arc<Pace>, StoreError> {
        let name = pace_name(message);
        if let Some(pace) = self.paces.get(&name, Instant::now()) {
            return Ok(pace);
        }
        let pace = Arc::new(self.store.pace(&message.tenant, &message.sender).await?);
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

fn pace_name(message: &Outbound) -> String {
    format!("{}/{}", message.tenant, message.sender)
}

fn not_now(message: Outbound) -> Attempted {
    Attempted::NotNow(Some(Box::new(message)))
}

enum Prepared {
    Content(Content),
    /// It can never be sent.
    Unsendable(ProviderFailure),
    /// Its job does not run, or its sender is paused.
    Stopped,
    /// Its sender was slowed down, or given another rate, after it was given its slot.
    OtherPace,
    /// Its job was given up, or its time has passed.
    Withdrawn(Withdrawal),
}

fn unsendable(why: &str) -> ProviderFailure {
    ProviderFailure::without_code(Class::Permanent, why, "create the message again")
}
