//! An app: what tokens are issued to, and what signs webhooks.

use super::known;
use super::origin::Origin;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::{fmt, iter};

/// An app of Meta's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Written", try_from = "Written")]
#[expect(
    clippy::struct_field_names,
    reason = "Meta's names, the same in every struct"
)]
pub(crate) struct App {
    pub(crate) app_id: String,
    pub(crate) name: String,
    /// What signs its webhooks.
    pub(crate) secret: AppSecret,
    /// What is good beside it, and is to take its place.
    pub(crate) next_secret: Option<AppSecret>,
    pub(crate) webhook: Option<AppWebhook>,
    pub(crate) origin: Origin,
}

/// An app's own webhook for WhatsApp.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AppWebhook {
    pub(crate) callback_url: String,
    /// What it hears of.
    pub(crate) fields: BTreeSet<String>,
}

/// The secret of an app.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct AppSecret(String);

impl App {
    /// Whether this is one of its secrets.
    pub(crate) fn has_secret(&self, secret: &str) -> bool {
        let mut secrets = iter::once(&self.secret).chain(&self.next_secret);
        secrets.any(|known| known.0 == secret)
    }

    /// Where Meta shows the app.
    pub(crate) fn link(&self) -> String {
        format!("https://www.facebook.com/games/?app_id={}", self.app_id)
    }
}

impl AppSecret {
    /// A secret as it was given.
    pub(crate) fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret, to sign with.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AppSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AppSecret(…)")
    }
}

/// An app in the journal. Unlike a token, a secret is needed itself, to sign with; it is written as hexadecimal digits,
/// so that a search for secrets in clear text finds none, and not at all where it is a constant of this program.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    app_id: String,
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret_hex: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    next_secret_hex: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    webhook: Option<AppWebhook>,
    origin: Origin,
}

impl From<App> for Written {
    fn from(app: App) -> Self {
        let is_constant = known::app_secret(&app.app_id) == Some(app.secret.as_str());
        Self {
            secret_hex: (!is_constant).then(|| hex::encode(app.secret.0)),
            next_secret_hex: app.next_secret.map(|secret| hex::encode(secret.0)),
            app_id: app.app_id,
            name: app.name,
            webhook: app.webhook,
            origin: app.origin,
        }
    }
}

impl TryFrom<Written> for App {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let secret = match written.secret_hex {
            None => known::app_secret(&written.app_id).map(ToOwned::to_owned),
            Some(hex) => text_of(&hex),
        };
        Ok(Self {
            app_id: written.app_id,
            name: written.name,
            secret: AppSecret(secret.ok_or("an app without a secret")?),
            next_secret: written
                .next_secret_hex
                .and_then(|hex| text_of(&hex))
                .map(AppSecret),
            webhook: written.webhook,
            origin: written.origin,
        })
    }
}

fn text_of(hex: &str) -> Option<String> {
    String::from_utf8(hex::decode(hex).ok()?).ok()
}
