//! Where a message leaves from, with which credential and in which slot; then the attempt itself.
//!
//! A message has one sender, or over a route the first that may send it and is ready to. The only place where credentials,
//! slots and attempts come together: whoever sends goes through it.

mod trial;

use super::attempt::{AttemptError, Attempted, Departure, RefusedCredential, Sending};
use super::credentials::learnt;
use super::pace::{Leave, Pacer};
use crate::domain::id::MessageId;
use crate::domain::identity::TenantId;
use crate::domain::message::{Leg, Outbound, Passed, Unready};
use crate::domain::pace::Held;
use crate::domain::purpose::Purpose;
use crate::domain::queue::Seat;
use crate::domain::secret::Credential;
use crate::provider::{Providers, fits};
use crate::service::clock;
use crate::service::credentials::{Choice, CredentialError, Credentials, Learnt, Place};
use crate::store::{PacedSender, Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

/// Has messages depart.
#[derive(Debug)]
pub struct Departures {
    store: Store,
    credentials: Credentials,
    sending: Sending,
    pacer: Pacer,
    answer: Answer,
}

/// Whether somebody waits for what comes of a departure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// A caller does: he can do something else once he hears that there is nothing to send with.
    Awaited,
    /// Nobody does: then the message waits until there is something.
    NotAwaited,
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
            purpose: Purpose::Delivery,
        }
    }
}

/// Whether a message may leave now.
#[derive(Debug, Clone)]
pub enum Leaves {
    /// In this slot.
    At(Leaving, Held),
    /// There is no slot just now: ask again after this long.
    After(SignedDuration),
    /// None of its senders is ready before then.
    NotBefore(Timestamp),
    /// None of its senders is ready before somebody has looked after one.
    Stopped,
}

impl Leaves {
    fn by(leave: &Leave, leaving: Leaving) -> Self {
        match leave {
            Leave::At(held) => Self::At(leaving, *held),
            Leave::After(wait) => Self::After(*wait),
            Leave::Paused(_) => Self::Stopped,
        }
    }
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

impl Departed {
    /// What came of an attempt, unless its credential was refused.
    fn of(attempted: Attempted) -> Result<Self, Box<RefusedCredential>> {
        match attempted {
            Attempted::Made(message) => Ok(Self::Made(message)),
            Attempted::NotNow(message) => Ok(Self::NotNow(message)),
            Attempted::TooLate(message) => Ok(Self::TooLate(message)),
            Attempted::CredentialRefused(refused) => Err(refused),
        }
    }
}

impl Departures {
    /// Has what stands in `store` depart through `providers`.
    #[must_use]
    pub fn new(
        store: &Store,
        credentials: Credentials,
        providers: Providers,
        answer: Answer,
    ) -> Self {
        Self {
            store: store.clone(),
            credentials,
            sending: Sending::new(store.clone(), providers, clock::now),
            pacer: Pacer::new(store.clone(), clock::now),
            answer,
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
        let Some(legs) = in_turn(message) else {
            return self.last_resort(message, None, known).await;
        };
        let (mut passed, mut soonest) = (Vec::new(), None);
        for leg in &legs {
            let known = known.filter(|_| *leg == own);
            match self.ready(message, Some(leg), known, &passed).await? {
                Ready::Yes(leaves) => return Ok(leaves),
                Ready::No(why, at) => {
                    soonest = soonest.into_iter().chain(at).min();
                    let sender = leg.sender.clone();
                    passed.push(Passed { sender, why });
                }
            }
        }
        match (passed.first().map(|first| first.why), soonest) {
            // It is refused, with the reason.
            (Some(Unready::NoCredential) | None, None) => {
                self.last_resort(message, Some(&own), known).await
            }
            (_, soonest) => Ok(soonest.map_or(Leaves::Stopped, Leaves::NotBefore)),
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
        let provider = sender.provider();
        let settings = self.store.known_provider_settings(of.0, provider);
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
        Ok(Leaves::by(&leave.await?, leaving))
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
        let Ok(place) = self.place(tenant, leaving, held).await? else {
            return Ok(Departed::Full);
        };
        let attempted = self.attempted((tenant, id), leaving.departure(), held, place);
        let attempted = attempted.await?;
        self.learn(tenant, leaving, &attempted).await;
        Ok(match Departed::of(attempted) {
            Ok(departed) => departed,
            Err(refused) => Departed::Made(Box::pin(self.settle(*refused)).await?),
        })
    }

    /// Makes an attempt. The place that was taken for its call is given back if none was made.
    async fn attempted(
        &self,
        (tenant, id): (&TenantId, &MessageId),
        departure: Departure<'_>,
        held: Held,
        place: Place,
    ) -> Result<Attempted, AttemptError> {
        // Boxed, because it holds a message and what is said of it.
        let attempt = Box::pin(self.sending.attempt(tenant, id, departure, held));
        let attempted = attempt.await?;
        if !attempted.is_call() {
            self.credentials.give_back(place).await;
        }
        Ok(attempted)
    }

    /// Stops a sender that has nothing to send with.
    pub async fn stop(&self, tenant: &TenantId, leg: &Leg) -> Result<(), DepartureError> {
        Ok(self.sending.stop(tenant, leg).await?)
    }

    /// Takes a place within the limits of what it leaves with, or says when there is one.
    async fn place(
        &self,
        tenant: &TenantId,
        leaving: &Leaving,
        held: Held,
    ) -> Result<Result<Place, Timestamp>, StoreError> {
        let Some(credential) = &leaving.credential else {
            return Ok(Ok(Place::default()));
        };
        let Leg { account, sender } = &leaving.leg;
        let of = (tenant, account);
        let begins = held.slot.at;
        let taken = self.credentials.take_place(of, sender, credential, begins);
        taken.await
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

    async fn settle(&self, refused: RefusedCredential) -> Result<Box<Outbound>, AttemptError> {
        let (of, sender) = (refused.account(), refused.sender());
        let (credential, failure) = (refused.credential(), refused.failure());
        let other = self.credentials.has_other(of, sender, credential, failure);
        if other.await {
            return self.sending.with_another(refused).await;
        }
        match self.answer {
            Answer::Awaited => self.sending.with_no_other(refused).await,
            Answer::NotAwaited => self.sending.with_none_yet(refused).await,
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
