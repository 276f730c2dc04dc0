//! Takes a message in: reads the request, applies the early rules, and writes the message with everything that
//! must stand beside it in one transaction.
//!
//! Idempotency key: the caller's, remembered in that same transaction.

mod admission;
mod request;
mod source;

pub use request::{Source, Submission, read_from, read_on_unknown, read_time};
pub use source::{Sources, sources};

use self::admission::{Addressee, Admitted, admit};
use crate::domain::fault::Fault;
use crate::domain::id::MessageId;
use crate::domain::identity::TenantId;
use crate::domain::message::{Message, Outbound};
use crate::domain::pace::Pause;
use crate::domain::provider::Provider;
use crate::store::{IdempotencyClaim, PacedSender, Store, StoreError, Transaction};
use futures_util::future::{Either, select};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

/// How long after a person's last message free-form messages may be sent to them. Source: Meta, "Customer service
/// windows".
pub const WINDOW: SignedDuration = SignedDuration::from_hours(24);

/// A message that is written down.
#[derive(Debug, Clone, PartialEq)]
pub struct Submitted<T> {
    /// The message as it stands.
    pub message: Outbound,
    /// Whether this request made it, or an earlier one with the same key.
    pub origin: Origin,
    /// What the caller should know, though it was taken.
    pub warnings: Vec<&'static str>,
    /// What came of what was done while it was being written.
    pub meanwhile: Option<T>,
}

impl<T> Submitted<T> {
    /// The message that an earlier request with the same key made.
    #[must_use]
    pub const fn earlier(message: Outbound) -> Self {
        Self {
            message,
            origin: Origin::Replayed,
            warnings: Vec::new(),
            meanwhile: None,
        }
    }
}

/// Which request made a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// This one.
    New,
    /// An earlier one with the same idempotency key.
    Replayed,
}

/// Why a message was not taken. No message was written.
#[derive(Debug, Error)]
pub enum SubmitError {
    /// `from` names no sender of this tenant, nor a route with one.
    #[error("the sender or route is not one of this tenant's")]
    UnknownSender,
    /// The sender's provider has no way to send it so.
    #[error("the sender's provider cannot send this")]
    Unfit(Vec<Fault>),
    /// The person has not written within the window, and the message is not a template.
    #[error("the 24-hour window is closed")]
    WindowClosed,
    /// The tenant sends nothing through the sender's provider.
    #[error("the sender's provider is disabled")]
    ProviderDisabled(Provider),
    /// Nothing leaves the sender before somebody has looked after it.
    #[error("the sender is paused")]
    SenderPaused(Pause),
    /// The sender's business portfolio has written to as many people as it may, until then.
    #[error("the portfolio's messaging limit is reached")]
    PortfolioFull(Timestamp),
    /// As many messages go on that day as the tenant's tier allows.
    #[error("the tenant's daily limit is reached")]
    DayFull {
        /// The day, in UTC.
        day: Date,
        /// How many may go.
        limit: u64,
    },
    /// The idempotency key was used with another body.
    #[error("the idempotency key was used with another body")]
    OtherBody,
    /// The store failed.
    #[error("the store failed while a message was taken in")]
    Store(#[from] StoreError),
}

/// What is done beside the writing of a message, because it had to wait for the reading only.
pub trait Meanwhile: Sync {
    /// What comes of it.
    type Done: Send;

    /// Does it. The message it is told of may not get written, or under another id.
    fn run(
        &self,
        message: &Outbound,
        sender: &PacedSender,
    ) -> impl Future<Output = Self::Done> + Send;
}

/// Nothing.
impl Meanwhile for () {
    type Done = ();

    async fn run(&self, _: &Outbound, _: &PacedSender) {}
}

/// What was read may change before it is written to: then it is read again. Each burst to a person that others begin
/// or fill meanwhile takes two tries.
const TRIES: usize = 8;

/// Writes a message down, or finds the one that a request with the same idempotency key wrote. Does `meanwhile` beside
/// the first try to write it.
pub async fn submit<M: Meanwhile>(
    store: &Store,
    tenant: &TenantId,
    submission: Submission,
    idempotency: Option<&IdempotencyClaim>,
    now: Timestamp,
    meanwhile: M,
) -> Result<Submitted<M::Done>, SubmitError> {
    let mut meanwhile = Some(meanwhile);
    let mut done = None;
    for _ in 0..TRIES {
        // On the heap: what goes on at once takes room at once.
        let earlier = Box::pin(replayed(store, tenant, idempotency, now));
        let admitted = Box::pin(admit(store, tenant, &submission, now));
        // A request that is repeated need not be admissible still.
        let goes_on = |earlier: &Result<_, _>| matches!(earlier, Ok(None));
        let (earlier, admitted) = both(earlier, admitted, goes_on).await;
        let admitted = match (earlier?, admitted) {
            (Some(message), _) => return Ok(Submitted::earlier(message)),
            (None, Some(admitted)) => admitted?,
            (None, None) => continue,
        };
        let writing = Box::pin(write(store, tenant, &admitted, idempotency, now));
        let written = match meanwhile.take() {
            // Once alone, and only as long as it may be of use: whatever it takes is taken for nothing if the message is
            // not written.
            Some(meanwhile) => {
                let doing = Box::pin(meanwhile.run(&admitted.message, &admitted.sender));
                let (written, what) = both(writing, doing, Result::is_ok).await;
                done = what;
                written
            }
            None => writing.await,
        };
        match written {
            Ok(()) => {
                return Ok(Submitted {
                    message: admitted.message,
                    origin: Origin::New,
                    warnings: admitted.warnings,
                    meanwhile: done,
                });
            }
            // Somebody was faster: a request with the same key, or one to the same person, or a webhook that joined the
            // person's contact to another.
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let earlier = replayed(store, tenant, idempotency, now).await?;
    let earlier = earlier.map(Submitted::earlier);
    earlier.ok_or_else(|| StoreError::Conflict.into())
}

/// Does both at once. The second is given up when the first has ended and it is not wanted any more.
async fn both<A, B>(
    first: impl Future<Output = A> + Unpin,
    second: impl Future<Output = B> + Unpin,
    is_wanted: impl FnOnce(&A) -> bool,
) -> (A, Option<B>) {
    // The second is begun in any case, however soon the first ends.
    match select(second, first).await {
        Either::Left((second, first)) => (first.await, Some(second)),
        Either::Right((first, second)) if is_wanted(&first) => (first, Some(second.await)),
        Either::Right((first, _)) => (first, None),
    }
}

/// Writes a message down, with all that must stand beside it, or nothing.
async fn write(
    store: &Store,
    tenant: &TenantId,
    admitted: &Admitted,
    idempotency: Option<&IdempotencyClaim>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let message = &admitted.message;
    let mut transaction = Transaction::new();
    store.remember_claim(
        &mut transaction,
        tenant,
        idempotency,
        message.id.as_str(),
        now,
    )?;
    let boxed = Message::Outbound(Box::new(message.clone()));
    store.create_message(&mut transaction, &boxed)?;
    if let Addressee::New(contact, name) = &admitted.addressee {
        store.meet(&mut transaction, contact, std::slice::from_ref(name))?;
    }
    if let Some(contact) = admitted.addressee.contact() {
        store.open_thread(&mut transaction, contact, message, admitted.place)?;
    }
    if let Some(room) = &admitted.room {
        let time = message.not_before.unwrap_or(now);
        store.take_place(&mut transaction, tenant, room, time, now)?;
    }
    if let Some((day, place)) = admitted.day {
        store.take_day_place(&mut transaction, tenant, day, place)?;
    }
    store.commit(transaction).await
}

/// The message an earlier request with this key wrote.
pub async fn replayed(
    store: &Store,
    tenant: &TenantId,
    idempotency: Option<&IdempotencyClaim>,
    now: Timestamp,
) -> Result<Option<Outbound>, SubmitError> {
    let Some(claim) = idempotency else {
        return Ok(None);
    };
    let Some(record) = store.idempotency(tenant, &claim.key_hash, now).await? else {
        return Ok(None);
    };
    if record.body_hash != claim.body_hash {
        return Err(SubmitError::OtherBody);
    }
    let id: MessageId = record
        .resource
        .parse()
        .map_err(|_| StoreError::corrupt("an idempotency record"))?;
    let message = store.outbound(tenant, &id).await?;
    let missing = || StoreError::corrupt("a message that an idempotency record names");
    Ok(Some(message.ok_or_else(missing)?))
}
