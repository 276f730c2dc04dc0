//! Which app gets a WABA's webhooks, of what, and where. Source: Meta, "Override callback URLs", "Subscriptions edge".

use super::{Answered, Call, MetaClient, app_token};
use crate::domain::identity::{AppId, WabaId};
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

/// An app's own webhook for WhatsApp: what it hears of, none of its WABAs' webhooks goes without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppWebhook {
    /// Where all goes but messages and statuses, and these, too, if the WABA has no address of its own.
    pub callback: String,
    /// What the app hears of, by Meta's names.
    pub fields: Vec<String>,
}

/// Meta's name for what WhatsApp's webhooks are about.
const OBJECT: &str = "whatsapp_business_account";

#[derive(Deserialize)]
struct OfApp {
    #[serde(default)]
    data: Vec<WireOfApp>,
}

#[derive(Deserialize)]
struct WireOfApp {
    object: String,
    #[serde(default)]
    callback_url: String,
    #[serde(default)]
    active: bool,
    #[serde(default)]
    fields: Vec<Field>,
}

#[derive(Deserialize)]
struct Field {
    name: String,
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

    /// The app's own webhook, if it has one that is called.
    pub async fn app_webhook(
        &self,
        app: &AppId,
        secret: &SecretText,
    ) -> Answered<Option<AppWebhook>> {
        let (token, path) = (app_token(app, secret), format!("{app}/subscriptions"));
        let listed: OfApp = self.look(&token, path, &[]).await?;
        let mut webhooks = listed.data.into_iter();
        let webhook = webhooks.find(|it| it.object == OBJECT && it.active);
        Ok(webhook.map(|wire| AppWebhook {
            callback: wire.callback_url,
            fields: wire.fields.into_iter().map(|it| it.name).collect(),
        }))
    }

    /// Sets the app's own webhook up. Meta calls it at once, with the verify token.
    pub async fn set_app_webhook(
        &self,
        (app, secret): (&AppId, &SecretText),
        webhook: &AppWebhook,
        verify_token: &SecretText,
    ) -> Answered<()> {
        let body = json!({
            "object": OBJECT,
            "callback_url": webhook.callback,
            "verify_token": verify_token.expose(),
            "fields": webhook.fields.join(","),
            "include_values": true,
        });
        let (token, path) = (app_token(app, secret), format!("{app}/subscriptions"));
        self.tell(&token, path, &body).await.map(drop)
    }

    /// Takes the app's own webhook away: it hears of nothing any more.
    pub async fn remove_app_webhook(&self, (app, secret): (&AppId, &SecretText)) -> Answered<()> {
        let call = Call {
            method: Method::DELETE,
            path: format!("{app}/subscriptions"),
            query: &[("object", OBJECT)],
            body: None,
        };
        self.manage(&app_token(app, secret), call).await.map(drop)
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
