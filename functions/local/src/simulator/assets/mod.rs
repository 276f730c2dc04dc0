//! What businesses have at Meta: apps, WABAs, numbers, and the tokens that may see them; and at other providers.
//!
//! Whatever changes comes as a [`Change`], which holds whole assets: it is written to the journal, then applied, and
//! applied again at the next start. Knows nothing of HTTP; time is an argument.

mod app;
mod callback;
mod gateway;
mod known;
mod number;
mod origin;
mod profile;
mod registration;
mod token;
mod verification;
mod waba;

pub(super) use app::{App, AppSecret, AppWebhook};
pub(super) use callback::{Callback, WEBHOOK_FIELDS};
pub(super) use gateway::{Address, DEMO_DEVICE, DEMO_NUMBER, Device, Key, MOCK_SENDER};
pub(super) use number::{NameStatus, Number, NumberStatus, Quality, Tier};
pub(super) use origin::Origin;
pub(super) use registration::Refusal;
pub(super) use token::{Scope, Token, TokenHash, Validity};
pub(super) use verification::{CodeRefusal, Method};
pub(super) use waba::{Subscription, Waba};

use super::Sender;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// Everything that is known, by id. Each asset is shared: to look one up copies a pointer.
#[derive(Debug)]
pub(super) struct Assets {
    apps: HashMap<String, Arc<App>>,
    wabas: HashMap<String, Arc<Waba>>,
    numbers: HashMap<String, Arc<Number>>,
    tokens: HashMap<TokenHash, Arc<Token>>,
    keys: HashMap<TokenHash, Arc<Key>>,
    devices: HashMap<String, Arc<Device>>,
    /// Where the webhooks of numbers known by our id of an account go.
    webhook_url: String,
}

/// Assets as they are from now on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) apps: Vec<App>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) wabas: Vec<Waba>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) numbers: Vec<Number>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) tokens: Vec<Token>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) keys: Vec<Key>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) devices: Vec<Device>,
}

impl Assets {
    /// What is known at every start.
    pub(super) fn new(webhook_url: &str) -> Self {
        let mut assets = Self {
            apps: HashMap::new(),
            wabas: HashMap::new(),
            numbers: HashMap::new(),
            tokens: HashMap::new(),
            keys: HashMap::new(),
            devices: HashMap::new(),
            webhook_url: webhook_url.trim_end_matches('/').to_owned(),
        };
        assets.apply(known::always());
        assets
    }

    /// Makes a change.
    pub(super) fn apply(&mut self, change: Change) {
        let Change {
            apps,
            wabas,
            numbers,
            tokens,
            keys,
            devices,
        } = change;
        let apps = apps.into_iter();
        self.apps
            .extend(apps.map(|it| (it.app_id.clone(), Arc::new(it))));
        let wabas = wabas.into_iter();
        self.wabas
            .extend(wabas.map(|it| (it.waba_id.clone(), Arc::new(it))));
        let numbers = numbers.into_iter();
        self.numbers
            .extend(numbers.map(|it| (it.phone_number_id.clone(), Arc::new(it))));
        let tokens = tokens.into_iter();
        self.tokens.extend(tokens.map(|it| (it.hash, Arc::new(it))));
        let keys = keys.into_iter();
        self.keys.extend(keys.map(|it| (it.hash, Arc::new(it))));
        let devices = devices.into_iter();
        self.devices
            .extend(devices.map(|it| (it.number.clone(), Arc::new(it))));
    }

    /// An app.
    pub(super) fn app(&self, app_id: &str) -> Option<Arc<App>> {
        self.apps.get(app_id).cloned()
    }

    /// A WABA.
    pub(super) fn waba(&self, waba_id: &str) -> Option<Arc<Waba>> {
        self.wabas.get(waba_id).cloned()
    }

    /// A number.
    pub(super) fn number(&self, phone_number_id: &str) -> Option<Arc<Number>> {
        self.numbers.get(phone_number_id).cloned()
    }

    /// A token.
    pub(super) fn token(&self, hash: &TokenHash) -> Option<Arc<Token>> {
        self.tokens.get(hash).cloned()
    }

    /// Every WABA, by id.
    pub(super) fn wabas(&self) -> Vec<Arc<Waba>> {
        let mut wabas: Vec<_> = self.wabas.values().cloned().collect();
        wabas.sort_by(|one, other| one.waba_id.cmp(&other.waba_id));
        wabas
    }

    /// Every number, by id.
    pub(super) fn numbers(&self) -> Vec<Arc<Number>> {
        let mut numbers: Vec<_> = self.numbers.values().cloned().collect();
        numbers.sort_by(|one, other| one.phone_number_id.cmp(&other.phone_number_id));
        numbers
    }

    /// The numbers of a WABA, by id.
    pub(super) fn numbers_of(&self, waba_id: &str) -> Vec<Arc<Number>> {
        let mut numbers = self.numbers();
        numbers.retain(|number| number.waba_id == waba_id);
        numbers
    }

    /// Numbers that are known by our id of an account, by id.
    pub(super) fn senders(&self) -> Vec<Arc<Number>> {
        let mut numbers = self.numbers();
        numbers.retain(|number| number.account.is_some());
        numbers
    }

    /// A sender with the app, the WABA and the token it implies where these are missing.
    pub(super) fn introduce(&self, sender: &Sender) -> Change {
        known::introduce(self, sender)
    }

    /// Everything as at a start, with the senders that were added since.
    pub(super) fn started_anew(&self) -> (Self, Change) {
        let kept = known::kept_by_reset(self);
        let mut anew = Self::new(&self.webhook_url);
        anew.apply(kept.clone());
        (anew, kept)
    }
}

impl Change {
    /// A change of one number.
    pub(super) fn of_number(number: Number) -> Self {
        Self {
            numbers: vec![number],
            ..Self::default()
        }
    }

    /// A change of one WABA.
    pub(super) fn of_waba(waba: Waba) -> Self {
        Self {
            wabas: vec![waba],
            ..Self::default()
        }
    }

    /// A change of one token.
    pub(super) fn of_token(token: Token) -> Self {
        Self {
            tokens: vec![token],
            ..Self::default()
        }
    }

    /// A change of one app.
    pub(super) fn of_app(app: App) -> Self {
        Self {
            apps: vec![app],
            ..Self::default()
        }
    }
}
