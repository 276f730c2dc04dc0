//! What can be changed of a sender: read from a body, and applied.

use heliograph::domain::fault::{Fault, FaultCode};
use heliograph::domain::fields::Fields;
use heliograph::domain::identity::SenderId;
use heliograph::domain::provider::Provider;
use heliograph::store::{Sender, WindowPolicy};
use utoipa::ToSchema;

/// Messages a second of any sender at most. Source: Meta, "Throughput".
const HIGHEST_RATE: u32 = 1_000;

/// A phone that a gateway sends through has no app beside it of which Meta could know.
const ONLY_AT_META: &str =
    "is of senders at Meta alone, which may be used in the WhatsApp Business app as well";

/// What is changed of a sender; what is absent stays.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "it describes the body, which is read by `Changes::read`"
)]
pub(crate) struct SenderChangesBody {
    /// How many messages a second Meta takes from it.
    #[schema(minimum = 1, maximum = 1000)]
    messages_per_second: Option<u32>,
    /// Whether somebody uses the WhatsApp Business app with the same number: Meta takes 20 a second then. Of senders at Meta.
    coexistence: Option<bool>,
    /// Its part of the calls a second that the provider allows its account's credential; `null` takes it away.
    #[schema(minimum = 1, maximum = 1000)]
    calls_per_second: Option<u32>,
    /// The share of its rate that bulk jobs leave to other messages, in percent.
    #[schema(minimum = 0, maximum = 90)]
    reserved_percent: Option<u8>,
    /// Whether the 24-hour window is enforced.
    window: Option<WindowPolicy>,
}

/// What is changed of a sender.
#[expect(
    clippy::option_option,
    reason = "a limit may stay, be taken away, or be another one"
)]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    pub(crate) messages_per_second: Option<u32>,
    pub(crate) coexistence: Option<bool>,
    pub(crate) calls_per_second: Option<Option<u32>>,
    pub(crate) reserved_percent: Option<u8>,
    pub(crate) window: Option<WindowPolicy>,
}

impl Changes {
    /// Reads them; whoever hands the fields over finishes them.
    pub(crate) fn read(fields: &mut Fields<'_>) -> Self {
        let cleared = fields.is_cleared("calls_per_second");
        let calls = fields.whole("calls_per_second", 1..=HIGHEST_RATE);
        Self {
            messages_per_second: fields.whole("messages_per_second", 1..=HIGHEST_RATE),
            coexistence: fields.boolean("coexistence"),
            calls_per_second: calls.map(Some).or(cleared.then_some(None)),
            reserved_percent: fields
                .whole("reserved_percent", 0..=90)
                .and_then(|it| u8::try_from(it).ok()),
            window: fields
                .choice("window", &["enforce", "warn", "off"])
                .and_then(window),
        }
    }

    /// What of them is not this sender's to have.
    pub(crate) fn fault(&self, id: &SenderId) -> Option<Fault> {
        let is_beside_nothing = self.coexistence == Some(true) && id.provider() != Provider::Meta;
        is_beside_nothing.then(|| Fault {
            pointer: "/coexistence".to_owned(),
            code: FaultCode::NotAllowed,
            detail: ONLY_AT_META.to_owned(),
        })
    }

    /// Changes a sender.
    pub(crate) fn apply(&self, sender: &mut Sender) {
        if let Some(rate) = self.messages_per_second {
            sender.messages_per_second = rate;
        }
        if let Some(coexistence) = self.coexistence {
            sender.coexistence = coexistence;
        }
        if let Some(calls) = self.calls_per_second {
            sender.calls_per_second = calls;
        }
        if let Some(percent) = self.reserved_percent {
            sender.reserved_percent = percent;
        }
        if let Some(window) = self.window {
            sender.window = window;
        }
    }
}

fn window(name: &str) -> Option<WindowPolicy> {
    match name {
        "enforce" => Some(WindowPolicy::Enforce),
        "warn" => Some(WindowPolicy::Warn),
        "off" => Some(WindowPolicy::Off),
        _ => None,
    }
}
