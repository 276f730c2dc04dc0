//! Which app gets a WABA's webhooks, and where. Source: Meta, "Override callback URLs".

use super::{Answered, Call, MetaClient};
use crate::domain::identity::WabaId;
use crate::domain::secret::SecretText;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

/// An app that gets a WABA's webhooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Which app.
    pub app: String,
    /// Where its messages go, if not to the app's own address.
    pub callback: Option<String>,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    data: Vec<Wire>,
}

#[derive(Deserialize)]
struct Wire {
    whatsapp_business_api_data: App,
    #[serde(default)]
    override_callback_uri: Option<String>,
}

#[derive(Deserialize)]
struct App {
    id: String,
}

impl MetaClient {
    /// Has the WABA's messages and statuses sent to `callback`. Meta calls it at once, with the verify token.
    pub async fn subscribe(
        &self,
        token: &SecretText,
        waba: &WabaId,
        callback: &str,
        verify_token: &SecretText,
    ) -> Answered<()> {
        let body =
            json!({"override_callback_uri": callback, "verify_token": verify_token.expose()});
        let path = format!("{waba}/subscribed_apps");
        self.tell(token, path, &body).await.map(drop)
    }

    /// Which apps get the WABA's webhooks.
    pub async fn subscriptions(
        &self,
        token: &SecretText,
        waba: &WabaId,
    ) -> Answered<Vec<Subscription>> {
        let path = format!("{waba}/subscribed_apps");
        let listed: Listed = self.look(token, path, &[]).await?;
        let shown = listed.data.into_iter().map(|wire| Subscription {
            app: wire.whatsapp_business_api_data.id,
            callback: wire.override_callback_uri,
        });
        Ok(shown.collect())
    }

    /// Has the app of this token get no webhooks of the WABA any more.
    pub async fn unsubscribe(&self, token: &SecretText, waba: &WabaId) -> Answered<()> {
        let call = Call {
            method: Method::DELETE,
            path: format!("{waba}/subscribed_apps"),
            query: &[],
            body: None,
        };
        self.manage(token, call).await.map(drop)
    }
}
