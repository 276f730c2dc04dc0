//! A message as a caller sees it: Meta's own message object, and what we know beside it.

mod parts;

pub use parts::{ContextDto, MessageErrorDto, ProfileDto};

use super::Named;
use super::unknown::{OnUnknownDto, SettlementDto, wait_minutes, warnings_of};
use crate::domain::content::{Content, Kind, ProductPolicy};
use crate::domain::held::HeldBack;
use crate::domain::id::{ContactId, ConversationId, JobId, MessageId, RouteId};
use crate::domain::identity::{Bsuid, GroupId, Recipient, Wamid};
use crate::domain::message::{Direction, Inbound, Lane, Message, Outbound};
use crate::domain::state::State;
use crate::service::problem::ProviderProblem;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// Inbound types beside those that can be sent. The object of any other type stands in `provider_object` only: its
/// name might be one of ours.
const INBOUND_TYPES: [&str; 6] = ["button", "order", "system", "edit", "revoke", "unsupported"];

/// A message, either way.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = Message)]
pub struct MessageDto {
    /// Our id.
    #[schema(value_type = String, example = "msg_019e92a7c8887000a000000000000001")]
    pub id: MessageId,
    /// Which way it went.
    pub direction: Direction,
    /// Where it stands.
    pub state: State,
    /// Outbound: the sender, Meta's phone number id. Inbound: the person's phone as Meta writes it, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "100000000000001")]
    pub from: Option<String>,
    /// The route that it goes over.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub route_id: Option<RouteId>,
    /// Inbound: the person's business-scoped user id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub from_user_id: Option<Bsuid>,
    /// Inbound: what the person shows of themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileDto>,
    /// Outbound: the number it goes to. Inbound: the sender it was written to, Meta's phone number id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "+15550001111")]
    pub to: Option<String>,
    /// The business-scoped user id it goes to, instead of a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub recipient: Option<Bsuid>,
    /// The group it was written in, or goes to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub group: Option<GroupId>,
    /// What it does not wait behind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lane: Option<Lane>,
    /// Meta's message type; a recipient of a bulk job has the job's.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    #[schema(example = "text")]
    pub kind: Option<String>,
    /// The object named by `type`, as it was written.
    #[serde(flatten)]
    #[schema(value_type = std::collections::HashMap<String, serde_json::Value>)]
    pub object: Named,
    /// Inbound: the message object as the provider sent it, whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_object: Option<Value>,
    /// The message it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<ContextDto>,
    /// Meta's `recipient_identity_key_hash`, as the caller gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient_identity_key_hash: Option<String>,
    /// Of a marketing message: Meta's `product_policy`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_policy: Option<ProductPolicy>,
    /// Of a marketing message: Meta's `message_activity_sharing`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_activity_sharing: Option<bool>,
    /// The job it is a recipient of.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub bulk_job_id: Option<JobId>,
    /// What fills the job's placeholders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variables: Option<Value>,
    /// The caller's own name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The caller's own facts about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
    /// The caller's own, given back as it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub biz_opaque_callback_data: Option<String>,
    /// What is done when a call's outcome is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_unknown: Option<OnUnknownDto>,
    /// How many minutes it waits for a status, with `on_unknown: wait`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_minutes: Option<u16>,
    /// What an operator decided when it was `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settlement: Option<SettlementDto>,
    /// The person.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub contact_id: Option<ContactId>,
    /// The conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub conversation_id: Option<ConversationId>,
    /// The provider's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "wamid.HBgLMTU1NTAwMDExMTEVAgARGBI")]
    pub provider_id: Option<Wamid>,
    /// When we had it.
    pub created_at: Timestamp,
    /// Not sent before: the time that was asked for, or the wait before another attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_at: Option<Timestamp>,
    /// Not sent after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When the provider took it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted_at: Option<Timestamp>,
    /// When it was sent on. Inbound: when the person sent it. By the provider's clock, as all that follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<Timestamp>,
    /// When it reached the device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<Timestamp>,
    /// When it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_at: Option<Timestamp>,
    /// When a voice message was played.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub played_at: Option<Timestamp>,
    /// When it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_at: Option<Timestamp>,
    /// When it was taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancelled_at: Option<Timestamp>,
    /// When it was found that its time had passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expired_at: Option<Timestamp>,
    /// The provider's `pricing` object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pricing: Option<Value>,
    /// For what it waits though its time has come, if nobody is ready to send it: told of one message that is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<HeldBack>,
    /// Why it is not on its way, by the newest attempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<MessageErrorDto>,
    /// How often the provider was called, or was about to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt_count: Option<usize>,
    /// What the caller should know, though the message was taken. `may_be_sent_twice`: by `on_unknown` or by an
    /// operator's `retry`, it may be sent again though its outcome is not known. `window_closed`, told in the answer to
    /// the request to send: the person has not written for 24 hours.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl From<&Message> for MessageDto {
    fn from(message: &Message) -> Self {
        match message {
            Message::Outbound(outbound) => Self::from(outbound.as_ref()),
            Message::Inbound(inbound) => Self::from(inbound.as_ref()),
        }
    }
}

impl From<&Outbound> for MessageDto {
    fn from(message: &Outbound) -> Self {
        let times = &message.times;
        let ended_in = |state: State| times.ended.filter(|_| message.state == state);
        let is_unsent = matches!(message.state, State::Cancelled | State::Expired);
        let (to, recipient, group) = address(&message.to);
        Self {
            from: Some(message.sender.to_string()),
            route_id: message.way.as_ref().map(|way| way.route.clone()),
            to,
            recipient,
            group,
            lane: Some(message.lane),
            bulk_job_id: message.job.clone(),
            variables: message.variables.clone(),
            reference: message.reference.clone(),
            metadata: message.metadata.clone(),
            biz_opaque_callback_data: message.callback_data.clone(),
            on_unknown: Some(message.on_unknown.into()),
            wait_minutes: wait_minutes(message.on_unknown),
            settlement: message.settlement().map(SettlementDto::from),
            contact_id: message.contact.clone(),
            conversation_id: message.conversation.clone(),
            provider_id: message.provider_id().cloned(),
            send_at: message.not_before,
            expires_at: message.expires_at,
            accepted_at: times.accepted,
            sent_at: times.sent,
            delivered_at: times.delivered,
            read_at: times.read,
            played_at: times.played,
            // Also if it arrived after all.
            failed_at: times.ended.filter(|_| !is_unsent),
            cancelled_at: ended_in(State::Cancelled),
            expired_at: ended_in(State::Expired),
            pricing: message.price.as_ref().map(|price| price.pricing.clone()),
            error: error_of(message),
            attempt_count: Some(message.attempts.len()),
            warnings: warnings_of(message),
            ..Self::saying(message)
        }
    }
}

impl From<&Inbound> for MessageDto {
    fn from(message: &Inbound) -> Self {
        let from = &message.from;
        let profile = ProfileDto {
            name: from.name.clone(),
            username: from.username.clone(),
        };
        let is_shown = profile.name.is_some() || profile.username.is_some();
        Self {
            from: from.wa_id.as_ref().map(ToString::to_string),
            from_user_id: from.user_id.clone(),
            profile: Some(profile).filter(|_| is_shown),
            to: Some(message.sender.to_string()),
            group: message.group.clone(),
            kind: Some(message.kind.clone()),
            object: inbound_object(message),
            provider_object: Some(message.object.clone()),
            context: message.context.clone().map(context),
            contact_id: Some(message.contact.clone()),
            conversation_id: Some(message.conversation.clone()),
            provider_id: Some(message.provider_id.clone()),
            sent_at: Some(message.sent_at),
            ..Self::empty(
                &message.id,
                Direction::Inbound,
                State::Received,
                message.received_at,
            )
        }
    }
}

impl MessageDto {
    /// What an outbound message says, and nothing else.
    fn saying(message: &Outbound) -> Self {
        let empty = Self::empty(
            &message.id,
            Direction::Outbound,
            message.state,
            message.created_at,
        );
        let Some(content) = &message.content else {
            return empty;
        };
        let Content {
            kind,
            object,
            reply_to,
            recipient_identity_key_hash,
            marketing,
        } = content;
        Self {
            kind: Some(kind.as_str().to_owned()),
            object: Named::from([(kind.as_str().to_owned(), object.clone())]),
            context: reply_to.clone().map(context),
            recipient_identity_key_hash: recipient_identity_key_hash.clone(),
            product_policy: marketing.and_then(|it| it.product_policy),
            message_activity_sharing: marketing.and_then(|it| it.message_activity_sharing),
            ..empty
        }
    }

    fn empty(id: &MessageId, direction: Direction, state: State, created_at: Timestamp) -> Self {
        Self {
            id: id.clone(),
            direction,
            state,
            from: None,
            route_id: None,
            from_user_id: None,
            profile: None,
            to: None,
            recipient: None,
            group: None,
            lane: None,
            kind: None,
            object: Named::new(),
            provider_object: None,
            context: None,
            recipient_identity_key_hash: None,
            product_policy: None,
            message_activity_sharing: None,
            bulk_job_id: None,
            variables: None,
            reference: None,
            metadata: None,
            biz_opaque_callback_data: None,
            on_unknown: None,
            wait_minutes: None,
            settlement: None,
            contact_id: None,
            conversation_id: None,
            provider_id: None,
            created_at,
            send_at: None,
            expires_at: None,
            accepted_at: None,
            sent_at: None,
            delivered_at: None,
            read_at: None,
            played_at: None,
            failed_at: None,
            cancelled_at: None,
            expired_at: None,
            pricing: None,
            waiting: None,
            error: None,
            attempt_count: None,
            warnings: Vec::new(),
        }
    }
}

fn address(to: &Recipient) -> (Option<String>, Option<Bsuid>, Option<GroupId>) {
    match to {
        Recipient::Phone(number) => (Some(number.to_string()), None, None),
        Recipient::User(user) => (None, Some(user.clone()), None),
        Recipient::Group(group) => (None, None, Some(group.clone())),
    }
}

fn context(message_id: Wamid) -> ContextDto {
    ContextDto { message_id }
}

fn inbound_object(message: &Inbound) -> Named {
    let kind = message.kind.as_str();
    let is_known = Kind::named(kind).is_some() || INBOUND_TYPES.contains(&kind);
    let object = message.object.get(kind).filter(|_| is_known);
    object
        .map(|object| (kind.to_owned(), object.clone()))
        .into_iter()
        .collect()
}

/// The failure of the newest attempt, unless the message got on its way all the same.
fn error_of(message: &Outbound) -> Option<MessageErrorDto> {
    let is_on_its_way = matches!(
        message.state,
        State::Accepted | State::Sent | State::Delivered | State::Read
    );
    let provider = ProviderProblem {
        name: message.refused_by().as_str().to_owned(),
        failure: message.told_failure()?,
    };
    (!is_on_its_way).then_some(MessageErrorDto { provider })
}

#[cfg(test)]
mod tests;
