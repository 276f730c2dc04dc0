//! Where the webhooks of a number go.

use super::number::Number;
use super::{Assets, Subscription};

/// A URL that is called on behalf of an app.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Callback {
    pub(crate) app_id: String,
    pub(crate) url: String,
}

impl Assets {
    /// Where the messages and statuses of a number go: for each app that hears of its WABA the URL given for the
    /// number, then the one given for the WABA, then the app's own. Only the app of an account has one of its own.
    pub(crate) fn callbacks(&self, number: &Number) -> Vec<Callback> {
        self.callbacks_with(number, number.callback.as_ref())
    }

    /// Where what is told of a number as a part of its WABA goes.
    pub(crate) fn waba_callbacks(&self, number: &Number) -> Vec<Callback> {
        self.callbacks_with(number, None)
    }

    /// The app's own URL for the webhooks of this number.
    pub(crate) fn own_url(&self, number: &Number, app_id: &str) -> Option<String> {
        let account = number.account.as_ref()?;
        (account.app_id == app_id)
            .then(|| format!("{}/webhooks/meta/{}", self.webhook_url, account.account_id))
    }

    fn callbacks_with(&self, number: &Number, of_number: Option<&Subscription>) -> Vec<Callback> {
        let waba = self.wabas.get(&number.waba_id);
        let subscriptions = waba
            .map(|it| it.subscriptions.as_slice())
            .unwrap_or_default();
        let account_app = number.account.as_ref().map(|it| it.app_id.as_str());
        let mut apps: Vec<&str> = account_app.into_iter().collect();
        let subscribed = subscriptions.iter().map(|it| it.app_id.as_str());
        apps.extend(subscribed.filter(|&app| Some(app) != account_app));
        let callbacks = apps.into_iter().filter_map(|app_id| {
            let given = |it: &&Subscription| it.app_id == app_id;
            let given = of_number.filter(given).and_then(Subscription::url);
            let of_waba = || subscriptions.iter().find(|it| it.app_id == app_id)?.url();
            let url = given
                .or_else(of_waba)
                .or_else(|| self.own_url(number, app_id));
            Some(Callback {
                app_id: app_id.to_owned(),
                url: url?,
            })
        });
        callbacks.collect()
    }
}

impl Subscription {
    fn url(&self) -> Option<String> {
        self.override_callback_uri.clone()
    }
}
