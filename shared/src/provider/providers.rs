//! Every provider behind one sending path: which one a message goes through, its sender says.

use super::fonnte::FonnteClient;
use super::meta::client::{ClientError, Endpoint, MetaClient};
use super::mock::MockClient;
use super::notifapi::NotifapiClient;
use super::{Access, Http, SendOutcome};
use crate::domain::content::Content;
use crate::domain::identity::SenderAt;
use crate::domain::message::Outbound;
use crate::domain::secret::SecretText;
use reqwest::Url;
use std::time::Duration;

/// A call lasts so long at most.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Where the providers are.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// Meta's Graph API.
    pub graph: String,
    /// Its version, `v25.0`.
    pub graph_version: String,
    /// NotifAPI.
    pub notifapi: String,
    /// Fonnte.
    pub fonnte: String,
    /// The mock provider.
    pub mock: String,
}

/// Every provider.
#[derive(Debug, Clone)]
pub struct Providers {
    meta: MetaClient,
    notifapi: (NotifapiClient, Url),
    fonnte: (FonnteClient, Url),
    mock: (MockClient, Url),
}

impl Providers {
    /// The providers at these addresses; calls nobody.
    pub fn new(addresses: &Addresses) -> Result<Self, ClientError> {
        let http = Http::new()?;
        let url = |text: &str| Url::parse(text).map_err(|_| ClientError::Address);
        Ok(Self {
            meta: MetaClient::with_http(http.clone(), &addresses.graph, &addresses.graph_version)?,
            notifapi: (NotifapiClient::new(http.clone()), url(&addresses.notifapi)?),
            fonnte: (FonnteClient::new(http.clone()), url(&addresses.fonnte)?),
            mock: (MockClient::new(http), url(&addresses.mock)?),
        })
    }

    /// Meta.
    #[must_use]
    pub const fn meta(&self) -> &MetaClient {
        &self.meta
    }

    /// NotifAPI, and the way to it with this key.
    #[must_use]
    pub const fn notifapi<'a>(&'a self, key: &'a SecretText) -> (&'a NotifapiClient, Access<'a>) {
        let (client, base) = &self.notifapi;
        (client, access(base, key))
    }

    /// Fonnte, and the way to it with this key.
    #[must_use]
    pub const fn fonnte<'a>(&'a self, key: &'a SecretText) -> (&'a FonnteClient, Access<'a>) {
        let (client, base) = &self.fonnte;
        (client, access(base, key))
    }

    /// The mock provider, and the way to it with this key.
    #[must_use]
    pub const fn mock<'a>(&'a self, key: &'a SecretText) -> (&'a MockClient, Access<'a>) {
        let (client, base) = &self.mock;
        (client, access(base, key))
    }

    /// Sends a message through the provider of its sender: one call, never repeated here.
    pub async fn send(
        &self,
        message: &Outbound,
        content: &Content,
        key: &SecretText,
    ) -> SendOutcome {
        let (to, id) = (&message.to, &message.id);
        match message.sender.at() {
            SenderAt::Meta(from) => {
                let body = content.wire(to, id.as_str());
                let endpoint = Endpoint::of(content);
                self.meta.send(key, &from, endpoint, &body).await
            }
            SenderAt::Notifapi => {
                let (client, access) = self.notifapi(key);
                client.send(access, to, content, id).await
            }
            SenderAt::Fonnte => {
                let (client, access) = self.fonnte(key);
                client.send(access, to, content, id).await
            }
            SenderAt::Mock => {
                let (client, access) = self.mock(key);
                client.send(access, to, content, id).await
            }
        }
    }
}

const fn access<'a>(base: &'a Url, key: &'a SecretText) -> Access<'a> {
    Access {
        base,
        key,
        timeout: TIMEOUT,
    }
}
