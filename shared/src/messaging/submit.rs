//! Takes a message in: reads the request, applies the early rules, and writes the message with everything that
//! must stand beside it in one transaction.
//!
//! Idempotency key: the caller's, remembered in that same transaction.

mod request;

pub use request::{Submission, on_unknown, read_from};

use super::people;
use crate::domain::content::Kind;
use crate::domain::id::MessageId;
use crate::domain::identity::{Recipient, TenantId};
use crate::domain::message::{Message, Outbound, Times};
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
    /// The idempotency key was used with another body.
    #[error("the idempotency key was used with another body")]
    OtherBody,
    /// The store failed.
    #[error("the store failed while a message was taken in")]
    Store(#[from] StoreError),
}

/// What was read may change before it is written to: then it is read again.
const TRIES: usize = 5;

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
    let (sender, known) = try_join!(
        store.sender(tenant, &submission.from),
        // Boxed, because joining contacts is large and rare.
        Box::pin(known_contact(store, tenant, &submission.to)),
    )?;
    let sender = sender.ok_or(SubmitError::UnknownSender)?;
    let contact = match (known, people::person_of(&submission.to)) {
        // Whoever is no contact has never written.
        (None, Some(_)) if needs_open_window(&sender, submission) => {
            return Err(SubmitError::WindowClosed);
        }
        // Boxed, because it is large and a person is new only once.
        (None, Some(person)) => Box::pin(people::contact_of(store, tenant, &person, now)).await?,
        (known, _) => known,
    };
    let warnings = check_window(store, &sender, submission, contact.as_ref(), now).await?;
    let message = outbound(submission.clone(), &sender, contact.as_ref(), now);
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
        store.open_thread(&mut transaction, contact, &message)?;
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

/// Whether a person who has never written cannot be sent this.
fn needs_open_window(sender: &Sender, submission: &Submission) -> bool {
    sender.window == WindowPolicy::Enforce && submission.content.kind != Kind::Template
}

/// Free-form messages need an open window, if the sender's policy says so.
async fn check_window(
    store: &Store,
    sender: &Sender,
    submission: &Submission,
    contact: Option<&Contact>,
    now: Timestamp,
) -> Result<Vec<&'static str>, SubmitError> {
    if sender.window == WindowPolicy::Off || submission.content.kind == Kind::Template {
        return Ok(Vec::new());
    }
    let Some(contact) = contact else {
        return Ok(Vec::new());
    };
    let id = Conversation::id_of(contact, &sender.id);
    let conversation = store.conversation(&sender.tenant, &id).await?;
    let last = conversation.and_then(|conversation| conversation.last_inbound_at);
    let open = last.is_some_and(|last| now.duration_since(last) < WINDOW);
    match (open, sender.window) {
        (true, _) | (false, WindowPolicy::Off) => Ok(Vec::new()),
        (false, WindowPolicy::Warn) => Ok(vec!["window_closed"]),
        (false, WindowPolicy::Enforce) => Err(SubmitError::WindowClosed),
    }
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
        known_as: None,
    }
}
