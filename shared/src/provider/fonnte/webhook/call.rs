//! A call of Fonnte's on its way to a queue. Nothing signs it: whoever knows the path is taken for Fonnte.
//!
//! Only a [`ProvenCall`] can be queued, so that a forgotten check does not compile.

use super::{Event, read};
use crate::domain::id::{AccountId, EventId};
use crate::domain::identity::{TenantId, WaId};
use crate::domain::provider::Provider;
use crate::domain::queue::{Change, PackingError, WebhookRecord};
use crate::domain::secret::{SecretText, is_one_of};
use jiff::Timestamp;
use serde_json::value::RawValue;

/// The body of a call whose path held one of the account's tokens.
#[derive(Debug, Clone, Copy)]
pub struct ProvenCall<'a>(&'a [u8]);

/// A record, by the queue it goes to.
#[derive(Debug)]
pub enum Queued {
    /// A message, and everything that is not a status.
    Inbound(WebhookRecord),
    /// A status.
    Status(WebhookRecord),
}

/// Checks the token in the path of a call against those of the account.
#[must_use]
pub fn prove<'a>(token: &str, body: &'a [u8], known: &[SecretText]) -> Option<ProvenCall<'a>> {
    is_one_of(token, known).then_some(ProvenCall(body))
}

/// Where Fonnte is to call for an account, if `webhook_url` is where `webhook` answers. Whoever knows it is taken for
/// Fonnte, so it is a secret itself.
#[must_use]
pub fn address(webhook_url: &str, account: &AccountId, path_token: &SecretText) -> SecretText {
    let token = path_token.expose();
    SecretText::new(format!("{webhook_url}/webhooks/fonnte/{account}/{token}"))
}

/// The record of a call, which came in for `account` of `tenant` at `received_at`. What is no JSON travels as a text.
pub fn queued(
    call: ProvenCall<'_>,
    tenant: &TenantId,
    account: &AccountId,
    received_at: Timestamp,
) -> Result<Queued, PackingError> {
    let webhook = read(call.0);
    let as_sent = serde_json::from_slice::<&RawValue>(call.0).map(ToOwned::to_owned);
    let value = as_sent.or_else(|_| RawValue::from_string(webhook.raw.to_string()))?;
    let device = webhook.device.as_ref().map(WaId::as_str);
    let change = Change {
        entry: device.unwrap_or_default().to_owned(),
        time: None,
        field: field(&webhook.event).to_owned(),
        value,
    };
    let record = WebhookRecord {
        id: EventId::at(received_at),
        tenant: tenant.clone(),
        account: account.clone(),
        provider: Provider::Fonnte,
        received_at,
        changes: vec![change],
    };
    Ok(match webhook.event {
        Event::Status(_) => Queued::Status(record),
        Event::Message(_) | Event::Connection(_) | Event::Other => Queued::Inbound(record),
    })
}

/// Fonnte has no names for the kinds of its calls: Meta's stand for what is the same, so that both are found together.
const fn field(event: &Event) -> &'static str {
    match event {
        Event::Message(_) | Event::Status(_) => "messages",
        Event::Connection(_) => "connection",
        Event::Other => "other",
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "a test fails by panicking"
    )]
    use super::*;

    fn record(body: &[u8]) -> Queued {
        let tokens = [SecretText::new("one"), SecretText::new("other")];
        let call = prove("other", body, &tokens).unwrap();
        let (tenant, account) = ("demo".parse().unwrap(), "acct_demo-fonnte".parse().unwrap());
        queued(call, &tenant, &account, Timestamp::UNIX_EPOCH).unwrap()
    }

    #[test]
    fn only_who_knows_a_token_of_the_account_is_taken_for_fonnte() {
        let tokens = [SecretText::new("one"), SecretText::new("")];
        for wrong in ["", "on", "onee", "ONE"] {
            assert!(prove(wrong, b"{}", &tokens).is_none(), "{wrong}");
        }
        assert!(prove("one", b"{}", &tokens).is_some());
        assert!(prove("one", b"{}", &[]).is_none());
    }

    #[test]
    fn a_call_travels_byte_for_byte_to_the_queue_of_its_kind() {
        let status = br#"{ "device":"15550002000", "stateid":"3EB0" }"#;
        let Queued::Status(record) = record(status) else {
            unreachable!("a status goes to the queue of statuses");
        };
        let change = &record.changes[0];
        assert_eq!(change.value.get().as_bytes(), status);
        assert_eq!(
            (change.entry.as_str(), change.field.as_str()),
            ("15550002000", "messages")
        );
    }

    #[test]
    fn whatever_else_is_called_with_goes_to_the_queue_of_messages() {
        for (body, field) in [
            (
                br#"{"device":"15550002000","sender":"15550001111","message":"Hi"}"#.as_slice(),
                "messages",
            ),
            (
                br#"{"device":"15550002000","status":"connect"}"#,
                "connection",
            ),
            (b"{}", "other"),
            (b"name=no+json", "other"),
            (b"\xff", "other"),
            (b"", "other"),
        ] {
            let Queued::Inbound(record) = record(body) else {
                unreachable!("{field} is no status");
            };
            assert_eq!(record.changes[0].field, field);
        }
    }
}
