//! Which statuses follow an accepted message, when, and how Meta writes them.

use super::graph_error::GraphError;
use super::recipient::Recipient;
use super::record::Record;
use crate::chance::falls_into;
use heliograph::domain::provider::{Gateway, Provider};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::time::Duration;

/// A phone that begins with these digits and ends in a code of Meta's fails by webhook with this code.
const FAILS_LATER: &str = "15559";
/// A phone that begins with these digits and ends in a code of Meta's is refused at once with this code.
const REFUSED: &str = "15558";

/// When each status of a message comes, counted from its acceptance.
#[derive(Debug, Clone, PartialEq)]
pub struct StatusPlan {
    /// `sent`, or `failed`.
    pub sent_after: Duration,
    /// `delivered`.
    pub delivered_after: Duration,
    /// `read`.
    pub read_after: Duration,
    /// The share of messages that are read, 0 to 1.
    pub read_share: f64,
}

impl Default for StatusPlan {
    fn default() -> Self {
        Self {
            sent_after: Duration::from_millis(5),
            delivered_after: Duration::from_millis(20),
            read_after: Duration::from_millis(60),
            read_share: 1.0,
        }
    }
}

/// A status that follows acceptance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Stage {
    Sent = 1,
    Delivered = 2,
    Read = 4,
    Failed = 8,
}

impl Stage {
    /// Its name, which all providers use.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "failed",
        }
    }
}

/// The statuses of one message that are not delivered yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Stages(u8);

impl Stages {
    /// Takes a status out; whether it was in.
    pub(super) fn remove(&mut self, stage: Stage) -> bool {
        let was_in = self.0 & stage as u8 != 0;
        self.0 &= !(stage as u8);
        was_in
    }

    /// Whether none is left.
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl StatusPlan {
    /// The first status of a message.
    pub(super) fn first(recipient: &Recipient) -> Stage {
        match failure(FAILS_LATER, recipient) {
            Some(_) => Stage::Failed,
            None => Stage::Sent,
        }
    }

    /// The status after this one, for the `number`th message.
    pub(super) fn next(&self, stage: Stage, number: u32) -> Option<Stage> {
        match stage {
            Stage::Sent => Some(Stage::Delivered),
            Stage::Delivered if falls_into(self.read_share, number.into()) => Some(Stage::Read),
            Stage::Delivered | Stage::Read | Stage::Failed => None,
        }
    }

    /// The statuses that follow the `number`th message: none, where its provider tells of none.
    pub(super) fn of(&self, record: &Record, number: u32) -> Stages {
        match record.provider {
            Provider::Meta | Provider::Gateway(Gateway::Fonnte) => {
                self.all(&record.recipient, number)
            }
            Provider::Gateway(Gateway::Notifapi | Gateway::Mock) => Stages::default(),
        }
    }

    /// All statuses there can be of the `number`th message.
    fn all(&self, recipient: &Recipient, number: u32) -> Stages {
        let mut all = Stages::default();
        let mut stage = Some(Self::first(recipient));
        while let Some(next) = stage {
            all.0 |= next as u8;
            stage = self.next(next, number);
        }
        all
    }

    /// How many milliseconds after acceptance a status comes.
    pub(super) fn after_ms(&self, stage: Stage) -> i64 {
        let after = match stage {
            Stage::Sent | Stage::Failed => self.sent_after,
            Stage::Delivered => self.delivered_after,
            Stage::Read => self.read_after,
        };
        i64::try_from(after.as_millis()).unwrap_or(i64::MAX / 2)
    }
}

/// The code with which a send to this recipient is refused at once, if it is a number made for that.
pub(super) fn refusal(recipient: &Recipient) -> Option<u32> {
    failure(REFUSED, recipient)
}

/// Whether this recipient is not on WhatsApp: what is sent there is refused, or fails later.
pub(super) fn is_gone(recipient: &Recipient) -> bool {
    refusal(recipient).is_some() || StatusPlan::first(recipient) == Stage::Failed
}

/// A status as Meta writes it.
pub(super) fn render(record: &Record, stage: Stage, at_ms: i64) -> Value {
    let echo: Echo<'_> = serde_json::from_str(&record.body).unwrap_or_default();
    let mut status = Map::new();
    let mut set = |name: &str, value: Value| status.insert(name.to_owned(), value);
    set("id", record.wamid.clone().into());
    set("status", stage.as_str().into());
    set("timestamp", (at_ms / 1000).to_string().into());
    match &record.recipient {
        Recipient::Phone(wa_id) => set("recipient_id", wa_id.clone().into()),
        Recipient::User(user_id) => set("recipient_user_id", user_id.clone().into()),
        Recipient::Group(_) => {
            set("recipient_type", "group".into());
            set("recipient_id", record.recipient.id().into())
        }
    };
    if let Some(echoed) = &echo.biz_opaque_callback_data {
        set("biz_opaque_callback_data", echoed.as_ref().into());
    }
    match stage {
        Stage::Sent | Stage::Delivered => {
            set("pricing", pricing(echo.template.as_ref()));
        }
        Stage::Failed => {
            let code = failure(FAILS_LATER, &record.recipient).unwrap_or(131_000);
            set("errors", json!([GraphError::in_status(code)]));
        }
        Stage::Read => {}
    }
    Value::Object(status)
}

/// What of a body comes back in its statuses.
#[derive(Default, Deserialize)]
struct Echo<'a> {
    #[serde(borrow, default)]
    biz_opaque_callback_data: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    template: Option<TemplateName<'a>>,
}

#[derive(Deserialize)]
struct TemplateName<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

/// Free for everything but templates, whose category the simulator guesses from the name.
fn pricing(template: Option<&TemplateName<'_>>) -> Value {
    let (billable, kind, category) = match template {
        None => (false, "free_customer_service", "service"),
        Some(template) => (true, "regular", category(&template.name)),
    };
    json!({"billable": billable, "pricing_model": "PMP", "type": kind, "category": category})
}

fn category(template_name: &str) -> &'static str {
    let name = template_name.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if has(&["otp", "auth", "verif", "one_time", "code"]) {
        "authentication"
    } else if has(&["promo", "market", "offer", "sale", "discount", "newsletter"]) {
        "marketing"
    } else {
        "utility"
    }
}

/// The code a number made to fail stands for.
fn failure(prefix: &str, recipient: &Recipient) -> Option<u32> {
    let Recipient::Phone(digits) = recipient else {
        return None;
    };
    let code = digits.strip_prefix(prefix)?;
    let six_digits = code.len() == 6 && !code.starts_with('0');
    let code = code.parse().ok().filter(|_| six_digits)?;
    GraphError::is_known(code).then_some(code)
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "a test fails by panicking"
    )]
    use super::*;

    fn record(to: &str, body: &Value) -> Record {
        Record {
            at_ms: 0,
            provider: Provider::Meta,
            wamid: "wamid.AAA".to_owned(),
            sender: "100000000000001".to_owned(),
            path: "messages".to_owned(),
            recipient: Recipient::from_key(to),
            intent: None,
            body: body.to_string(),
        }
    }

    #[test]
    fn a_status_carries_the_callback_data_and_the_price() {
        let body = json!({"biz_opaque_callback_data": "a\"b", "template": {"name": "summer_sale"}});
        let status = render(
            &record("15550001111", &body),
            Stage::Delivered,
            1_751_247_548_999,
        );
        assert_eq!(status["status"], "delivered");
        assert_eq!(status["timestamp"], "1751247548");
        assert_eq!(status["recipient_id"], "15550001111");
        assert_eq!(status["biz_opaque_callback_data"], "a\"b");
        assert_eq!(status["pricing"]["category"], "marketing");
        assert!(status.get("conversation").is_none());
    }

    #[test]
    fn a_number_made_to_fail_fails_with_the_code_it_ends_in() {
        let record = record("15559131026", &json!({}));
        assert_eq!(StatusPlan::first(&record.recipient), Stage::Failed);
        let status = render(&record, Stage::Failed, 0);
        assert_eq!(status["errors"][0]["code"], 131_026);
        let refused = Recipient::from_key("15558131047");
        assert_eq!(refusal(&refused), Some(131_047));
        assert_eq!(refusal(&Recipient::from_key("15558000000")), None);
    }

    #[test]
    fn a_message_is_done_when_each_of_its_statuses_is() {
        let recipient = Recipient::from_key("15550001111");
        let mut open = StatusPlan::default().all(&recipient, 7);
        assert!(open.remove(Stage::Sent) && open.remove(Stage::Read));
        assert!(!open.is_empty() && !open.remove(Stage::Sent));
        assert!(open.remove(Stage::Delivered) && open.is_empty());
    }

    #[test]
    fn a_user_without_a_phone_is_named_by_user_id() {
        let status = render(
            &record("US.13491208655302741918", &json!({})),
            Stage::Sent,
            0,
        );
        assert!(status.get("recipient_id").is_none());
        assert_eq!(
            status["recipient_user_id"].as_str().unwrap(),
            "US.13491208655302741918"
        );
    }
}
