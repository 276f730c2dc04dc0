//! Starts the parts in their order, and ends them in the opposite one.

use crate::aws::{self, Endpoints};
use crate::functions::Functions;
use crate::simulator::{self, Simulator, StatusPlan};
use crate::{demo, edge, pollers, provision};
use anyhow::{Context, Result};
use heliograph::service::aws::{Aws, Endpoints as AwsEndpoints};
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What to start, and where.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The ports.
    pub ports: Ports,
    /// Where everything is kept; `None` keeps nothing.
    pub data_dir: Option<PathBuf>,
    /// Whether to make the demo tenant.
    pub demo: bool,
    /// Another AWS-compatible endpoint to use instead of the emulated one.
    pub aws_endpoint: Option<String>,
    /// Another Graph API to use instead of the simulated one.
    pub graph_url: Option<String>,
    /// Where the simulator sends webhooks, if not to this platform.
    pub webhook_url: Option<String>,
    /// Which parts run in this process.
    pub parts: Parts,
}

/// The ports; 0 picks a free one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ports {
    /// The HTTP API.
    pub api: u16,
    /// Meta's webhooks.
    pub webhook: u16,
    /// The simulated Graph API.
    pub simulator: u16,
    /// The emulated AWS.
    pub aws: u16,
}

/// Which parts run in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parts {
    /// All that is not elsewhere.
    Everything,
    /// The emulated AWS and the simulated Meta, without the platform.
    Emulators,
}

/// The running platform.
pub struct Platform {
    urls: Vec<(&'static str, String)>,
    demo: bool,
    stop: watch::Sender<()>,
    tasks: JoinSet<()>,
    simulator: Option<Simulator>,
    aws: Option<Endpoints>,
}

/// Every port is taken before anything starts, so that a taken one stops nothing half-way.
struct Listeners {
    api: Option<TcpListener>,
    webhook: Option<TcpListener>,
    simulator: Option<TcpListener>,
    aws: Option<TcpListener>,
}

impl Listeners {
    async fn bind(settings: &Settings) -> Result<Self> {
        let Settings {
            ports,
            parts,
            aws_endpoint,
            graph_url,
            ..
        } = settings;
        let platform = *parts == Parts::Everything;
        Ok(Self {
            api: bind_if(platform, ports.api, "--port").await?,
            webhook: bind_if(platform, ports.webhook, "--webhook-port").await?,
            simulator: bind_if(graph_url.is_none(), ports.simulator, "--simulator-port").await?,
            aws: bind_if(aws_endpoint.is_none(), ports.aws, "--aws-port").await?,
        })
    }
}

async fn bind_if(wanted: bool, port: u16, flag: &str) -> Result<Option<TcpListener>> {
    if !wanted {
        return Ok(None);
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    let hint = || format!("port {port} cannot be used, choose another one with {flag}");
    Ok(Some(listener.with_context(hint)?))
}

impl Platform {
    /// Starts what `settings` ask for. When it returns, everything answers.
    pub async fn start(settings: Settings) -> Result<Self> {
        let listeners = Listeners::bind(&settings).await?;
        let webhook_port = port_of(listeners.webhook.as_ref())?.unwrap_or(settings.ports.webhook);
        let (stop, _) = watch::channel(());
        let mut platform = Self {
            urls: Vec::new(),
            demo: false,
            stop,
            tasks: JoinSet::new(),
            simulator: None,
            aws: None,
        };
        let aws = platform.start_aws(listeners.aws, &settings).await?;
        let graph_url = platform
            .start_simulator(listeners.simulator, &settings, webhook_port)
            .await?;
        if let (Some(api), Some(webhook)) = (listeners.api, listeners.webhook) {
            platform
                .start_functions(api, webhook, &aws, &graph_url, settings.demo)
                .await?;
        }
        platform.urls.sort_by_key(|(name, _)| {
            ["api", "webhook", "simulator", "aws"]
                .iter()
                .position(|known| known == name)
        });
        Ok(platform)
    }

    /// The URLs of the parts, by their names: `api`, `webhook`, `simulator`, `aws`.
    #[must_use]
    pub fn urls(&self) -> Vec<(&'static str, String)> {
        self.urls.clone()
    }

    /// The URL of the part of this name; empty if it does not run here.
    #[must_use]
    pub fn url(&self, name: &str) -> &str {
        self.urls
            .iter()
            .find(|(known, _)| *known == name)
            .map_or("", |(_, url)| url)
    }

    /// Whether the demo tenant is there: it was asked for, and the functions that know its keys run here.
    #[must_use]
    pub fn has_demo(&self) -> bool {
        self.demo
    }

    /// Ends everything cleanly: what is under way is finished, what waits is kept.
    pub async fn shutdown(mut self) {
        drop(self.stop);
        while self.tasks.join_next().await.is_some() {}
        if let Some(simulator) = self.simulator {
            simulator.shutdown().await;
        }
        if let Some(aws) = self.aws {
            aws.shutdown().await;
        }
    }

    async fn start_aws(
        &mut self,
        listener: Option<TcpListener>,
        settings: &Settings,
    ) -> Result<AwsEndpoints> {
        let Some(listener) = listener else {
            let aws = settings.aws_endpoint.clone().unwrap_or_default();
            return Ok(AwsEndpoints {
                aws,
                dynamodb: None,
            });
        };
        let options = aws::Options {
            data_dir: settings.data_dir.clone(),
        };
        let endpoints = Endpoints::start(listener, options).await?;
        let urls = AwsEndpoints {
            aws: endpoints.url(),
            dynamodb: (settings.parts == Parts::Everything).then(|| endpoints.dynamodb_url()),
        };
        self.urls.push(("aws", endpoints.url()));
        self.aws = Some(endpoints);
        Ok(urls)
    }

    async fn start_simulator(
        &mut self,
        listener: Option<TcpListener>,
        settings: &Settings,
        webhook_port: u16,
    ) -> Result<String> {
        let Some(listener) = listener else {
            return Ok(settings.graph_url.clone().unwrap_or_default());
        };
        let options = simulator::Options {
            data_dir: settings.data_dir.clone(),
            webhook_url: settings
                .webhook_url
                .clone()
                .unwrap_or_else(|| format!("http://127.0.0.1:{webhook_port}")),
            statuses: StatusPlan::default(),
        };
        let senders = vec![simulator::Sender::demo()];
        let simulator = Simulator::start(listener, options, senders).await?;
        let url = simulator.url();
        self.urls.push(("simulator", url.clone()));
        self.simulator = Some(simulator);
        Ok(url)
    }

    async fn start_functions(
        &mut self,
        api: TcpListener,
        webhook: TcpListener,
        endpoints: &AwsEndpoints,
        graph_url: &str,
        demo: bool,
    ) -> Result<()> {
        let aws = Aws::at(endpoints);
        let provisioned = provision::provision(&aws, &endpoints.aws).await?;
        let webhook_url = format!("http://{}", webhook.local_addr()?);
        if demo {
            let around = demo::Surroundings {
                providers: &provisioned.providers(graph_url, &webhook_url)?,
                webhook_url: &webhook_url,
            };
            demo::make(&aws, &around)
                .await
                .context("the demo tenant cannot be made")?;
            self.demo = true;
        }
        let functions = Functions::new(&provisioned, graph_url, &webhook_url, &aws)?;
        let functions = Arc::new(functions);
        self.urls
            .push(("api", format!("http://{}", api.local_addr()?)));
        self.urls.push(("webhook", webhook_url));
        let stopped = || self.stop.subscribe();
        self.tasks
            .spawn(edge::serve(api, functions.http_api(), stopped()));
        self.tasks
            .spawn(edge::serve(webhook, functions.function_url(), stopped()));
        pollers::start(
            &mut self.tasks,
            &functions,
            &provisioned,
            &aws,
            endpoints,
            &self.stop,
        );
        Ok(())
    }
}

fn port_of(listener: Option<&TcpListener>) -> Result<Option<u16>> {
    Ok(listener
        .map(TcpListener::local_addr)
        .transpose()?
        .map(|address| address.port()))
}
