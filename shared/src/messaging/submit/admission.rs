//! Whether a message may be taken in: the early rules, by what is read in two steps. Nothing of the message is written
//! here; a join of its contact that is not done with is finished.

use super::source::{Sources, sources};
use super::{Submission, SubmitError, WINDOW};
use crate::domain::content::Kind;
use crate::domain::id::{ContactId, MessageId};
use crate::domain::identity::{Identity, SenderId, TenantId};
use crate::domain::message::{OnUnknown, Outbound};
use crate::domain::pace::{Burst, Place, Room};
use crate::domain::purpose::Purpose;
use crate::domain::tier::{DayPlace, DayRoom, day_of};
use crate::domain::webhook::Person;
use crate::messaging::people;
use crate::store::{
    Acquaintance, Contact, Conversation, PacedSender, Sender, Store, StoreError, WindowPolicy,
};
use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::BTreeSet;
use tokio::try_join;

/// A message that may be written down, and what is written with it.
pub(super) struct Admitted {
    pub(super) message: Outbound,
    pub(super) addressee: Addressee,
    /// Its sender.
    pub(super) sender: PacedSender,
    /// The burst before it, and its place.
    pub(super) place: Option<(Option<Burst>, Place)>,
    /// The portfolio's limit, if it counts.
    pub(super) room: Option<Room>,
    /// Its place in the day it goes on, if the tenant's tier limits that.
    pub(super) day: Option<(Date, DayPlace)>,
    pub(super) warnings: Vec<&'static str>,
}

/// Whom a message goes to.
pub(super) enum Addressee {
    Known(Box<Contact>),
    /// Met by this message, under this name.
    New(Box<Contact>, Identity),
    Group,
}

impl Addressee {
    pub(super) fn contact(&self) -> Option<&Contact> {
        match self {
            Self::Known(contact) | Self::New(contact, _) => Some(contact),
            Self::Group => None,
        }
    }

    /// Somebody who is met by this message, or a group, which has no name.
    fn nobody_known(
        tenant: &TenantId,
        name: Option<Identity>,
        sender: &Sender,
        now: Timestamp,
    ) -> Self {
        let Some(name) = name else {
            return Self::Group;
        };
        let contact = Contact {
            senders: BTreeSet::from([sender.id.clone()]),
            ..Contact::met(tenant, &Person::from(name.clone()), now)
        };
        Self::New(Box::new(contact), name)
    }
}

/// Applies the early rules. A message that comes too soon after others to the same person waits for its turn.
pub(super) async fn admit(
    store: &Store,
    tenant: &TenantId,
    submission: &Submission,
    now: Timestamp,
) -> Result<Admitted, SubmitError> {
    let sources = sources(store, tenant, &submission.from).await?;
    let sources = sources.ok_or(SubmitError::UnknownSender)?;
    let scheduled = submission.send_at.is_some_and(|time| now < time);
    let name = people::name_of(&submission.to);
    let (on_unknown, senders) = fits(&sources, submission)?;
    let keeps = (submission.purpose, scheduled);
    let read = first_ready(store, tenant, &senders, name.as_ref(), keeps);
    let (paced, known) = Box::pin(read).await?;
    let sender = paced.sender.as_ref();
    let sender = sender.ok_or(SubmitError::UnknownSender)?;
    let mut warnings = Vec::new();
    // What waits a few seconds for its turn counts on the day it was taken in.
    let goes_on = submission.send_at.filter(|_| scheduled).unwrap_or(now);
    let (known, room, day) = try_join!(
        acquaintance(store, tenant, submission, known, sender),
        room(store, submission, sender),
        store.day_room(tenant, day_of(goes_on)),
    )?;
    let (addressee, conversation) = match known {
        Some(Acquaintance {
            contact,
            conversation,
        }) => (Addressee::Known(Box::new(contact)), conversation),
        None => (Addressee::nobody_known(tenant, name, sender, now), None),
    };
    let contact = addressee.contact().map(|contact| &contact.id);
    let mut message = outbound(submission.clone(), sender, contact, now);
    message.on_unknown = on_unknown;
    message.way.clone_from(&sources.way);
    warnings.extend(check_window(sender, &message, conversation.as_ref(), now)?);
    let place = (!scheduled).then(|| {
        let last = conversation.as_ref().and_then(Conversation::burst);
        (last, Place::after(last, now))
    });
    let goes_at = place.map(|(_, place)| place.time());
    message.not_before = message.not_before.or(goes_at.filter(|time| now < *time));
    let time = message.not_before.unwrap_or(now);
    let room = room.filter(|_| !is_open(conversation.as_ref(), time));
    check_room(room.as_ref(), time)?;
    let day = day.map(|day| place_in(&day, &message.id)).transpose()?;
    Ok(Admitted {
        message,
        addressee,
        sender: paced,
        place,
        room,
        day,
        warnings,
    })
}

/// What no sender has a way for is refused before any provider is called: what is done about an outcome that is not known,
/// and those that may send it.
fn fits<'a>(
    sources: &'a Sources,
    submission: &Submission,
) -> Result<(OnUnknown, Vec<&'a SenderId>), SubmitError> {
    let on_unknown = sources.on_unknown(submission.on_unknown);
    let fitting = sources.fit(&submission.to, &submission.content);
    match (on_unknown, fitting) {
        (Ok(on_unknown), Ok(senders)) => Ok((on_unknown, senders)),
        (on_unknown, fitting) => {
            let faults = fitting.err().into_iter().flatten().chain(on_unknown.err());
            Err(SubmitError::Unfit(faults.collect()))
        }
    }
}

/// The first of these senders that is ready, and whom the person's name points to: it is not paused, nor its provider
/// disabled, as far as the message heeds that, and unless it waits for its time.
async fn first_ready(
    store: &Store,
    tenant: &TenantId,
    senders: &[&SenderId],
    name: Option<&Identity>,
    (purpose, scheduled): (Purpose, bool),
) -> Result<(PacedSender, Option<ContactId>), SubmitError> {
    // What is said is said of the first.
    let mut why = None;
    for sender in senders {
        let (read, settings) = try_join!(
            paced_sender(store, tenant, sender, name),
            store.known_provider_settings(tenant, sender.provider()),
        )?;
        let paused = read.0.pace.paused.clone();
        let paused = paused.filter(|pause| !scheduled && purpose.heeds(pause));
        let refusal = if scheduled || purpose.may_use(&settings) {
            paused.map(SubmitError::SenderPaused)
        } else {
            Some(SubmitError::ProviderDisabled(settings.provider))
        };
        let is_there = read.0.sender.is_some();
        match refusal.or((!is_there).then_some(SubmitError::UnknownSender)) {
            Some(refusal) => why = why.or(Some(refusal)),
            None => return Ok(read),
        }
    }
    Err(why.unwrap_or(SubmitError::UnknownSender))
}

/// A sender, and the contact that the name of whom the message goes to points to.
async fn paced_sender(
    store: &Store,
    tenant: &TenantId,
    sender: &SenderId,
    name: Option<&Identity>,
) -> Result<(PacedSender, Option<ContactId>), StoreError> {
    match name {
        Some(name) => {
            let read = store.paced_sender_and_contact(tenant, sender, name);
            read.await
        }
        None => Ok((store.paced_sender(tenant, sender).await?, None)),
    }
}

/// A message's place in its day; which of the free ones, its id decides.
fn place_in(day: &DayRoom, id: &MessageId) -> Result<(Date, DayPlace), SubmitError> {
    let seed = id.as_str().bytes().map(usize::from).sum();
    let place = day.place(seed).ok_or(SubmitError::DayFull {
        day: day.day,
        limit: day.per_day,
    })?;
    Ok((day.day, place))
}

/// Whom the message goes to, where their name points to somebody, and what they have with the sender.
async fn acquaintance(
    store: &Store,
    tenant: &TenantId,
    submission: &Submission,
    known: Option<ContactId>,
    sender: &Sender,
) -> Result<Option<Acquaintance>, StoreError> {
    let Some(id) = known else {
        return Ok(None);
    };
    if let Some(acquaintance) = store.acquaintance(tenant, &id, &sender.id).await? {
        return Ok(Some(acquaintance));
    }
    // Boxed, because finishing a join is large and rare.
    let person = people::person_of(&submission.to).unwrap_or_default();
    let contact = Box::pin(people::known_contact_of(store, tenant, &person)).await?;
    let Some(contact) = contact else {
        return Ok(None);
    };
    let conversation = Conversation::id_of(&contact.id, &sender.id);
    let conversation = store.conversation(tenant, &conversation).await?;
    Ok(Some(Acquaintance {
        contact,
        conversation,
    }))
}

/// What a template needs of the sender's portfolio.
async fn room(
    store: &Store,
    submission: &Submission,
    sender: &Sender,
) -> Result<Option<Room>, StoreError> {
    match submission.content.kind {
        Kind::Template => store.room(sender).await,
        _ => Ok(None),
    }
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
    contact: Option<&ContactId>,
    now: Timestamp,
) -> Outbound {
    let from = (
        sender.tenant.clone(),
        sender.account.clone(),
        sender.id.clone(),
    );
    let id = MessageId::at(now);
    Outbound {
        content: Some(submission.content),
        reference: submission.reference,
        metadata: submission.metadata,
        callback_data: submission.callback_data,
        contact: contact.cloned(),
        conversation: contact.map(|contact| Conversation::id_of(contact, &sender.id)),
        not_before: submission.send_at.filter(|time| now < *time),
        expires_at: submission.expires_at,
        ..Outbound::queued(id, from, submission.to, submission.lane, now)
    }
}
