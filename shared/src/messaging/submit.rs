//! Takes a message in: reads the request, applies the early rules, and writes the message with everything that
//! must stand beside it in one transaction.
//!
//! Idempotency key: the caller's, remembered in that same transaction.

mod request;

pub use request::{Submission, read_from, read_on_unknown, read_time};

use super::people;
use crate::domain::content::Kind;
use crate::domain::id::MessageId;
use crate::domain::identity::{Recipient, TenantId};
use crate::domain::message::{Message, Outbound, Times};
use crate::domain::pace::{Burst, Pause, Place, Room};
use crate::domain::state::State;
use crate::store::{
    Contact, Conversation, IDEMPOTENCY_KEPT_FOR, IdempotencyRecord, Sender, Store, StoreError,
    Transaction, WindowPolicy,
};
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;
use tokio::try_join;

/// How long after a person's last message free-form messages may be sent to them. Source: Meta, "Customer service
/// windows".
pub const WINDOW: SignedDuration = SignedDuration::from_hours(24);

/// A caller's key and what it was used with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyClaim {
    /// SHA-256 of method, path and key.
    pub key_hash: String,
    /// SHA-256 of the body.
    pub body_hash: String,
}

/// A message that is written down.
#[derive(Debug, Clone, PartialEq)]
pub struct Submitted {
    /// The message as it stands.
    pub message: Outbound,
    /// Whether this request made it, or an earlier one with the same key.
    pub origin: Origin,
    /// What the caller should know, though it was taken.
    pub warnings: Vec<&'static str>,
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
    /// `from` names no sender of this tenant.
    #[error("the sender is not one of this tenant's")]
    UnknownSender,
    /// The person has not written within the window, and the message is not a template.
    #[error("the 24-hour window is closed")]
    WindowClosed,
    /// Nothing leaves the sender before somebody has looked after it.
    #[error("the sender is paused")]
    SenderPaused(Pause),
    /// The sender's business portfolio has written to as many people as it may, until then.
    #[error("the portfolio's messaging limit is reached")]
    PortfolioFull(Timestamp),
    /// The idempotency key was used with another body.
    #[error("the idempotency key was used with another body")]
    OtherBody,
    /// The store failed.
    #[error("the store failed while a message was taken in")]
    Store(#[from] StoreError),
}

/// What was read may change before it is written to: then it is read again. Each burst to a person that others begin
/// or fill meanwhile takes two tries.
const TRIES: usize = 8;

/// Writes a message down, or finds the one that a request with the same idempotency key wrote meanwhile. One that it
/// wrote before is found by [`replayed`], which is asked first: a request that is repeated need not be valid still.
pub async fn submit(
    store: &Store,
    tenant: &TenantId,
    submission: Submission,
    idempotency: Option<&IdempotencyClaim>,
    now: Timestamp,
) -> Result<Submitted, SubmitError> {
    for _ in 0..TRIES {
        if let Some(submitted) = write(store, tenant, &submission, idempotency, now).await? {
            return Ok(submitted);
        }
        if let Some(submitted) = replayed(store, tenant, idempotency, now).await? {
            return Ok(submitted);
        }
    }
    Err(StoreError::Conflict.into())
}

/// Writes a message down. `None` if nothing was written because somebody was faster: a request with the same key, or
/// a webhook that joined the person's contact to another.
async fn write(
    store: &Store,
    tenant: &TenantId,
    submission: &Submission,
    idempotency: Option<&IdempotencyClaim>,
    now: Timestamp,
) -> Result<Option<Submitted>, SubmitError> {
    let Admitted {
        message,
        contact,
        place,
        room,
        warnings,
    } = admit(store, tenant, submission, now).await?;
    let mut transaction = Transaction::new();
    if let Some(claim) = idempotency {
        let record = record(tenant, claim, message.id.as_str(), now);
        store.remember(&mut transaction, &record, now)?;
    }
    store.create_message(
        &mut transaction,
        &Message::Outbound(Box::new(message.clone())),
    )?;
    if let Some(contact) = &contact {
        store.open_thread(&mut transaction, contact, &message, place)?;
    }
    if let Some(room) = &room {
        let time = message.not_before.unwrap_or(now);
        store.take_place(&mut transaction, tenant, room, time, now)?;
    }
    match store.commit(transaction).await {
        Ok(()) => {}
        Err(StoreError::Conflict) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    Ok(Some(Submitted {
        message,
        origin: Origin::New,
        warnings,
    }))
}

/// A message that may be written down, and what is written with it.
struct Admitted {
    message: Outbound,
    contact: Option<Contact>,
    /// The burst before it, and its place.
    place: Option<(Option<Burst>, Place)>,
    /// The portfolio's limit, if it counts.
    room: Option<Room>,
    warnings: Vec<&'static str>,
}

/// Applies the early rules. A message that comes too soon after others to the same person waits for its turn.
async fn admit(
    store: &Store,
    tenant: &TenantId,
    submission: &Submission,
    now: Timestamp,
) -> Result<Admitted, SubmitError> {
    let (sender, standing, known) = try_join!(
        store.sender(tenant, &submission.from),
        store.pace(tenant, &submission.from),
        // Boxed, because joining contacts is large and rare.
        Box::pin(known_contact(store, tenant, &submission.to)),
    )?;
    let sender = sender.ok_or(SubmitError::UnknownSender)?;
    let scheduled = submission.send_at.is_some_and(|time| now < time);
    if let Some(pause) = standing.paused.filter(|_| !scheduled) {
        return Err(SubmitError::SenderPaused(pause));
    }
    let is_template = submission.content.kind == Kind::Template;
    let room = if is_template {
        store.room(&sender).await?
    } else {
        None
    };
    let time = submission.send_at.map_or(now, |time| time.max(now));
    let contact = match (known, people::person_of(&submission.to)) {
        (None, Some(person)) => {
            refuse_stranger(&sender, submission, room.as_ref(), time)?;
            // Boxed, because it is large and a person is new only once.
            Box::pin(people::contact_of(store, tenant, &person, now)).await?
        }
        (known, _) => known,
    };
    let mut message = outbound(submission.clone(), &sender, contact.as_ref(), now);
    let conversation = match &message.conversation {
        Some(id) => store.conversation(tenant, id).await?,
        None => None,
    };
    let warnings = check_window(&sender, &message, conversation.as_ref(), now)?;
    let place = (!scheduled).then(|| {
        let last = conversation.as_ref().and_then(Conversation::burst);
        (last, Place::after(last, now))
    });
    let goes_at = place.map(|(_, place)| place.time());
    message.not_before = message.not_before.or(goes_at.filter(|time| now < *time));
    let room = room.filter(|_| !is_open(conversation.as_ref(), time));
    check_room(room.as_ref(), time)?;
    Ok(Admitted {
        message,
        contact,
        place,
        room,
        warnings,
    })
}

/// The contact of whom a message goes to, if there is one.
async fn known_contact(
    store: &Store,
    tenant: &TenantId,
    to: &Recipient,
) -> Result<Option<Contact>, StoreError> {
    match people::person_of(to) {
        Some(person) => people::known_contact_of(store, tenant, &person).await,
        None => Ok(None),
    }
}

/// The message an earlier request with this key wrote.
pub async fn replayed(
    store: &Store,
    tenant: &TenantId,
    idempotency: Option<&IdempotencyClaim>,
    now: Timestamp,
) -> Result<Option<Submitted>, SubmitError> {
    let Some(claim) = idempotency else {
        return Ok(None);
    };
    let Some(record) = store.idempotency(tenant, &claim.key_hash, now).await? else {
        return Ok(None);
    };
    if record.body_hash != claim.body_hash {
        return Err(SubmitError::OtherBody);
    }
    let id: MessageId = record.resource.parse().map_err(|_| StoreError::Corrupt {
        what: "an idempotency record".into(),
        source: None,
    })?;
    let message = store
        .outbound(tenant, &id)
        .await?
        .ok_or_else(|| StoreError::Corrupt {
            what: "a message that an idempotency record names".into(),
            source: None,
        })?;
    Ok(Some(Submitted {
        message,
        origin: Origin::Replayed,
        warnings: Vec::new(),
    }))
}

/// What is remembered of a key: the resource that the same transaction makes.
#[must_use]
pub fn record(
    tenant: &TenantId,
    claim: &IdempotencyClaim,
    resource: &str,
    now: Timestamp,
) -> IdempotencyRecord {
    IdempotencyRecord {
        tenant: tenant.clone(),
        key_hash: claim.key_hash.clone(),
        body_hash: claim.body_hash.clone(),
        resource: resource.to_owned(),
        answer: None,
        expires_at: now
            .saturating_add(IDEMPOTENCY_KEPT_FOR)
            .unwrap_or(Timestamp::MAX),
    }
}

/// A person who has never written has no open window, and needs room in the portfolio.
fn refuse_stranger(
    sender: &Sender,
    submission: &Submission,
    room: Option<&Room>,
    time: Timestamp,
) -> Result<(), SubmitError> {
    if sender.window == WindowPolicy::Enforce && submission.content.kind != Kind::Template {
        return Err(SubmitError::WindowClosed);
    }
    check_room(room, time)
}

/// Free-form messages need an open window, if the sender's policy says so.
fn check_window(
    sender: &Sender,
    message: &Outbound,
    conversation: Option<&Conversation>,
    now: Timestamp,
) -> Result<Vec<&'static str>, SubmitError> {
    let kind = message.content.as_ref().map(|content| content.kind);
    let no_window = sender.window == WindowPolicy::Off || kind == Some(Kind::Template);
    if no_window || message.contact.is_none() {
        return Ok(Vec::new());
    }
    match (is_open(conversation, now), sender.window) {
        (true, _) | (false, WindowPolicy::Off) => Ok(Vec::new()),
        (false, WindowPolicy::Warn) => Ok(vec!["window_closed"]),
        (false, WindowPolicy::Enforce) => Err(SubmitError::WindowClosed),
    }
}

/// A template to somebody who has not written within a day needs room in the portfolio.
fn check_room(room: Option<&Room>, time: Timestamp) -> Result<(), SubmitError> {
    match room {
        Some(room) if room.left(time) == 0 => Err(SubmitError::PortfolioFull(room.free_at(time))),
        Some(_) | None => Ok(()),
    }
}

/// Whether the person has written within the window.
fn is_open(conversation: Option<&Conversation>, now: Timestamp) -> bool {
    let last = conversation.and_then(|conversation| conversation.last_inbound_at);
    last.is_some_and(|last| now.duration_since(last) < WINDOW)
}

fn outbound(
    submission: Submission,
    sender: &Sender,
    contact: Option<&Contact>,
    now: Timestamp,
) -> Outbound {
    Outbound {
        id: MessageId::at(now),
        tenant: sender.tenant.clone(),
        account: sender.account.clone(),
        sender: sender.id.clone(),
        to: submission.to,
        lane: submission.lane,
        state: State::Queued,
        rev: 0,
        content: Some(submission.content),
        job: None,
        variables: None,
        reference: submission.reference,
        metadata: submission.metadata,
        callback_data: submission.callback_data,
        contact: contact.map(|contact| contact.id.clone()),
        conversation: contact.map(|contact| Conversation::id_of(contact, &sender.id)),
        created_at: now,
        not_before: submission.send_at.filter(|time| now < *time),
        expires_at: submission.expires_at,
        on_unknown: submission.on_unknown,
        claim: None,
        attempts: Vec::new(),
        times: Times::default(),
        price: None,
        waiting: None,
        known_as: None,
    }
}
