//! Where each gateway meets its module. Which one it is, is asked here and nowhere else.
//!
//! Every module has what is called here, with the same arguments; what its gateway has no way for it takes from `without`.

use super::webhook::Heard;
use super::{Access, Answered, Group, SendOutcome, Unfit};
use crate::domain::content::{Content, Kind};
use crate::domain::failure::{Class, ProviderFailure};
use crate::domain::id::MessageId;
use crate::domain::identity::Recipient;
use crate::domain::phone::PhoneNumber;
use crate::domain::provider::Gateway;
use crate::domain::queue::{Change, PackingError};
use crate::domain::secret::SecretText;
use crate::domain::webhook::Update;
use jiff::Timestamp;

#[cfg(test)]
mod tests;

/// What is said with `$module` in place of the module of this gateway.
macro_rules! at {
    ($gateway:expr, $module:ident => $said:expr) => {
        match $gateway {
            Gateway::Notifapi => {
                use super::notifapi as $module;
                $said
            }
            Gateway::Fonnte => {
                use super::fonnte as $module;
                $said
            }
            Gateway::Mock => {
                use super::mock as $module;
                $said
            }
        }
    };
}

/// What a gateway says of a key that it takes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GoodKey {
    /// The number that is sent from with it, in digits, if the gateway tells.
    pub number: Option<String>,
    /// How it stands with the key, in words.
    pub said: String,
}

/// Which of the numbers that were asked about are on WhatsApp. Of one in neither list the gateway said nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// These are.
    pub registered: Vec<PhoneNumber>,
    /// These are not.
    pub not_registered: Vec<PhoneNumber>,
}

/// Whether it can send this, as far as that can be said without asking it.
pub fn fits(gateway: Gateway, to: &Recipient, content: &Content) -> Result<(), Unfit> {
    at!(gateway, it => it::fits(to, content))
}

/// The kinds of message that it can send.
#[must_use]
pub const fn kinds(gateway: Gateway) -> &'static [Kind] {
    at!(gateway, it => &it::KINDS)
}

/// Sends a message: one call, never repeated here.
pub async fn send(
    gateway: Gateway,
    access: Access<'_>,
    to: &Recipient,
    content: &Content,
    id: &MessageId,
) -> SendOutcome {
    at!(gateway, it => it::send(access, to, content, id).await)
}

/// Asks whether the key is good; `number`, in digits, is what is sent from with it, if that is known.
pub async fn check_key(
    gateway: Gateway,
    access: Access<'_>,
    number: Option<&str>,
) -> Answered<GoodKey> {
    at!(gateway, it => it::check_key(access, number).await)
}

/// Asks which of these numbers are on WhatsApp: no more of them than its facts say.
pub async fn check_numbers(
    gateway: Gateway,
    access: Access<'_>,
    numbers: &[PhoneNumber],
) -> Answered<Checked> {
    if let Some(checks) = gateway.facts().number_checks
        && numbers.len() > checks.numbers
    {
        return Err(ProviderFailure::without_code(
            Class::Permanent,
            format!(
                "{} checks {} numbers at once",
                gateway.title(),
                checks.numbers
            ),
            "ask about fewer numbers at a time",
        ));
    }
    at!(gateway, it => it::check_numbers(access, numbers).await)
}

/// Lists the groups that the key's sender is in.
pub async fn groups(gateway: Gateway, access: Access<'_>) -> Answered<Vec<Group>> {
    at!(gateway, it => it::groups(access).await)
}

/// Has it call `address` with what comes in, and with what becomes of messages.
pub async fn call_at(gateway: Gateway, access: Access<'_>, address: &SecretText) -> Answered<()> {
    at!(gateway, it => it::call_at(access, address).await)
}

/// What the body of a call of its says; `None` of one that calls nobody.
pub(super) fn heard(gateway: Gateway, body: &[u8]) -> Option<Result<Heard, PackingError>> {
    at!(gateway, it => it::heard(body))
}

/// The updates that a change says, which came in at `received_at`.
pub(super) fn updates(gateway: Gateway, change: &Change, received_at: Timestamp) -> Vec<Update> {
    at!(gateway, it => it::updates(change, received_at))
}
