//! WhatsApp Business Accounts. Source: Meta, "WhatsApp Business Account" reference.

use super::{Answered, MetaClient};
use crate::domain::identity::WabaId;
use crate::domain::secret::SecretText;
use serde::Deserialize;

const FIELDS: &str = "id,name,currency,timezone_id,account_review_status,business_verification_status,owner_business_info,health_status";

/// A WABA, as Meta knows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WabaFacts {
    /// Its id.
    pub id: String,
    /// What people call it.
    #[serde(default)]
    pub name: Option<String>,
    /// In what it is charged.
    #[serde(default)]
    pub currency: Option<String>,
    /// Whether Meta has reviewed it.
    #[serde(default)]
    pub account_review_status: Option<String>,
    /// Whether the business is verified.
    #[serde(default)]
    pub business_verification_status: Option<String>,
    /// The business portfolio that owns it.
    #[serde(default)]
    pub owner_business_info: Option<Portfolio>,
    /// Whether it may send.
    #[serde(default)]
    pub health_status: Option<HealthStatus>,
}

/// A business portfolio.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Portfolio {
    /// Its id.
    pub id: String,
}

/// Whether something may send, and why not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct HealthStatus {
    /// `AVAILABLE`, `LIMITED` or `BLOCKED`.
    #[serde(default)]
    pub can_send_message: Option<String>,
    /// The parts that messages need, each with its own standing.
    #[serde(default)]
    pub entities: Vec<HealthEntity>,
}

/// One part that messages need.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct HealthEntity {
    /// `PHONE_NUMBER`, `WABA`, `BUSINESS`, `APP`.
    #[serde(default)]
    pub entity_type: String,
    /// `AVAILABLE`, `LIMITED` or `BLOCKED`.
    #[serde(default)]
    pub can_send_message: Option<String>,
    /// What is wrong with it.
    #[serde(default)]
    pub errors: Vec<HealthError>,
}

/// One thing that is wrong with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct HealthError {
    /// Meta's code.
    #[serde(default)]
    pub error_code: Option<i64>,
    /// In Meta's words.
    #[serde(default)]
    pub error_description: Option<String>,
    /// What Meta says to do.
    #[serde(default)]
    pub possible_solution: Option<String>,
}

#[derive(Deserialize)]
struct Templates {
    #[serde(default)]
    data: Vec<Template>,
}

#[derive(Deserialize)]
struct Template {
    name: String,
    #[serde(default)]
    status: String,
}

impl MetaClient {
    /// The names of a WABA's templates that cannot be sent: one page, which is enough to tell that something is wrong.
    pub async fn ill_templates(&self, token: &SecretText, waba: &WabaId) -> Answered<Vec<String>> {
        let mut names = Vec::new();
        for status in ["REJECTED", "PAUSED", "DISABLED"] {
            let path = format!("{waba}/message_templates");
            let query = [
                ("fields", "name,status"),
                ("status", status),
                ("limit", "25"),
            ];
            let found: Templates = self.look(token, path, &query).await?;
            let ill = found.data.into_iter().filter(|it| it.status == status);
            names.extend(ill.map(|it| it.name));
        }
        Ok(names)
    }

    /// Reads a WABA.
    pub async fn waba(&self, token: &SecretText, waba: &WabaId) -> Answered<WabaFacts> {
        self.look(token, waba.to_string(), &[("fields", FIELDS)])
            .await
    }
}
