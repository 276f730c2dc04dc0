//! The ledger: claimed in one place, changed in one place. The rules are `domain::ledger`'s.

use super::item::{Item, Key, body, number, text};
use super::message_item::message_item;
use super::transaction::{Transaction, past_transactions};
use super::{Store, StoreError, keys};
use crate::domain::audit::AuditEntry;
use crate::domain::id::MessageId;
use crate::domain::identity::TenantId;
use crate::domain::ledger::{self, Event, LEASE};
use crate::domain::message::{Attempt, Claim, Message, Outbound};
use crate::domain::state::State;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;
use std::collections::HashMap;
use thiserror::Error;

/// A write loses against this many others before it gives up.
const TRIES: usize = 10;

/// Why a message was not claimed.
#[derive(Debug, Error)]
pub enum ClaimError {
    /// It is not waiting to be sent now; this is how it stands.
    #[error("the message cannot be claimed now")]
    NotNow(Option<Box<Outbound>>),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl Store {
    /// Claims a message for the call that this attempt tells of: the only place where a message becomes `sending`.
    ///
    /// One conditional update with the conditions of [`ledger::claimable`]. The SDK repeats a request whose answer
    /// was lost: a refusal that shows our own token is our claim.
    pub async fn claim(
        &self,
        tenant: &TenantId,
        id: &MessageId,
        token: &str,
        attempt: Attempt,
    ) -> Result<Outbound, ClaimError> {
        let now = attempt.started_at;
        let claim = Claim {
            token: token.into(),
            lease_until: now.saturating_add(LEASE).unwrap_or(now),
        };
        let result = self
            .client
            .update_item()
            .table_name(&self.messages)
            .set_key(Some(
                Key::new(keys::message(tenant, id), keys::HEAD).into_item(),
            ))
            .update_expression(
                "SET #state = :sending, claim = :claim, rev = rev + :one, \
                 attempts = list_append(attempts, :attempt)",
            )
            .condition_expression(
                "#state = :queued AND (attribute_not_exists(not_before) OR not_before <= :now) \
                 AND (attribute_not_exists(expires_at) OR expires_at > :now)",
            )
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":sending", text(State::Sending.as_str()))
            .expression_attribute_values(":queued", text(State::Queued.as_str()))
            .expression_attribute_values(
                ":claim",
                serde_dynamo::to_attribute_value(&claim).map_err(StoreError::from)?,
            )
            .expression_attribute_values(
                ":attempt",
                serde_dynamo::to_attribute_value(vec![attempt]).map_err(StoreError::from)?,
            )
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match result {
            Ok(output) => Ok(outbound(output.attributes.unwrap_or_default())?),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refusal)) => {
                    let old = refusal.item.clone().map(outbound).transpose()?;
                    match old {
                        Some(message) if holds(&message, token) => Ok(message),
                        old => Err(ClaimError::NotNow(old.map(Box::new))),
                    }
                }
                _ => Err(StoreError::from(error).into()),
            },
        }
    }

    /// Writes `next` in place of the message it was decided from. A conflict if that one has changed.
    async fn replace(
        &self,
        message: &Outbound,
        next: &Outbound,
        entry: Option<&AuditEntry>,
    ) -> Result<(), StoreError> {
        let next = message_item(&Message::Outbound(Box::new(next.clone())))?;
        let condition = "rev = :rev";
        let values = HashMap::from([(":rev".into(), number(message.rev))]);
        if let Some(entry) = entry {
            let mut transaction = Transaction::new();
            transaction.put_if(&self.messages, next, Some(condition), values)?;
            self.note_audit(&mut transaction, entry)?;
            return self.commit(transaction).await;
        }
        let put = self
            .client
            .put_item()
            .table_name(&self.messages)
            .set_item(Some(next))
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values));
        past_transactions(|| put.clone().send()).await?;
        Ok(())
    }

    /// Lets `event` happen to a message: the only place where its state changes, save the claim.
    ///
    /// Starts from `known`, the message as last read. If it has changed since, it is read and decided again, so
    /// that of two writers neither undoes the other. Returns the message as it is afterwards.
    pub fn apply(
        &self,
        known: Outbound,
        event: &Event<'_>,
        now: Timestamp,
    ) -> impl Future<Output = Result<Outbound, StoreError>> {
        self.decide(known, event, None, now)
    }

    /// The same for what a person asks: `entry` is added to the trail by the write that changes the message, and only
    /// if it changes.
    pub fn apply_asked(
        &self,
        known: Outbound,
        event: &Event<'_>,
        entry: &AuditEntry,
    ) -> impl Future<Output = Result<Outbound, StoreError>> {
        self.decide(known, event, Some(entry), entry.at)
    }

    async fn decide(
        &self,
        known: Outbound,
        event: &Event<'_>,
        entry: Option<&AuditEntry>,
        now: Timestamp,
    ) -> Result<Outbound, StoreError> {
        let mut message = known;
        for _ in 0..TRIES {
            let Some(next) = ledger::apply(&message, event, now) else {
                return Ok(message);
            };
            // Boxed, because requests are large, and every future that sends a message would hold them.
            let written = Box::pin(self.replace(&message, &next, entry));
            match written.await {
                Ok(()) => return Ok(next),
                Err(StoreError::Conflict) => {
                    let again = self.outbound(&message.tenant, &message.id).await?;
                    message = again.ok_or_else(|| StoreError::corrupt(message.id.as_str()))?;
                }
                Err(error) => return Err(error),
            }
            // The SDK may have repeated a write that had succeeded.
            if message == next {
                return Ok(message);
            }
        }
        Err(StoreError::Conflict)
    }
}

/// Whether the message is held, now, under this token.
fn holds(message: &Outbound, token: &str) -> bool {
    message.state == State::Sending
        && message
            .claim
            .as_ref()
            .is_some_and(|claim| claim.token == token)
}

fn outbound(item: Item) -> Result<Outbound, StoreError> {
    match body(item)? {
        Message::Outbound(message) => Ok(*message),
        Message::Inbound(message) => Err(StoreError::corrupt(message.id.as_str())),
    }
}
