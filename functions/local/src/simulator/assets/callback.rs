//! Where the webhooks of a number go.

use super::app::AppWebhook;
use super::number::Number;
use super::{Assets, Subscription};

/// Meta's name for messages and statuses, the only webhooks that go to another URL than the app's own.
const MESSAGES: &str = "messages";

/// What an app may hear of. Source: Meta, "Webhooks": the fields of the object WhatsApp Business Account.
pub(crate) const WEBHOOK_FIELDS: [&str; 22] = [
    "account_alerts",
    "account_review_update",
    "account_settings_update",
    "account_update",
    "business_capability_update",
    "business_status_update",
    "calls",
    "flows",
    "history",
    "message_echoes",
    "message_template_components_update",
    "message_template_quality_update",
    "message_template_status_update",
    MESSAGES,
    "partner_solutions",
    "payment_configuration_update",
    "phone_number_name_update",
    "phone_number_quality_update",
    "security",
    "smb_message_echoes",
    "template_category_update",
    "user_preferences",
];

/// A URL that is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Callback {
    /// The app on whose behalf, and with whose signature; none of other providers than Meta.
    pub(crate) app_id: Option<String>,
    pub(crate) url: String,
}

impl Assets {
    /// Where the messages and statuses of a number go: for each app that hears of its WABA the URL given for the
    /// number, then the one given for the WABA, then the app's own.
    pub(crate) fn callbacks(&self, number: &Number) -> Vec<Callback> {
        let of_number = number.callback.as_ref();
        let url = |(app_id, webhook): (&str, AppWebhook)| {
            let given = of_number.filter(|it| it.app_id == app_id);
            let given = given.and_then(Subscription::url);
            let of_waba = || self.subscription(number, app_id)?.url();
            Callback {
                app_id: Some(app_id.to_owned()),
                url: given.or_else(of_waba).unwrap_or(webhook.callback_url),
            }
        };
        self.hearing(number, MESSAGES).map(url).collect()
    }

    /// Where anything else is told of a number: to the own URL of each app that hears of its WABA.
    pub(crate) fn callbacks_for(&self, number: &Number, field: &str) -> Vec<Callback> {
        let own = |(app_id, webhook): (&str, AppWebhook)| Callback {
            app_id: Some(app_id.to_owned()),
            url: webhook.callback_url,
        };
        self.hearing(number, field).map(own).collect()
    }

    /// The app's own webhook: what was set up for the app, or else that of an account whose app it is, of this number's
    /// account before any other.
    pub(crate) fn webhook_of(&self, app_id: &str, number: Option<&Number>) -> Option<AppWebhook> {
        let set_up = self.apps.get(app_id)?.webhook.clone();
        let of_account = |number: &Number| {
            let account = number.account.as_ref();
            let account = account.filter(|it| it.app_id == app_id)?;
            Some(AppWebhook {
                callback_url: format!("{}/webhooks/meta/{}", self.webhook_url, account.account_id),
                fields: WEBHOOK_FIELDS.map(ToOwned::to_owned).into(),
            })
        };
        set_up
            .or_else(|| number.and_then(of_account))
            .or_else(|| self.senders().iter().find_map(|it| of_account(it)))
    }

    /// The apps that hear of this field of a number's WABA, each with its own webhook.
    fn hearing<'a>(
        &'a self,
        number: &'a Number,
        field: &'a str,
    ) -> impl Iterator<Item = (&'a str, AppWebhook)> {
        let waba = self.wabas.get(&number.waba_id).into_iter();
        let apps = waba.flat_map(|waba| waba.subscriptions.iter().map(|it| it.app_id.as_str()));
        apps.filter_map(move |app_id| {
            let webhook = self.webhook_of(app_id, Some(number))?;
            webhook.fields.contains(field).then_some((app_id, webhook))
        })
    }

    fn subscription(&self, number: &Number, app_id: &str) -> Option<&Subscription> {
        self.wabas.get(&number.waba_id)?.subscription(app_id)
    }
}

impl Subscription {
    fn url(&self) -> Option<String> {
        self.override_callback_uri.clone()
    }
}
