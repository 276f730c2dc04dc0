//! A call of a gateway's on its way to a queue. Nothing signs it: whoever knows the path is taken for the gateway.
//!
//! Only a [`ProvenCall`] can be queued, so that a forgotten check does not compile.

use super::gateway;
use crate::domain::id::{AccountId, EventId};
use crate::domain::identity::TenantId;
use crate::domain::provider::Gateway;
use crate::domain::queue::{Change, PackingError, WebhookRecord};
use crate::domain::secret::{SecretText, is_one_of};
use jiff::Timestamp;

/// A call whose path held one of the account's tokens.
#[derive(Debug, Clone, Copy)]
pub struct ProvenCall<'a> {
    gateway: Gateway,
    body: &'a [u8],
}

/// What a call says, by the queue it goes to.
#[derive(Debug)]
pub enum Heard {
    /// A message, and everything that is not a status.
    Inbound(Change),
    /// A status.
    Status(Change),
}

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
pub fn prove<'a>(
    gateway: Gateway,
    token: &str,
    body: &'a [u8],
    known: &[SecretText],
) -> Option<ProvenCall<'a>> {
    is_one_of(token, known).then_some(ProvenCall { gateway, body })
}

/// Where a gateway is to call for an account, if `webhook_url` is where `webhook` answers. Whoever knows it is taken for
/// the gateway, so it is a secret itself.
#[must_use]
pub fn address(
    webhook_url: &str,
    gateway: Gateway,
    account: &AccountId,
    path_token: &SecretText,
) -> SecretText {
    let (name, token) = (gateway.as_str(), path_token.expose());
    SecretText::new(format!("{webhook_url}/webhooks/{name}/{account}/{token}"))
}

/// The record of a call, which came in for `account` of `tenant` at `received_at`. `None` if the gateway calls nobody.
pub fn queued(
    call: ProvenCall<'_>,
    tenant: &TenantId,
    account: &AccountId,
    received_at: Timestamp,
) -> Result<Option<Queued>, PackingError> {
    let ProvenCall { gateway, body } = call;
    let record = |change| WebhookRecord {
        id: EventId::at(received_at),
        tenant: tenant.clone(),
        account: account.clone(),
        provider: gateway.into(),
        received_at,
        changes: vec![change],
    };
    let heard = gateway::heard(gateway, body).transpose()?;
    Ok(heard.map(|heard| match heard {
        Heard::Inbound(change) => Queued::Inbound(record(change)),
        Heard::Status(change) => Queued::Status(record(change)),
    }))
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
        let call = prove(Gateway::Fonnte, "other", body, &tokens).unwrap();
        let (tenant, account) = ("demo".parse().unwrap(), "acct_demo-fonnte".parse().unwrap());
        let queued = queued(call, &tenant, &account, Timestamp::UNIX_EPOCH);
        queued.unwrap().unwrap()
    }

    #[test]
    fn only_who_knows_a_token_of_the_account_is_taken_for_the_gateway() {
        let prove = |token, known: &[_]| prove(Gateway::Fonnte, token, b"{}", known).is_some();
        let tokens = [SecretText::new("one"), SecretText::new("")];
        for wrong in ["", "on", "onee", "ONE"] {
            assert!(!prove(wrong, &tokens), "{wrong}");
        }
        assert!(prove("one", &tokens));
        assert!(!prove("one", &[]));
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
