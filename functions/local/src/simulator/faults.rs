//! The failures the simulator was told to show, and whose turn it is.

use super::recipient::Recipient;
use crate::chance::falls_into;
use heliograph::domain::failure::Class;
use heliograph::domain::provider::{Gateway, Provider};
use serde::{Deserialize, Serialize};
use std::time::Duration;

const DEFAULT_HOLD: Duration = Duration::from_secs(15);
const DEFAULT_REORDER: Duration = Duration::from_millis(500);
const LONGEST_DELAY_MS: u64 = 600_000;

/// A fault as the control surface takes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FaultOrder {
    provider: Option<Provider>,
    sender: Option<String>,
    to: Option<String>,
    fault: String,
    times: Option<u32>,
    share: Option<f64>,
    delay_ms: Option<u64>,
}

/// What happens to a send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CallFault {
    /// This HTTP status without anything of the provider's; not accepted.
    Http(u16),
    /// The provider's own error of this name; not accepted. Meta's are codes, the mock's classes, others' any words.
    Error(String),
    /// No answer; not accepted.
    TimeoutBeforeAccept,
    /// No answer, although accepted.
    TimeoutAfterAccept,
    /// The connection is reset; not accepted.
    ResetConnection,
    /// The answer comes late.
    Slow,
}

/// What happens to an update on its way to the webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WebhookFault {
    /// It never arrives.
    Drop,
    /// It arrives twice.
    Duplicate,
    /// It arrives after later ones.
    Reorder,
}

/// A fault as the control surface shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct ShownFault {
    id: u64,
    provider: Provider,
    sender: Option<String>,
    to: Option<String>,
    fault: String,
    times_left: Option<u32>,
    share: Option<f64>,
    delay_ms: Option<u64>,
    applied: u64,
}

/// The faults, oldest first.
#[derive(Debug, Default)]
pub(super) struct Faults {
    faults: Vec<Fault>,
    last_id: u64,
}

#[derive(Debug, Clone)]
enum Kind {
    Call(CallFault),
    Webhook(WebhookFault),
}

#[derive(Debug, Clone, Copy)]
enum Extent {
    Times(u32),
    Share(f64),
}

#[derive(Debug)]
struct Fault {
    id: u64,
    provider: Provider,
    name: String,
    kind: Kind,
    sender: Option<String>,
    to: Option<Recipient>,
    extent: Extent,
    delay: Option<Duration>,
    /// How often it was its turn to decide.
    asked: u64,
    applied: u64,
}

impl Faults {
    /// Adds a fault, or says what is wrong with the order.
    pub(super) fn add(&mut self, order: FaultOrder) -> Result<ShownFault, String> {
        let fault = Fault::new(self.last_id + 1, order)?;
        self.last_id += 1;
        let shown = fault.shown();
        self.faults.push(fault);
        Ok(shown)
    }

    /// Every fault that may still show.
    pub(super) fn list(&self) -> Vec<ShownFault> {
        self.faults.iter().map(Fault::shown).collect()
    }

    /// Removes all; how many there were.
    pub(super) fn clear(&mut self) -> usize {
        std::mem::take(&mut self.faults).len()
    }

    /// What is to happen to this send, and the delay that goes with it.
    pub(super) fn for_call(
        &mut self,
        provider: Provider,
        sender: &str,
        recipient: Option<&Recipient>,
    ) -> Option<(CallFault, Duration)> {
        self.take(|fault| match &fault.kind {
            Kind::Call(kind) if fault.matches(provider, sender, recipient) => {
                Some((kind.clone(), fault.delay.unwrap_or(DEFAULT_HOLD)))
            }
            Kind::Call(_) | Kind::Webhook(_) => None,
        })
    }

    /// The provider's own error that answers a call which sends nothing, where that is to happen to its sender.
    pub(super) fn error_for(&mut self, provider: Provider, sender: &str) -> Option<String> {
        self.take(|fault| match &fault.kind {
            Kind::Call(CallFault::Error(name)) if fault.matches(provider, sender, None) => {
                Some(name.clone())
            }
            Kind::Call(_) | Kind::Webhook(_) => None,
        })
    }

    /// What is to happen to this update, and the delay that goes with it.
    pub(super) fn for_webhook(
        &mut self,
        provider: Provider,
        sender: &str,
        recipient: &Recipient,
    ) -> Option<(WebhookFault, Duration)> {
        self.take(|fault| match &fault.kind {
            Kind::Webhook(kind) if fault.matches(provider, sender, Some(recipient)) => {
                Some((*kind, fault.delay.unwrap_or(DEFAULT_REORDER)))
            }
            Kind::Call(_) | Kind::Webhook(_) => None,
        })
    }

    /// The first fault that fits and whose turn it is; one that is used up goes away.
    fn take<T>(&mut self, fits: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        let taken = self.faults.iter_mut().find_map(|fault| {
            let fit = fits(fault)?;
            fault.is_its_turn().then_some(fit)
        });
        self.faults
            .retain(|fault| !matches!(fault.extent, Extent::Times(0)));
        taken
    }
}

impl Fault {
    fn new(id: u64, order: FaultOrder) -> Result<Self, String> {
        if order.delay_ms.is_some_and(|it| it > LONGEST_DELAY_MS) {
            return Err(format!("delay_ms must be at most {LONGEST_DELAY_MS}"));
        }
        let provider = order.provider.unwrap_or(Provider::Meta);
        Ok(Self {
            id,
            provider,
            kind: kind(provider, &order.fault)?,
            extent: extent(order.times, order.share)?,
            name: order.fault,
            sender: order.sender,
            to: order.to.as_deref().map(Recipient::from_key),
            delay: order.delay_ms.map(Duration::from_millis),
            asked: 0,
            applied: 0,
        })
    }

    fn matches(&self, provider: Provider, sender: &str, recipient: Option<&Recipient>) -> bool {
        self.provider == provider
            && self.sender.as_deref().is_none_or(|it| it == sender)
            && self.to.as_ref().is_none_or(|it| Some(it) == recipient)
    }

    fn is_its_turn(&mut self) -> bool {
        let turn = match &mut self.extent {
            Extent::Times(0) => false,
            Extent::Times(left) => {
                *left -= 1;
                true
            }
            Extent::Share(share) => falls_into(*share, self.asked),
        };
        self.asked += 1;
        self.applied += u64::from(turn);
        turn
    }

    fn shown(&self) -> ShownFault {
        let (times_left, share) = match self.extent {
            Extent::Times(left) => (Some(left), None),
            Extent::Share(share) => (None, Some(share)),
        };
        ShownFault {
            id: self.id,
            provider: self.provider,
            sender: self.sender.clone(),
            to: self.to.as_ref().map(Recipient::shown),
            fault: self.name.clone(),
            times_left,
            share,
            delay_ms: self
                .delay
                .and_then(|delay| u64::try_from(delay.as_millis()).ok()),
            applied: self.applied,
        }
    }
}

fn kind(provider: Provider, name: &str) -> Result<Kind, String> {
    let kind = match name {
        "http_500" => Kind::Call(CallFault::Http(500)),
        "http_503" => Kind::Call(CallFault::Http(503)),
        "timeout_before_accept" => Kind::Call(CallFault::TimeoutBeforeAccept),
        "timeout_after_accept" => Kind::Call(CallFault::TimeoutAfterAccept),
        "reset_connection" => Kind::Call(CallFault::ResetConnection),
        "slow" => Kind::Call(CallFault::Slow),
        "drop_webhook" => Kind::Webhook(WebhookFault::Drop),
        "duplicate_webhook" => Kind::Webhook(WebhookFault::Duplicate),
        "reorder_webhooks" => Kind::Webhook(WebhookFault::Reorder),
        other => {
            let error = other.strip_prefix("error:");
            let error = error.filter(|error| is_error(provider, error));
            let error = error.ok_or_else(|| unknown(other))?;
            Kind::Call(CallFault::Error(error.to_owned()))
        }
    };
    Ok(kind)
}

/// Whether a provider has errors of this name.
fn is_error(provider: Provider, name: &str) -> bool {
    match provider {
        Provider::Meta => name.parse::<u32>().is_ok(),
        Provider::Gateway(Gateway::Mock) => Class::named(name).is_some(),
        Provider::Gateway(Gateway::Notifapi | Gateway::Fonnte) => !name.is_empty(),
    }
}

fn unknown(name: &str) -> String {
    format!(
        "`{name}` is not a fault: use http_500, http_503, error:<code> (of another `provider`: error:<reason>, of the \
         mock: error:<class>), timeout_before_accept, timeout_after_accept, reset_connection, slow, drop_webhook, \
         duplicate_webhook or reorder_webhooks"
    )
}

fn extent(times: Option<u32>, share: Option<f64>) -> Result<Extent, String> {
    match (times, share) {
        (Some(_), Some(_)) => Err("give times or share, not both".to_owned()),
        (Some(0), None) => Err("times must be at least 1".to_owned()),
        (None, Some(share)) if !(0.0..=1.0).contains(&share) => {
            Err("share must be between 0 and 1".to_owned())
        }
        (None, Some(share)) => Ok(Extent::Share(share)),
        (times, None) => Ok(Extent::Times(times.unwrap_or(1))),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use serde_json::{Value, json};

    fn faults(orders: &[Value]) -> Faults {
        let mut faults = Faults::default();
        for order in orders {
            faults
                .add(serde_json::from_value(order.clone()).unwrap())
                .unwrap();
        }
        faults
    }

    #[test]
    fn a_fault_shows_as_often_as_was_ordered_and_to_whom() {
        let mut faults =
            faults(&[json!({"fault": "error:131056", "to": "+15550001111", "times": 2})]);
        let anna = Recipient::from_key("15550001111");
        let bert = Recipient::from_key("15550002222");
        let mut take = |to| faults.for_call(Provider::Meta, "1", Some(to));
        assert_eq!(take(&bert), None);
        for _ in 0..2 {
            let (fault, _) = take(&anna).unwrap();
            assert_eq!(fault, CallFault::Error("131056".to_owned()));
        }
        assert_eq!(take(&anna), None);
        assert!(faults.list().is_empty());
    }

    #[test]
    fn a_share_of_calls_fails_and_no_webhook_does() {
        let mut faults = faults(&[json!({"fault": "http_503", "share": 0.5})]);
        let hits = (0..1_000)
            .filter(|_| faults.for_call(Provider::Meta, "1", None).is_some())
            .count();
        assert!((400..600).contains(&hits), "{hits}");
        let anna = Recipient::from_key("15550001111");
        assert_eq!(faults.for_webhook(Provider::Meta, "1", &anna), None);
    }

    #[test]
    fn a_fault_is_metas_unless_it_names_another_provider() {
        let mut faults = faults(&[
            json!({"fault": "slow"}),
            json!({"fault": "error:insufficient quota", "provider": "fonnte"}),
        ]);
        let mut take = |provider| faults.for_call(provider, "1", None).map(|(fault, _)| fault);
        let quota = CallFault::Error("insufficient quota".to_owned());
        assert_eq!(take(Provider::Gateway(Gateway::Mock)), None);
        assert_eq!(take(Provider::Gateway(Gateway::Fonnte)), Some(quota));
        assert_eq!(take(Provider::Meta), Some(CallFault::Slow));
    }

    #[test]
    fn an_order_that_makes_no_sense_is_refused() {
        let refused = |order: Value| {
            let order: FaultOrder = serde_json::from_value(order).unwrap();
            Faults::default().add(order).unwrap_err()
        };
        assert!(refused(json!({"fault": "explode"})).contains("http_500"));
        assert!(refused(json!({"fault": "error:x"})).contains("error:<code>"));
        assert!(refused(json!({"fault": "slow", "times": 1, "share": 0.5})).contains("not both"));
        assert!(refused(json!({"fault": "slow", "share": 1.5})).contains("between 0 and 1"));
        let nonsense = json!({"fault": "error:nonsense", "provider": "mock"});
        assert!(refused(nonsense).contains("error:<class>"));
    }
}
