//! What people see of a business. Source: Meta, "Business profiles".

use super::{Answered, MetaClient};
use crate::domain::identity::PhoneNumberId;
use crate::domain::secret::SecretText;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The fields of a profile that Meta gives.
pub const PROFILE_FIELDS: &str =
    "about,address,description,email,profile_picture_url,websites,vertical";

/// A business profile.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = BusinessProfile)]
pub struct Profile {
    /// A line under the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// What it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where to write to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Where its picture is; for some minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_picture_url: Option<String>,
    /// Two at most.
    #[serde(default)]
    pub websites: Vec<String>,
    /// Its trade, by Meta's names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "RETAIL")]
    pub vertical: Option<String>,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    data: Vec<Profile>,
}

impl MetaClient {
    /// Reads a number's profile; an empty one if it has none yet.
    pub async fn profile(&self, token: &SecretText, id: &PhoneNumberId) -> Answered<Profile> {
        let path = format!("{id}/whatsapp_business_profile");
        let query = [("fields", PROFILE_FIELDS)];
        let listed: Listed = self.look(token, path, &query).await?;
        Ok(listed.data.into_iter().next().unwrap_or_default())
    }

    /// Changes some fields of a number's profile.
    pub async fn change_profile(
        &self,
        token: &SecretText,
        id: &PhoneNumberId,
        changes: &Map<String, Value>,
    ) -> Answered<()> {
        let mut body = changes.clone();
        body.insert("messaging_product".to_owned(), "whatsapp".into());
        let path = format!("{id}/whatsapp_business_profile");
        self.tell(token, path, &Value::Object(body)).await.map(drop)
    }
}
