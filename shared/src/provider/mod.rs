//! One module per provider: clients, wire types, signatures.
//!
//! What none of them has for itself stands here: what is known after a call, how a provider is reached, what it cannot
//! send. A provider's module knows its wire and nothing of stores, queues or functions.

pub mod fonnte;
pub mod gateway;
pub mod guard;
mod http;
mod lenient;
mod masking;
pub mod meta;
pub mod mock;
pub mod notifapi;
mod providers;
mod recorded;
mod unfit;
mod way;
pub mod webhook;
mod without;

#[cfg(test)]
mod tests;

pub use http::Http;
pub use providers::{Addresses, Providers};
pub use recorded::{Exchange, Recorded, Said, recorded};
pub use unfit::Unfit;
pub use way::Way;

use crate::domain::content::{Content, Kind};
use crate::domain::failure::{Class, ProviderFailure};
use crate::domain::identity::{GroupId, Recipient, Wamid};
use crate::domain::provider::Provider;
use crate::domain::queue::WebhookRecord;
use crate::domain::secret::SecretText;
use crate::domain::webhook::{Person, Update};
use reqwest::Url;
use std::time::Duration;

/// What is known after a call.
#[derive(Debug, Clone, PartialEq)]
pub enum SendOutcome {
    /// The provider took the message.
    Accepted(Box<Acceptance>),
    /// The provider provably did not take it.
    NotAccepted(ProviderFailure),
    /// Nobody knows.
    Ambiguous(ProviderFailure),
}

/// What a provider says about a message it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// The provider's id of the message.
    pub provider_id: Wamid,
    /// The person, by the provider's own names.
    pub recipient: Person,
}

impl SendOutcome {
    /// Taken, by a provider that tells no more than its id of the message: what it repeats of the recipient is what it
    /// was given, and no name of the person's.
    fn accepted(provider_id: Wamid) -> Self {
        Self::Accepted(Box::new(Acceptance {
            provider_id,
            recipient: Person::default(),
        }))
    }

    fn ambiguous(why: impl Into<String>) -> Self {
        Self::Ambiguous(ProviderFailure::ambiguous(why))
    }

    /// What a refusal leaves known: of some nobody knows what they mean.
    fn refused(failure: ProviderFailure) -> Self {
        if failure.class == Class::Ambiguous {
            Self::Ambiguous(failure)
        } else {
            Self::NotAccepted(failure)
        }
    }
}

/// A tenant's way to a provider. All of it may change while we run, so each call is told.
#[derive(Debug, Clone, Copy)]
pub struct Access<'a> {
    /// What calls it there.
    pub http: &'a Http,
    /// Where it is reached; its functions are below this.
    pub base: &'a Url,
    /// What opens it.
    pub key: &'a SecretText,
    /// How long a call may last. It is never more than a message's lease allows.
    pub timeout: Duration,
}

/// What a provider answered, or why it did not.
pub type Answered<T> = Result<T, ProviderFailure>;

/// A WhatsApp group, as a provider lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The id that messages to it go to.
    pub id: GroupId,
    /// What its members call it.
    pub name: Option<String>,
}

/// Whether a provider can send this, as far as that can be said without asking it.
pub fn fits(provider: Provider, to: &Recipient, content: &Content) -> Result<(), Unfit> {
    match provider {
        // A message object is Meta's own.
        Provider::Meta => Ok(()),
        Provider::Gateway(gateway) => gateway::fits(gateway, to, content),
    }
}

/// The kinds of message that a provider can send. What of a message of such a kind it has no way for, [`fits`] tells.
#[must_use]
pub const fn kinds(provider: Provider) -> &'static [Kind] {
    match provider {
        Provider::Meta => &Kind::ALL,
        Provider::Gateway(gateway) => gateway::kinds(gateway),
    }
}

/// The updates that a webhook record holds, in their order.
#[must_use]
pub fn updates(record: &WebhookRecord) -> Vec<Update> {
    let changes = record.changes.iter();
    match record.provider {
        Provider::Meta => changes.flat_map(meta::webhook::updates).collect(),
        Provider::Gateway(gateway) => changes
            .flat_map(|change| gateway::updates(gateway, change, record.received_at))
            .collect(),
    }
}

/// What an HTTP status says of a refusal whose words nobody knows, if it may pass.
fn passing(status: u16) -> Option<Class> {
    (status == 429).then_some(Class::Throttled)
}

/// So many characters of a key in a row are taken for the key.
const TELLING: usize = 6;

/// What a provider says of a failure, unless it repeats the key or a part of it, in whatever writing.
fn shown<'a>(said: &'a str, key: &SecretText) -> &'a str {
    let (lower, secret) = (said.to_ascii_lowercase(), key.expose().to_ascii_lowercase());
    let secret: Vec<char> = secret.chars().collect();
    let mut parts = secret.windows(TELLING.min(secret.len()).max(1));
    let repeats = parts.any(|part| lower.contains(&part.iter().collect::<String>()));
    let is_encoded = said
        .split(|character: char| character.is_whitespace())
        .any(|word| word.len() >= 16 && word.bytes().any(|byte| byte.is_ascii_uppercase()));
    if repeats || is_encoded { "" } else { said }
}
