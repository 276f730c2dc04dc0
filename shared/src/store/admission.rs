//! What has to be known before a message is taken in, in as few reads as there can be.

use super::contacts::{IdentityPointer, contact_key, identity_key};
use super::conversations::conversation_key;
use super::item::{Item, body};
use super::pace::{Pace, pace_key};
use super::senders::{Sender, sender_key};
use super::{Contact, Conversation, Store, StoreError};
use crate::domain::id::ContactId;
use crate::domain::identity::{Identity, SenderId, TenantId};
use std::time::Instant;

/// Reads of a sender whose rate is changed each time meanwhile, before one gives up for now.
const READS: u32 = 4;

/// A sender and its pace, read in one call.
#[derive(Debug, Clone)]
pub struct PacedSender {
    /// It stood so then, or later.
    pub as_of: Instant,
    /// The sender, if there is one.
    pub sender: Option<Sender>,
    /// Its pace.
    pub pace: Pace,
}

/// A contact, and its conversation with a sender if there is one.
#[derive(Debug, Clone)]
pub struct Acquaintance {
    /// The contact.
    pub contact: Contact,
    /// What it has with the sender.
    pub conversation: Option<Conversation>,
}

impl Store {
    /// A sender and its pace.
    pub async fn paced_sender(
        &self,
        tenant: &TenantId,
        sender: &SenderId,
    ) -> Result<PacedSender, StoreError> {
        for _ in 0..READS {
            let as_of = Instant::now();
            let keys = [sender_key(tenant, sender), pace_key(tenant, sender)];
            let [sender, pace] = self.read_together(&self.messages, keys).await?;
            if let Some(paced) = paced(as_of, sender, pace)? {
                return Ok(paced);
            }
        }
        Err(StoreError::Conflict)
    }

    /// The same, and the id that an identity points to; that contact may have been joined to another.
    pub async fn paced_sender_and_contact(
        &self,
        tenant: &TenantId,
        sender: &SenderId,
        identity: &Identity,
    ) -> Result<(PacedSender, Option<ContactId>), StoreError> {
        for _ in 0..READS {
            let as_of = Instant::now();
            let keys = [
                sender_key(tenant, sender),
                pace_key(tenant, sender),
                identity_key(tenant, identity),
            ];
            let [sender, pace, pointer] = self.read_together(&self.messages, keys).await?;
            if let Some(paced) = paced(as_of, sender, pace)? {
                let pointer: Option<IdentityPointer> = pointer.map(body).transpose()?;
                return Ok((paced, pointer.map(|pointer| pointer.contact)));
            }
        }
        Err(StoreError::Conflict)
    }

    /// The contact of this id and its conversation with `sender`. `None` if there is no such contact, or a join of it is
    /// not done with: then each has to be looked for by itself.
    pub async fn acquaintance(
        &self,
        tenant: &TenantId,
        contact: &ContactId,
        sender: &SenderId,
    ) -> Result<Option<Acquaintance>, StoreError> {
        let conversation = Conversation::id_of(contact, sender);
        let keys = [
            contact_key(tenant, contact),
            conversation_key(tenant, &conversation),
        ];
        let [contact, conversation] = self.read_together(&self.messages, keys).await?;
        let was_joined = |item: &Item| item.contains_key("joined_to");
        if contact.iter().chain(&conversation).any(was_joined) {
            return Ok(None);
        }
        let contact: Option<Contact> = contact.map(body).transpose()?;
        let Some(contact) = contact.filter(|contact| contact.absorbed.is_empty()) else {
            return Ok(None);
        };
        Ok(Some(Acquaintance {
            contact,
            conversation: conversation.map(body).transpose()?,
        }))
    }
}

/// `None` if the sender was given another rate while they were read.
fn paced(
    as_of: Instant,
    sender: Option<Item>,
    pace: Option<Item>,
) -> Result<Option<PacedSender>, StoreError> {
    let sender: Option<Sender> = sender.map(body).transpose()?;
    let pace: Pace = pace.map(body).transpose()?.unwrap_or_default();
    let are_of_one_time = sender.as_ref().is_none_or(|sender| sender.era == pace.era);
    Ok(are_of_one_time.then_some(PacedSender {
        as_of,
        sender,
        pace,
    }))
}
