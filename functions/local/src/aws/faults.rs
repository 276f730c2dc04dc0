//! The failures the endpoints were told to show, as AWS shows them: each lasts until all are taken back.

use super::answer::{self, Dialect};
use crate::chance::falls_into;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What on-demand tables say. Source: AWS, "Error handling with DynamoDB".
const TABLE_BUSY: &str = "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically \
                          scaling your table or index so please try again shortly.";

/// A service of these endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Service {
    Dynamodb,
    Sqs,
    SecretsManager,
}

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Fault {
    /// It is refused as one too many.
    Throttled,
    /// The service failed, and did nothing.
    #[serde(rename = "http_500")]
    Http500,
    /// The service is not there.
    #[serde(rename = "http_503")]
    Http503,
    /// The service did what it was asked, and says that it failed.
    #[serde(rename = "http_500_when_done")]
    Http500WhenDone,
}

/// A fault as the control surface takes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FaultOrder {
    service: Service,
    operation: Option<String>,
    fault: Fault,
    share: Option<f64>,
}

impl FaultOrder {
    /// Whether it is a fault of this service.
    pub(super) fn is_of(&self, service: Service) -> bool {
        self.service == service
    }
}

/// A fault as the control surface shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct ShownFault {
    service: Service,
    operation: Option<String>,
    fault: Fault,
    share: f64,
    applied: u64,
}

/// The faults, oldest first.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Ordered>);

#[derive(Debug)]
struct Ordered {
    shown: ShownFault,
    /// How often it was its turn to decide.
    asked: u64,
}

impl Faults {
    /// Adds a fault, or says what is wrong with the order.
    pub(super) fn add(&mut self, order: FaultOrder) -> Result<ShownFault, &'static str> {
        let share = order.share.unwrap_or(1.0);
        if !(0.0..=1.0).contains(&share) {
            return Err("share must be between 0 and 1");
        }
        let shown = ShownFault {
            service: order.service,
            operation: order.operation,
            fault: order.fault,
            share,
            applied: 0,
        };
        self.0.push(Ordered {
            shown: shown.clone(),
            asked: 0,
        });
        Ok(shown)
    }

    /// Every fault there is.
    pub(super) fn list(&self) -> Vec<ShownFault> {
        self.0.iter().map(|it| it.shown.clone()).collect()
    }

    /// Takes all back; how many there were.
    pub(super) fn clear(&mut self) -> usize {
        std::mem::take(&mut self.0).len()
    }

    /// What is to happen to this call: the first fault that fits and whose turn it is.
    pub(super) fn of_call(&mut self, service: Service, operation: &str) -> Option<Fault> {
        self.0.iter_mut().find_map(|ordered| {
            let Ordered { shown, asked } = ordered;
            let is_of_it = shown.operation.as_deref().is_none_or(|it| it == operation);
            if shown.service != service || !is_of_it {
                return None;
            }
            let turn = falls_into(shown.share, *asked);
            *asked += 1;
            shown.applied += u64::from(turn);
            turn.then_some(shown.fault)
        })
    }
}

/// What a service answers that has this fault.
pub(super) fn response(fault: Fault, service: Service, operation: &str, body: &[u8]) -> Response {
    if (fault, service) == (Fault::Throttled, Service::Dynamodb)
        && operation.starts_with("Transact")
    {
        return cancelled(body);
    }
    let (status, message) = match fault {
        Fault::Throttled => (StatusCode::BAD_REQUEST, throttled(service)),
        Fault::Http500 | Fault::Http500WhenDone => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "The request processing has failed because of an unknown error, exception or failure.",
        ),
        Fault::Http503 => (
            StatusCode::SERVICE_UNAVAILABLE,
            "The service is temporarily unavailable.",
        ),
    };
    let name = name(fault, service);
    match service {
        Service::Dynamodb => {
            let shape = format!("com.amazonaws.dynamodb.v20120810#{name}");
            answer::error(status, Dialect::Json10, &shape, message)
        }
        Service::Sqs => {
            let shape = format!("com.amazonaws.sqs#{name}");
            let mut response = answer::error(status, Dialect::Json10, &shape, message);
            let whose = if status.is_client_error() {
                "Sender"
            } else {
                "Receiver"
            };
            if let Ok(value) = HeaderValue::from_str(&format!("{name};{whose}")) {
                response.headers_mut().insert("x-amzn-query-error", value);
            }
            response
        }
        Service::SecretsManager => answer::error(status, Dialect::Json11, name, message),
    }
}

/// The error's name, by which an SDK knows what to do.
fn name(fault: Fault, service: Service) -> &'static str {
    match (service, fault) {
        (Service::Dynamodb | Service::SecretsManager, Fault::Throttled) => "ThrottlingException",
        (Service::Sqs, Fault::Throttled) => "RequestThrottled",
        (Service::Dynamodb, Fault::Http500 | Fault::Http500WhenDone) => "InternalServerError",
        (Service::Sqs, Fault::Http500 | Fault::Http500WhenDone) => "InternalFailure",
        (Service::SecretsManager, Fault::Http500 | Fault::Http500WhenDone) => {
            "InternalServiceError"
        }
        (Service::Dynamodb | Service::Sqs, Fault::Http503) => "ServiceUnavailable",
        (Service::SecretsManager, Fault::Http503) => "ServiceUnavailableException",
    }
}

fn throttled(service: Service) -> &'static str {
    match service {
        Service::Dynamodb => TABLE_BUSY,
        Service::Sqs => "The request was denied due to request throttling.",
        Service::SecretsManager => "Rate exceeded",
    }
}

/// A transaction that is throttled is cancelled, with a reason for each of its items.
fn cancelled(body: &[u8]) -> Response {
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    let items = asked.get("TransactItems").and_then(Value::as_array);
    let items = items.map_or(1, Vec::len);
    let reason = json!({"Code": "ThrottlingError", "Message": TABLE_BUSY});
    let codes = vec!["ThrottlingError"; items].join(", ");
    let told = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": format!(
            "Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
        ),
        "CancellationReasons": vec![reason; items],
    });
    answer::refused(Dialect::Json10, &told)
}
