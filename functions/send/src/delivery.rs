//! What happens to a message that is written down, while its caller waits.

use crate::State;
use heliograph::domain::message::{Claim, Outbound};
use heliograph::domain::queue::LONGEST_DELAY;
use heliograph::domain::state::State as MessageState;
use heliograph::messaging::departures::{Departed, DepartureError, Leaves};
use heliograph::messaging::held::look_again;
use heliograph::messaging::submit::Meanwhile;
use heliograph::service::clock;
use heliograph::service::http::Preference;
use heliograph::service::problem::Problem;
use heliograph::service::queue::QueueError;
use heliograph::service::telemetry;
use heliograph::store::PacedSender;
use jiff::{SignedDuration, Timestamp};

/// A caller waits this long for a slot; then the queue does.
pub(crate) const LONGEST_WAIT: SignedDuration = SignedDuration::from_secs(2);

/// Slots that may be missed one after the other before the queue tries again.
pub(crate) const TRIES: usize = 3;

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

/// Whether a message may leave, or why nobody knows.
pub(crate) type Prepared = Result<Leaves, DepartureError>;

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
                let departures = &self.state.parts.departures;
                Some(departures.leaves(message, Some(sender)).await)
            }
        }
    }
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
    match Box::pin(try_now(state, &message, prepared)).await {
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
        Ok(Tried::Later(message) | Tried::NotNow(Some(message))) => Ok(Delivered::of(*message)),
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
    /// Its slot is too far away, or it has none: the queue has it.
    Later(Box<Outbound>),
    /// A call was made, and its outcome is written.
    Made(Box<Outbound>),
    /// It may not be sent now, or not any more.
    NotNow(Option<Box<Outbound>>),
}

async fn try_now(
    state: &State,
    message: &Outbound,
    mut prepared: Option<Prepared>,
) -> Result<Tried, DepartureError> {
    let departures = &state.parts.departures;
    let mut message = Box::new(message.clone());
    for _ in 0..TRIES {
        let leaves = match prepared.take() {
            Some(prepared) => prepared?,
            None => departures.leaves(&message, None).await?,
        };
        let now = clock::now();
        let (leaving, held) = match leaves {
            Leaves::At(leaving, held) => (leaving, held),
            Leaves::After(wait) => return Ok(later(state, message, wait).await),
            Leaves::NotBefore(time) => {
                let wait = look_again(&message, Some(time), now);
                return Ok(later(state, message, wait).await);
            }
            Leaves::Stopped => {
                let wait = look_again(&message, None, now);
                return Ok(later(state, message, wait).await);
            }
        };
        if held.slot.wait(now) > LONGEST_WAIT {
            let seat = leaving.seat(held);
            let put = state.parts.lanes.put_for(&message, seat, now);
            queued(&message, put.await);
            return Ok(Tried::Later(message));
        }
        let attempt = departures.attempt(&message.tenant, &message.id, &leaving, held);
        message = match attempt.await? {
            Departed::TooLate(message) => message,
            Departed::Full => message,
            // The next sender of its route, or another key, takes over at once.
            Departed::Made(message) if is_next(&message) => message,
            Departed::Made(message) => return Ok(Tried::Made(message)),
            Departed::NotNow(message) => return Ok(Tried::NotNow(message)),
        };
    }
    Ok(later(state, message, RETRY_AFTER).await)
}

/// Whether it may be tried again without a wait.
fn is_next(message: &Outbound) -> bool {
    message.state == MessageState::Queued && message.not_before.is_none()
}

async fn later(state: &State, message: Box<Outbound>, wait: SignedDuration) -> Tried {
    queue(state, &message, wait).await;
    Tried::Later(message)
}

/// Another request holds it: the caller may ask again when that one's lease has run out. A lease that has run out
/// already makes the message unknown.
async fn while_sending(state: &State, message: Outbound) -> Result<Delivered, Problem> {
    let now = clock::now();
    let message = heliograph::messaging::attempt::lapse(&state.store, message, now).await?;
    match (message.state, &message.claim) {
        (MessageState::Sending, Some(claim)) => Err(in_progress(claim, now)),
        _ => Ok(Delivered::of(message)),
    }
}

/// Somebody sends it: ask again when his lease has run out.
pub(crate) fn in_progress(claim: &Claim, now: Timestamp) -> Problem {
    let left = claim.lease_until.duration_since(now).as_secs().max(0);
    Problem::in_progress(u32::try_from(left).unwrap_or(0) + 1)
}

/// Puts a hint on the message's lane. If the queue fails, the sweeper finds the message: it is written down.
pub(crate) async fn queue(state: &State, message: &Outbound, wait: SignedDuration) {
    queued(message, state.parts.lanes.put(message, wait).await);
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
