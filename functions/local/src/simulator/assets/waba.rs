//! A WhatsApp Business Account, and which apps hear of it.

use super::origin::Origin;
use serde::{Deserialize, Serialize};

/// A WABA.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_field_names,
    reason = "Meta's names, the same in every struct"
)]
pub(crate) struct Waba {
    pub(crate) waba_id: String,
    pub(crate) name: String,
    pub(crate) currency: String,
    pub(crate) timezone_id: String,
    /// The app it belongs to.
    pub(crate) app_id: String,
    pub(crate) portfolio: Portfolio,
    pub(crate) subscriptions: Vec<Subscription>,
    pub(crate) origin: Origin,
}

/// The business portfolio a WABA is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Portfolio {
    pub(crate) id: String,
    pub(crate) name: String,
}

/// An app that hears of a WABA.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Subscription {
    pub(crate) app_id: String,
    /// Where its webhooks of this WABA go, if not to the app's own URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) override_callback_uri: Option<String>,
}

impl Waba {
    /// A WABA of an app, to which nobody has subscribed.
    pub(crate) fn new(waba_id: &str, name: &str, app_id: &str, origin: Origin) -> Self {
        Self {
            waba_id: waba_id.to_owned(),
            name: name.to_owned(),
            currency: "USD".to_owned(),
            timezone_id: "1".to_owned(),
            app_id: app_id.to_owned(),
            portfolio: Portfolio {
                // A WABA's id with another first digit, as all ids of this simulator tell their kind by it.
                id: format!("5{}", waba_id.get(1..).unwrap_or_default()),
                name: format!("{name} portfolio"),
            },
            subscriptions: Vec::new(),
            origin,
        }
    }

    /// The subscription of an app.
    pub(crate) fn subscription(&self, app_id: &str) -> Option<&Subscription> {
        self.subscriptions.iter().find(|it| it.app_id == app_id)
    }

    /// Subscribes an app, or changes its subscription.
    pub(crate) fn subscribe(&mut self, subscription: Subscription) {
        self.unsubscribe(&subscription.app_id);
        self.subscriptions.push(subscription);
    }

    /// Ends the subscription of an app; whether there was one.
    pub(crate) fn unsubscribe(&mut self, app_id: &str) -> bool {
        let before = self.subscriptions.len();
        self.subscriptions.retain(|it| it.app_id != app_id);
        self.subscriptions.len() < before
    }

    /// The namespace of its templates: made of its id, so that it stays the same.
    pub(crate) fn template_namespace(&self) -> String {
        let digits = format!("{:0>32}", self.waba_id);
        let part = |range| digits.get(range).unwrap_or_default();
        format!(
            "{}_{}_{}_{}_{}",
            part(0..8),
            part(8..12),
            part(12..16),
            part(16..20),
            part(20..32)
        )
    }
}
