//! What Meta charges a template as: asked when a job is made, so that its plan can tell.

use super::{MetaClient, bearer, body_of};
use crate::domain::identity::WabaId;
use crate::domain::job::PriceCategory;
use crate::domain::secret::SecretText;
use reqwest::Url;
use reqwest::header::AUTHORIZATION;
use serde::Deserialize;
use std::time::Duration;

/// Somebody waits for the job, not for this.
const PATIENCE: Duration = Duration::from_secs(2);

/// Names that contain the one that is asked for come, too; Meta allows a WABA 250 templates, or 6,000.
const MOST: &str = "100";

#[derive(Deserialize)]
struct Templates {
    data: Vec<Template>,
}

#[derive(Deserialize)]
struct Template {
    name: String,
    language: String,
    category: String,
}

impl MetaClient {
    /// What a WABA's template is charged as. `None` if Meta does not say so in time.
    pub async fn template_category(
        &self,
        token: &SecretText,
        waba: &WabaId,
        name: &str,
        language: &str,
    ) -> Option<PriceCategory> {
        let url = format!("{}/{}/{waba}/message_templates", self.base, self.version);
        let asked = [
            ("name", name),
            ("fields", "name,language,category"),
            ("limit", MOST),
        ];
        let url = Url::parse_with_params(&url, asked).ok()?;
        let request = self.http.get(url).timeout(PATIENCE);
        let request = request.header(AUTHORIZATION, bearer(token)?);
        let mut response = request.send().await.ok()?;
        let body = body_of(&mut response).await.ok()?;
        let templates: Templates = serde_json::from_slice(&body).ok()?;
        let mut found = templates.data.into_iter();
        let found = found.find(|found| found.name == name && found.language == language)?;
        PriceCategory::of_template(&found.category)
    }
}
