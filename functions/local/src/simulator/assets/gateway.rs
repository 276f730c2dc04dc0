//! What a company has at the providers that are not Meta: keys, what each stands for, and devices of Fonnte's.

use super::origin::Origin;
use super::token::TokenHash;
use super::{Assets, Change};
use crate::simulator::record::Record;
use heliograph::domain::provider::{Gateway, Provider};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// The device of the key that is always known.
pub(crate) const DEMO_DEVICE: &str = "15550002000";
/// The number of `NotifAPI`'s key that is always known.
pub(crate) const DEMO_NUMBER: &str = "15550003000";
/// What the mock provider's messages leave from.
pub(crate) const MOCK_SENDER: &str = "mock";

/// A key of a provider's: known by its hash alone, as a token is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Key {
    pub(crate) hash: TokenHash,
    pub(crate) provider: Provider,
    /// The number of what sends with it, in digits.
    pub(crate) sender: String,
    pub(crate) revoked: bool,
    pub(crate) origin: Origin,
}

/// A device of Fonnte's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Device {
    /// In digits.
    pub(crate) number: String,
    pub(crate) name: String,
    /// Where messages from people go.
    pub(crate) webhook: Option<Address>,
    /// Where statuses go, if not there.
    pub(crate) webhookstatus: Option<Address>,
    /// Where it is told that the device was connected or lost, if not there.
    pub(crate) webhookconnect: Option<Address>,
    pub(crate) connected: bool,
    pub(crate) origin: Origin,
}

/// A URL that is called. What proves the caller stands in it, since nothing is signed, so it is written to the journal
/// as hexadecimal digits, as an app's secret is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(crate) struct Address(String);

impl Address {
    /// An address as it was given.
    pub(crate) fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The URL, to call.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Address(…)")
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        hex::encode(address.0)
    }
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(digits: String) -> Result<Self, String> {
        let bytes = hex::decode(digits).map_err(|error| error.to_string())?;
        let text = String::from_utf8(bytes).map_err(|error| error.to_string())?;
        Ok(Self(text))
    }
}

impl Device {
    /// A device that is connected and calls nobody.
    pub(crate) fn new(number: &str, origin: Origin) -> Self {
        Self {
            number: number.to_owned(),
            name: "Simulated device".to_owned(),
            webhook: None,
            webhookstatus: None,
            webhookconnect: None,
            connected: true,
            origin,
        }
    }
}

/// What is known at every start.
pub(super) fn always() -> (Vec<Key>, Vec<Device>) {
    let key = |provider, key, sender: &str| Key {
        hash: TokenHash::of(key),
        provider,
        sender: sender.to_owned(),
        revoked: false,
        origin: Origin::BuiltIn,
    };
    let keys = vec![
        key(
            Provider::Gateway(Gateway::Fonnte),
            "demo-fonnte-token",
            DEMO_DEVICE,
        ),
        key(
            Provider::Gateway(Gateway::Notifapi),
            "demo-notifapi-key",
            DEMO_NUMBER,
        ),
        key(
            Provider::Gateway(Gateway::Mock),
            "demo-mock-key",
            MOCK_SENDER,
        ),
    ];
    (keys, vec![Device::new(DEMO_DEVICE, Origin::BuiltIn)])
}

/// What outlives a reset: whom a device calls was told once, by whoever it belongs to. It is connected, as at first.
pub(super) fn kept_by_reset(assets: &Assets) -> Vec<Device> {
    let devices = assets.devices().into_iter();
    let calls = devices.filter(|device| device.webhook.is_some());
    let connected = calls.map(|device| Device {
        connected: true,
        ..(*device).clone()
    });
    connected.collect()
}

impl Assets {
    /// A key, whether or not it is revoked.
    pub(crate) fn key(&self, hash: &TokenHash) -> Option<Arc<Key>> {
        self.keys.get(hash).cloned()
    }

    /// A key of this provider's that is good.
    pub(crate) fn good_key(&self, provider: Provider, key: &str) -> Option<Arc<Key>> {
        let key = self.key(&TokenHash::of(key))?;
        (key.provider == provider && !key.revoked).then_some(key)
    }

    /// A device of Fonnte's.
    pub(crate) fn device(&self, number: &str) -> Option<Arc<Device>> {
        self.devices.get(number).cloned()
    }

    /// Every device, by number.
    pub(crate) fn devices(&self) -> Vec<Arc<Device>> {
        let mut devices: Vec<_> = self.devices.values().cloned().collect();
        devices.sort_by(|one, other| one.number.cmp(&other.number));
        devices
    }

    /// The outbox that the statuses of a message leave by, where any do.
    pub(crate) fn outbox(&self, record: &Record) -> Option<String> {
        match record.provider {
            Provider::Meta => {
                let number = self.number(&record.sender)?;
                Some(number.outbox().to_owned())
            }
            Provider::Gateway(Gateway::Fonnte) => Some(format!("fonnte:{}", record.sender)),
            Provider::Gateway(Gateway::Notifapi | Gateway::Mock) => None,
        }
    }
}

impl Change {
    /// A key, with the device that it is of where that is new.
    pub(crate) fn of_key(key: Key, device: Option<Device>) -> Self {
        Self {
            keys: vec![key],
            devices: device.into_iter().collect(),
            ..Self::default()
        }
    }

    /// A change of one device.
    pub(crate) fn of_device(device: Device) -> Self {
        Self {
            devices: vec![device],
            ..Self::default()
        }
    }
}
