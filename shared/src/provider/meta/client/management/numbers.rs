//! Phone numbers. Source: Meta, "Business phone numbers", "Registration", "Two-step verification".

use super::wabas::HealthStatus;
use super::{Answered, MetaClient};
use crate::domain::account::NumberFacts;
use crate::domain::identity::{PhoneNumberId, WabaId};
use crate::domain::secret::SecretText;
use serde::Deserialize;
use serde_json::{Map, Value, json};

const FIELDS: &str = "id,display_phone_number,verified_name,name_status,code_verification_status,status,quality_rating,throughput,whatsapp_business_manager_messaging_limit,is_on_biz_app,platform_type,webhook_configuration,health_status";

/// Numbers a page: an answer of ours is limited to some dozens.
const PAGE: &str = "25";

/// A WABA has 20 numbers, or some hundred if Meta allows more.
const MOST_PAGES: usize = 10;

/// A phone number, as Meta knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneNumberNode {
    /// Its id.
    pub id: String,
    /// The number as people read it.
    pub display_phone_number: String,
    /// What Meta says of it.
    pub facts: NumberFacts,
    /// Whether somebody uses the WhatsApp Business app with it.
    pub is_on_biz_app: bool,
    /// Where its messages and statuses go, if Meta tells.
    pub webhook: Option<String>,
    /// Whether it may send, and why not.
    pub health: HealthStatus,
}

/// How a person gets the code that proves that a number is his.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeMethod {
    /// By a text message.
    Sms,
    /// By a call.
    Voice,
}

impl CodeMethod {
    /// The method of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "sms" => Some(Self::Sms),
            "voice" => Some(Self::Voice),
            _ => None,
        }
    }

    const fn as_meta(self) -> &'static str {
        match self {
            Self::Sms => "SMS",
            Self::Voice => "VOICE",
        }
    }
}

#[derive(Deserialize)]
struct Page {
    data: Vec<Wire>,
    #[serde(default)]
    paging: Option<Paging>,
}

#[derive(Deserialize)]
struct Paging {
    #[serde(default)]
    cursors: Option<Cursors>,
    /// There is one only if more follows.
    #[serde(default)]
    next: Option<String>,
}

#[derive(Deserialize)]
struct Cursors {
    #[serde(default)]
    after: Option<String>,
}

#[derive(Deserialize)]
struct Wire {
    id: String,
    #[serde(default)]
    display_phone_number: String,
    #[serde(default)]
    verified_name: Option<String>,
    #[serde(default)]
    name_status: Option<String>,
    #[serde(default)]
    code_verification_status: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    quality_rating: Option<String>,
    #[serde(default)]
    throughput: Option<Throughput>,
    #[serde(default, rename = "whatsapp_business_manager_messaging_limit")]
    messaging_limit: Option<String>,
    #[serde(default)]
    is_on_biz_app: bool,
    #[serde(default)]
    webhook_configuration: WebhookConfiguration,
    #[serde(default)]
    health_status: HealthStatus,
}

/// The addresses there are.
#[derive(Deserialize, Default)]
#[serde(default)]
struct WebhookConfiguration {
    phone_number: Option<String>,
    whatsapp_business_account: Option<String>,
    application: Option<String>,
}

impl WebhookConfiguration {
    /// The one that is called. Source: Meta, "Override callback URLs".
    fn called(self) -> Option<String> {
        let addresses = [
            self.phone_number,
            self.whatsapp_business_account,
            self.application,
        ];
        let mut addresses = addresses.into_iter().flatten();
        addresses.find(|address| !address.is_empty())
    }
}

#[derive(Deserialize)]
struct Throughput {
    #[serde(default)]
    level: Option<String>,
}

#[derive(Deserialize)]
struct Added {
    id: PhoneNumberId,
}

impl From<Wire> for PhoneNumberNode {
    fn from(wire: Wire) -> Self {
        Self {
            id: wire.id,
            display_phone_number: wire.display_phone_number,
            facts: NumberFacts {
                verified_name: wire.verified_name,
                name_status: wire.name_status,
                code_verification_status: wire.code_verification_status,
                status: wire.status,
                quality_rating: wire.quality_rating,
                messaging_limit: wire.messaging_limit,
                throughput: wire.throughput.and_then(|it| it.level),
                can_send_message: wire.health_status.can_send_message.clone(),
            },
            is_on_biz_app: wire.is_on_biz_app,
            webhook: wire.webhook_configuration.called(),
            health: wire.health_status,
        }
    }
}

impl MetaClient {
    /// Reads a number.
    pub async fn number(
        &self,
        token: &SecretText,
        id: &PhoneNumberId,
    ) -> Answered<PhoneNumberNode> {
        let query = [("fields", FIELDS)];
        let wire: Wire = self.look(token, id.to_string(), &query).await?;
        Ok(wire.into())
    }

    /// Every number of a WABA.
    pub async fn numbers(
        &self,
        token: &SecretText,
        waba: &WabaId,
    ) -> Answered<Vec<PhoneNumberNode>> {
        let mut numbers = Vec::new();
        let mut after = String::new();
        for _ in 0..MOST_PAGES {
            let mut query = vec![("fields", FIELDS), ("limit", PAGE)];
            if !after.is_empty() {
                query.push(("after", &after));
            }
            let path = format!("{waba}/phone_numbers");
            let page: Page = self.look(token, path, &query).await?;
            numbers.extend(page.data.into_iter().map(PhoneNumberNode::from));
            let more = page.paging.filter(|paging| paging.next.is_some());
            match more.and_then(|it| it.cursors).and_then(|it| it.after) {
                Some(next) => after = next,
                None => break,
            }
        }
        Ok(numbers)
    }

    /// Adds a number to a WABA: `country_code` and `number` in digits, and the name people are to see.
    pub async fn add_number(
        &self,
        token: &SecretText,
        waba: &WabaId,
        (country_code, number): (&str, &str),
        verified_name: &str,
    ) -> Answered<PhoneNumberId> {
        let body =
            json!({"cc": country_code, "phone_number": number, "verified_name": verified_name});
        let path = format!("{waba}/phone_numbers");
        let answer = self.tell(token, path, &body).await?;
        let added: Result<Added, _> = serde_json::from_value(answer);
        let added = added.map_err(|_| super::not_understood("it did not tell the number's id"))?;
        Ok(added.id)
    }

    /// Has a code sent to the number.
    pub async fn request_code(
        &self,
        token: &SecretText,
        id: &PhoneNumberId,
        method: CodeMethod,
        language: &str,
    ) -> Answered<()> {
        let body = json!({"code_method": method.as_meta(), "language": language});
        let path = format!("{id}/request_code");
        self.tell(token, path, &body).await.map(drop)
    }

    /// Proves by the code that the number is ours.
    pub async fn verify_code(
        &self,
        token: &SecretText,
        id: &PhoneNumberId,
        code: &SecretText,
    ) -> Answered<()> {
        let body = json!({"code": code.expose()});
        let path = format!("{id}/verify_code");
        self.tell(token, path, &body).await.map(drop)
    }

    /// Registers the number for the Cloud API with its two-step PIN, or sets that PIN.
    pub async fn register(
        &self,
        token: &SecretText,
        id: &PhoneNumberId,
        pin: &SecretText,
        region: Option<&str>,
    ) -> Answered<()> {
        let mut body = json!({"messaging_product": "whatsapp", "pin": pin.expose()});
        if let (Some(region), Some(fields)) = (region, body.as_object_mut()) {
            fields.insert("data_localization_region".to_owned(), region.into());
        }
        let path = format!("{id}/register");
        self.tell(token, path, &body).await.map(drop)
    }

    /// Takes the number off the Cloud API.
    pub async fn deregister(&self, token: &SecretText, id: &PhoneNumberId) -> Answered<()> {
        let path = format!("{id}/deregister");
        let body = json!({"messaging_product": "whatsapp"});
        self.tell(token, path, &body).await.map(drop)
    }

    /// Sets another two-step PIN.
    pub async fn set_pin(
        &self,
        token: &SecretText,
        id: &PhoneNumberId,
        pin: &SecretText,
    ) -> Answered<()> {
        let body = json!({"pin": pin.expose()});
        self.tell(token, id.to_string(), &body).await.map(drop)
    }

    /// The number's settings, as Meta words them.
    pub async fn settings(
        &self,
        token: &SecretText,
        id: &PhoneNumberId,
    ) -> Answered<Map<String, Value>> {
        self.look(token, format!("{id}/settings"), &[]).await
    }

    /// Changes some of the number's settings.
    pub async fn change_settings(
        &self,
        token: &SecretText,
        id: &PhoneNumberId,
        settings: &Value,
    ) -> Answered<()> {
        let path = format!("{id}/settings");
        self.tell(token, path, settings).await.map(drop)
    }
}
