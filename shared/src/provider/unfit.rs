//! What a provider has no way to send, told before it is called: each place with what is wrong and what would do.

use crate::domain::content::Content;
use crate::domain::failure::{Class, ProviderFailure};
use crate::domain::fault::{Fault, FaultCode, Faults};
use crate::domain::provider::Provider;
use serde_json::Value;

/// Why a provider cannot send a message as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    provider: Provider,
    faults: Vec<Fault>,
}

impl Unfit {
    /// Which provider.
    #[must_use]
    pub const fn provider(&self) -> Provider {
        self.provider
    }

    /// Every place of the message's body that it has no way for.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// The same as the reason of an attempt that was not made.
    #[must_use]
    pub fn failure(&self) -> ProviderFailure {
        let places = self.faults.iter();
        let places = places.map(|fault| format!("{} {}", fault.pointer, fault.detail));
        let (name, places) = (self.provider.title(), places.collect::<Vec<_>>().join("; "));
        ProviderFailure::without_code(
            Class::Permanent,
            format!("{name} cannot send this: {places}"),
            "change what is named, or send it by another provider",
        )
    }
}

/// Reads a message for a provider that has fewer ways than Meta, and notes what it has none for.
pub(super) struct Reading<'a> {
    pub(super) content: &'a Content,
    provider: Provider,
    faults: Faults,
}

impl<'a> Reading<'a> {
    /// Begins to read. Nobody but Meta knows whose identity a hash is of, and to ignore it would send what must not go.
    pub(super) fn of(provider: Provider, content: &'a Content) -> Self {
        let reading = Self {
            content,
            provider,
            faults: Faults::new(),
        };
        if content.recipient_identity_key_hash.is_some() {
            let detail = "cannot be checked by this provider: leave it out";
            reading.note("/recipient_identity_key_hash", detail);
        }
        reading
    }

    /// A member of the object that the type names, if it is a text that is not empty.
    pub(super) fn text(&self, member: &str) -> Option<&'a str> {
        let text = self.content.object.get(member).and_then(Value::as_str);
        text.filter(|text| !text.is_empty())
    }

    /// The link of a medium. One that was uploaded is Meta's alone.
    pub(super) fn link(&self) -> Option<&'a str> {
        let link = self.text("link");
        if link.is_none() {
            let detail = "is an upload at Meta, where this provider cannot get it: give a link";
            self.refuse("id", detail);
        }
        link
    }

    /// Notes a member of the object that the type names.
    pub(super) fn refuse(&self, member: &str, detail: impl Into<String>) {
        let kind = self.content.kind.as_str();
        self.note(&format!("/{kind}/{member}"), detail);
    }

    /// Notes that the whole kind cannot be sent, with those that can.
    pub(super) fn refuse_kind(&self, sent: &str) {
        let name = self.provider.title();
        let detail = format!("cannot be sent by {name}, which sends {sent}");
        self.note("/type", detail);
    }

    /// Notes a place.
    pub(super) fn note(&self, pointer: &str, detail: impl Into<String>) {
        self.faults.add(pointer, FaultCode::NotAllowed, detail);
    }

    /// What was read, if all of it can be sent.
    pub(super) fn finish<T>(self, read: Option<T>) -> Result<T, Unfit> {
        let provider = self.provider;
        let read = self.faults.into_result(read);
        read.map_err(|faults| Unfit { provider, faults })
    }
}
