//! What became of a test, and what went over the wire.

use heliograph::domain::failure::{Class, ProviderFailure};
use heliograph::domain::id::AccountId;
use heliograph::domain::identity::SenderId;
use heliograph::domain::message::Outbound;
use heliograph::domain::provider::Provider;
use heliograph::provider::{Exchange, Said};
use heliograph::service::dto::MessageDto;
use serde::Serialize;
use utoipa::ToSchema;

/// What became of a test.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TestSend)]
pub(crate) struct TestSendDto {
    /// The message as it stands.
    message: MessageDto,
    /// Whom it went through.
    provider: Provider,
    /// The account that it was sent for.
    #[schema(value_type = String, example = "acct_demo-mock")]
    account_id: AccountId,
    /// What it left from.
    #[schema(value_type = String, example = "mock-15550004000")]
    sender_id: SenderId,
    /// The alias of the key that it was sent with; absent if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "demo")]
    key: Option<String>,
    /// Whether an earlier request with the same `Idempotency-Key` sent it: then there is no exchange.
    pub(super) replayed: bool,
    /// What went over the wire; absent if nothing did.
    #[serde(skip_serializing_if = "Option::is_none")]
    exchange: Option<ExchangeDto>,
    /// Why it was not accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<ProviderFailure>,
    /// What should be known beside it: `key_disabled`, `key_expired`, `key_refused`, `key_resting` and `key_full` of a key
    /// that no other message is sent with now, `sender_paused` and `provider_disabled` of what keeps all others back, and
    /// what `POST /v1/messages` warns of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// What went over the wire, with the key masked.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TestSendExchange)]
struct ExchangeDto {
    /// What we said.
    request: RequestDto,
    /// What was answered, as far as it came; absent if nothing did.
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<ResponseDto>,
    /// How long it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<u32>,
}

/// What was sent to the provider.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TestSendRequestSent)]
struct RequestDto {
    /// The method.
    #[schema(example = "POST")]
    method: String,
    /// The address.
    url: String,
    /// The headers, in their order.
    headers: Vec<HeaderDto>,
    /// The body, as it went.
    body: String,
}

/// What the provider answered.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TestSendResponse)]
struct ResponseDto {
    /// The HTTP status.
    status: u16,
    /// The headers, in their order.
    headers: Vec<HeaderDto>,
    /// The body, as it came.
    body: String,
}

/// A header.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TestSendHeader)]
struct HeaderDto {
    /// Its name.
    name: String,
    /// Its value.
    value: String,
}

/// What became of a message, and the exchange that told it.
pub(super) fn answered(
    message: &Outbound,
    exchange: Option<Exchange>,
    warnings: &[&str],
) -> TestSendDto {
    let newest = message.attempts.last();
    let duration_ms = newest.and_then(|attempt| attempt.duration_ms);
    let leg = newest.map(|attempt| message.leg_of(attempt));
    let (account, sender) = match leg {
        Some(leg) => (leg.account, leg.sender),
        None => (message.account.clone(), message.sender.clone()),
    };
    TestSendDto {
        provider: sender.provider(),
        account_id: account,
        sender_id: sender,
        key: newest.and_then(|attempt| attempt.credential.clone()),
        replayed: false,
        exchange: exchange.map(|exchange| shown(exchange, duration_ms)),
        // Nothing tries it again, whatever may be tried of other messages.
        failure: message.told_failure().map(|failure| match failure.class {
            // Whether it arrived is still to be found out.
            Class::Ambiguous => failure,
            Class::Transient
            | Class::Throttled
            | Class::Credential
            | Class::Recipient
            | Class::Template
            | Class::Policy
            | Class::Permanent => failure.once_over(),
        }),
        warnings: warnings.iter().map(|it| (*it).to_owned()).collect(),
        message: MessageDto::from(message),
    }
}

fn shown(exchange: Exchange, duration_ms: Option<u32>) -> ExchangeDto {
    let Exchange {
        method,
        url,
        request: Said { headers, body },
        response,
    } = exchange;
    ExchangeDto {
        request: RequestDto {
            method,
            url,
            headers: listed(headers),
            body,
        },
        response: response.map(|(status, said)| ResponseDto {
            status,
            headers: listed(said.headers),
            body: said.body,
        }),
        duration_ms,
    }
}

fn listed(headers: Vec<(String, String)>) -> Vec<HeaderDto> {
    let headers = headers.into_iter();
    headers
        .map(|(name, value)| HeaderDto { name, value })
        .collect()
}
