//! What happens to a message that is written down, while its caller waits.

use crate::State;
use heliograph::domain::message::Outbound;
use heliograph::domain::pace::Held;
use heliograph::domain::queue::LONGEST_DELAY;
use heliograph::domain::secret::Credential;
use heliograph::domain::state::State as MessageState;
use heliograph::messaging::attempt::{AttemptError, Attempted, RefusedCredential};
use heliograph::messaging::credentials::learnt;
use heliograph::messaging::pace::Leave;
use heliograph::messaging::submit::Meanwhile;
use heliograph::service::clock;
use heliograph::service::credentials::{Choice, CredentialError, Learnt};
use heliograph::service::http::Preference;
use heliograph::service::problem::Problem;
use heliograph::service::queue::QueueError;
use heliograph::service::telemetry;
use heliograph::store::{PacedSender, StoreError};
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

/// A caller waits this long for a slot; then the queue does.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_secs(2);

/// When others were faster than we each time.
const SOON: SignedDuration = SignedDuration::from_secs(1);

/// When every slot of the next minute is taken.
const LATER: SignedDuration = SignedDuration::from_secs(30);

/// Slots that may be missed one after the other before the queue tries again.
const TRIES: usize = 3;

/// After something broke, the queue tries again this much later.
const RETRY_AFTER: SignedDuration = SignedDuration::from_secs(2);

/// How a request ends for its caller.
pub(crate) enum Delivered {
    /// The provider took it.
    Taken(Box<Outbound>),
    /// It is sent later, or nobody knows yet.
    Later(Box<Outbound>),
    /// It will not be sent.
    Failed(Box<Outbound>),
}

impl Delivered {
    pub(crate) fn message(&self) -> &Outbound {
        match self {
            Self::Taken(message) | Self::Later(message) | Self::Failed(message) => message,
        }
    }

    /// A message that the provider took and could not deliver was taken all the same: its state says the rest. So
    /// whoever asks again hears the status that the first answer had.
    fn of(message: Outbound) -> Self {
        let message = Box::new(message);
        match message.state {
            MessageState::Queued | MessageState::Sending | MessageState::Unknown => {
                Self::Later(message)
            }
            MessageState::Accepted
            | MessageState::Sent
            | MessageState::Delivered
            | MessageState::Read
            | MessageState::Received => Self::Taken(message),
            MessageState::Failed if message.provider_id().is_some() => Self::Taken(message),
            MessageState::Failed | MessageState::Cancelled | MessageState::Expired => {
                Self::Failed(message)
            }
        }
    }
}

/// What a message needs to leave, or why it could not be had.
pub(crate) type Prepared = Result<Leaving, NotTried>;

/// What a message needs to leave.
pub(crate) enum Leaving {
    /// What it is sent with, if there is anything, and when.
    With(Option<Credential>, Leave),
    /// It has to wait: what it could be sent with rests.
    Resting(Timestamp),
}

/// Gets what a message needs that is to be sent at once, while it is being written down: so nobody waits for it. Should
/// the message not get written, or have to wait for those that were faster, a slot is wasted.
pub(crate) struct Preparing<'a> {
    pub(crate) state: &'a State,
    pub(crate) preference: Preference,
}

impl Meanwhile for Preparing<'_> {
    type Done = Option<Prepared>;

    async fn run(&self, message: &Outbound, sender: &PacedSender) -> Option<Prepared> {
        match self.preference {
            Preference::RespondAsync => None,
            Preference::Wait if message.not_before.is_some() => None,
            Preference::Wait => {
                self.state.parts.sending.know(message, sender);
                Some(leaving(self.state, message, Some(sender.clone())).await)
            }
        }
    }
}

async fn leaving(state: &State, message: &Outbound, known: Option<PacedSender>) -> Prepared {
    let Outbound {
        tenant,
        account,
        sender,
        lane,
        ..
    } = message;
    let parts = &state.parts;
    // Before the slot: it would not wait for a slow secret.
    let credential = match parts.credentials.of((tenant, account), sender).await? {
        Choice::Use(credential) => Some(credential),
        Choice::Absent => None,
        Choice::Rests(until) => return Ok(Leaving::Resting(until)),
    };
    let leave = parts.pacer.leave(tenant, sender, *lane, known).await?;
    Ok(Leaving::With(credential, leave))
}

/// Sends a queued message now if it may, with what was `prepared` for it; or queues it. Says how any other stands.
pub(crate) async fn deliver(
    state: &State,
    message: Outbound,
    preference: Preference,
    prepared: Option<Prepared>,
) -> Result<Delivered, Problem> {
    match message.state {
        MessageState::Sending => return while_sending(state, message).await,
        MessageState::Queued => {}
        MessageState::Unknown
        | MessageState::Accepted
        | MessageState::Sent
        | MessageState::Failed
        | MessageState::Delivered
        | MessageState::Read
        | MessageState::Received
        | MessageState::Cancelled
        | MessageState::Expired => return Ok(Delivered::of(message)),
    }
    let now = clock::now();
    if message.not_before.is_some_and(|time| now < time) {
        let wait = message
            .not_before
            .map(|time| time.duration_since(now))
            .unwrap_or_default();
        // Beyond what a queue delays, the sweeper puts the hint in time.
        if wait <= LONGEST_DELAY {
            queue(state, &message, wait).await;
        }
        return Ok(Delivered::of(message));
    }
    match preference {
        Preference::RespondAsync => {
            queue(state, &message, SignedDuration::ZERO).await;
            Ok(Delivered::of(message))
        }
        // On the heap: it holds the message several times.
        Preference::Wait => Box::pin(send_now(state, message, prepared)).await,
    }
}

/// Sends now. Whatever breaks on the way, the message is written down: then it is sent later, and its caller must not
/// be told otherwise, or it would send another.
async fn send_now(
    state: &State,
    message: Outbound,
    prepared: Option<Prepared>,
) -> Result<Delivered, Problem> {
    match try_now(state, &message, prepared).await {
        Ok(Tried::Later) => Ok(Delivered::of(message)),
        Ok(Tried::Made(message)) => {
            if message.state == MessageState::Queued {
                let now = clock::now();
                let wait = message.not_before.map(|time| time.duration_since(now));
                queue(state, &message, wait.unwrap_or_default()).await;
            }
            Ok(Delivered::of(*message))
        }
        Ok(Tried::NotNow(Some(message))) if message.state == MessageState::Sending => {
            while_sending(state, *message).await
        }
        Ok(Tried::NotNow(Some(message))) => Ok(Delivered::of(*message)),
        Ok(Tried::NotNow(None)) => Err(Problem::not_found()),
        Err(error) => {
            let error = telemetry::chain(&error);
            tracing::warn!(message.id = %message.id, error, "not sent now, it is sent later");
            queue(state, &message, RETRY_AFTER).await;
            Ok(Delivered::of(message))
        }
    }
}

/// What came of trying to send at once.
enum Tried {
    /// Its slot is too far away, or it has none: the queue has it, or the sweeper.
    Later,
    /// A call was made, and its outcome is written.
    Made(Box<Outbound>),
    /// It may not be sent now, or not any more.
    NotNow(Option<Box<Outbound>>),
}

/// Why sending at once was not tried to its end.
#[derive(Debug, Error)]
pub(crate) enum NotTried {
    #[error("the sender's next slot could not be taken")]
    Slot(#[from] StoreError),
    #[error("the credential could not be read")]
    Credential(#[from] CredentialError),
    #[error("the attempt broke off")]
    Attempt(#[from] AttemptError),
}

async fn try_now(
    state: &State,
    message: &Outbound,
    mut prepared: Option<Prepared>,
) -> Result<Tried, NotTried> {
    let parts = &state.parts;
    for _ in 0..TRIES {
        let leaving = match prepared.take() {
            Some(prepared) => prepared?,
            None => leaving(state, message, None).await?,
        };
        let (credential, leave) = match leaving {
            Leaving::With(credential, leave) => (credential, leave),
            Leaving::Resting(until) => {
                let wait = until.duration_since(clock::now()).min(LONGEST_DELAY);
                queue(state, message, wait).await;
                return Ok(Tried::Later);
            }
        };
        let held = match leave {
            Leave::At(held) => held,
            Leave::Soon => {
                queue(state, message, SOON).await;
                return Ok(Tried::Later);
            }
            Leave::NotSoon => {
                queue(state, message, LATER).await;
                return Ok(Tried::Later);
            }
            Leave::Paused(_) => return Ok(Tried::Later),
        };
        if held.slot.wait(clock::now()) > LONGEST_WAIT {
            queue_for(state, message, held).await;
            return Ok(Tried::Later);
        }
        let sending = &parts.sending;
        let attempted = sending
            .attempt(&message.tenant, &message.id, credential.as_ref(), held)
            .await?;
        learn(state, message, credential.as_ref(), &attempted).await;
        return Ok(match attempted {
            Attempted::TooLate(_) => continue,
            Attempted::CredentialRefused(refused) => {
                let message = settle(state, *refused).await?;
                if message.state == MessageState::Queued {
                    continue;
                }
                Tried::Made(message)
            }
            Attempted::Made(message) => Tried::Made(message),
            Attempted::NotNow(message) => Tried::NotNow(message),
        });
    }
    queue(state, message, RETRY_AFTER).await;
    Ok(Tried::Later)
}

/// Tells what the call says about its credential; or that there was none.
async fn learn(
    state: &State,
    message: &Outbound,
    credential: Option<&Credential>,
    attempted: &Attempted,
) {
    let Some(credential) = credential else {
        return;
    };
    let learnt = match attempted {
        Attempted::Made(message) => learnt(message),
        Attempted::CredentialRefused(_) | Attempted::NotNow(_) | Attempted::TooLate(_) => {
            Learnt::Nothing
        }
    };
    let of = (&message.tenant, &message.account);
    let credentials = &state.parts.credentials;
    credentials
        .learn(of, &message.sender, credential, learnt)
        .await;
}

/// What becomes of a message whose credential was refused: another try if the account has another one.
async fn settle(state: &State, refused: RefusedCredential) -> Result<Box<Outbound>, NotTried> {
    let parts = &state.parts;
    let (of, sender) = (refused.account(), refused.sender());
    let other = parts
        .credentials
        .has_other(of, sender, refused.credential(), refused.failure());
    Ok(if other.await {
        parts.sending.with_another(refused).await?
    } else {
        parts.sending.with_no_other(refused).await?
    })
}

/// Another request holds it: the caller may ask again when that one's lease has run out. A lease that has run out
/// already makes the message unknown.
async fn while_sending(state: &State, message: Outbound) -> Result<Delivered, Problem> {
    let message =
        heliograph::messaging::attempt::lapse(&state.store, message, clock::now()).await?;
    match (message.state, &message.claim) {
        (MessageState::Sending, Some(claim)) => {
            let left = claim
                .lease_until
                .duration_since(clock::now())
                .as_secs()
                .max(0);
            Err(Problem::in_progress(u32::try_from(left).unwrap_or(0) + 1))
        }
        _ => Ok(Delivered::of(message)),
    }
}

/// Puts a hint on the message's lane. If the queue fails, the sweeper finds the message: it is written down.
pub(crate) async fn queue(state: &State, message: &Outbound, wait: SignedDuration) {
    queued(message, state.parts.lanes.put(message, wait).await);
}

/// Puts a hint on the message's lane, to be there in time for its slot.
async fn queue_for(state: &State, message: &Outbound, held: Held) {
    let put = state.parts.lanes.put_for(message, held, clock::now());
    queued(message, put.await);
}

fn queued(message: &Outbound, put: Result<(), QueueError>) {
    if let Err(error) = put {
        tracing::warn!(
            message.id = %message.id,
            error = telemetry::chain(&error),
            "hint not queued, the sweeper will see to the message"
        );
    }
}
