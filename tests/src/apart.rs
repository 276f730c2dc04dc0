//! Emulators that run apart from the functions: these may end and begin anew with nothing remembered, and AWS can be
//! told to fail.

use crate::Desk;
use crate::desk::read;
use local::{Parts, Platform, Ports, Settings};
use serde_json::Value;
use std::net::{Ipv4Addr, TcpListener};

/// The emulated AWS and the simulated providers.
pub struct Emulators {
    platform: Platform,
    /// Where the simulator brings webhooks, whoever listens there.
    webhook_port: u16,
}

impl Emulators {
    /// Starts them, with nothing in them.
    pub async fn start() -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let webhook_port = free.local_addr().unwrap().port();
        let platform = Platform::start(Settings {
            ports: Ports {
                webhook: webhook_port,
                ..Ports::default()
            },
            data_dir: None,
            demo: false,
            aws_endpoint: None,
            graph_url: None,
            webhook_url: None,
            parts: Parts::Emulators,
        });
        Self {
            platform: platform.await.unwrap(),
            webhook_port,
        }
    }

    /// Starts functions over them that remember nothing yet, with the demo tenant.
    pub async fn functions(&self) -> Desk {
        self.joined(true).await
    }

    /// The same, over what others have left, without asking or changing any of it.
    pub async fn cold_functions(&self) -> Desk {
        self.joined(false).await
    }

    async fn joined(&self, demo: bool) -> Desk {
        let platform = Platform::start(Settings {
            ports: Ports {
                webhook: self.webhook_port,
                ..Ports::default()
            },
            data_dir: None,
            demo,
            aws_endpoint: Some(self.platform.url("aws").to_owned()),
            graph_url: Some(self.platform.url("simulator").to_owned()),
            webhook_url: None,
            parts: Parts::Everything,
        });
        let platform = platform.await.unwrap();
        Desk::of(platform, &self.platform.urls())
    }
}

impl Desk {
    /// Orders the emulated AWS to fail.
    pub async fn aws_fault(&self, order: &Value) {
        let url = format!("{}/_aws/faults", self.aws_url());
        read(self.http.post(url).json(order)).await.with(201);
    }

    /// Has it fail no more; how often it did.
    pub async fn end_aws_faults(&self) -> u64 {
        let url = format!("{}/_aws/faults", self.aws_url());
        let faults = read(self.http.get(&url)).await.with(200);
        let faults = faults["data"].as_array().unwrap().iter();
        let applied = faults.map(|it| it["applied"].as_u64().unwrap()).sum();
        read(self.http.delete(&url)).await.with(200);
        applied
    }
}
