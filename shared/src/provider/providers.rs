//! Every provider behind one sending path: which one a message goes through, its sender says, and by which way, its
//! tenant.

use super::guard::read_address;
use super::http::{not_understood, uncallable};
use super::meta::client::{ClientError, Endpoint, MetaClient};
use super::{Answered, Http, SendOutcome, Way, gateway};
use crate::domain::content::Content;
use crate::domain::identity::SenderAt;
use crate::domain::message::Outbound;
use crate::domain::network::Networks;
use crate::domain::provider::{Gateway, Provider};
use crate::domain::provider_settings::ProviderSettings;
use crate::domain::secret::SecretText;
use reqwest::Url;
use std::sync::{Arc, OnceLock};

/// Where the providers are, unless a tenant says otherwise.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// Meta's Graph API.
    pub graph: String,
    /// Its version, `v25.0`.
    pub graph_version: String,
    /// The gateways that the installation says to be elsewhere than they usually are.
    pub gateways: Vec<(Gateway, String)>,
    /// Where addresses that tenants give may lead. Those above are not asked.
    pub networks: Networks,
}

/// Every provider.
#[derive(Debug, Clone)]
pub struct Providers {
    meta: MetaClient,
    http: Http,
    own: Arc<Own>,
    networks: Networks,
    /// What addresses of tenants are called with. Made when the first is, since it costs a cold start milliseconds.
    to_tenants_addresses: Arc<OnceLock<Http>>,
}

/// Where the installation says that the providers are.
#[derive(Debug)]
struct Own {
    graph: Url,
    gateways: Vec<(Gateway, Url)>,
}

impl Own {
    fn of(&self, provider: Provider) -> Option<&Url> {
        match provider {
            Provider::Meta => Some(&self.graph),
            Provider::Gateway(gateway) => {
                let mut gateways = self.gateways.iter();
                gateways.find_map(|(it, url)| (*it == gateway).then_some(url))
            }
        }
    }
}

impl Providers {
    /// The providers at these addresses; calls nobody.
    pub fn new(addresses: &Addresses) -> Result<Self, ClientError> {
        let http = Http::new()?;
        let url = |text: &str| Url::parse(text).map_err(|_| ClientError::Address);
        let gateways = Gateway::ALL.iter().map(|gateway| {
            let said = addresses.gateways.iter().find(|(it, _)| it == gateway);
            let text = said.map_or(gateway.facts().address, |(_, text)| text);
            Ok((*gateway, url(text)?))
        });
        Ok(Self {
            meta: MetaClient::with_http(http.clone(), &addresses.graph, &addresses.graph_version)?,
            http,
            own: Arc::new(Own {
                graph: url(&addresses.graph)?,
                gateways: gateways.collect::<Result<_, ClientError>>()?,
            }),
            networks: addresses.networks,
            to_tenants_addresses: Arc::default(),
        })
    }

    /// Meta.
    #[must_use]
    pub const fn meta(&self) -> &MetaClient {
        &self.meta
    }

    /// Where addresses that tenants give may lead.
    #[must_use]
    pub const fn networks(&self) -> Networks {
        self.networks
    }

    /// The way to a provider that a tenant's settings say, unless they say one that may not be gone.
    pub fn way(&self, settings: &ProviderSettings) -> Answered<Way> {
        let provider = settings.provider;
        if let Some(text) = &settings.base_url {
            // What was let in when it was put in need not be any more.
            return match read_address(text, self.networks) {
                Ok(base) => self.way_to(base, settings),
                Err(error) => Err(uncallable(provider, error)),
            };
        }
        let base = self.own.of(provider).cloned();
        Ok(Way {
            http: self.http.clone(),
            base: base.ok_or_else(|| not_understood(provider, "it has no address"))?,
            timeout: settings.timeout(),
        })
    }

    pub(super) fn way_to(&self, base: Url, settings: &ProviderSettings) -> Answered<Way> {
        let http = self.to_tenants_addresses();
        let unmade = |_| not_understood(settings.provider, "no client for its address can be made");
        Ok(Way {
            http: http.map_err(unmade)?,
            base,
            timeout: settings.timeout(),
        })
    }

    fn to_tenants_addresses(&self) -> Result<Http, reqwest::Error> {
        if let Some(http) = self.to_tenants_addresses.get() {
            return Ok(http.clone());
        }
        let http = Http::to_tenants_addresses(self.networks)?;
        Ok(self.to_tenants_addresses.get_or_init(|| http).clone())
    }

    /// Sends a message through the provider of its sender, by its tenant's settings of that: one call, never repeated
    /// here.
    pub async fn send(
        &self,
        settings: &ProviderSettings,
        message: &Outbound,
        content: &Content,
        key: &SecretText,
    ) -> SendOutcome {
        let (to, id) = (&message.to, &message.id);
        let way = match self.way(settings) {
            Ok(way) => way,
            Err(failure) => return SendOutcome::NotAccepted(failure),
        };
        match message.sender.at() {
            SenderAt::Meta(from) => {
                let body = content.wire(to, id.as_str());
                let endpoint = Endpoint::of(content);
                let sending = self.meta.send(key, &from, endpoint, &body, way.timeout);
                sending.await
            }
            SenderAt::Gateway(gateway) => {
                gateway::send(gateway, way.with(key), to, content, id).await
            }
        }
    }
}
