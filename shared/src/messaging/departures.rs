//! Where a message leaves from, with which credential and in which slot; then the attempt itself.
//!
//! A message has one sender, or over a route the first that may send it and is ready to. The only place where credentials,
//! slots and attempts come together: whoever sends goes through it.

use super::attempt::{AttemptError, Attempted, Departure, RefusedCredential, Sending};
use super::credentials::learnt;
use super::pace::{Leave, Pacer};
use crate::domain::id::MessageId;
use crate::domain::identity::TenantId;
use crate::domain::message::{Leg, Outbound, Passed, Unready};
use crate::domain::pace::Held;
use crate::domain::queue::Seat;
use crate::domain::secret::Credential;
use crate::provider::{Providers, fits};
use crate::service::clock;
use crate::service::credentials::{Choice, CredentialError, Credentials, Learnt};
use crate::store::{PacedSender, Store, StoreError};
use jiff::Timestamp;
use thiserror::Error;

/// Has messages depart.
#[derive(Debug)]
pub struct Departures {
    credentials: Credentials,
    sending: Sending,
    pacer: Pacer,
}

/// Where a message leaves from, and with what.
#[derive(Debug, Clone)]
pub struct Leaving {
    /// From where.
    pub leg: Leg,
    /// Whether it had a choice.
    pub is_over_route: bool,
    /// Whose turn it was before.
    pub passed: Vec<Passed>,
    /// With what, if there is anything.
    pub credential: Option<Credential>,
}

impl Leaving {
    /// It in this slot, as a hint tells it.
    #[must_use]
    pub fn seat(self, held: Held) -> Seat {
        Seat {
            leg: self.leg,
            held,
            passed: self.is_over_route.then_some(self.passed),
        }
    }

    fn departure(&self) -> Departure<'_> {
        Departure {
            credential: self.credential.as_ref(),
            leg: self.is_over_route.then_some(&self.leg),
            passed: &self.passed,
        }
    }
}

/// Whether a message may leave now.
#[derive(Debug, Clone)]
pub enum Leaves {
    /// In this slot.
    At(Leaving, Held),
    /// There are slots, but others were faster each time: ask again in a second.
    Soon,
    /// Every slot of the next minute is taken: ask again then.
    NotSoon,
    /// None of its senders is ready before then.
    NotBefore(Timestamp),
    /// None of its senders is ready before somebody has looked after one.
    Stopped,
}

/// What came of a departure.
#[derive(Debug)]
pub enum Departed {
    /// A call was made, and its outcome is written.
    Made(Box<Outbound>),
    /// The message may not be sent now, or not any more; this is how it stands, if it is there at all.
    NotNow(Option<Box<Outbound>>),
    /// Its call could not begin in its slot, or that is used no more; it waits for another one.
    TooLate(Box<Outbound>),
    /// No call may be made with its credential now: a limit is reached. It was not claimed.
    Full,
}

/// Why it is not known whether a message may leave, or why it was not attempted. It is as it was, or its lease runs out.
#[derive(Debug, Error)]
pub enum DepartureError {
    /// The credential cannot be read.
    #[error("the account's credential cannot be read")]
    Credential(#[from] CredentialError),
    /// No slot can be taken, or it is not known whether the provider is enabled.
    #[error("the sender's next slot cannot be taken")]
    Slot(#[from] StoreError),
    /// The attempt broke off.
    #[error("the message was not attempted")]
    Attempt(#[from] AttemptError),
}

/// What one sender has for a message.
enum Ready {
    Yes(Leaves),
    No(Unready, Option<Timestamp>),
}

/// Of whom nobody is ready.
struct Nobody {
    /// Why the first is not.
    first: Option<Unready>,
    /// When the first of them may be.
    soonest: Option<Timestamp>,
}

impl Departures {
    /// Has what stands in `store` depart through `providers`.
    #[must_use]
    pub fn new(store: &Store, credentials: Credentials, providers: Providers) -> Self {
        Self {
            credentials,
            sending: Sending::new(store.clone(), providers, clock::now),
            pacer: Pacer::new(store.clone(), clock::now),
        }
    }

    /// The credentials.
    #[must_use]
    pub const fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Whether a message may leave now, and in which slot. `known` is its own sender's pace, if that was read a moment ago.
    pub async fn leaves(
        &self,
        message: &Outbound,
        known: Option<&PacedSender>,
    ) -> Result<Leaves, DepartureError> {
        if let Some(known) = known {
            self.sending.know(message, known);
        }
        let own = message.leg();
        let legs = in_turn(message);
        let mut passed = Vec::new();
        let mut nobody = Nobody {
            first: None,
            soonest: None,
        };
        for leg in legs.iter().flatten() {
            let known = known.filter(|_| *leg == own);
            match self.ready(message, Some(leg), known, &passed).await? {
                Ready::Yes(leaves) => return Ok(leaves),
                Ready::No(why, at) => {
                    nobody.first.get_or_insert(why);
                    nobody.soonest = nobody.soonest.into_iter().chain(at).min();
                    let sender = leg.sender.clone();
                    passed.push(Passed { sender, why });
                }
            }
        }
        match (&legs, nobody) {
            // It is refused, with the reason.
            (None, _) => self.last_resort(message, None, known).await,
            (
                Some(_),
                Nobody {
                    first: Some(Unready::NoCredential) | None,
                    soonest: None,
                },
            ) => self.last_resort(message, Some(&own), known).await,
            (_, Nobody { soonest, .. }) => Ok(soonest.map_or(Leaves::Stopped, Leaves::NotBefore)),
        }
    }

    /// Whether a message may leave from its own sender alone, also without a credential.
    async fn last_resort(
        &self,
        message: &Outbound,
        leg: Option<&Leg>,
        known: Option<&PacedSender>,
    ) -> Result<Leaves, DepartureError> {
        Ok(match self.ready(message, leg, known, &[]).await? {
            Ready::Yes(leaves) => leaves,
            Ready::No(Unready::NoCredential, _) => {
                let leaving = Leaving {
                    leg: leg.cloned().unwrap_or_else(|| message.leg()),
                    is_over_route: leg.is_some(),
                    passed: Vec::new(),
                    credential: None,
                };
                self.slot(message, leaving, known).await?
            }
            Ready::No(_, at) => at.map_or(Leaves::Stopped, Leaves::NotBefore),
        })
    }

    async fn ready(
        &self,
        message: &Outbound,
        leg: Option<&Leg>,
        known: Option<&PacedSender>,
        passed: &[Passed],
    ) -> Result<Ready, DepartureError> {
        let own = message.leg();
        let Leg { account, sender } = leg.unwrap_or(&own);
        let of = (&message.tenant, account);
        let settings = self.sending.settings(of.0, sender.provider());
        if !settings.await?.enabled {
            return Ok(Ready::No(Unready::Disabled, None));
        }
        // Before the slot: it would not wait for a slow secret.
        let credential = match self.credentials.of(of, sender).await? {
            Choice::Use(credential) => credential,
            Choice::Rests(until) => return Ok(Ready::No(Unready::Resting, Some(until))),
            Choice::Absent => return Ok(Ready::No(Unready::NoCredential, None)),
        };
        let leaving = Leaving {
            leg: leg.unwrap_or(&own).clone(),
            is_over_route: leg.is_some(),
            passed: passed.to_vec(),
            credential: Some(credential),
        };
        Ok(match self.slot(message, leaving, known).await? {
            Leaves::Stopped => Ready::No(Unready::Paused, None),
            leaves => Ready::Yes(leaves),
        })
    }

    async fn slot(
        &self,
        message: &Outbound,
        leaving: Leaving,
        known: Option<&PacedSender>,
    ) -> Result<Leaves, DepartureError> {
        let sender = &leaving.leg.sender;
        let leave = self
            .pacer
            .leave(&message.tenant, sender, message.lane, known.cloned());
        Ok(match leave.await? {
            Leave::At(held) => Leaves::At(leaving, held),
            Leave::Soon => Leaves::Soon,
            Leave::NotSoon => Leaves::NotSoon,
            Leave::Paused(_) => Leaves::Stopped,
        })
    }

    /// With what a message leaves from where its slot is. `None` if every credential there rests now.
    pub async fn from(
        &self,
        tenant: &TenantId,
        leg: Leg,
        route: Option<Vec<Passed>>,
    ) -> Result<Option<Leaving>, DepartureError> {
        let of = (tenant, &leg.account);
        let credential = match self.credentials.of(of, &leg.sender).await? {
            Choice::Use(credential) => Some(credential),
            Choice::Absent => None,
            Choice::Rests(_) => return Ok(None),
        };
        Ok(Some(Leaving {
            credential,
            leg,
            is_over_route: route.is_some(),
            passed: route.unwrap_or_default(),
        }))
    }

    /// Attempts a message in its slot. If the provider refused the credential, what comes next depends on whether there is
    /// another one.
    pub async fn attempt(
        &self,
        tenant: &TenantId,
        id: &MessageId,
        leaving: &Leaving,
        held: Held,
    ) -> Result<Departed, DepartureError> {
        if !self.has_place(tenant, leaving, held).await? {
            return Ok(Departed::Full);
        }
        let departure = leaving.departure();
        // Boxed, because it holds a message and what is said of it.
        let attempt = Box::pin(self.sending.attempt(tenant, id, departure, held));
        let attempted = attempt.await?;
        self.learn(tenant, leaving, &attempted).await;
        Ok(match attempted {
            Attempted::Made(message) => Departed::Made(message),
            Attempted::NotNow(message) => Departed::NotNow(message),
            Attempted::TooLate(message) => Departed::TooLate(message),
            Attempted::CredentialRefused(refused) => {
                Departed::Made(Box::pin(self.settle(*refused)).await?)
            }
        })
    }

    /// Stops a sender that has nothing to send with.
    pub async fn stop(&self, tenant: &TenantId, leg: &Leg) -> Result<(), DepartureError> {
        Ok(self.sending.stop(tenant, leg).await?)
    }

    /// Takes a place within the limits of what it leaves with.
    async fn has_place(
        &self,
        tenant: &TenantId,
        leaving: &Leaving,
        held: Held,
    ) -> Result<bool, StoreError> {
        let Some(credential) = &leaving.credential else {
            return Ok(true);
        };
        let Leg { account, sender } = &leaving.leg;
        let of = (tenant, account);
        let begins = held.slot.at;
        let taken = self.credentials.take_place(of, sender, credential, begins);
        Ok(taken.await?.is_ok())
    }

    /// Tells what the call says about its credential; or that there was none.
    async fn learn(&self, tenant: &TenantId, leaving: &Leaving, attempted: &Attempted) {
        let learnt = match attempted {
            Attempted::Made(message) => learnt(message),
            Attempted::TooLate(_) | Attempted::NotNow(_) => Learnt::Nothing,
            // It is told with the refusal.
            Attempted::CredentialRefused(_) => return,
        };
        let Some(credential) = &leaving.credential else {
            return;
        };
        let Leg { account, sender } = &leaving.leg;
        let of = (tenant, account);
        let learning = self.credentials.learn(of, sender, credential, learnt);
        learning.await;
    }

    /// Whether a message may leave from its own sender with this credential alone, whatever is known of that.
    pub async fn leaves_with(
        &self,
        message: &Outbound,
        credential: Credential,
    ) -> Result<Leaves, DepartureError> {
        let leaving = Leaving {
            leg: message.leg(),
            is_over_route: false,
            passed: Vec::new(),
            credential: Some(credential),
        };
        self.slot(message, leaving, None).await
    }

    /// The same as [`Self::attempt`], of a message that tests its credential: what comes of it has no consequence for
    /// others.
    pub async fn attempt_test(
        &self,
        tenant: &TenantId,
        id: &MessageId,
        leaving: &Leaving,
        held: Held,
    ) -> Result<Departed, DepartureError> {
        // It counts within the limits, and is not kept back by them.
        self.has_place(tenant, leaving, held).await?;
        let attempt = self.sending.attempt(tenant, id, leaving.departure(), held);
        Ok(match Box::pin(attempt).await? {
            Attempted::Made(message) => Departed::Made(message),
            Attempted::NotNow(message) => Departed::NotNow(message),
            Attempted::TooLate(message) => Departed::TooLate(message),
            Attempted::CredentialRefused(refused) => {
                let tested = Box::pin(self.sending.with_tested(*refused));
                Departed::Made(tested.await?)
            }
        })
    }

    async fn settle(&self, refused: RefusedCredential) -> Result<Box<Outbound>, AttemptError> {
        let (of, sender) = (refused.account(), refused.sender());
        let (credential, failure) = (refused.credential(), refused.failure());
        let other = self.credentials.has_other(of, sender, credential, failure);
        if other.await {
            self.sending.with_another(refused).await
        } else {
            self.sending.with_no_other(refused).await
        }
    }
}

/// The senders that a message may leave from now, if it has a choice; none if there is none that may send it.
fn in_turn(message: &Outbound) -> Option<Vec<Leg>> {
    let (way, content) = message.way.as_ref().zip(message.content.as_ref())?;
    let can_send = |provider| fits(provider, &message.to, content).is_ok();
    // The first of its senders may be ready again since it was taken in.
    let first = way.stops.first().filter(|_| message.attempts.is_empty());
    let at = first.map_or(&message.sender, |stop| &stop.leg.sender);
    let legs = way.in_turn(at, &message.attempts, can_send);
    Some(legs.into_iter().cloned().collect())
}
